"""The routes behind the authorizer: runs, clips, takedowns."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from framesift import keys
from framesift.api import problems
from framesift.contracts import Run, TopList
from framesift.storage import S3Store
from framesift.table import Records, RunRecord, Runs
from tests.unit.api.conftest import CLAIMS, Answer

Ask = Callable[..., Answer]
A_TAKEDOWN = {"source": "tiktok", "id": "7302", "why": "the author asked"}


def test_gives_the_runs_of_one_days_uploads(ask: Ask, records: Records):
    for number, subject in enumerate(("dance", "dance.3f2a90b1c4d5")):
        record = RunRecord(
            source="upload",
            date="2026-11-20",
            subject=subject,
            status="SUCCEEDED",
            attempt=1,
            execution_arn=f"arn:{number}",
            categories=["dance"],
            started_at=datetime(2026, 11, 20, number, tzinfo=UTC),
        )
        assert records.runs.claim(record, None)
    listed = ask("/v1/runs", query={"source": "upload"}, claims=CLAIMS).json["runs"]
    assert [run["subject"] for run in listed] == ["dance.3f2a90b1c4d5", "dance"], "newest first"
    answer = ask("/v1/runs/upload/2026-11-20", query={"subject": "dance.3f2a90b1c4d5"}, claims=CLAIMS)
    assert answer.json["record"]["execution_arn"] == "arn:1"
    assert ask("/v1/runs/upload/2026-11-20", claims=CLAIMS).status == 404


@pytest.mark.usefixtures("one_run")
def test_gives_the_runs_of_a_source(ask: Ask):
    answer = ask("/v1/runs", query={"source": "tiktok", "limit": "5"}, claims=CLAIMS)
    assert [(run["date"], run["status"]) for run in answer.json["runs"]] == [("2026-11-20", "SUCCEEDED")]
    assert ask("/v1/runs", query={"source": "youtube"}, claims=CLAIMS).json == {"runs": []}


@pytest.mark.usefixtures("one_run")
def test_gives_a_run_with_its_stages(ask: Ask):
    answer = ask("/v1/runs/tiktok/2026-11-20", claims=CLAIMS)
    assert answer.json["record"]["counts"] == {"dance": {"items": 200}}
    assert answer.json["stages"] == [
        {"stage": "collect", "scope": "dance", "output": {"category": "dance", "items": 200}}
    ]


def test_gives_the_stages_of_each_attempt_that_made_something_and_of_the_latest(
    ask: Ask, one_run: Run, records: Records
):
    record = records.runs.get("tiktok", one_run.id)
    later = record.model_copy(
        update={"attempt": 4, "done": ["dance", "food"], "attempts": {"dance": 1, "food": 3}, "execution_arn": "arn:4"}
    )
    assert records.runs.claim(later, replaces=record)
    for attempt, scope in ((2, "dance"), (3, "food"), (4, "tts")):
        run = one_run.model_copy(update={"attempt": attempt})
        records.stages.end(run, "collect", scope, json.dumps({"items": attempt}))

    stages = ask("/v1/runs/tiktok/2026-11-20", claims=CLAIMS).json["stages"]

    found = [(each["stage"], each["scope"], each["output"]["items"]) for each in stages]
    assert found == [("collect", "dance", 200), ("collect", "food", 3), ("collect", "tts", 4)]


@pytest.mark.usefixtures("one_run")
def test_gives_a_clip_s_history_newest_first(ask: Ask):
    answer = ask("/v1/clips/tiktok/7302", claims=CLAIMS)
    assert [(day["date"], day["list_id"]) for day in answer.json["days"]] == [
        ("2026-11-20", "dance01"),
        ("2026-11-19", "dance02"),
    ]
    assert answer.json["taken_down"] is None


@pytest.mark.usefixtures("records")
@pytest.mark.parametrize("path", ["/v1/runs/tiktok/2026-11-01", "/v1/clips/tiktok/nobody"])
def test_what_was_never_seen_is_not_found(ask: Ask, path: str):
    assert ask(path, claims=CLAIMS).status == 404


@pytest.mark.usefixtures("two_days", "one_run")
def test_takes_a_clip_down_once_or_twice(ask: Ask, records: Records):
    for _ in range(2):
        answer = ask("/v1/takedowns", "POST", body=A_TAKEDOWN, claims=CLAIMS)
        assert answer.status == 200
        assert answer.json == A_TAKEDOWN | {"listed_in": ["dance"], "effect": answer.json["effect"]}
    assert records.items.taken_down("tiktok") == {"7302": "the author asked"}
    assert ask("/v1/clips/tiktok/7302", claims=CLAIMS).json["taken_down"] == "the author asked"


@pytest.mark.usefixtures("two_days", "one_run")
def test_a_clip_that_is_taken_down_is_gone_from_the_list_at_once(ask: Ask):
    before = ask("/v1/top10/dance").json
    (listed,) = [item for item in before["items"] if item["clip_id"] == "7302"]
    ask("/v1/takedowns", "POST", body=A_TAKEDOWN, claims=CLAIMS)
    after = ask("/v1/top10/dance").json
    assert [item["id"] for item in after["items"]] == [
        item["id"] for item in before["items"] if item["clip_id"] != "7302"
    ]
    assert after["count"] == before["count"] - 1
    assert ask(listed["thumbnail_url"].partition("?")[0]).status == 404


@pytest.mark.usefixtures("two_days", "one_run")
def test_every_view_agrees_about_a_takedown_and_its_undoing(ask: Ask, store: S3Store):
    def ids() -> list[list[str]]:
        copy = TopList.model_validate_json(store.get(keys.latest_list("dance")))
        return [
            [item.clip_id for item in copy.items],
            [item["clip_id"] for item in ask("/v1/top10/dance").json["items"]],
        ]

    ask("/v1/takedowns", "POST", body=A_TAKEDOWN, claims=CLAIMS)
    assert ids() == [["7304", "7303"]] * 2
    (listed,) = ask("/v1/takedowns", claims=CLAIMS).json["takedowns"]
    assert (listed["id"], listed["why"]) == ("7302", "the author asked")
    undone = ask("/v1/takedowns/tiktok/7302", "DELETE", claims=CLAIMS)
    assert (undone.status, undone.json["listed_in"]) == (200, ["dance"])
    assert ids() == [["7302", "7304", "7303"]] * 2
    assert ask("/v1/takedowns", claims=CLAIMS).json == {"takedowns": []}
    assert ask("/v1/takedowns/tiktok/7302", "DELETE", claims=CLAIMS).status == 404


@pytest.mark.usefixtures("two_days")
def test_a_clip_that_was_never_collected_is_not_taken_down(ask: Ask, records: Records):
    answer = ask("/v1/takedowns", "POST", body=A_TAKEDOWN | {"id": "9999"}, claims=CLAIMS)
    assert (answer.status, "never collected" in answer.json["detail"]) == (404, True)
    assert not records.items.taken_down("tiktok")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (A_TAKEDOWN | {"source": "radio"}, "body.source"),
        (A_TAKEDOWN | {"id": "../7302"}, "body.id"),
        (A_TAKEDOWN | {"why": "  "}, "body.why"),
        (A_TAKEDOWN | {"why": "x" * 501}, "body.why"),
        (A_TAKEDOWN | {"until": "tomorrow"}, "body.until"),
        ({"source": "tiktok", "id": "7302"}, "body.why"),
    ],
)
def test_a_takedown_of_the_wrong_form_is_refused(ask: Ask, body: dict[str, str], field: str):
    answer = ask("/v1/takedowns", "POST", body=body, claims=CLAIMS)
    assert answer.status == 422
    assert [fault["field"] for fault in answer.json["errors"]] == [field]


@pytest.mark.parametrize("body", ["no JSON", "[]", None])
def test_a_body_that_is_no_object_is_refused(ask: Ask, body: str | None):
    assert ask("/v1/takedowns", "POST", body=body, claims=CLAIMS).status == 422


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("/v1/runs", {"limit": "0"}, "query.limit"),
        ("/v1/runs", {"limit": "many"}, "query.limit"),
        ("/v1/runs", {"source": "radio"}, "query.source"),
        ("/v1/runs/tiktok/2026-13-01", {}, "path.date"),
        ("/v1/runs/radio/2026-11-20", {}, "path.source"),
        ("/v1/clips/tiktok/a.b", {}, "path.clip_id"),
    ],
)
def test_a_parameter_of_the_wrong_form_is_named(ask: Ask, path: str, query: dict[str, str], field: str):
    answer = ask(path, query=query, claims=CLAIMS)
    assert answer.status == 422
    assert [fault["field"] for fault in answer.json["errors"]] == [field]


ROUTES = [("/v1/runs", "GET"), ("/v1/runs/tiktok/2026-11-20", "GET"), ("/v1/clips/tiktok/1", "GET")]
ROUTES += [("/v1/takedowns", "GET"), ("/v1/takedowns", "POST"), ("/v1/takedowns/tiktok/7302", "DELETE")]
ROUTES += [("/v1/reviews", "GET"), ("/v1/reviews/2026-11-20.1", "POST")]
A_BODY = {"/v1/takedowns": A_TAKEDOWN, "/v1/reviews/2026-11-20.1": {"verdict": "accepted"}}


@pytest.mark.parametrize(("path", "method"), ROUTES)
@pytest.mark.parametrize("claims", [None, {}])
def test_nobody_unknown_gets_through(ask: Ask, path: str, method: str, claims: dict[str, str] | None):
    answer = ask(path, method, body=A_BODY.get(path), claims=claims)
    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(("path", "method"), ROUTES)
@pytest.mark.parametrize("claims", [{"sub": "1", "token_use": "id"}, {"scope": "other/read framesift/readers"}])
def test_a_token_without_the_scope_is_refused(ask: Ask, path: str, method: str, claims: dict[str, str]):
    answer = ask(path, method, body=A_BODY.get(path), claims=claims)
    assert answer.status == 403
    assert f"framesift/{'read' if method == 'GET' else 'write'}" in answer.json["detail"]


@pytest.mark.parametrize(("path", "method"), [route for route in ROUTES if route[1] != "GET"])
def test_who_may_read_may_not_write(ask: Ask, path: str, method: str):
    assert ask(path, method, body=A_BODY.get(path), claims={"scope": "framesift/read"}).status == 403


@pytest.mark.usefixtures("records")
def test_records_are_not_cached(ask: Ask):
    assert "etag" not in ask("/v1/runs", claims=CLAIMS).headers


def test_what_breaks_is_logged_and_not_told(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the password is 1234")

    monkeypatch.setattr(Runs, "newest", fail)
    problems.logger.addHandler(caplog.handler)
    answer = ask("/v1/runs", claims=CLAIMS)
    assert (answer.status, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "1234" not in answer.body
    assert answer.json["request_id"] == "UJx3jhwhoE0EPwA="
    assert str(caplog.records[-1].exc_info[1]) == "the password is 1234"


def test_an_answer_that_breaks_its_own_contract_is_our_fault(ask: Ask, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("framesift.api.views.runs", lambda *_, **__: {"runs": "none"})
    answer = ask("/v1/runs", claims=CLAIMS)
    assert (answer.status, answer.json["type"]) == (500, "urn:framesift:problem:internal")
