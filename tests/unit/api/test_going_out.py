"""Versions, splits, exports and imports, as people reach them by the API."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from framesift import aws, keys
from framesift.catalog.log import CatalogLog
from framesift.contracts import NearDuplicate
from framesift.settings import load_settings
from framesift.storage import S3Store
from framesift.table import Records
from tests.conftest import BUCKET, TABLE
from tests.unit.api.conftest import Answer
from tests.unit.api.people import OUR_EXPORT, OUR_IMPORT, OUR_ITEM, World, an_item, ask_as, make_machine

SECOND = "c" * 32


@pytest.fixture
def world(store: S3Store, records: Records, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> World:
    """Two items in our collection, and a state machine that takes jobs."""
    monkeypatch.setenv("FRAMESIFT_PLATFORM__BUCKET", BUCKET)
    monkeypatch.setenv("FRAMESIFT_PLATFORM__TABLE", TABLE)
    monkeypatch.setenv("FRAMESIFT_PLATFORM__STATE_MACHINE", make_machine())
    monkeypatch.setenv("FRAMESIFT_API__CLIENT_REQUESTS_PER_MINUTE", "0")
    monkeypatch.setenv("FRAMESIFT_CATALOG__CACHE_DIR", str(tmp_path))
    load_settings.cache_clear()
    made = World(store, records).make()
    CatalogLog(made.ours, store, records).add_items([an_item(SECOND, made.ours)], made.users["owner"])
    return made


@pytest.fixture
def log(world: World) -> CatalogLog:
    return CatalogLog(world.ours, world.store, world.records)


@pytest.fixture
def ask(world: World) -> Callable[..., Answer]:
    """Ask as somebody, below our collection."""

    def ask(who: str, method: str, path: str, **parts: Any) -> Answer:
        return ask_as(world.users[who], method, f"/v1/collections/{world.ours}{path}", **parts)

    return ask


def started(name: str) -> list[str]:
    """The executions whose names begin so."""
    machine = load_settings().platform.state_machine
    found = aws.stepfunctions().list_executions(stateMachineArn=machine)["executions"]
    return [each["name"] for each in found if each["name"].startswith(name)]


# --- versions and splits ---


def test_what_differs_between_two_versions_comes_page_by_page(ask: Any, log: CatalogLog) -> None:
    made = ask("editor", "POST", "/versions", body={"name": "Frühling 봄", "description": "before the repair"})
    assert (made.status, made.json["items"], made.json["by"]) == (201, 2, "editor-0")
    assert unquote(made.headers["location"]).endswith("/versions/Frühling 봄")
    assert made.headers["location"].isascii()
    log.set_tags([OUR_ITEM], "kim", add=["dent"])
    log.remove_items([SECOND], "kim")
    log.add_items([an_item("d" * 32, log.collection)], "kim")
    assert ask("editor", "POST", "/versions", body={"name": "summer"}).status == 201

    found, after = [], ""
    while after is not None:
        query = {"to": "summer", "limit": "1", "after": after}
        page = ask("editor", "GET", "/versions/Frühling 봄/diff", query=query).json
        found += page["differences"]
        after = page["next_cursor"]
    assert [(each["id"], each["fields"]) for each in found] == [(OUR_ITEM, ["tags"]), (SECOND, []), ("d" * 32, [])]
    assert [bool(each["before"]) for each in found] == [True, True, False]
    assert (found[0]["after"]["tags"], found[1]["after"]) == (["dent"], None)


def test_a_version_never_changes_and_only_owners_delete_it(ask: Any) -> None:
    again = ask("editor", "POST", "/versions", body={"name": "first"})
    assert again.json["type"] == "urn:framesift:problem:version-exists"
    assert (
        ask("editor", "POST", "/versions", body={"name": "a/b"}).json["type"] == "urn:framesift:problem:invalid-version"
    )
    assert [each["name"] for each in ask("viewer", "GET", "/versions").json["versions"]] == ["first"]
    assert ask("owner", "DELETE", "/versions/first").status == 200
    assert ask("viewer", "GET", "/versions/first").json["type"] == "urn:framesift:problem:version-missing"


def test_items_that_repeat_each_other_are_dealt_into_one_split(ask: Any, log: CatalogLog) -> None:
    log.set_duplicates({SECOND: NearDuplicate(of=OUR_ITEM, method="pdq", score=0.9)}, "pipeline")
    log.set_tags([OUR_ITEM], "kim", add=["split:train"])
    log.set_tags([SECOND], "kim", add=["split:test"])
    leaks = ask("editor", "GET", "/splits/leaks").json
    assert leaks == {"leaks": [{"train": [OUR_ITEM], "test": [SECOND]}], "count": 1}

    dealt = ask("editor", "POST", "/splits", body={"shares": {"train": 0.5, "val": 0.5}, "seed": 7}).json

    assert (sum(dealt["counts"].values()), sorted(dealt["counts"].values())[-1], dealt["groups"]) == (2, 2, 1)
    assert dealt["count"] == 1, "it leaked before"
    assert ask("editor", "GET", "/splits/leaks").json["count"] == 0
    odd = ask("editor", "POST", "/splits", body={"shares": {"train": 0.5}})
    assert odd.json["type"] == "urn:framesift:problem:invalid-split"
    assert ask("editor", "POST", "/splits", body={"shares": {"all": 1}}).status == 422


# --- exports ---


def test_an_export_is_a_job_whose_file_can_be_downloaded_for_a_while(ask: Any, world: World) -> None:
    made = ask("editor", "POST", "/exports", body={"format": "csv", "query": "width>=640"})
    assert (made.status, made.json["state"]) == (202, "running")
    export = made.json["id"]
    assert made.headers["location"].endswith(f"/exports/{export}")
    assert started("export-") == [f"export-{export}-1"]
    early = ask("editor", "GET", f"/exports/{export}/file")
    assert (early.status, early.json["type"]) == (409, "urn:framesift:problem:export-not-ready")

    link = ask("editor", "GET", f"/exports/{OUR_EXPORT}/file").headers["location"]
    assert unquote(urlsplit(link).path).endswith(f"exports/{world.ours}/{OUR_EXPORT}/items.csv")
    assert parse_qs(urlsplit(link).query).keys() & {"Expires", "X-Amz-Expires"}
    assert "key" not in ask("editor", "GET", f"/exports/{OUR_EXPORT}").json["summary"]
    page = ask("editor", "GET", "/exports", query={"limit": "1"}).json
    assert page["next_cursor"] == page["exports"][0]["id"]
    rest = ask("editor", "GET", "/exports", query={"cursor": page["next_cursor"]}).json
    assert {page["exports"][0]["id"], rest["exports"][0]["id"]} == {export, OUR_EXPORT}


def test_an_export_of_originals_which_may_say_where_they_were_taken_is_for_owners(ask: Any, world: World) -> None:
    body = {"format": "coco"}
    assert ask("editor", "POST", "/exports", body=body).json["type"] == "urn:framesift:problem:role-too-low"
    assert ask("editor", "POST", "/exports", body={**body, "options": {"images": False}}).status == 202
    assert ask("owner", "POST", "/exports", body=body).status == 202
    made = world.records.exports.get(world.ours, OUR_EXPORT)
    assert made is not None
    world.records.exports.change(made, format="coco")
    assert ask("editor", "GET", f"/exports/{OUR_EXPORT}/file").status == 403
    assert ask("editor", "POST", f"/exports/{OUR_EXPORT}/retry").status == 403
    assert ask("owner", "GET", f"/exports/{OUR_EXPORT}/file").status == 302


def test_an_export_that_failed_goes_on_when_it_is_asked_for_again(ask: Any, world: World) -> None:
    made = world.records.exports.get(world.ours, OUR_EXPORT)
    assert made is not None
    world.records.exports.change(made, state="failed", error="The host stopped.", summary=None)
    assert ask("editor", "GET", f"/exports/{OUR_EXPORT}/file").json["detail"].endswith("failed: The host stopped.")
    assert ask("editor", "POST", f"/exports/{OUR_EXPORT}/retry").json["state"] == "running"
    assert started("export-") == [f"export-{OUR_EXPORT}-2"]


def test_an_export_that_was_deleted_or_has_expired_is_none(ask: Any, world: World) -> None:
    key = f"{keys.export_prefix(world.ours, OUR_EXPORT)}items.csv"
    world.store.put(key, b"id")
    made = world.records.exports.get(world.ours, OUR_EXPORT)
    assert made is not None
    expired = world.records.exports.change(made, expires_at=datetime.now(UTC))
    assert expired is not None
    assert ask("editor", "GET", f"/exports/{OUR_EXPORT}").json["type"] == "urn:framesift:problem:export-missing"
    assert ask("editor", "DELETE", f"/exports/{OUR_EXPORT}").status == 200
    assert not world.store.exists(key)
    assert ask("editor", "DELETE", f"/exports/{OUR_EXPORT}").status == 404


def test_a_query_that_cannot_be_understood_starts_no_export(ask: Any) -> None:
    refused = ask("editor", "POST", "/exports", body={"format": "csv", "query": "tag:("})
    assert (refused.status, refused.json["column"]) == (422, 5)
    assert started("export-") == []


# --- imports ---


def test_a_file_of_labels_is_sent_straight_to_the_bucket_and_read_by_a_job(ask: Any, world: World) -> None:
    opened = ask("editor", "POST", "/imports", body={"format": "label-studio", "size_bytes": 2})
    record, form = opened.json["record"], opened.json["form"]
    key = keys.import_file(world.ours, record["id"])
    assert (opened.status, record["state"], form["fields"]["key"]) == (201, "open", key)
    early = ask("editor", "POST", f"/imports/{record['id']}/start")
    assert (early.status, early.json["type"]) == (409, "urn:framesift:problem:import-state")
    world.store.put(key, b"[]")

    assert ask("editor", "POST", f"/imports/{record['id']}/start").json["state"] == "running"

    assert started("import-") == [f"import-{record['id']}-1"]
    again = ask("editor", "POST", f"/imports/{record['id']}/start")
    assert (again.status, again.json["type"]) == (409, "urn:framesift:problem:import-state")
    assert [each["id"] for each in ask("editor", "GET", "/imports").json["imports"]] == [record["id"], OUR_IMPORT]
    assert ask("editor", "GET", "/imports/nothing").json["type"] == "urn:framesift:problem:import-missing"


def test_a_file_of_labels_that_is_too_large_is_refused_before_it_is_sent(
    ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRAMESIFT_CATALOG__MAX_IMPORT_BYTES", "1000")
    load_settings.cache_clear()
    refused = ask("editor", "POST", "/imports", body={"format": "coco", "size_bytes": 1_001})
    assert (refused.status, refused.json["type"]) == (413, "urn:framesift:problem:request-too-large")


# --- deleting ---


def test_a_collection_that_is_deleted_is_hidden_at_once_and_its_deletion_noted(world: World, ask: Any) -> None:
    etag = ask("owner", "PATCH", "", body={"visibility": "public"}, headers={"if-match": "*"}).headers["etag"]
    stale = ask("owner", "DELETE", "", headers={"if-match": '"1"'})
    assert (stale.status, world.records.deletions.all()) == (412, [])
    assert ask("owner", "DELETE", "").status == 428

    deleted = ask("owner", "DELETE", "", headers={"if-match": etag})

    assert (deleted.status, deleted.json) == (202, {"done": False})
    assert [(each.kind, each.id, each.by) for each in world.records.deletions.all()] == [
        ("collection", world.ours, "owner-0")
    ]
    assert ask("viewer", "GET", "").status == 410
    assert world.ours not in list(world.records.members.shown_to(""))


def test_a_deletion_that_cannot_be_started_at_once_is_left_to_the_schedule(
    ask: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRAMESIFT_PLATFORM__MAINTENANCE", "no-such-function")
    load_settings.cache_clear()
    assert ask("editor", "DELETE", f"/items/{OUR_ITEM}", headers={"if-match": "*"}).status == 200
    assert [each.kind for each in world.records.deletions.all()] == ["items"]


def test_revoking_a_link_leaves_nothing_of_it(ask: Any, world: World) -> None:
    share = ask("owner", "POST", "/shares", body={}).json["share"]["id"]
    assert ask("owner", "DELETE", f"/shares/{share}").status == 200
    assert share not in str(aws.dynamodb().scan(TableName=TABLE)["Items"])


def test_who_is_named_by_an_item_is_found_when_the_account_is_deleted(ask: Any, world: World) -> None:
    stranger = world.users["stranger"]
    ask("owner", "PATCH", f"/items/{OUR_ITEM}", body={"viewers": [stranger]}, headers={"if-match": "*"})
    assert world.records.collections.changed_by(stranger) == [world.theirs, world.ours]
