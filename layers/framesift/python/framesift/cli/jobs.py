"""Jobs of a collection that commands wait for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated, TypeVar

import typer

from framesift.cli.connection import Connection, connect
from framesift.cli.console import errors
from framesift.errors import EmbeddedAwsDownError
from framesift.table import JobRecord, Jobs, Records
from framesift.workflow import Workflow

_POLL_S = 0.5

LocalOption = Annotated[bool, typer.Option("--local", help="In this process, and not as a job.")]
WaitOption = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until the job has ended.")]

R = TypeVar("R", bound=JobRecord)


def find_running(stack: str) -> Connection | None:
    """What runs jobs; None where nothing is up, and this process does the work."""
    try:
        return connect(stack)
    except EmbeddedAwsDownError:
        errors.print("[dim]Nothing is up that runs jobs: this process does it.[/]", highlight=False)
        return None


def wait_for_job(
    connection: Connection,
    record: R,
    jobs: Jobs[R],
    settle: Callable[[R, Records, Workflow], R],
    on_change: Callable[[R], None] = lambda _record: None,
) -> R:
    """Wait until the job of a record has ended.

    Args:
        connection: What runs it.
        record: As it was when the job was started.
        jobs: The records of its kind.
        settle: Notices that a job was stopped.
        on_change: Told what the record says, about twice a second.

    Raises:
        NotFoundError: It was deleted meanwhile.
    """
    workflow = Workflow(connection.state_machine_arn)
    while record.state == "running":
        on_change(record)
        time.sleep(_POLL_S)
        record = settle(jobs.find(record.collection, record.id), connection.records, workflow)
    return record
