"""From an analyzed manifest to a finished run, on a real table and bucket (moto), stage by stage."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from framesift import keys
from framesift.contracts import (
    AnalysisSummary,
    Clip,
    CrawlOutput,
    Duplicate,
    FailInput,
    FinishInput,
    FinishOutput,
    Media,
    PublishOutput,
    Run,
    ScopeInput,
    StageInput,
    TopList,
)
from framesift.errors import NotAnImageError, NothingToAnalyzeError
from framesift.language import make_decider
from framesift.pipeline.finish import fail_run, finish_run, plain_cause
from framesift.pipeline.plan import array_size, choose_compute, plan_images
from framesift.pipeline.tiktok.archive import archive_run
from framesift.pipeline.tiktok.curate import curate_category
from framesift.pipeline.tiktok.publish import publish_lists
from framesift.settings import AnalysisSettings, Settings
from framesift.storage import S3Store, read_lines, write_json, write_manifest
from framesift.table import Records, RunRecord
from framesift.workflow import Workflow

WORKFLOW = Workflow("arn:aws:states:ap-northeast-2:123456789012:stateMachine:framesift-test")

RUN = Run(source="tiktok", date="2026-11-20", attempt=1)
AT = datetime(2026, 11, 20, tzinfo=UTC)


def a_jpeg(width: int = 64, height: int = 96, colour: str = "red", **options: Any) -> bytes:
    encoded = BytesIO()
    Image.new("RGB", (width, height), colour).save(encoded, "JPEG", **options)
    return encoded.getvalue()


@dataclass
class Day:
    """A day on its way through the stages after the vision job."""

    store: S3Store
    records: Records
    settings: Settings
    run: Run = RUN
    told: list[str] | None = None
    cut_short: str | None = None

    def begin(self, categories: list[str]) -> None:
        former = self.records.runs.get("tiktok", self.run.date)
        record = RunRecord(
            source="tiktok",
            date=self.run.date,
            status="RUNNING",
            attempt=self.run.attempt,
            execution_arn=f"arn:{self.run.date}:{self.run.attempt}",
            categories=categories,
            started_at=AT,
        )
        assert self.records.runs.claim(record, former)

    def analyzed(self, category: str, clips: int, duplicates: int = 0) -> None:
        items = []
        for number in range(clips):
            item_id = f"{category}-{number}"
            key = keys.media(self.run, category, item_id, "jpg")
            self.store.put(key, a_jpeg(), "image/jpeg")
            media = Media(key=key, sha256="0", content_type="image/jpeg", size_bytes=1, width=64, height=96)
            items.append(
                Clip(
                    source="tiktok",
                    category=category,
                    id=item_id,
                    url=f"https://www.tiktok.com/@a/video/{item_id}",
                    title="춤",
                    views=1000 - number,
                    collected_at=AT,
                    media=media,
                    duplicate=Duplicate(of=f"{category}-0", method="pdq", score=1)
                    if 0 < number <= duplicates
                    else None,
                )
            )
        for stage in ("collected", "analyzed"):
            write_manifest(self.store, keys.manifest(self.run, category, stage), items)
        collected = CrawlOutput(
            scope=category, manifest_key=keys.manifest(self.run, category, "collected"), items=clips, seen=clips
        )
        self.records.stages.end(self.run, "collect", category, collected.model_dump_json())

    def curate(self, category: str) -> None:
        curate_category(
            ScopeInput(run=self.run, scope=category),
            self.settings,
            self.store,
            self.records,
            make_decider(self.settings.language),
        )

    def publish(self, categories: list[str]) -> PublishOutput:
        return publish_lists(StageInput(run=self.run, scopes=categories), self.settings, self.store, self.records)

    def finish(self, categories: list[str], failed: tuple[CrawlOutput, ...] = ()) -> FinishOutput:
        archive_run(StageInput(run=self.run, scopes=categories), self.store, self.records)
        self.summarize(categories)
        collected = [CrawlOutput(scope=category, cut_short=self.cut_short) for category in categories]
        request = FinishInput(
            run=self.run,
            scopes=categories,
            collected=[each.model_dump(mode="json") for each in (*collected, *failed)],
            planned_compute="gpu",
            analyzed_on="cpu after waiting for a gpu",
            execution_arn=f"arn:{self.run.date}:{self.run.attempt}",
        )
        return finish_run(request, self.store, self.records, self.tell, WORKFLOW)

    def summarize(self, categories: list[str]) -> None:
        """What the vision job leaves behind of what the plan asked for."""
        spec_key = keys.job_spec(self.run, categories)
        spec = json.loads(self.store.get(spec_key)) if self.store.exists(spec_key) else {}
        summary = AnalysisSummary(
            collected_digest=spec.get("collected_digest", ""),
            items=1,
            failed_items=0,
            duplicates=0,
            duplicates_by_method={},
            not_judged=0,
            embedder="pdq",
            embedder_why="No weights.",
            device="cpu",
            history_items=0,
            seconds=1,
        )
        write_json(self.store, keys.analysis_summary(self.run, categories), summary)

    def tell(self, subject: str, text: str) -> None:
        self.told = [*(self.told or []), subject, text]

    def top_list(self, category: str) -> TopList:
        pointer = self.records.lists.pointer(category)
        assert pointer is not None
        return TopList.model_validate_json(self.store.get(pointer.key))


@pytest.fixture
def day(store: S3Store, records: Records) -> Callable[..., Day]:
    def make(date: str = "2026-11-20", attempt: int = 1) -> Day:
        return Day(store, records, Settings(), Run(source="tiktok", date=date, attempt=attempt))

    return make


def a_whole_day(made: Day, categories: dict[str, int]) -> None:
    names = list(categories)
    made.begin(names)
    for category, clips in categories.items():
        made.analyzed(category, clips)
        made.curate(category)
    made.publish(names)
    made.finish(names)


def test_the_list_and_its_thumbnails_lie_where_the_app_looks(day: Callable[..., Day]) -> None:
    made = day()
    a_whole_day(made, {"dance": 12})
    published = sorted(made.store.list("published/2026-11-20/"))
    assert published == [
        "published/2026-11-20/dance/top10/dance_top10.json",
        *(f"published/2026-11-20/dance/top10/thumbnails/dance{n:02d}.jpg" for n in range(1, 11)),
    ]
    top = made.top_list("dance")
    assert (top.count, top.note) == (10, None)
    assert [item.id for item in top.items] == [f"dance{n:02d}" for n in range(1, 11)]
    assert made.store.get(keys.latest_list("dance")) == made.store.get(
        "published/2026-11-20/dance/top10/dance_top10.json"
    )


def test_fewer_than_ten_are_published_as_fewer_and_said(day: Callable[..., Day]) -> None:
    made = day()
    a_whole_day(made, {"dance": 3})
    top = made.top_list("dance")
    assert (top.count, top.wanted, top.note) == (3, 10, "Only 3 of 10: no more clips qualified.")


def test_a_reader_never_sees_half_a_list(day: Callable[..., Day], monkeypatch: pytest.MonkeyPatch) -> None:
    a_whole_day(day("2026-11-19"), {"dance": 3, "food": 3})
    made = day()
    made.begin(["dance", "food"])
    for category in ("dance", "food"):
        made.analyzed(category, 5)
        made.curate(category)
    real_put = S3Store.put

    def die_at_the_last_thumbnail(self: S3Store, key: str, *args: Any, **kwargs: Any) -> bool:
        if key.endswith("food05.jpg"):
            raise ConnectionError("the process died here")
        return real_put(self, key, *args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(S3Store, "put", die_at_the_last_thumbnail)
        with pytest.raises(ConnectionError):
            made.publish(["dance", "food"])
    assert {made.top_list(category).date for category in ("dance", "food")} == {"2026-11-19"}
    made.publish(["dance", "food"])
    assert {made.top_list(category).date for category in ("dance", "food")} == {"2026-11-20"}


def test_a_published_edition_stays_as_it_is_when_the_day_is_forced_again(day: Callable[..., Day]) -> None:
    first = day()
    a_whole_day(first, {"dance": 3})
    before = {key: first.store.get(key) for key in first.store.list("published/2026-11-20/")}
    again = day(attempt=2)
    a_whole_day(again, {"dance": 4})
    assert again.top_list("dance").edition == "2026-11-20.2"
    assert {key: again.store.get(key) for key in again.store.list("published/2026-11-20/")} == before


def test_a_late_run_of_an_older_day_never_replaces_a_newer_list(day: Callable[..., Day]) -> None:
    a_whole_day(day("2026-11-20"), {"dance": 3})
    late = day("2026-11-19")
    a_whole_day(late, {"dance": 4})
    assert late.top_list("dance").date == "2026-11-20"
    assert TopList.model_validate_json(late.store.get(keys.latest_list("dance"))).date == "2026-11-20"


def test_ranks_are_compared_with_the_list_before_also_after_a_repeated_publish(day: Callable[..., Day]) -> None:
    a_whole_day(day("2026-11-19"), {"dance": 2})
    made = day()
    made.begin(["dance"])
    made.analyzed("dance", 3)
    made.curate("dance")
    made.publish(["dance"])
    first = [item.previous_rank for item in made.top_list("dance").items]
    # The process died after the switch, before its output was kept: the stage is done again.
    made.records.stages.forget(RUN, "publish", "dance")
    made.publish(["dance"])
    assert [item.previous_rank for item in made.top_list("dance").items] == first == [1, 2, None]


def test_the_rest_goes_to_the_residual_archive_once(day: Callable[..., Day]) -> None:
    made = day()
    a_whole_day(made, {"dance": 12})
    assert sorted(made.store.list("residual/2026-11-20/dance/media/")) == [
        "residual/2026-11-20/dance/media/dance-10.jpg",
        "residual/2026-11-20/dance/media/dance-11.jpg",
    ]
    assert made.store.exists("residual/2026-11-20/dance/curated.jsonl")
    assert len(list(made.store.list("runs/tiktok/2026-11-20/dance/media/"))) == 10
    # An archive that was cut short after the move is done again without an error.
    made.records.stages.forget(RUN, "archive", "dance")
    archive_run(StageInput(run=RUN, scopes=["dance"]), made.store, made.records)
    assert len(list(made.store.list("residual/2026-11-20/dance/media/"))) == 2


def test_why_each_clip_was_ranked_or_dropped_is_kept(day: Callable[..., Day]) -> None:
    made = day()
    made.begin(["dance"])
    made.analyzed("dance", 3, duplicates=1)
    made.curate("dance")
    made.publish(["dance"])
    made.finish(["dance"])
    decisions = {
        item.id: item.decision for item in read_lines(made.store, keys.manifest(RUN, "dance", "curated"), Clip)
    }
    assert {item_id: decision and decision.why for item_id, decision in decisions.items()} == {
        "dance-0": "number 1 by views",
        "dance-1": "a re-upload of dance-0 (pdq, 1.00)",
        "dance-2": "number 2 by views",
    }
    (history,) = made.records.items.days("tiktok", "dance-1")
    assert (history.duplicate_of, history.dropped) == ("dance-0", "duplicate")


def test_a_finished_run_says_what_it_did(day: Callable[..., Day]) -> None:
    made = day()
    a_whole_day(made, {"dance": 12})
    record = made.records.runs.get("tiktok", "2026-11-20")
    assert record is not None
    assert (record.status, record.done, record.error) == ("SUCCEEDED", ["dance"], None)
    assert record.counts["dance"]["ranked"] == 10
    assert record.counts["dance"]["dropped"] == {"below_top": 2}
    assert record.degraded == ["The GPU job did not succeed; the CPU queue analyzed.", "No weights."]
    assert made.told is None


def test_a_crawl_that_was_cut_short_is_said(day: Callable[..., Day]) -> None:
    made = day()
    made.cut_short = "its time limit of 600 s came first"
    a_whole_day(made, {"dance": 3})
    record = made.records.runs.get("tiktok", "2026-11-20")
    assert record is not None
    assert record.degraded[0].startswith("dance: the crawl was cut short, its time limit of 600 s came first")


def test_a_category_that_failed_makes_the_run_failed_and_the_others_stay_published(day: Callable[..., Day]) -> None:
    made = day()
    made.begin(["dance", "food"])
    made.analyzed("dance", 3)
    made.curate("dance")
    made.publish(["dance"])
    wall = CrawlOutput(scope="food", status="failed", error="CaptchaShownError", cause="a captcha")
    output = made.finish(["dance"], failed=(wall,))
    assert (output.status, output.failed_categories, output.error) == ("FAILED", ["food"], "CaptchaShownError")
    record = made.records.runs.get("tiktok", "2026-11-20")
    assert record is not None
    assert (record.status, record.done, record.cause) == ("FAILED", ["dance"], "food: a captcha")
    assert made.top_list("dance").count == 3
    assert made.told is not None
    assert "incomplete" in made.told[0]


def test_a_category_without_a_single_clip_keeps_the_list_that_is_up(day: Callable[..., Day]) -> None:
    a_whole_day(day("2026-11-19"), {"dance": 3})
    made = day()
    made.begin(["dance"])
    made.analyzed("dance", 1)
    curate_category(
        ScopeInput(run=RUN, scope="dance"),
        made.settings,
        made.store,
        made.records,
        lambda items: (list(items), None),
    )
    assert made.publish(["dance"]).lists == []
    output = made.finish(["dance"])
    assert (output.status, output.error) == ("FAILED", "EmptyListError")
    assert made.top_list("dance").date == "2026-11-19"
    # The next start crawls it again instead of finding the same nothing.
    assert made.records.stages.output(RUN, "collect", "dance") is None


def test_fail_writes_the_stage_and_the_cause_once(day: Callable[..., Day]) -> None:
    made = day()
    made.begin(["dance"])
    fault = FailInput(run=RUN, stage="analyze", error="States.Timeout", cause="late", execution_arn="arn:2026-11-20:1")
    fail_run(fault, made.records, made.tell, WORKFLOW)
    fail_run(fault, made.records, made.tell, WORKFLOW)
    record = made.records.runs.get("tiktok", "2026-11-20")
    assert record is not None
    assert (record.status, record.stage, record.error) == ("FAILED", "analyze", "States.Timeout")
    assert made.told is not None
    assert len(made.told) == 2


def test_fail_tells_what_the_job_s_process_said_and_not_what_an_earlier_one_did(day: Callable[..., Day]) -> None:
    made = day()
    made.records.stages.put_fault(RUN, "analyze", NotAnImageError("an earlier run's"))
    record = RunRecord(
        source="tiktok",
        date=RUN.date,
        status="RUNNING",
        attempt=1,
        execution_arn="arn:1",
        categories=["dance"],
        started_at=datetime.now(UTC),
    )
    assert made.records.runs.claim(record, None)
    batch = '{"JobId": "1", "Status": "FAILED", "StatusReason": "Essential container in task exited"}'
    fault = FailInput(run=RUN, stage="analyze", error="States.TaskFailed", cause=batch, execution_arn="arn:1")
    fail_run(fault, made.records, made.tell, WORKFLOW)
    failed = made.records.runs.get("tiktok", RUN.date)
    assert failed is not None
    assert (failed.error, failed.cause) == ("States.TaskFailed", "Essential container in task exited")

    assert made.records.runs.claim(record, failed)
    made.records.stages.put_fault(RUN, "analyze", NotAnImageError("this run's"))
    fail_run(fault, made.records, made.tell, WORKFLOW)
    failed = made.records.runs.get("tiktok", RUN.date)
    assert failed is not None
    assert (failed.error, failed.cause) == ("NotAnImageError", "this run's")


@pytest.mark.parametrize(
    ("cause", "plain"),
    [
        ("late", "late"),
        ('{"errorType": "CaptchaShownError", "errorMessage": "a captcha"}', "a captcha"),
        ('"text"', '"text"'),
        ("{}", "{}"),
    ],
)
def test_plain_cause(cause: str, plain: str) -> None:
    assert plain_cause(cause) == plain


def test_an_execution_that_was_stopped_is_found_by_its_arn(day: Callable[..., Day]) -> None:
    made = day()
    made.begin(["dance"])
    stopped = FailInput(stage="execution", error="ABORTED", execution_arn="arn:2026-11-20:1")
    fail_run(stopped, made.records, made.tell, WORKFLOW)
    record = made.records.runs.get("tiktok", "2026-11-20")
    assert record is not None
    assert (record.status, record.error) == ("FAILED", "ABORTED")


def test_an_execution_that_lost_its_run_changes_nothing(day: Callable[..., Day]) -> None:
    made = day()
    made.begin(["dance"])
    fail_run(
        FailInput(run=RUN, stage="collect", error="X", execution_arn="arn:other"), made.records, made.tell, WORKFLOW
    )
    record = made.records.runs.get("tiktok", "2026-11-20")
    assert record is not None
    assert record.status == "RUNNING"


# --- the plan ---


def test_the_plan_names_manifests_and_history(day: Callable[..., Day]) -> None:
    a_whole_day(day("2026-11-18"), {"dance": 3})
    made = day()
    made.begin(["dance", "food"])
    made.analyzed("dance", 3)
    request = StageInput(run=RUN, scopes=["dance", "food"])
    output = plan_images(request, made.settings, made.store, made.records)
    assert (output.analyze, output.array_size, output.compute, output.items) == (True, 1, "cpu", 3)
    spec = made.store.get("runs/tiktok/2026-11-20/analysis/dance.food/job.json").decode()
    assert output.job_spec_uri.endswith("runs/tiktok/2026-11-20/analysis/dance.food/job.json")
    assert '"manifest_key": "runs/tiktok/2026-11-18/dance/analyzed.jsonl"' in spec
    made.summarize(["dance", "food"])
    assert plan_images(request, made.settings, made.store, made.records).analyze is False


def test_nothing_to_analyze_is_a_failure(day: Callable[..., Day]) -> None:
    made = day()
    made.begin(["dance"])
    with pytest.raises(NothingToAnalyzeError, match="2026-11-20"):
        plan_images(StageInput(run=RUN, scopes=["dance"]), made.settings, made.store, made.records)


@pytest.mark.parametrize(("items", "size"), [(1, 1), (20_000, 1), (20_001, 2), (10**9, 10_000)])
def test_array_size(items: int, size: int) -> None:
    assert array_size(items, AnalysisSettings()) == size


@pytest.mark.parametrize(
    ("compute", "items", "chosen"),
    [("auto", 5_000, "cpu"), ("auto", 5_001, "gpu"), ("gpu", 1, "gpu"), ("cpu", 9_999, "cpu")],
)
def test_choose_compute(compute: Any, items: int, chosen: str) -> None:
    assert choose_compute(items, AnalysisSettings(compute=compute), has_gpu_model=True) == chosen
