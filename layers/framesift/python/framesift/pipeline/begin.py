"""Begin: refuse what is not known, by name; claim the run, or say why there is nothing to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date as Date  # noqa: N812 - `date` is a field's name here
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from botocore.exceptions import ClientError
from pydantic import ValidationError

from framesift import aws
from framesift.contracts import BeginInput, BeginOutput, Run, StartInput
from framesift.errors import (
    InvalidDateError,
    InvalidStartError,
    RunBusyError,
    UnknownCategoryError,
    UnknownSourceError,
)
from framesift.pipeline.uploads import subject_of
from framesift.settings import Settings
from framesift.table import RunRecord, Table

# Sources whose branch of the workflow is built.
BUILT_SOURCES = ("tiktok", "youtube", "upload")


def begin_run(
    request: BeginInput,
    settings: Settings,
    table: Table,
    is_running: Callable[[str], bool],
) -> BeginOutput:
    """Decide whether this execution runs, and claim the run for it.

    Args:
        request: The start, and the execution that asks; a dry run claims nothing.
        settings: This process's settings.
        table: Where runs are recorded.
        is_running: Tells of an execution's ARN whether it is still at work.

    Returns:
        `run` with the categories that are still to do, or `skip` with the reason.

    Raises:
        InvalidStartError: If a field is unknown or of the wrong form.
        UnknownSourceError: If the source does not exist or has no branch.
        UnknownCategoryError: If the source has no such category.
        InvalidCollectionError: If what is uploaded lies in no collection, or its name cannot be used.
        InvalidDateError: If the date does not exist or lies in the future.
        RunBusyError: If another execution claimed the run at the same moment.
    """
    start = _parse_start(request.start)
    categories, subject = _check_what(start, settings)
    date = _choose_date(start, request.started_at, settings).isoformat()
    run = Run(source=start.source, date=date, attempt=1, subject=subject)
    record = table.run(run.source, run.id)
    choice = _choose(start, run.id, categories, record, request.execution_arn, is_running)
    if choice.skip is not None:
        run = record.run if record else run
        return BeginOutput(decision="skip", why=choice.skip, run=run, categories=[])
    claimed = RunRecord(
        source=start.source,
        date=date,
        subject=subject,
        status="RUNNING",
        attempt=choice.attempt,
        execution_arn=request.execution_arn,
        categories=choice.categories,
        done=choice.done,
        started_at=request.started_at,
        counts=record.counts if record and record.attempt == choice.attempt else {},
    )
    if not request.dry_run and not table.claim(claimed, replaces=record):
        raise RunBusyError(f"Another execution claimed {start.source} of {run.id} at the same moment; try again.")
    return BeginOutput(
        decision="run", why=choice.why, run=claimed.run, categories=choice.categories, object=start.object
    )


def execution_is_running(execution_arn: str) -> bool:
    """Whether an execution of the state machine is still at work."""
    try:
        found = aws.stepfunctions().describe_execution(executionArn=execution_arn)
    except ClientError as error:
        if error.response["Error"]["Code"] in {"ExecutionDoesNotExist", "InvalidArn"}:
            return False
        raise
    return found["status"] in {"RUNNING", "PENDING_REDRIVE"}


@dataclass(frozen=True)
class _Choice:
    why: str = ""
    skip: str | None = None
    attempt: int = 1
    categories: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)


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


def _check_what(start: StartInput, settings: Settings) -> tuple[list[str], str | None]:
    """What of the source is to be done, and the subject of its run."""
    if start.source not in BUILT_SOURCES:
        raise UnknownSourceError(f"There is no source {start.source!r}; sources are: {', '.join(BUILT_SOURCES)}.")
    if start.source == "upload":
        collection, subject = subject_of(start)
        return [collection], subject
    if start.collection is not None or start.object is not None:
        raise InvalidStartError(f"This start cannot be used: {start.source} has no collections; `upload` has.")
    return _check_categories(start, settings), None


def _check_categories(start: StartInput, settings: Settings) -> list[str]:
    known = list(settings.youtube.feeds) if start.source == "youtube" else settings.run.categories
    for category in start.categories or []:
        if category not in known:
            raise UnknownCategoryError(
                f"{start.source} has no category {category!r}; categories are: {', '.join(known)}."
            )
    wanted = start.categories or known
    return [category for category in known if category in wanted]


def _choose_date(start: StartInput, started_at: datetime, settings: Settings) -> Date:
    zone = ZoneInfo(settings.run.timezone)
    today = started_at.astimezone(zone).date()
    if start.date is None:
        if start.scheduled_at is None:
            return today
        try:
            return datetime.fromisoformat(start.scheduled_at).astimezone(zone).date()
        except ValueError:
            raise InvalidDateError(f"scheduled_at {start.scheduled_at!r} is no ISO 8601 time.") from None
    try:
        day = Date.fromisoformat(start.date)
    except ValueError:
        raise InvalidDateError(f"date {start.date!r} is no date of the form YYYY-MM-DD.") from None
    if day.isoformat() != start.date:
        raise InvalidDateError(f"date {start.date!r} is no date of the form YYYY-MM-DD.")
    if day > today:
        raise InvalidDateError(f"date {start.date} lies in the future: it is {today} in {settings.run.timezone}.")
    return day


def _choose(
    start: StartInput,
    run_id: str,
    categories: list[str],
    record: RunRecord | None,
    execution_arn: str,
    is_running: Callable[[str], bool],
) -> _Choice:
    """Weigh a start against the run's record; pure but for `is_running`."""
    if start.object and start.object.key.endswith("/"):
        return _Choice(skip=f"{start.object.key} is a folder")
    if record is None:
        return _Choice(f"{run_id} has not been run", categories=categories, done=[])
    if record.status == "RUNNING":
        if record.execution_arn == execution_arn:  # A retry of this very state.
            return _Choice("claimed before", None, record.attempt, record.categories, record.done)
        if is_running(record.execution_arn):
            return _Choice(skip=f"{record.source} of {run_id} is under way in {record.execution_arn}")
    if start.force:
        return _Choice("forced", None, record.attempt + 1, categories, [])
    if record.subject in categories and not start.only_if_failed:
        return _Choice("looks for what has come since", None, record.attempt + 1, categories, [])
    missing = [category for category in categories if category not in record.done]
    if record.status == "SUCCEEDED" and (start.only_if_failed or not missing):
        return _Choice(skip=f"{record.source} of {run_id} is done")
    # FAILED, left behind by an execution that was killed, or done for other categories only.
    why = "the day is done for other categories" if record.status == "SUCCEEDED" else "takes up the failed run"
    return _Choice(why, None, record.attempt, missing or categories, record.done)
