from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from framesift import aws
from framesift.contracts import BeginInput, BeginOutput
from framesift.errors import (
    InvalidDateError,
    InvalidStartError,
    RunBusyError,
    UnknownCategoryError,
    UnknownSourceError,
)
from framesift.pipeline.begin import begin_run
from framesift.settings import Settings
from framesift.table import Failure, Records, RunRecord, Runs
from framesift.workflow import execution_is_running

# 20 November in Seoul, still the 19th in UTC.
MIDNIGHT = datetime(2026, 11, 19, 15, 0, 5, tzinfo=UTC)
ALL = ["main", "dance", "challenge", "food", "tts"]


@pytest.fixture
def begin(records: Records) -> Callable[..., BeginOutput]:
    def call(
        start: dict[str, Any], arn: str = "arn:1", running: tuple[str, ...] = (), at: datetime = MIDNIGHT
    ) -> BeginOutput:
        request = BeginInput(start=start, execution_arn=arn, started_at=at)
        return begin_run(request, Settings(), records, lambda other: other in running)

    return call


def end(records: Records, status: str, done: list[str], date: str = "2026-11-20") -> None:
    record = records.runs.get("tiktok", date)
    assert record is not None
    failures = {scope: Failure(stage="collect", error="X") for scope in record.scopes if scope not in done}
    ended = record.end(at=MIDNIGHT, done=done, failures=failures)
    assert ended.status == status
    assert records.runs.end(ended)


def test_a_first_start_claims_the_day_in_seoul(begin: Callable[..., BeginOutput], records: Records) -> None:
    output = begin({"source": "tiktok"})
    assert output.decision == "run"
    assert output.run.date == "2026-11-20"
    assert output.scopes == ALL
    record = records.runs.get("tiktok", "2026-11-20")
    assert record is not None
    assert (record.status, record.execution_arn, record.attempt) == ("RUNNING", "arn:1", 1)


def test_categories_come_in_the_settings_order_and_once(begin: Callable[..., BeginOutput]) -> None:
    output = begin({"source": "tiktok", "categories": ["food", "dance", "food"]})
    assert output.scopes == ["dance", "food"]


@pytest.mark.parametrize(
    ("start", "error", "named"),
    [
        ({}, InvalidStartError, "'source' is missing"),
        ({"source": 7}, InvalidStartError, "'source'"),
        ({"source": "tiktok", "categorys": ["dance"]}, InvalidStartError, "unknown field 'categorys'"),
        ({"source": "tiktok", "force": "yes"}, InvalidStartError, "'force'"),
        ({"source": "myspace"}, UnknownSourceError, "'myspace'"),
        ({"source": "tiktok", "categories": ["cats"]}, UnknownCategoryError, "'cats'"),
        ({"source": "tiktok", "date": "20 November"}, InvalidDateError, "'20 November'"),
        ({"source": "tiktok", "date": "20261120"}, InvalidDateError, "'20261120'"),
        ({"source": "tiktok", "date": "2026-02-30"}, InvalidDateError, "'2026-02-30'"),
        ({"source": "tiktok", "date": "2026-11-21"}, InvalidDateError, "future"),
        ({"source": "tiktok", "scheduled_at": "midnight"}, InvalidDateError, "'midnight'"),
    ],
)
def test_what_is_not_known_is_refused_by_name_and_nothing_is_written(
    begin: Callable[..., BeginOutput], records: Records, start: dict[str, Any], error: type[Exception], named: str
) -> None:
    with pytest.raises(error, match=named):
        begin(start)
    assert records.runs.newest("tiktok") == []


def test_a_late_start_means_the_day_that_it_was_scheduled_for(begin: Callable[..., BeginOutput]) -> None:
    late = datetime(2026, 11, 20, 16, 0, tzinfo=UTC)  # 01:00 on the 21st in Seoul.
    output = begin({"source": "tiktok", "scheduled_at": "2026-11-19T15:00:00Z"}, at=late)
    assert output.run.date == "2026-11-20"


def test_a_doubled_start_of_a_running_run_changes_nothing(begin: Callable[..., BeginOutput], records: Records) -> None:
    begin({"source": "tiktok"})
    before = records.runs.get("tiktok", "2026-11-20")
    output = begin({"source": "tiktok"}, arn="arn:2", running=("arn:1",))
    assert (output.decision, output.scopes) == ("skip", [])
    assert "under way" in output.why
    assert records.runs.get("tiktok", "2026-11-20") == before


def test_force_does_not_start_beside_a_running_run(begin: Callable[..., BeginOutput]) -> None:
    begin({"source": "tiktok"})
    assert begin({"source": "tiktok", "force": True}, arn="arn:2", running=("arn:1",)).decision == "skip"


def test_a_retried_begin_of_the_same_execution_runs(begin: Callable[..., BeginOutput]) -> None:
    first = begin({"source": "tiktok", "categories": ["dance"]})
    again = begin({"source": "tiktok", "categories": ["dance"]})
    assert again.decision == "run"
    assert (again.run, again.scopes) == (first.run, first.scopes)


def test_a_run_whose_execution_was_killed_is_taken_over(begin: Callable[..., BeginOutput], records: Records) -> None:
    begin({"source": "tiktok"})
    output = begin({"source": "tiktok"}, arn="arn:2", running=())
    assert output.decision == "run"
    record = records.runs.get("tiktok", "2026-11-20")
    assert record is not None
    assert (record.execution_arn, record.attempt) == ("arn:2", 1)


def test_a_done_day_is_skipped(begin: Callable[..., BeginOutput], records: Records) -> None:
    begin({"source": "tiktok"})
    end(records, "SUCCEEDED", ALL)
    assert begin({"source": "tiktok"}, arn="arn:2").decision == "skip"
    assert begin({"source": "tiktok", "only_if_failed": True}, arn="arn:2").decision == "skip"


def test_force_repeats_a_done_day_as_another_attempt(begin: Callable[..., BeginOutput], records: Records) -> None:
    begin({"source": "tiktok"})
    end(records, "SUCCEEDED", ALL)
    output = begin({"source": "tiktok", "force": True}, arn="arn:2")
    assert (output.decision, output.run.attempt, output.scopes) == ("run", 2, ALL)


def test_noon_takes_up_only_what_failed(begin: Callable[..., BeginOutput], records: Records) -> None:
    begin({"source": "tiktok"})
    end(records, "FAILED", ["main", "dance", "food"])
    output = begin({"source": "tiktok", "only_if_failed": True}, arn="arn:2")
    assert (output.decision, output.scopes) == ("run", ["challenge", "tts"])
    record = records.runs.get("tiktok", "2026-11-20")
    assert record is not None
    assert record.done == ["main", "dance", "food"]


def test_noon_catches_up_on_a_midnight_that_never_came(begin: Callable[..., BeginOutput]) -> None:
    assert begin({"source": "tiktok", "only_if_failed": True}).decision == "run"


def test_a_day_done_for_one_category_runs_for_the_others(begin: Callable[..., BeginOutput], records: Records) -> None:
    begin({"source": "tiktok", "categories": ["dance"]})
    end(records, "PARTIAL", ["dance"])
    output = begin({"source": "tiktok"}, arn="arn:2")
    assert output.scopes == ["main", "challenge", "food", "tts"]


def test_of_two_starts_at_the_same_moment_one_wins(
    begin: Callable[..., BeginOutput], records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The second start reads before the first one claims.
    read: Callable[[Runs, str, str], RunRecord | None] = Runs.get
    begin({"source": "tiktok"})
    monkeypatch.setattr(Runs, "get", lambda *_: None)
    with pytest.raises(RunBusyError, match="same moment"):
        begin({"source": "tiktok"}, arn="arn:2")
    record = read(records.runs, "tiktok", "2026-11-20")
    assert record is not None
    assert record.execution_arn == "arn:1"


@pytest.mark.parametrize(
    ("start", "trigger"),
    [
        ({"source": "tiktok"}, "person"),
        ({"source": "tiktok", "scheduled_at": "2026-11-19T15:00:00Z"}, "schedule"),
        (
            {
                "source": "upload",
                "scheduled_at": "2026-11-19T15:00:00Z",  # The rule for uploads passes on when the upload was.
                "object": {"key": "uploads/dance/a.mp4", "etag": "e", "size": 1, "sequencer": "1", "version_id": "v"},
            },
            "upload",
        ),
    ],
)
def test_who_started_it_is_logged(
    start: dict[str, Any], trigger: str, begin: Callable[..., BeginOutput], records: Records
) -> None:
    begin(start)
    (execution,) = records.runs.executions(start["source"])
    assert (execution.trigger, execution.status, execution.execution_arn) == (trigger, "RUNNING", "arn:1")


def test_only_an_execution_that_is_under_way_is_running(aws_on_moto: None) -> None:
    steps = aws.stepfunctions()
    role = "arn:aws:iam::123456789012:role/test"
    definition = '{"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}'
    machine = steps.create_state_machine(name="test", definition=definition, roleArn=role)["stateMachineArn"]
    arn = steps.start_execution(stateMachineArn=machine, name="one")["executionArn"]

    assert execution_is_running(arn)
    steps.stop_execution(executionArn=arn)
    assert not execution_is_running(arn)
    assert not execution_is_running(arn.replace(":one", ":another"))
    assert not execution_is_running("local")


@pytest.mark.parametrize(
    ("start", "named"),
    [
        ({"source": "tiktok"}, ["tiktok"]),
        ({"source": "youtube"}, ["youtube", "custom-vision"]),
        ({"source": "upload", "collection": "dance"}, []),
    ],
)
def test_a_run_names_the_stand_ins_that_its_source_calls_alone(
    start: dict[str, Any], named: list[str], records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRAMESIFT_RUN__STAND_INS", '["tiktok", "youtube", "custom-vision"]')
    request = BeginInput(start=start, execution_arn="arn:1", started_at=MIDNIGHT)
    begin_run(request, Settings(), records, lambda _: False)
    (record,) = records.runs.newest(start["source"])
    assert record.stand_ins == named
