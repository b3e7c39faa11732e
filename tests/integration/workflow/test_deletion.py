"""What people delete by the API is deleted at once, in the background, and not only at the next half hour."""

from __future__ import annotations

import base64
import json
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from framesift import aws, keys
from framesift.catalog.log import CatalogLog
from framesift.contracts import CatalogItem
from framesift.storage import S3Store
from framesift.table import Records
from tests.integration.embedded.conftest import Running
from tests.waiting import wait_until

pytestmark = pytest.mark.slow
ITEM = "a" * 32
WAIT_S = 120


@pytest.fixture
def log(crowded: Running, monkeypatch: pytest.MonkeyPatch) -> Iterator[CatalogLog]:
    """The log of a collection that nobody has made yet."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", crowded.endpoint)
    aws.forget_clients()
    yield CatalogLog("leaving", S3Store(crowded.outputs["BucketName"]), Records(crowded.outputs["TableName"]))
    aws.forget_clients()


@pytest.fixture
def token(crowded: Running) -> str:
    return str(crowded.control("token", username="kim", groups=[]))


@pytest.fixture
def ask(crowded: Running, token: str) -> Callable[..., int]:
    def ask(method: str, path: str, body: dict[str, Any] | None = None) -> int:
        headers = {"Authorization": f"Bearer {token}", "If-Match": "*", "Content-Type": "application/json"}
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"{crowded.api_url}{path}", data=data, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.status)

    return ask


def add_item(log: CatalogLog, by: str) -> str:
    """Add an item with a thumbnail, whose key is returned."""
    facts = {"names": ["a.png"], "content_type": "image/png", "size_bytes": 1, "width": 1, "height": 1}
    item = CatalogItem.model_validate({"id": ITEM, "sha256": ITEM * 2, "added_at": datetime.now(UTC), **facts})
    log.add_items([item], by)
    thumbnail = keys.collection_thumbnail(log.collection, ITEM, 256)
    log.store.put(thumbnail, b"a thumbnail")
    return thumbnail


def test_items_collections_and_accounts_go_for_good(log: CatalogLog, token: str, ask: Callable[..., int]) -> None:
    payload = token.split(".")[1]
    user = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["sub"]
    for name in (log.collection, "staying"):
        assert ask("POST", "/v1/collections", {"id": name}) == 201
    thumbnail = add_item(log, user)
    assert ask("DELETE", f"/v1/collections/{log.collection}/items/{ITEM}") == 200
    wait_until(lambda: not list(log.store.versions(thumbnail)), WAIT_S)

    thumbnail = add_item(log, user)
    assert ask("DELETE", f"/v1/collections/{log.collection}") == 202
    wait_until(lambda: log.records.collections.find(log.collection) is None, WAIT_S)
    assert not list(log.store.versions(thumbnail))

    assert ask("DELETE", "/v1/me") == 202
    wait_until(lambda: not log.records.deletions.all(), WAIT_S)
    assert log.records.collections.find("staying") is None, "nobody shared it"
    pages = aws.dynamodb().get_paginator("scan").paginate(TableName=log.records.name)
    assert user not in str([record for page in pages for record in page["Items"]])
