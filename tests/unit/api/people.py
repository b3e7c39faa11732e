"""A small world of people and collections, and the API that they ask."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from framesift import aws, keys
from framesift.api.collections import app
from framesift.catalog.columns import SCHEMA
from framesift.catalog.log import CatalogLog
from framesift.catalog.vectors import write_part
from framesift.contracts import CatalogItem, Health
from framesift.contracts.exports import ExportSummary
from framesift.contracts.maps import MapSummary
from framesift.storage import S3Store
from framesift.table import (
    BatchRecord,
    CatalogVersion,
    Collection,
    ExportRecord,
    ImportRecord,
    MapRecord,
    Member,
    Profile,
    Records,
    SampleRecord,
    Share,
    Snapshot,
)
from framesift.table.shares import share_id
from tests.unit.api.conftest import CONTEXT, Answer, an_event

NOW = datetime.now(UTC)
SCOPES = "framesift/read framesift/write"
OUR_ITEM, THEIR_ITEM = "a" * 32, "b" * 32
OUR_TOKEN, THEIR_TOKEN = "our-token-" + "x" * 20, "their-token-" + "x" * 20
OUR_SHARE, THEIR_SHARE = share_id(OUR_TOKEN), share_id(THEIR_TOKEN)
OUR_BATCH, THEIR_BATCH = "20261121-120000-aaaaaaaa", "20261121-120000-bbbbbbbb"
OUR_MAP, THEIR_MAP = "20261121-120000-eeeeeee1", "20261121-120000-eeeeeee2"
OUR_SAMPLE, THEIR_SAMPLE = "20261121-000000-aaaa", "20261121-000000-bbbb"
OUR_EXPORT, THEIR_EXPORT = "20261121-120000-ccccccc1", "20261121-120000-ccccccc2"
OUR_IMPORT, THEIR_IMPORT = "20261121-120000-ddddddd1", "20261121-120000-ddddddd2"
PEOPLE = ("owner", "editor", "viewer", "stranger", "admin", "newcomer")


def write_empty() -> bytes:
    """A snapshot without items."""
    file = io.BytesIO()
    pq.write_table(SCHEMA.empty_table(), file)
    return file.getvalue()


EMPTY = write_empty()


def an_item(item_id: str, collection: str, **fields: Any) -> CatalogItem:
    known = {
        "id": item_id,
        "sha256": item_id * 2,
        "key": keys.original(collection, item_id, "png"),
        "names": [f"{item_id[:4]}.png"],
        "content_type": "image/png",
        "size_bytes": 1000,
        "width": 640,
        "height": 480,
        "added_at": NOW,
        "health": Health(sharpness=100, brightness=0.5, contrast=0.2, entropy_bits=7),
    }
    return CatalogItem.model_validate({**known, **fields})


def ask_as(who: str | None, method: str, path: str, *, scope: str = SCOPES, **parts: Any) -> Answer:
    """Ask as a person whose user id is the name; None: without a token."""
    claims = None
    if who is not None:
        groups = "[admin]" if who.startswith("admin") else "[]"
        claims = {"sub": who, "scope": scope, "token_use": "access", "cognito:groups": groups}
    answer = app.resolve(an_event(method, path, claims=claims, **parts), CONTEXT)
    headers = {name.lower(): value for name, value in answer["headers"].items()}
    return Answer(int(answer["statusCode"]), headers, answer["body"])


@dataclass
class World:
    """Our collection, with people of each role, and another tenant's.

    Attributes:
        ours: The collection's id.
        theirs: The other tenant's.
        users: Users' ids by their role.
    """

    store: S3Store
    records: Records
    ours: str = "parts"
    theirs: str = "others"
    users: dict[str, str] = field(default_factory=dict)
    number: int = 0

    def make(self, number: int = 0) -> World:
        """Make it, under names of its own."""
        self.number = number
        self.ours, self.theirs = f"parts {number}", f"others {number}"
        self.users = {name: f"{name}-{number}" for name in PEOPLE}
        for name, user in self.users.items():
            self.records.people.create(
                Profile(user=user, email=f"{user}@example.com", approved=name != "newcomer", created_at=NOW)
            )
        self._make_collection(self.ours, "owner", OUR_ITEM, OUR_BATCH)
        self._make_collection(self.theirs, "stranger", THEIR_ITEM, THEIR_BATCH)
        for role in ("editor", "viewer"):
            member = Member.model_validate({"user": self.users[role], "role": role, "at": NOW})
            self.records.members.put(self.ours, member)
        for collection, share in ((self.ours, OUR_SHARE), (self.theirs, THEIR_SHARE)):
            link = Share(
                id=share, collection=collection, created_at=NOW, expires_at=datetime.now(UTC) + timedelta(days=1)
            )
            self.records.shares.create(link)
        return self

    def _make_collection(self, collection: str, owner: str, item: str, batch: str) -> None:
        user = self.users[owner]
        self.records.collections.create(Collection(id=collection, owner=user, created_at=NOW))
        self.records.members.list_for(user, collection)
        CatalogLog(collection, self.store, self.records).add_items([an_item(item, collection)], user)
        write_part(self.store, collection, "look@1", "one", [item], np.ones((1, 4), np.float16))
        snapshot = Snapshot(
            key=keys.catalog_version(collection, 0, "first"), number=0, digest="", count=0, size_bytes=len(EMPTY)
        )
        self.store.put(snapshot.key, EMPTY)
        version = CatalogVersion(name="first", by=user, at=NOW, snapshot=snapshot)
        self.records.collections.put_version(collection, version)
        record = BatchRecord(
            collection=collection, id=batch, kind="upload", state="open", date="2026-11-21", created_at=NOW
        )
        self.records.batches.create(record)
        self._make_map(collection, OUR_MAP if owner == "owner" else THEIR_MAP)
        self._make_sample(collection, OUR_SAMPLE if owner == "owner" else THEIR_SAMPLE)
        self._make_export_and_import(
            collection, *((OUR_EXPORT, OUR_IMPORT) if owner == "owner" else (THEIR_EXPORT, THEIR_IMPORT))
        )

    def _make_sample(self, collection: str, sample_id: str) -> None:
        record = SampleRecord(
            collection=collection, id=sample_id, state="done", tag="chosen", created_at=NOW, started_at=NOW
        )
        self.records.samples.create(record)

    def _make_map(self, collection: str, map_id: str) -> None:
        shows: dict[str, Any] = {"items": 10, "fitted": 10, "clusters": [], "unclustered": 10, "outliers": {}}
        summary = MapSummary(model="clip@1", explained=0.9, trustworthiness=0.9, **shows)
        drawn = MapRecord(
            collection=collection, id=map_id, state="done", created_at=NOW, started_at=NOW, summary=summary
        )
        self.records.maps.create(drawn)

    def _make_export_and_import(self, collection: str, export: str, import_id: str) -> None:
        key = f"{keys.export_prefix(collection, export)}items.csv"
        facts: dict[str, Any] = {"key": key, "size_bytes": 1, "items": 1, "digest": "d"}
        nothing: dict[str, Any] = {"splits": {}, "classes": [], "boxes": 0, "image_labels": 0, "left_out": 0}
        made = ExportRecord(
            collection=collection,
            id=export,
            format="csv",
            state="done",
            created_at=NOW,
            summary=ExportSummary(format="csv", **facts, **nothing),
            expires_at=datetime.now(UTC) + timedelta(days=1),
        )
        self.records.exports.create(made)
        arrived = ImportRecord(
            collection=collection, id=import_id, key=keys.import_file(collection, import_id), created_at=NOW
        )
        self.records.imports.create(arrived)
        self.store.put(arrived.key, b"[]")


def make_machine() -> str:
    """A state machine that batches start; returns its ARN."""
    definition = '{"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}'
    made = aws.stepfunctions().create_state_machine(
        name="pipeline", definition=definition, roleArn="arn:aws:iam::123456789012:role/states"
    )
    return made["stateMachineArn"]
