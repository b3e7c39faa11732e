"""Watching a run: joining one that is under way, leaving it, and what is shown of it."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from framesift import aws
from framesift.cli.progress import sending
from framesift.cli.watch import watch
from framesift.contracts import Run
from framesift.storage import S3Store
from framesift.table import Records, RunRecord
from framesift.table.stages import FRAMES
from tests.unit.cli.conftest import framesift

STARTED_AT = datetime.now(UTC) - timedelta(minutes=2)


class Workflow:
    """Step Functions' answers about one execution; each is preceded by what happens meanwhile."""

    def __init__(self, *events: Any) -> None:
        self._events: Iterator[Any] = iter(events)
        self.asked: list[str] = []

    def describe_execution(self, executionArn: str) -> dict[str, Any]:  # noqa: N803 - as boto3 calls it
        self.asked.append(executionArn)
        status = next(self._events)()
        output = {"output": "{}"} if status == "SUCCEEDED" else {}
        return {"status": status, "startDate": STARTED_AT, **output}


@pytest.fixture
def running(stack: str, records: Records) -> RunRecord:
    """A day that is being run again; its first attempt has reported progress."""
    record = RunRecord(
        source="tiktok",
        date="2026-11-20",
        status="RUNNING",
        attempt=2,
        execution_arn="arn:2",
        trigger="schedule",
        categories=["dance"],
        wanted=["dance"],
        started_at=STARTED_AT,
    )
    assert records.runs.claim(record, None)
    return record


def report(records: Records, run: Run, at: datetime, done: int) -> None:
    """Report progress as a stage did at a time."""
    fields = {"done": done, "total": 40, "attempt": run.attempt, "at": at.isoformat()}
    records.table.put(f"PROGRESS#{run.source}#{run.id}", "collect#dance", fields)


def test_watch_rejoins_a_run_that_is_under_way(
    running: RunRecord, records: Records, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def finish() -> str:
        ended = running.end(at=datetime.now(UTC), done=["dance"], failures={})
        assert records.runs.end(ended)
        return "SUCCEEDED"

    workflow = Workflow(lambda: "RUNNING", finish)
    monkeypatch.setattr(aws, "stepfunctions", lambda: workflow)
    assert framesift("watch") == 0
    assert workflow.asked == ["arn:2", "arn:2"]
    assert "tiktok 2026-11-20  SUCCEEDED" in capsys.readouterr().out


def test_progress_of_an_earlier_attempt_is_not_shown_as_this_ones(
    running: RunRecord, records: Records, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def advance() -> str:
        report(records, running.run, datetime.now(UTC), 40)
        return "RUNNING"

    def finish() -> str:
        assert records.runs.end(running.end(at=datetime.now(UTC), done=["dance"], failures={}))
        return "SUCCEEDED"

    report(records, running.run_of_attempt(1), STARTED_AT - timedelta(minutes=5), 40)
    shown_before = []

    def look() -> str:
        shown_before.append(capsys.readouterr().out)
        return advance()

    workflow = Workflow(lambda: "RUNNING", look, finish)
    monkeypatch.setattr(aws, "stepfunctions", lambda: workflow)
    assert framesift("watch", "tiktok", "2026-11-20") == 0
    assert "40/40" not in shown_before[0]
    assert capsys.readouterr().out.count("40/40") == 1


def test_ctrl_c_leaves_the_run_and_says_how_to_come_back(
    running: RunRecord, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt() -> str:
        raise KeyboardInterrupt

    workflow = Workflow(lambda: "RUNNING", interrupt)
    monkeypatch.setattr(aws, "stepfunctions", lambda: workflow)
    assert framesift("watch") == 130
    assert "The run goes on. `framesift watch tiktok '2026-11-20'` shows it again." in capsys.readouterr().err


def test_watch_of_a_run_that_has_ended_shows_how(
    running: RunRecord, records: Records, capsys: pytest.CaptureFixture[str]
) -> None:
    assert records.runs.end(running.end(at=datetime.now(UTC), done=[], failures={}))
    assert framesift("watch", "tiktok", "2026-11-20") == 0
    shown = capsys.readouterr().out
    assert "It has ended." in shown
    assert "`framesift run tiktok --date 2026-11-20 --category dance` makes the rest." in shown, "it is PARTIAL"


def test_runs_is_a_log_of_executions_with_who_started_them(
    running: RunRecord, records: Records, capsys: pytest.CaptureFixture[str]
) -> None:
    again = running.model_copy(
        update={"execution_arn": "arn:3", "trigger": "person", "started_at": STARTED_AT + timedelta(minutes=1)}
    )
    assert records.runs.claim(again, running)
    assert records.runs.end(again.end(at=again.started_at + timedelta(seconds=30), done=["dance"], failures={}))
    assert framesift("runs") == 0
    head, *lines = (line.split("\t") for line in capsys.readouterr().out.splitlines())
    shown = [dict(zip(head, line, strict=True)) for line in lines]
    assert [(line["trigger"], line["status"], line["took"], line["error"]) for line in shown] == [
        ("person", "SUCCEEDED", "30 s", ""),
        ("schedule", "FAILED", "", "Interrupted"),
    ]
    assert framesift("runs", "--limit", "1") == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


@pytest.mark.usefixtures("stack")
def test_nothing_to_watch_says_how_to_start(store: S3Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert framesift("watch") == 65
    assert "`framesift run" in capsys.readouterr().err


def test_a_run_from_before_there_was_a_log_is_listed_once(
    running: RunRecord, records: Records, capsys: pytest.CaptureFixture[str]
) -> None:
    older = running.model_copy(
        update={"date": "2026-11-19", "execution_arn": "arn:0", "started_at": STARTED_AT - timedelta(days=1)}
    )
    assert records.runs.claim(older, None)
    assert records.runs.end(older.end(at=older.started_at + timedelta(seconds=9), done=["dance"], failures={}))
    for entry in records.table.query("EXECUTIONS#tiktok"):
        if "arn:0" in entry["sk"]:
            records.table.delete(entry["pk"], entry["sk"])
    assert framesift("runs") == 0
    _, *lines = capsys.readouterr().out.splitlines()
    assert [(line.split("\t")[0], line.split("\t")[5]) for line in lines] == [
        ("2026-11-20", "RUNNING"),
        ("2026-11-19", "SUCCEEDED"),
    ]
    assert framesift("runs", "--limit", "1") == 0
    assert "2026-11-19" not in capsys.readouterr().out


def test_frames_of_videos_are_shown_while_they_are_processed(
    records: Records, stack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = RunRecord(
        source="upload",
        date="2026-11-20",
        subject="dance.1",
        collection="dance",
        status="RUNNING",
        attempt=1,
        execution_arn="arn:1",
        categories=[],
        started_at=STARTED_AT,
    )
    assert records.runs.claim(record, None)
    records.stages.report_progress(record.run, FRAMES, "여름 댄스.mp4", 150, 600)
    console = Console(file=io.StringIO(), force_terminal=True, width=80)
    shown = []

    def look() -> str:
        shown.append(console.file.getvalue())
        return "SUCCEEDED"

    workflow = Workflow(lambda: "RUNNING", look)
    monkeypatch.setattr(aws, "stepfunctions", lambda: workflow)
    watch("arn:1", records, console)
    assert "여름 댄스.mp4" in shown[0]
    assert "150/600 frames" in shown[0]


def test_what_a_source_does_not_do_has_no_column(
    running: RunRecord, records: Records, capsys: pytest.CaptureFixture[str]
) -> None:
    video = running.model_copy(update={"source": "youtube", "categories": ["popular"], "wanted": ["popular"]})
    assert records.runs.claim(video, None)
    assert framesift("status", "youtube") == 0
    assert "category\tstate\tseen\tcollected\tfailed\n" in capsys.readouterr().out
    assert framesift("status", "tiktok") == 0
    assert "other language\tlisted" in capsys.readouterr().out


def test_the_live_table_fits_80_columns_with_every_stage(
    running: RunRecord, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = running.model_copy(update={"execution_arn": "arn:3", "categories": ["main", "challenge"]})
    assert records.runs.claim(record, running)
    records.stages.end(record.run, "collect", "main", '{"items": 1}')
    records.stages.report_progress(record.run, "collect", "challenge", 120, 200)
    console = Console(file=io.StringIO(), force_terminal=True, width=80, color_system=None, legacy_windows=False)
    shown = []

    def look() -> str:
        shown.append(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", console.file.getvalue()))
        return "SUCCEEDED"

    workflow = Workflow(lambda: "RUNNING", look)
    monkeypatch.setattr(aws, "stepfunctions", lambda: workflow)
    watch("arn:3", records, console)
    head, main, challenge = [line.split() for line in shown[0].splitlines() if line.strip()][-3:]
    assert head == ["collect", "analyze", "curate", "publish", "archive"]
    assert main == ["main", "1", "item", "·", "·", "·", "·"]
    assert challenge == ["challenge", "120/200", "·", "·", "·", "·"]


def test_the_bar_of_uploads_leaves_nothing_in_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    with sending([]) as (on_bytes, _):
        on_bytes(1)
    assert capsys.readouterr().err == ""
