"""A takedown after the day is published, and the day's lists published again without a crawl."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from framesift import keys
from framesift.contracts import BeginInput, BeginOutput
from framesift.errors import ObjectMissingError, RunBusyError, UnknownCategoryError
from framesift.pipeline.begin import begin_run
from framesift.pipeline.takedowns import restore, take_down
from framesift.pipeline.tiktok.republish import republish
from framesift.table import Failure, RunRecord
from tests.unit.pipeline.test_curate_to_finish import RUN, Day, a_whole_day, day

__all__ = ["day"]


def ids(made: Day, category: str = "dance") -> list[tuple[int, str]]:
    return [(item.rank, item.clip_id) for item in made.top_list(category).items]


def record_of(made: Day) -> RunRecord:
    record = made.records.runs.get("tiktok", RUN.date)
    assert record is not None
    return record


def publish_again(made: Day, categories: list[str] | None = None) -> None:
    republish(record_of(made), categories, made.settings, made.store, made.records)


def test_the_ranks_close_up_and_the_next_clip_moves_up(day: Callable[..., Day]) -> None:
    made = day()
    a_whole_day(made, {"dance": 12, "food": 3})
    before = {key: made.store.get(key) for key in made.store.list("published/2026-11-20/")}
    take_down("tiktok", "dance-2", "asked", made.store, made.records)
    publish_again(made)
    expected = [f"dance-{number}" for number in (0, 1, 3, 4, 5, 6, 7, 8, 9, 10)]
    assert ids(made) == list(enumerate(expected, start=1)), "the eleventh's image was in the residual archive"
    assert made.top_list("dance").edition == "2026-11-20.2"
    assert made.store.get(keys.latest_list("dance")) == made.store.get(keys.top_list("2026-11-20.2", "dance"))
    assert {key: made.store.get(key) for key in before} == before, "an edition never changes"

    record = record_of(made)
    assert (record.status, record.attempt, record.run_of("dance").attempt) == ("SUCCEEDED", 1, 1)
    assert record.counts["dance"]["dropped"] == {"below_top": 1, "taken_down": 1}
    assert {"seen", "items"} <= record.counts["dance"].keys(), "what the crawl counted stays"
    (history,) = made.records.items.days("tiktok", "dance-2")
    assert (history.list_id, history.dropped) == (None, "taken_down")

    restore("tiktok", "dance-2", made.store, made.records)
    publish_again(made, ["dance"])
    assert [clip for _, clip in ids(made)] == [f"dance-{number}" for number in range(10)]
    assert made.top_list("food").edition == "2026-11-20.2"
    assert made.top_list("dance").edition == "2026-11-20.3"


def start(made: Day, **asked: Any) -> BeginOutput:
    request = BeginInput(
        start={"source": "tiktok", "date": RUN.date, **asked},
        execution_arn="arn:2",
        started_at=datetime(2026, 11, 20, 9, tzinfo=UTC),
    )
    return begin_run(request, made.settings, made.records, lambda _: False)


def test_what_a_failed_day_collected_is_not_fetched_again(day: Callable[..., Day]) -> None:
    made = day()
    made.begin(["dance", "food"])
    for category in ("dance", "food"):
        made.analyzed(category, 3)
    made.curate("dance")
    made.publish(["dance"])
    made.records.stages.end(RUN, "collect", "food", "{}")
    record = record_of(made)
    failure = Failure(stage="curate", error="X")
    assert made.records.runs.end(record.end(at=record.started_at, done=["dance"], failures={"food": failure}))

    publish_again(made)
    assert made.top_list("dance").edition == "2026-11-20.2"
    resumed = start(made, categories=["food"])
    assert (resumed.decision, resumed.scopes, resumed.run.attempt) == ("run", ["food"], 1)
    assert made.records.stages.output(resumed.run, "collect", "food") == "{}"


def test_a_forced_run_does_not_take_a_published_editions_name(day: Callable[..., Day]) -> None:
    made = day()
    a_whole_day(made, {"dance": 3})
    publish_again(made)
    publish_again(made)
    forced = start(made, force=True, categories=["dance"])
    assert (forced.run.attempt, keys.edition(forced.run)) == (4, "2026-11-20.4")


def test_a_start_from_before_a_publication_does_not_take_its_number_back(day: Callable[..., Day]) -> None:
    made = day()
    a_whole_day(made, {"dance": 3})
    former = record_of(made)
    publish_again(made)
    late = former.model_copy(update={"status": "RUNNING", "execution_arn": "arn:2"})
    assert not made.records.runs.claim(late, replaces=former)
    with pytest.raises(RunBusyError):
        republish(former, None, made.settings, made.store, made.records)
    assert record_of(made).next_edition == 3


def test_the_log_of_executions_has_the_publication(day: Callable[..., Day]) -> None:
    made = day()
    a_whole_day(made, {"dance": 11})
    publish_again(made)
    newest, first = made.records.runs.executions("tiktok")
    assert (newest.action, newest.attempt, newest.trigger) == ("publish", 2, "person")
    assert (newest.status, newest.scopes, newest.run_id) == ("SUCCEEDED", ["dance"], RUN.date)
    assert (first.action, first.attempt) == ("run", 1)

    made.store.delete(list(made.store.list("residual/")))
    take_down("tiktok", "dance-0", "asked", made.store, made.records)
    with pytest.raises(ObjectMissingError):
        publish_again(made)
    newest = made.records.runs.executions("tiktok")[0]
    assert (newest.status, newest.error, newest.attempt) == ("FAILED", "ObjectMissingError", 3)


def test_a_takedown_between_curate_and_publish_counts(day: Callable[..., Day]) -> None:
    made = day()
    made.begin(["dance"])
    made.analyzed("dance", 12)
    made.curate("dance")
    made.records.items.take_down("tiktok", "dance-0", "asked")
    made.publish(["dance"])
    assert ids(made)[0] == (1, "dance-1")
    assert len(ids(made)) == 10


def test_a_day_that_is_being_run_is_not_published_again(day: Callable[..., Day]) -> None:
    made = day()
    a_whole_day(made, {"dance": 3})
    former = record_of(made)
    made.run = RUN.model_copy(update={"attempt": 2})
    made.begin(["dance"])
    with pytest.raises(RunBusyError, match="is being run"):
        publish_again(made)
    with pytest.raises(RunBusyError):
        republish(former, None, made.settings, made.store, made.records)


def test_what_cannot_be_published_again_is_named(day: Callable[..., Day]) -> None:
    made = day()
    a_whole_day(made, {"dance": 11})
    with pytest.raises(UnknownCategoryError, match="no list of opera; it has: dance"):
        publish_again(made, ["opera"])
    made.store.delete(list(made.store.list("residual/")))
    take_down("tiktok", "dance-0", "asked", made.store, made.records)
    with pytest.raises(ObjectMissingError, match="run tiktok --force"):
        publish_again(made)
    assert made.top_list("dance").edition == "2026-11-20"
