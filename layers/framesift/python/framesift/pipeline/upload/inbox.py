"""Who takes in what is dropped into a collection: one execution at a time, and none of the arrivals is forgotten.

`table/inboxes.py` says why no wake-up is lost; a test tries the orders in which executions can meet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from hashlib import sha256

from framesift.contracts import StartInput, UploadedObject
from framesift.errors import BatchMissingError, BatchStateError
from framesift.pipeline.branch import RunRequest
from framesift.table import Inbox, Records
from framesift.table.batches import new_batch_id
from framesift.table.inboxes import Inboxes
from framesift.workflow import Workflow

INBOX = "inbox"
"""The name that a start gives the batch of what was dropped; the run's own batch gets an id."""


def announce(collection: str, name: str, written: UploadedObject, inboxes: Inboxes) -> None:
    """Count a dropped file, unless its event has come before."""
    if not inboxes.is_known(collection, name, written):
        # In this order: a process that dies between the two counts the file again, and never not at all.
        inboxes.announce(collection)
        inboxes.remember(collection, name, written)


def claim_inbox(
    asked: RunRequest, execution_arn: str, date: str, now: datetime, records: Records, is_running: Callable[[str], bool]
) -> RunRequest:
    """Let an execution take the inbox, or say why another one will.

    Args:
        asked: What the start asks for; its collection is set.
        execution_arn: The execution.
        date: The date of its run.
        now: When it started.
        records: The table.
        is_running: Whether the execution with an ARN is still running.
    """
    collection, inboxes = str(asked.collection), records.inboxes
    inbox = inboxes.get(collection)
    if inbox.holder == execution_arn:  # A retry of Begin.
        return _request(asked, inbox)
    if inbox.holder and is_running(inbox.holder):
        return _skip(asked, f"{inbox.holder} takes in {collection}, and another execution what it misses")
    if not inbox.has_arrivals:
        return _skip(asked, f"nothing has arrived in {collection} since its inbox was taken in")
    claimed = inboxes.claim(collection, inbox, execution_arn, new_batch_id(now), date)
    if claimed is None:
        return _skip(asked, f"another execution takes in {collection}")
    return _request(asked, claimed)


def find_batch(asked: RunRequest, records: Records) -> RunRequest:
    """Complete the request for a batch by its record.

    Raises:
        BatchMissingError: If there is no such batch.
        BatchStateError: If it is open: its files are still arriving.
    """
    collection = str(asked.collection)
    batch = records.batches.get(collection, asked.batch)
    if batch is None:
        raise BatchMissingError(f"Collection {collection!r} has no batch {asked.batch!r}.")
    if batch.state == "open":
        raise BatchStateError(f"Batch {batch.id} of {collection!r} is open: its files are still arriving.")
    if batch.state == "aborted":
        return _skip(asked, f"batch {batch.id} of {collection} was aborted")
    return _with(asked, batch.id, batch.date)


def hand_over(collection: str, execution_arn: str, records: Records, workflow: Workflow) -> None:
    """Give back the inbox if an execution holds it, and start another one if something waits that nobody will take.

    An execution that has ended may call this any number of times.
    """
    inbox = records.inboxes.release(collection, execution_arn)
    if not inbox.holder and inbox.is_awaited:
        start_inbox(collection, inbox, workflow)


def start_inbox(collection: str, inbox: Inbox, workflow: Workflow) -> None:
    """Start an execution that takes in what has arrived; one for each count of arrivals."""
    digest = sha256(collection.encode()).hexdigest()[:16]
    start = StartInput(source="upload", collection=collection, batch=INBOX)
    workflow.start(start, f"inbox-{digest}-{inbox.arrivals}")


def _request(asked: RunRequest, inbox: Inbox) -> RunRequest:
    return _with(asked, inbox.batch, inbox.date)


def _with(asked: RunRequest, batch: str, date: str) -> RunRequest:
    return replace(asked, batch=batch, date=date, subject=f"{asked.collection}.{batch}")


def _skip(asked: RunRequest, why: str) -> RunRequest:
    return replace(asked, skip=why, subject=f"{asked.collection}.{INBOX}")
