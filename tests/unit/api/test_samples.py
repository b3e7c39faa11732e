"""Samples by the API: asked for, and taken by a job."""

from __future__ import annotations

from urllib.parse import unquote

import pytest

from containers.vision.main import main as run_job
from framesift import aws
from framesift.catalog.log import CatalogLog
from framesift.settings import load_settings
from tests.conftest import BUCKET
from tests.unit.api import test_maps
from tests.unit.api.people import World, ask_as
from tests.unit.catalog.items import make_item
from tests.unit.maps.conftest import put_vectors

HEADERS = {"if-match": "*", "idempotency-key": "a-key-that-is-unique"}
world = test_maps.world


def test_a_sample_is_asked_for_and_taken(world: World) -> None:
    CatalogLog(world.ours, world.store, world.records).add_items([make_item(number) for number in range(12)], "")
    put_vectors(world.store, list(range(12)), "all", collection=world.ours)
    owner, path = world.users["owner"], f"/v1/collections/{world.ours}/samples"
    body = {"tag": "look", "options": {"count": 3}}
    asked = ask_as(owner, "POST", path, body=body, headers=HEADERS)
    assert (asked.status, asked.json["state"]) == (202, "running")
    sample = asked.json["id"]
    assert unquote(asked.headers["location"]) == f"{path}/{sample}"
    assert run_job(f"s3://{BUCKET}/collections/{world.ours}/jobs/sample-{sample}-1.json") == 0
    taken = ask_as(owner, "GET", f"{path}/{sample}").json
    assert (taken["state"], taken["summary"]["chosen"], taken["tag"]) == ("done", 3, "look")
    found = ask_as(owner, "GET", f"/v1/collections/{world.ours}/items", query={"query": "tag:look"}).json
    assert len(found["items"]) == 3
    page = ask_as(owner, "GET", path, query={"limit": "1"}).json
    assert ([each["id"] for each in page["samples"]], page["next_cursor"]) == ([sample], sample)
    again = ask_as(owner, "POST", path, body=body, headers={**HEADERS, "idempotency-key": "another-unique-key"})
    assert (again.status, again.json["type"]) == (409, "urn:framesift:problem:tag-in-use")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"tag": ""},
        {"tag": "x", "options": {"method": "magic"}},
        {"tag": "x", "options": {"count": 0}},
        {"tag": "x", "query": "tag:("},
        {"tag": "x", "options": {"method": "unique", "known": "tag:y"}},
        {"tag": "x", "unknown": 1},
    ],
)
def test_what_cannot_be_taken_is_refused(world: World, body: dict[str, object]) -> None:
    owner, path = world.users["owner"], f"/v1/collections/{world.ours}/samples"
    assert ask_as(owner, "POST", path, body=body, headers=HEADERS).status == 422
    listed = aws.stepfunctions().list_executions(stateMachineArn=load_settings().platform.state_machine)
    assert listed["executions"] == []
