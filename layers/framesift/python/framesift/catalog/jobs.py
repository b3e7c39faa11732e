"""Jobs that a collection's records ask for: starting one, starting it again, and noticing that it has stopped.

A job is an execution of the state machine that does nothing else; what it has to do is an object in the bucket.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from framesift import keys
from framesift.contracts.stages import JobSpec
from framesift.storage import Store, write_json
from framesift.table.jobs import JobRecord, Jobs
from framesift.workflow import Workflow

_START_TAKES: Final = timedelta(minutes=1)
"""Until then nothing is concluded from an execution that is not found: it may be just starting."""

R = TypeVar("R", bound=JobRecord)


def start_job(record: R, job: JobSpec, jobs: Jobs[R], store: Store, workflow: Workflow) -> None:
    """Start the job of a record that says already that it runs."""
    key = job_key(record, jobs)
    write_json(store, key, job)
    workflow.start_job(f"s3://{store.bucket}/{key}", jobs.execution(record))


def restart_job(record: R, job: JobSpec, jobs: Jobs[R], store: Store, workflow: Workflow) -> R:
    """Start the job of a record that is open or has failed; one that runs or is done stays as it is."""
    if record.state in ("running", "done"):
        return record
    again = jobs.change(
        record, state="running", error=None, started_at=datetime.now(UTC), finished_at=None, starts=record.starts + 1
    )
    if again is None:  # Somebody else was quicker.
        return jobs.get(record.collection, record.id) or record
    start_job(again, job, jobs, store, workflow)
    return again


def settle_job(record: R, jobs: Jobs[R], workflow: Workflow, advice: str) -> R:
    """Return a record as it is: one whose job ended without saying so has failed.

    Args:
        record: As it was read.
        jobs: Where it was read.
        workflow: Knows what runs.
        advice: What to do where the job was stopped.
    """
    begun_at = record.started_at or record.created_at
    if record.state != "running" or datetime.now(UTC) - begun_at < _START_TAKES:
        return record
    if workflow.is_running(jobs.execution(record)):
        return record
    newest = jobs.get(record.collection, record.id) or record  # It may have ended just now.
    if newest.state != "running":
        return newest
    failure = f"Its job was stopped; {advice}"
    return jobs.change(newest, state="failed", error=failure, finished_at=datetime.now(UTC)) or newest


def job_key(record: R, jobs: Jobs[R]) -> str:
    """The object that says what the record's last job has to do."""
    return keys.collection_job(record.collection, jobs.execution(record))
