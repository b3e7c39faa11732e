"""Begin: refuse what is not known, by name; claim the run, or report why there is nothing to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date as Date  # noqa: N812 - `date` is a field's name here
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from framesift.contracts import BeginInput, BeginOutput, Run, StartInput
from framesift.errors import InvalidDateError, InvalidStartError, RunBusyError
from framesift.log import logger
from framesift.pipeline.branch import Admission, RunRequest
from framesift.pipeline.branches import branch_of
from framesift.settings import Settings
from framesift.table import Failure, Records, RunRecord, Runs, Trigger
from framesift.table.runs import INTERRUPTED


def begin_run(
    request: BeginInput, settings: Settings, records: Records, is_running: Callable[[str], bool]
) -> BeginOutput:
    """Decide whether this execution runs, and claim the run for it.

    Args:
        request: The start, and the execution that asks; a dry run claims nothing.
        settings: This process's settings.
        records: Where runs, batches and inboxes are recorded.
        is_running: Whether the execution with an ARN is still running.

    Returns:
        `run` with the scopes that are still to do, or `skip` with the reason.

    Raises:
        InvalidStartError: If a field is unknown or of the wrong form.
        UnknownSourceError: If the source does not exist.
        UnknownCategoryError: If the source has no such category.
        InvalidCollectionError: If an upload is in no collection, or its name cannot be used.
        BatchMissingError: If the collection has no such batch.
        BatchStateError: If the batch's files are still arriving.
        InvalidDateError: If the date does not exist or is in the future.
        RunBusyError: If another execution claimed the run at the same moment.
    """
    runs = records.runs
    start = _parse_start(request.start)
    branch = branch_of(start.source)
    asked = branch.parse(start, settings)
    date = _choose_date(start, request.started_at, settings).isoformat()
    if branch.admit and not request.dry_run and not asked.skip:
        asked = branch.admit(asked, Admission(request.execution_arn, date, request.started_at, records, is_running))
    run = Run(source=start.source, date=asked.date or date, attempt=1, subject=asked.subject)
    record = runs.get(run.source, run.id)
    plan = _decide(start, run.id, asked, record, request.execution_arn, is_running)
    run = run.model_copy(update={"attempt": plan.attempt}) if plan.skip is None else record.run if record else run
    output = BeginOutput(
        decision="run" if plan.skip is None else "skip",
        why=plan.why if plan.skip is None else plan.skip,
        run=run,
        collector=branch.collector,
        goal=asked.goal or branch.goal,
        work=[branch.work(run, scope, start, asked) for scope in plan.scopes],
    )
    if plan.skip is None and not request.dry_run:
        _claim(request, run, asked, plan, record, settings, runs, _trigger(start))
    logger.info(
        "run begun" if output.decision == "run" else "run skipped",
        extra={"source": run.source, "run": run.id, "attempt": run.attempt, "why": output.why, "scopes": output.scopes},
    )
    return output


@dataclass(frozen=True)
class _Plan:
    """What an execution is to do.

    Attributes:
        why: Why it runs.
        skip: Why it does not; None: it runs.
        attempt: The run's attempt that it works on.
        scopes: What it makes.
    """

    why: str = ""
    skip: str | None = None
    attempt: int = 1
    scopes: list[str] = field(default_factory=list)


def _parse_start(start: dict[str, Any]) -> StartInput:
    try:
        return StartInput.model_validate(start)
    except ValidationError as error:
        known = ", ".join(StartInput.model_fields)
        faults = []
        for fault in error.errors():
            name = ".".join(str(part) for part in fault["loc"])
            if fault["type"] == "extra_forbidden":
                faults.append(f"unknown field {name!r}")
            elif fault["type"] == "missing":
                faults.append(f"field {name!r} is missing")
            else:
                faults.append(f"field {name!r}: {fault['msg']}, not {fault['input']!r}")
        raise InvalidStartError(f"This start cannot be used: {'; '.join(faults)}. Fields are: {known}.") from None


def _choose_date(start: StartInput, started_at: datetime, settings: Settings) -> Date:
    zone = ZoneInfo(settings.run.timezone)
    today = started_at.astimezone(zone).date()
    if start.date is None:
        if start.scheduled_at is None:
            return today
        try:
            return datetime.fromisoformat(start.scheduled_at).astimezone(zone).date()
        except (ValueError, OverflowError):
            raise InvalidDateError(f"scheduled_at {start.scheduled_at!r} is no ISO 8601 time.") from None
    try:
        day = Date.fromisoformat(start.date)
    except ValueError:
        raise InvalidDateError(f"date {start.date!r} is no date of the form YYYY-MM-DD.") from None
    if day.isoformat() != start.date:
        raise InvalidDateError(f"date {start.date!r} is no date of the form YYYY-MM-DD.")
    if day > today:
        raise InvalidDateError(f"date {start.date} is in the future: it is {today} in {settings.run.timezone}.")
    return day


def _decide(
    start: StartInput,
    run_id: str,
    asked: RunRequest,
    record: RunRecord | None,
    execution_arn: str,
    is_running: Callable[[str], bool],
) -> _Plan:
    """Compare a start with the run's record; pure but for `is_running`."""
    if asked.skip:
        return _Plan(skip=asked.skip)
    if record is None:
        return _Plan(f"{run_id} has not been run", scopes=asked.scopes)
    if record.status == "RUNNING":
        if record.execution_arn == execution_arn:  # A retry of this very state.
            return _Plan("claimed before", None, record.attempt, record.scopes)
        if is_running(record.execution_arn):
            return _Plan(skip=f"{record.source} of {run_id} is under way in {record.execution_arn}")
    if start.force:
        return _Plan("forced", None, record.next_edition, asked.scopes)
    if asked.repeats:
        return _Plan("finds what was added since", None, record.next_edition, asked.scopes)
    unfinished = record.unfinished(asked.scopes)
    if not unfinished:
        what = "is done" if set(asked.scopes) >= set(asked.wanted) else f"is done for {', '.join(asked.scopes)}"
        return _Plan(skip=f"{record.source} of {run_id} {what}")
    why = "the day is done for other categories only" if record.status == "PARTIAL" else "resumes the failed run"
    # A list that was published again since has a later edition's number, and would hide what is made now.
    is_hidden = record.editions > record.attempt and not set(unfinished).isdisjoint(record.done)
    return _Plan(why, None, record.next_edition if is_hidden else record.attempt, unfinished)


def _claim(
    request: BeginInput,
    run: Run,
    asked: RunRequest,
    plan: _Plan,
    record: RunRecord | None,
    settings: Settings,
    runs: Runs,
    trigger: Trigger,
) -> None:
    """Record that the execution works on the run.

    What is recorded of scopes that it does not work on stays as it is.

    Raises:
        RunBusyError: If another execution was quicker.
    """
    known = record.wanted if record else []
    failures = {**record.failures, **_cut_off(record, plan)} if record else {}
    claimed = RunRecord(
        source=run.source,
        date=run.date,
        subject=run.subject,
        collection=asked.collection,
        batch=asked.batch or None,
        status="RUNNING",
        attempt=run.attempt,
        editions=record.editions if record else 0,
        execution_arn=request.execution_arn,
        trigger=trigger,
        categories=[] if asked.collection else plan.scopes,
        wanted=[*asked.wanted, *(scope for scope in known if scope not in asked.wanted)],
        done=record.done if record else [],
        attempts=_attempts(record),
        failures=failures,
        failed_categories=list(failures),
        started_at=request.started_at,
        counts=record.counts if record else {},
        degraded=record.degraded if record else [],
        stand_ins=[name for name in settings.run.stand_ins if name in branch_of(run.source).services],
    )
    if record and not claimed.covers_all():  # Others' results may come from stand-ins.
        claimed = claimed.model_copy(update={"stand_ins": sorted({*record.stand_ins, *claimed.stand_ins})})
    if not runs.claim(claimed, replaces=record):
        raise RunBusyError(f"Another execution claimed {run.source} of {run.id} at the same moment; try again.")


def _trigger(start: StartInput) -> Trigger:
    if start.object or start.batch:
        return "upload"
    return "schedule" if start.scheduled_at else "person"


def _cut_off(record: RunRecord, plan: _Plan) -> dict[str, Failure]:
    """What an execution that ended without a report was working on, and this one does not take over."""
    if record.status != "RUNNING":
        return {}
    failure = Failure(stage="execution", error=INTERRUPTED, cause=f"{record.execution_arn} ended without a report")
    return {scope: failure for scope in record.unfinished(record.scopes) if scope not in plan.scopes}


def _attempts(record: RunRecord | None) -> dict[str, int]:
    """Which attempt made what is done, written out: a new attempt changes what the default means."""
    return {scope: record.run_of(scope).attempt for scope in record.done} if record else {}
