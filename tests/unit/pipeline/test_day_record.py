"""Whatever the sequence of starts, the record of a day is true: what was wanted, made, and is missing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from framesift import keys
from framesift.contracts import (
    BeginInput,
    BeginOutput,
    Contract,
    CrawlOutput,
    CurateOutput,
    FailInput,
    FinishInput,
    FinishOutput,
    PosesOutput,
    PredictedCategory,
    PredictOutput,
    PublishedList,
    PublishOutput,
    Run,
    StageInput,
)
from framesift.pipeline.begin import begin_run
from framesift.pipeline.branches import branch_of
from framesift.pipeline.finish import fail_run, finish_run
from framesift.pipeline.plan import plan_images
from framesift.settings import Settings
from framesift.storage import S3Store
from framesift.table import Records, RunRecord
from framesift.workflow import Workflow

WORKFLOW = Workflow("arn:aws:states:ap-northeast-2:123456789012:stateMachine:framesift-test")

MIDNIGHT = datetime(2026, 11, 19, 15, 0, 5, tzinfo=UTC)
ALL = ["main", "dance", "challenge", "food", "tts"]


@dataclass
class Site:
    """A day on which categories succeed, hit a wall, or have no clip that qualifies."""

    store: S3Store
    records: Records
    walled: set[str] = field(default_factory=set)
    empty: set[str] = field(default_factory=set)
    notified: list[str] = field(default_factory=list)
    running: set[str] = field(default_factory=set)
    starts: int = 0

    def begin(self, **start: Any) -> BeginOutput:
        self.starts += 1
        request = BeginInput(
            start={"source": "tiktok", **start},
            execution_arn=f"arn:{self.starts}",
            started_at=MIDNIGHT + timedelta(minutes=self.starts),
        )
        return begin_run(request, Settings(), self.records, self.running.__contains__)

    def work(self, begun: BeginOutput) -> FinishInput:
        """What the stages between Begin and Finish leave behind."""
        run, edition = begun.run, keys.edition(begun.run)
        collected = [
            CrawlOutput(scope=scope, status="failed", error="CaptchaShownError", cause="a captcha")
            if scope in self.walled
            else CrawlOutput(scope=scope, seen=9, items=5, manifest_key=keys.manifest(run, scope, "collected"))
            for scope in begun.scopes
        ]
        scopes = [each.scope for each in collected if each.status == "done"]
        for each in collected:
            if each.status == "done":
                self.records.stages.end(run, "collect", each.scope, each.model_dump_json())
        lists = [
            PublishedList(
                category=scope, edition=keys.edition(run), key=keys.top_list(keys.edition(run), scope), count=5
            )
            for scope in scopes
            if scope not in self.empty
        ]
        for scope in scopes:
            self.store.put(keys.manifest(run, scope, "analyzed"), b"")
            curated = CurateOutput(category=scope, manifest_key="", items=5, ranked=5, dropped={})
            self.records.stages.end(run, "curate", scope, curated.model_dump_json())
        published = PublishOutput(edition=edition, lists=lists)
        self.records.stages.end(run, "publish", ".".join(scopes), published.model_dump_json())
        return FinishInput(
            run=run,
            scopes=scopes,
            collected=[each.model_dump(mode="json") for each in collected],
            planned_compute="cpu",
            analyzed_on="cpu",
            execution_arn=f"arn:{self.starts}",
        )

    def finish(self, request: FinishInput) -> FinishOutput:
        return finish_run(request, self.store, self.records, lambda subject, _: self.notified.append(subject), WORKFLOW)

    def fail(self, stage: str, run: Run | None = None) -> None:
        request = FailInput(run=run, stage=stage, error="States.Timeout", execution_arn=f"arn:{self.starts}")
        fail_run(request, self.records, lambda subject, _: self.notified.append(subject), WORKFLOW)

    def run_day(self, **start: Any) -> FinishOutput | None:
        begun = self.begin(**start)
        return self.finish(self.work(begun)) if begun.decision == "run" else None

    @property
    def record(self) -> RunRecord:
        record = self.records.runs.get("tiktok", "2026-11-20")
        assert record is not None
        return record


@pytest.fixture
def site(store: S3Store, records: Records) -> Site:
    return Site(store, records)


def test_a_partial_start_does_not_mark_the_whole_day_done(site: Site) -> None:
    site.walled = {"food", "tts"}
    assert site.run_day().status == "FAILED"
    site.walled = set()
    by_hand = site.run_day(categories=["food"])
    assert (by_hand.status, by_hand.failed_categories) == ("SUCCEEDED", [])
    assert (site.record.status, site.record.failed_categories) == ("FAILED", ["tts"])
    assert site.record.error == "CaptchaShownError"

    noon = site.begin(only_if_failed=True)
    assert (noon.decision, noon.scopes) == ("run", ["tts"])
    site.finish(site.work(noon))
    assert (site.record.status, sorted(site.record.done)) == ("SUCCEEDED", sorted(ALL))


def test_one_category_by_hand_before_midnights_run_leaves_the_rest_for_noon(site: Site) -> None:
    assert site.run_day(categories=["dance"]).status == "SUCCEEDED"
    assert (site.record.status, site.record.wanted, site.record.done) == ("PARTIAL", ALL, ["dance"])
    assert site.notified == []
    noon = site.begin(only_if_failed=True)
    assert (noon.decision, noon.scopes) == ("run", ["main", "challenge", "food", "tts"])


def test_an_empty_category_can_be_tried_until_a_clip_qualifies(site: Site) -> None:
    site.empty = {"food"}
    for _ in range(3):
        assert site.run_day(categories=["food"]).error == "EmptyListError"
        assert site.records.stages.outputs(Run(source="tiktok", date="2026-11-20", attempt=1)) == {}
    site.empty = set()
    assert site.run_day(categories=["food"]).status == "SUCCEEDED"
    assert site.record.done == ["food"]


def test_a_category_that_is_collected_again_is_analyzed_again(site: Site) -> None:
    begun = site.begin(categories=["food"])
    request = StageInput(run=begun.run, scopes=["food"])

    def collect(clips: bytes) -> None:
        key = keys.manifest(begun.run, "food", "collected")
        site.store.put(key, clips)
        site.records.stages.end(
            begun.run, "collect", "food", CrawlOutput(scope="food", items=1, manifest_key=key).model_dump_json()
        )

    def analyze() -> None:
        import json

        digest = json.loads(site.store.get(keys.job_spec(begun.run, ["food"])))["collected_digest"]
        summary = {
            "items": 1, "failed_items": 0, "duplicates": 0, "duplicates_by_method": {}, "not_judged": 0,
            "embedder": "pdq", "embedder_why": "", "device": "", "history_items": 0, "seconds": 1,
            "collected_digest": digest,
        }  # fmt: skip
        site.store.put(keys.analysis_summary(begun.run, ["food"]), json.dumps(summary).encode())

    def plan() -> bool:
        return plan_images(request, Settings(), site.store, site.records).analyze

    collect(b'{"id": "1"}')
    assert plan()
    analyze()
    assert not plan()  # A resumed run does not analyze the same again.
    collect(b'{"id": "2"}')
    assert plan()
    analyze()
    assert not plan()


def test_forcing_one_category_leaves_the_others_counts_lists_and_history(site: Site) -> None:
    site.run_day()
    before = site.record
    forced = site.begin(categories=["dance"], force=True)
    assert (forced.run.attempt, forced.scopes) == (2, ["dance"])
    site.finish(site.work(forced))
    after = site.record
    assert (after.status, sorted(after.done)) == ("SUCCEEDED", sorted(ALL))
    assert after.attempts == {**dict.fromkeys(ALL, 1), "dance": 2}
    assert {name: after.counts[name] for name in ALL} == {name: before.counts[name] for name in ALL}
    assert site.begin().decision == "skip"

    site.store.put(keys.manifest(forced.run, "dance", "collected"), b"")
    plan_images(StageInput(run=forced.run, scopes=["dance"]), Settings(), site.store, site.records)
    spec = site.store.get(keys.job_spec(forced.run, ["dance"])).decode()
    compared = [name for name in ALL if f"/{name}/analyzed.jsonl" in spec]
    assert compared == [name for name in ALL if name != "dance"], "not with its own former attempt"

    tomorrow = Run(source="tiktok", date="2026-11-21", attempt=1)
    key = keys.manifest(tomorrow, "dance", "collected")
    site.store.put(key, b"")
    site.records.stages.end(
        tomorrow, "collect", "dance", CrawlOutput(scope="dance", items=1, manifest_key=key).model_dump_json()
    )
    plan_images(StageInput(run=tomorrow, scopes=["dance"]), Settings(), site.store, site.records)
    spec = site.store.get(keys.job_spec(tomorrow, ["dance"])).decode()
    for name in ALL:
        assert keys.manifest(after.run_of(name), name, "analyzed") in spec
    assert "runs/tiktok/2026-11-20.2/dance/analyzed.jsonl" in spec


def test_the_log_says_how_each_execution_ended_whatever_else_the_day_lacks(site: Site) -> None:
    site.walled = {"food", "tts"}
    site.run_day()
    site.run_day(categories=["dance"], force=True)
    site.walled = {"tts"}
    site.run_day(categories=["food", "tts"])
    shown = [(each.scopes, each.status, each.cause) for each in site.records.runs.executions("tiktok")]
    assert shown == [
        (["food", "tts"], "FAILED", "tts: a captcha"),
        (["dance"], "SUCCEEDED", None),
        (ALL, "FAILED", "food: a captcha; tts: a captcha"),
    ]
    assert (site.record.status, site.record.failed_categories) == ("FAILED", ["tts"])


def test_a_part_that_succeeded_is_no_part_in_the_log(site: Site) -> None:
    site.run_day(categories=["food"])
    (logged,) = site.records.runs.executions("tiktok")
    assert (logged.status, site.record.status) == ("SUCCEEDED", "PARTIAL")


def test_a_forced_category_that_fails_is_tried_again_and_its_former_result_still_counts(site: Site) -> None:
    site.run_day()
    site.walled = {"dance"}
    assert site.run_day(categories=["dance"], force=True).status == "FAILED"
    assert (site.record.status, site.record.attempts["dance"]) == ("FAILED", 1)
    site.walled = set()
    again = site.begin()
    assert (again.run.attempt, again.scopes) == (2, ["dance"])
    site.finish(site.work(again))
    assert (site.record.status, site.record.attempts["dance"]) == ("SUCCEEDED", 2)


def test_what_is_resumed_after_its_list_was_published_again_is_a_later_edition(site: Site) -> None:
    site.run_day()
    site.walled = {"tts"}
    site.run_day(categories=["tts"], force=True)
    # Given that its former list was published again since: edition 3.
    assert site.records.runs.update(site.record.model_copy(update={"editions": 3}), site.record)
    site.walled = set()
    begun = site.begin()
    assert (begun.scopes, begun.run.attempt) == (["tts"], 4)
    site.finish(site.work(begun))
    assert (site.record.status, site.record.attempts["tts"], site.record.attempts["dance"]) == ("SUCCEEDED", 4, 1)


def test_of_fail_and_a_slow_finish_the_first_decides(site: Site) -> None:
    begun = site.begin()
    slow = site.work(begun)
    site.fail("finish", begun.run)
    failed = site.record
    assert site.finish(slow).status == "FAILED"
    assert site.record == failed
    assert len(site.notified) == 1


def test_a_day_that_fails_after_its_lists_are_published_has_them(site: Site) -> None:
    site.walled, site.empty = {"main"}, {"food"}
    begun = site.begin()
    site.work(begun)
    site.fail("archive", begun.run)
    published = ["dance", "challenge", "tts"]
    assert (site.record.status, site.record.stage, site.record.done) == ("FAILED", "archive", published)
    assert site.record.attempts == dict.fromkeys(published, 1)
    assert site.notified == ["Framesift: tiktok of 2026-11-20 is incomplete"]

    site.walled = site.empty = set()
    again = site.begin(only_if_failed=True)
    assert (again.decision, again.scopes, again.run.attempt) == ("run", ALL, 1), "the archive is still to be made"
    site.finish(site.work(again))
    assert (site.record.status, sorted(site.record.done)) == ("SUCCEEDED", sorted(ALL))


@pytest.mark.parametrize(
    ("source", "stage", "output", "made"),
    [
        ("youtube", "predict", PredictOutput(detector="d", categories=[]), []),
        (
            "youtube",
            "predict",
            PredictOutput(
                detector="d",
                categories=[
                    PredictedCategory(
                        category="a", manifest_key="k", items=1, failed_items=0, confident={}, to_review=0
                    )
                ],
            ),
            ["a"],
        ),
        (
            "upload",
            "poses",
            PosesOutput(collection="dance", manifest_key="k", done=1, failed=0, frames_kept=1),
            ["dance"],
        ),
    ],
)
def test_every_source_says_what_an_attempt_has_made(source: str, stage: str, output: Contract, made: list[str]) -> None:
    outputs = {(stage, "x"): output.model_dump(mode="json"), ("collect", "x"): {}}
    assert branch_of(source).made(outputs) == made
    assert branch_of(source).made({}) == []


def test_a_finish_that_is_tried_again_returns_what_the_first_wrote(site: Site) -> None:
    site.walled = {"food"}
    request = site.work(site.begin())
    first = site.finish(request)
    ended = site.record
    again = site.finish(request)
    assert (again.status, again.failed_categories, again.error) == (first.status, ["food"], "CaptchaShownError")
    assert site.record == ended
    assert len(site.notified) == 1


def break_off(*_: object) -> None:
    raise ConnectionError("the process dies here")


def test_a_finish_that_dies_before_people_are_notified_does_it_when_it_is_tried_again(site: Site) -> None:
    site.walled = {"food"}
    request = site.work(site.begin())
    with pytest.raises(ConnectionError):
        finish_run(request, site.store, site.records, break_off, WORKFLOW)
    assert (site.record.status, site.record.notified) == ("FAILED", False)

    for _ in range(2):
        site.finish(request)
    assert site.notified == ["Framesift: tiktok of 2026-11-20 is incomplete"]
    assert site.record.notified


def test_where_every_try_of_finish_dies_fail_follows_up_what_finish_wrote(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.empty = {"food"}
    begun = site.begin()
    request = site.work(begun)
    with monkeypatch.context() as dying:
        dying.setattr(type(site.records.stages), "forget_scopes", break_off)
        with pytest.raises(ConnectionError):
            site.finish(request)
    ended = site.record
    assert site.notified == []

    for _ in range(2):
        site.fail("finish", begun.run)
    assert site.notified == ["Framesift: tiktok of 2026-11-20 is incomplete"]
    assert site.record == ended.model_copy(update={"notified": True}), "what Finish wrote stays"
    scopes = {scope for _, scope in site.records.stages.outputs(begun.run)}
    assert "dance" in scopes, "what was done is kept"
    assert "food" not in scopes, "the next try of what failed begins anew"


def test_a_fail_that_dies_before_people_are_notified_does_it_when_it_is_tried_again(site: Site) -> None:
    begun = site.begin()
    request = FailInput(run=begun.run, stage="plan", error="X", execution_arn="arn:1")
    with pytest.raises(ConnectionError):
        fail_run(request, site.records, break_off, WORKFLOW)
    assert (site.record.status, site.record.notified) == ("FAILED", False)

    for _ in range(2):
        site.fail("plan", begun.run)
    assert site.notified == ["Framesift: tiktok of 2026-11-20 failed"]


def test_a_start_that_read_an_earlier_attempt_does_not_take_the_run(site: Site) -> None:
    site.run_day()
    former = site.record
    late = former.model_copy(update={"status": "RUNNING", "execution_arn": "arn:late"})
    # The same execution and status again, but another attempt was made meanwhile.
    assert site.records.runs.update(former.model_copy(update={"attempt": 2}), former)
    assert not site.records.runs.claim(late, replaces=former)
    assert site.record.attempt == 2


def test_an_execution_that_was_cut_off_is_found_without_reading_every_run(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.begin()
    queries: list[str] = []
    monkeypatch.setattr(type(site.records.table), "query", lambda _, pk, **__: queries.append(pk) or iter(()))
    site.fail("execution")
    assert (site.record.status, site.record.failed_categories) == ("FAILED", ALL)
    assert queries == ["RUN#tiktok#2026-11-20"], "only its own stages' outputs"


def test_a_start_that_begin_refuses_is_reported(site: Site) -> None:
    site.fail("begin")
    assert site.notified == ["Framesift: a start was refused"]


def test_creating_a_folder_in_the_console_is_no_failure(records: Records) -> None:
    for key in ("uploads/", "uploads/dance/"):
        request = BeginInput(
            start={"source": "upload", "object": {"key": key}}, execution_arn="arn:1", started_at=MIDNIGHT
        )
        output = begin_run(request, Settings(), records, lambda _: False)
        assert (output.decision, output.why) == ("skip", f"{key} is a folder")
    assert records.runs.newest("upload") == []


STARTS = st.fixed_dictionaries(
    {
        "categories": st.one_of(st.none(), st.lists(st.sampled_from(ALL), min_size=1, unique=True)),
        "force": st.booleans(),
        "only_if_failed": st.booleans(),
    }
)
DAYS = st.lists(
    st.tuples(
        STARTS,
        st.sets(st.sampled_from(ALL), max_size=2),
        st.sets(st.sampled_from(ALL), max_size=2),
        st.sampled_from(["finish", "finish", "fail", "fail at archive", "killed"]),
    ),
    min_size=1,
    max_size=6,
)


@given(day=DAYS)
@hypothesis_settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_record_is_true_after_any_sequence_of_starts(site: Site, day: list[Any]) -> None:
    site.records.table.delete("RUN#tiktok", "2026-11-20")
    for output in list(site.records.table.query("RUN#tiktok#2026-11-20")):
        site.records.table.delete(output["pk"], output["sk"])
    made: dict[str, int] = {}
    failing: set[str] = set()
    for start, walled, empty, ending in day:
        site.walled, site.empty = walled, empty
        begun = site.begin(**{name: value for name, value in start.items() if value})
        if begun.decision == "skip":
            asked = set(start["categories"] or ALL)
            assert asked <= made.keys() - failing
            continue
        scopes = set(begun.scopes)
        assert scopes <= set(start["categories"] or ALL)
        if ending == "finish" and scopes - walled:
            site.finish(site.work(begun))
            good = scopes - walled - empty
            bad = scopes - good
        elif ending == "fail at archive" and scopes - walled:
            site.work(begun)
            site.fail("archive", begun.run)
            good, bad = scopes - walled - empty, scopes
        elif ending == "killed":
            failing |= scopes  # Until the next start, the record only says RUNNING.
            continue
        else:
            site.fail("analyze", begun.run)
            good, bad = set(), scopes
        made |= dict.fromkeys(good, begun.run.attempt)
        failing = (failing - good) | bad
        record = site.record
        assert set(record.done) == made.keys()
        assert {scope: record.run_of(scope).attempt for scope in record.done} == made
        assert set(record.failed_categories) == failing
        whole = made.keys() >= set(ALL)
        assert record.status == ("FAILED" if record.failures else "SUCCEEDED" if whole else "PARTIAL")
