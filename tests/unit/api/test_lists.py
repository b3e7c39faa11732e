"""The public routes: lists, thumbnails, differences, the API's own description."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from openapi_spec_validator import validate

from framesift.contracts import TopList
from framesift.storage import S3Store
from framesift.table import Records
from tests.unit.api.conftest import Answer, publish

Ask = Callable[..., Answer]
ROOT = Path(__file__).parents[3]


def clips(answer: Answer) -> list[str]:
    return [item["clip_id"] for item in answer.json["items"]]


@pytest.mark.usefixtures("two_days")
def test_gives_the_newest_list(ask: Ask):
    answer = ask("/v1/top10/dance")
    assert answer.status == 200
    assert clips(answer) == ["7302", "7304", "7303"]
    assert answer.json["items"][0]["thumbnail_url"] == "/v1/top10/dance/thumbnails/dance01.jpg?edition=2026-11-20"
    assert "춤 7302" in answer.body
    TopList.model_validate_json(answer.body)


@pytest.mark.usefixtures("two_days")
def test_gives_a_day_s_list(ask: Ask):
    answer = ask("/v1/top10/dance", query={"date": "2026-11-19"})
    assert clips(answer) == ["7301", "7302", "7303"]


def test_gives_the_newest_edition_of_a_day(ask: Ask, store: S3Store, records: Records):
    for attempt in (1, 2, 10, 9):
        publish(store, records, "2026-11-19", [f"try{attempt}"], attempt)
    publish(store, records, "2026-11-20", ["today"])
    assert clips(ask("/v1/top10/dance", query={"date": "2026-11-19"})) == ["try10"]


@pytest.mark.usefixtures("two_days")
def test_a_list_that_is_not_switched_to_is_not_out(ask: Ask, store: S3Store, records: Records):
    pointer = records.lists.pointer("dance")
    tomorrow = publish(store, records, "2026-11-21", ["early"])
    forced = publish(store, records, "2026-11-20", ["forced"], attempt=2)
    records.table.put("LIST", "dance", pointer.model_dump(exclude_none=True))  # as before both switches
    assert store.exists(tomorrow)
    assert store.exists(forced)
    assert ask("/v1/top10/dance", query={"date": "2026-11-21"}).status == 404
    assert clips(ask("/v1/top10/dance", query={"date": "2026-11-20"})) == ["7302", "7304", "7303"]


@pytest.mark.usefixtures("two_days")
def test_a_list_is_cacheable(ask: Ask):
    answer = ask("/v1/top10/dance")
    assert answer.headers["etag"] == f'"{hashlib.sha256(answer.body.encode()).hexdigest()}"'
    assert answer.headers["cache-control"] == "public, max-age=60"
    for held in (answer.headers["etag"], f'"other", W/{answer.headers["etag"]}', "*"):
        again = ask("/v1/top10/dance", headers={"if-none-match": held})
        assert (again.status, again.body) == (304, "")
        assert again.headers["etag"] == answer.headers["etag"]
    assert ask("/v1/top10/dance", headers={"if-none-match": '"other"'}).status == 200


def test_a_new_list_has_a_new_etag(ask: Ask, store: S3Store, records: Records):
    publish(store, records, "2026-11-19", ["7301"])
    held = ask("/v1/top10/dance").headers["etag"]
    publish(store, records, "2026-11-20", ["7301"])
    assert ask("/v1/top10/dance", headers={"if-none-match": held}).status == 200


@pytest.mark.usefixtures("records")
def test_an_unknown_category_names_the_known_ones(ask: Ask):
    answer = ask("/v1/top10/opera")
    assert answer.status == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json == {
        "type": "urn:framesift:problem:unknown-category",
        "title": "Not Found",
        "status": 404,
        "detail": "There is no category 'opera': choose one of main, dance, challenge, food, tts.",
        "instance": "/v1/top10/opera",
        "request_id": "UJx3jhwhoE0EPwA=",
    }


@pytest.mark.usefixtures("two_days")
@pytest.mark.parametrize(
    ("path", "query", "says"),
    [
        ("/v1/top10/food", {}, "No list of 'food' is published yet"),
        ("/v1/top10/dance", {"date": "2026-11-01"}, "No list of 'dance' was published on 2026-11-01"),
        ("/v1/top10/food/diff", {}, "No list of 'food' is published yet"),
        ("/v1/top10/dance/thumbnails/dance09.jpg", {}, "There is no thumbnail dance09.jpg"),
        ("/v1/nothing", {}, "/v1/openapi.json"),
    ],
)
def test_what_is_not_there_is_named(ask: Ask, path: str, query: dict[str, str], says: str):
    answer = ask(path, query=query)
    assert (answer.status, answer.headers["content-type"]) == (404, "application/problem+json")
    assert says in answer.json["detail"]
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("/v1/top10/DANCE", {}, "path.category"),
        ("/v1/top10/dance", {"date": "yesterday"}, "query.date"),
        ("/v1/top10/dance", {"date": "2026-02-30"}, "query.date"),
        ("/v1/top10/dance/thumbnails/..%2Fdance01.jpg", {}, "path.name"),
        ("/v1/top10/dance/thumbnails/secret.png", {}, "path.name"),
        ("/v1/top10/dance/thumbnails/dance01.jpg", {"edition": "../../runs"}, "query.edition"),
    ],
)
def test_a_parameter_of_the_wrong_form_is_named(ask: Ask, path: str, query: dict[str, str], field: str):
    answer = ask(path, query=query)
    assert (answer.status, answer.headers["content-type"]) == (422, "application/problem+json")
    assert [fault["field"] for fault in answer.json["errors"]] == [field]
    assert field in answer.json["detail"]


@pytest.mark.usefixtures("two_days")
@pytest.mark.parametrize("query", [{}, {"edition": "2026-11-20"}])
def test_leads_to_a_thumbnail(ask: Ask, query: dict[str, str]):
    answer = ask("/v1/top10/dance/thumbnails/dance01.jpg", query=query)
    assert answer.status == 302
    assert "published/2026-11-20/dance/top10/thumbnails/dance01.jpg?" in answer.headers["location"]
    assert answer.headers["cache-control"] == "public, max-age=1800"  # half of the link's life


@pytest.mark.usefixtures("two_days")
def test_an_old_edition_s_thumbnails_stay(ask: Ask):
    answer = ask("/v1/top10/dance/thumbnails/dance01.jpg", query={"edition": "2026-11-19"})
    assert "published/2026-11-19/" in answer.headers["location"]


@pytest.mark.usefixtures("two_days")
def test_tells_what_changed(ask: Ask):
    diff = ask("/v1/top10/dance/diff").json
    assert (diff["edition"], diff["previous_edition"]) == ("2026-11-20", "2026-11-19")
    assert [item["clip_id"] for item in diff["new"]] == ["7304"]
    assert [item["clip_id"] for item in diff["gone"]] == ["7301"]
    assert diff["moved"] == [{"clip_id": "7302", "title": "춤 7302", "from_rank": 2, "to_rank": 1}]


def test_all_is_new_in_the_first_list(ask: Ask, store: S3Store, records: Records):
    publish(store, records, "2026-11-20", ["7301"])
    diff = ask("/v1/top10/dance/diff").json
    assert diff["previous_edition"] is None
    assert [item["clip_id"] for item in diff["new"]] == ["7301"]


def test_describes_itself(ask: Ask):
    answer = ask("/v1/openapi.json")
    assert answer.headers["cache-control"] == "public, max-age=60"
    validate(answer.json)
    assert answer.json == json.loads((ROOT / "docs/schemas/openapi.json").read_text())
    assert sorted(answer.json["paths"]["/v1/takedowns"]) == ["get", "post"]
    runs = answer.json["paths"]["/v1/runs"]["get"]
    assert runs["security"] == [{"token": ["framesift/read"]}]
    assert sorted(runs["responses"]) == ["200", "401", "403", "404", "422", "429", "500"]
    assert runs["responses"]["200"]["content"] == {
        "application/json": {"schema": {"$ref": "#/components/schemas/RunList"}}
    }
    for path, routes in answer.json["paths"].items():
        for route in routes.values():
            answers = {status for status in route["responses"] if status >= "400"}
            for status in answers:
                # The gateway looks at tokens only where a route asks for one; where people log in, the API does.
                is_ours = status == "401" and "security" not in route
                by_gateway = (
                    [] if is_ours or status not in {"401", "403", "413", "429", "503"} else ["application/json"]
                )
                content = [*route["responses"][status]["content"]]
                assert content == ["application/problem+json", *by_gateway], (path, status)


@pytest.mark.usefixtures("two_days")
def test_other_origins_may_read(ask: Ask):
    answer = ask("/v1/top10/dance", headers={"origin": "https://app.example"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["vary"] == "Origin"
    preflight = ask("/v1/top10/dance", method="OPTIONS", headers={"origin": "https://app.example"})
    assert preflight.status == 204
    assert preflight.headers["access-control-allow-methods"] == "GET,OPTIONS"
