"""What a day's page asks for: items and why, starting a run, screenshots, publishing again, corrections."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from framesift import aws, keys
from framesift.contracts import Clip, Decision, DropReason, Duplicate, Media, Run
from framesift.settings import load_settings
from framesift.storage import S3Store, write_manifest
from framesift.table import Failure, Records, RunRecord
from tests.unit.api.conftest import CLAIMS, Answer
from tests.unit.api.people import make_machine

Ask = Callable[..., Answer]
RUN = Run(source="tiktok", date="2026-11-20", attempt=1)


def a_clip(clip_id: str, views: int, date: str = RUN.date, **more: object) -> Clip:
    run = RUN.model_copy(update={"date": date})
    return Clip(
        source="tiktok",
        id=clip_id,
        title=f"춤 {clip_id}",
        collected_at=datetime(2026, 11, 20, tzinfo=UTC),
        category="dance",
        url=f"https://example.com/{clip_id}",
        views=views,
        media=Media(
            key=keys.media(run, "dance", clip_id, "jpg"),
            sha256="0" * 64,
            content_type="image/jpeg",
            size_bytes=4,
            width=1,
            height=1,
        ),
    ).model_copy(update=more)


def a_record(date: str, **more: object) -> RunRecord:
    return RunRecord(
        source="tiktok",
        date=date,
        status="RUNNING",
        attempt=1,
        execution_arn=f"arn:{date}",
        categories=["dance"],
        wanted=["dance"],
        done=["dance"],
        started_at=datetime(2026, 11, 20, tzinfo=UTC),
    ).model_copy(update=more)


@pytest.fixture
def a_day(store: S3Store, records: Records) -> None:
    kept_before = a_clip("6001", 9_000, "2026-11-19")
    write_manifest(
        store, keys.manifest(RUN.model_copy(update={"date": "2026-11-19"}), "dance", "curated"), [kept_before]
    )
    records.runs.claim(a_record("2026-11-19"), None)
    again = Duplicate(of="6001", of_date="2026-11-19", of_category="dance", method="pdq", score=0.95)
    clips = [
        a_clip("7001", 300, decision=Decision(dropped=DropReason.BELOW_TOP, why="Rank 11.")),
        a_clip("7002", 500, decision=Decision(list_id="dance01", rank=1, why="Rank 1 by views.")),
        a_clip("7003", 400, decision=Decision(dropped=DropReason.DUPLICATE, why="Repeats 6001."), duplicate=again),
        a_clip("7004", 900),
    ]
    write_manifest(store, keys.manifest(RUN, "dance", "curated"), clips)
    records.runs.claim(a_record(RUN.date), None)
    store.put(keys.media(RUN, "dance", "7001", "jpg"), b"jpeg", "image/jpeg")
    store.put("residual/2026-11-19/dance/media/6001.jpg", b"jpeg", "image/jpeg")
    store.put(keys.top_thumbnail(RUN.date, "dance", "dance01"), b"jpeg", "image/jpeg")


PATH = "/v1/runs/tiktok/2026-11-20/items"


@pytest.mark.usefixtures("a_day")
def test_a_day_s_items_say_what_became_of_them_and_where_their_images_are(ask: Ask):
    answer = ask(PATH, query={"category": "dance"}, claims=CLAIMS).json
    assert answer["counts"] == {"below_top": 1, "listed": 1, "duplicate": 1, "undecided": 1}
    found = {each["item"]["id"]: each for each in answer["items"]}
    assert list(found) == ["7002", "7004", "7003", "7001"], "the list first, then by views"
    images = {clip: (each["image_url"] or "").partition("?")[0].partition(".com/")[2] for clip, each in found.items()}
    assert images["7001"].endswith("runs/tiktok/2026-11-20/dance/media/7001.jpg")
    assert images["7002"].endswith("published/2026-11-20/dance/top10/thumbnails/dance01.jpg")
    assert found["7003"]["image_url"] is None, "it is no longer stored"
    keeper = found["7003"]["keeper"]
    assert keeper["item"]["id"] == "6001"
    assert "residual/2026-11-19/dance/media/6001.jpg" in keeper["image_url"]


@pytest.mark.usefixtures("a_day")
def test_items_come_by_outcome_and_in_pages(ask: Ask):
    query = {"category": "dance", "outcome": "below_top", "limit": "1"}
    assert [each["item"]["id"] for each in ask(PATH, query=query, claims=CLAIMS).json["items"]] == ["7001"]
    pages, after = [], 0
    while after is not None:
        page = ask(PATH, query={"category": "dance", "limit": "3", "after": str(after)}, claims=CLAIMS).json
        pages.append(len(page["items"]))
        after = page["next_cursor"]
    assert pages == [3, 1]


@pytest.mark.usefixtures("a_day")
@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        (PATH, {"category": "food"}, 404),
        ("/v1/runs/tiktok/2026-11-01/items", {"category": "dance"}, 404),
        (PATH, {"category": "dance", "outcome": "lost"}, 422),
        (PATH, {}, 422),
    ],
)
def test_what_a_day_has_not_is_named(ask: Ask, path: str, query: dict[str, str], status: int):
    assert ask(path, query=query, claims=CLAIMS).status == status


def test_a_wall_s_screenshot_and_the_progress_come_with_the_run(ask: Ask, store: S3Store, records: Records):
    wall = Failure(stage="collect", error="CaptchaShownError", cause="a captcha")
    records.runs.claim(a_record(RUN.date, failures={"dance": wall}, done=[]), None)
    store.put(keys.screenshot(RUN, "dance", "000001"), b"png", "image/png")
    records.stages.report_progress(RUN, "collect", "dance", 3, 200)
    report = ask("/v1/runs/tiktok/2026-11-20", claims=CLAIMS).json
    assert "/screenshots/000001.png" in report["screenshots"]["dance"]
    assert report["progress"] == [{"stage": "collect", "scope": "dance", "done": 3, "total": 200}]


@pytest.fixture
def machine(ask: Ask, store: S3Store, monkeypatch: pytest.MonkeyPatch) -> str:
    arn = make_machine()
    monkeypatch.setenv("FRAMESIFT_PLATFORM__STATE_MACHINE", arn)
    load_settings.cache_clear()
    return arn


def test_a_run_is_started(ask: Ask, machine: str):
    body = {"source": "tiktok", "date": "2026-11-20", "categories": ["dance"]}
    started = ask("/v1/runs", "POST", body=body, claims=CLAIMS)
    assert (started.status, started.json["date"]) == (200, "2026-11-20")
    execution = aws.stepfunctions().describe_execution(executionArn=started.json["execution_arn"])
    assert json.loads(execution["input"]) == body


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"source": "tiktok", "categories": ["knitting"]}, 404),
        ({"source": "vimeo"}, 422),
        ({"source": "tiktok", "date": "tomorrow"}, 422),
        ({"source": "upload"}, 422),
    ],
)
def test_what_cannot_be_run_is_refused_at_once(ask: Ask, machine: str, body: dict[str, object], status: int):
    assert ask("/v1/runs", "POST", body=body, claims=CLAIMS).status == status
    assert aws.stepfunctions().list_executions(stateMachineArn=machine)["executions"] == []


def test_nobody_starts_or_publishes_without_a_token(ask: Ask):
    for path in ("/v1/runs", "/v1/publications"):
        assert ask(path, "POST", body={"source": "tiktok"} if path == "/v1/runs" else {}).status == 401


@pytest.mark.usefixtures("records", "store")
def test_a_day_that_never_was_is_not_published(ask: Ask):
    assert ask("/v1/publications", "POST", body={"date": "2026-11-20"}, claims=CLAIMS).status == 404


@pytest.mark.usefixtures("store")
def test_a_day_that_is_being_run_is_not_published(ask: Ask, records: Records):
    records.runs.claim(a_record(RUN.date), None)
    answer = ask("/v1/publications", "POST", body={}, claims=CLAIMS)
    assert (answer.status, answer.json["type"]) == (409, "urn:framesift:problem:run-busy")
