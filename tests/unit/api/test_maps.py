"""Maps by the API: asked for, drawn by a job, and fetched."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

import pytest

from containers.vision.main import main as run_job
from framesift import aws
from framesift.catalog.log import CatalogLog
from framesift.settings import load_settings
from framesift.storage import S3Store
from framesift.table import Records
from tests.conftest import BUCKET, TABLE
from tests.unit.api.people import World, ask_as, make_machine
from tests.unit.catalog.items import make_item
from tests.unit.maps.conftest import put_vectors

HEADERS = {"if-match": "*", "idempotency-key": "a-key-that-is-unique"}


@pytest.fixture
def world(store: S3Store, records: Records, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> World:
    monkeypatch.setenv("FRAMESIFT_PLATFORM__BUCKET", BUCKET)
    monkeypatch.setenv("FRAMESIFT_PLATFORM__TABLE", TABLE)
    monkeypatch.setenv("FRAMESIFT_PLATFORM__STATE_MACHINE", make_machine())
    monkeypatch.setenv("FRAMESIFT_API__CLIENT_REQUESTS_PER_MINUTE", "0")
    monkeypatch.setenv("FRAMESIFT_CATALOG__CACHE_DIR", str(tmp_path))
    load_settings.cache_clear()
    return World(store, records).make()


def test_a_map_is_asked_for_and_drawn_and_fetched(world: World) -> None:
    CatalogLog(world.ours, world.store, world.records).add_items([make_item(number) for number in range(12)], "")
    put_vectors(world.store, list(range(12)), "all", collection=world.ours)
    owner, path = world.users["owner"], f"/v1/collections/{world.ours}/maps"
    asked = ask_as(owner, "POST", path, body={"options": {"method": "pca", "seed": 7}}, headers=HEADERS)
    assert (asked.status, asked.json["state"]) == (202, "running")
    map_id = asked.json["id"]
    assert unquote(asked.headers["location"]) == f"{path}/{map_id}"
    early = ask_as(owner, "GET", f"{path}/{map_id}/file")
    assert (early.status, early.json["type"]) == (409, "urn:framesift:problem:map-not-ready")
    uri = f"s3://{BUCKET}/collections/{world.ours}/jobs/map-{map_id}-1.json"
    assert run_job(uri) == 0
    drawn = ask_as(owner, "GET", f"{path}/{map_id}").json
    assert (drawn["state"], drawn["summary"]["items"], drawn["options"]["seed"]) == ("done", 12, 7)
    assert drawn["summary"]["without_vector"] == 1
    for kind in ("parquet", "png"):
        file = ask_as(owner, "GET", f"{path}/{map_id}/file", query={"kind": kind})
        assert file.status == 302
        assert f"{map_id}/map.{kind}" in file.headers["location"]
    page = ask_as(owner, "GET", path, query={"limit": "1"}).json
    assert [each["id"] for each in page["maps"]] == [map_id]
    assert page["next_cursor"] == map_id


@pytest.mark.parametrize(
    "body",
    [
        {"options": {"method": "magic"}},
        {"options": {"dimensions": 3}},
        {"query": "tag:("},
        {"options": {"neighbors": 1}},
        {"unknown": 1},
    ],
)
def test_what_cannot_be_drawn_is_refused(world: World, body: dict[str, object]) -> None:
    owner, path = world.users["owner"], f"/v1/collections/{world.ours}/maps"
    assert ask_as(owner, "POST", path, body=body, headers=HEADERS).status == 422
    listed = aws.stepfunctions().list_executions(stateMachineArn=load_settings().platform.state_machine)
    assert listed["executions"] == []
