"""Inboxes: what was dropped into a collection's folder, and which execution takes it in.

Ten thousand files that are dropped at once are ten thousand events. One execution takes an inbox and whatever lies in
it; the others end at once. So that no file waits for ever, arrivals are counted before the holder is looked up, and the
holder gives the inbox back before it looks for arrivals that came after its listing. Whichever comes first, one of the
two sees the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pydantic import Field

from framesift.contracts import Contract, UploadedObject
from framesift.table.expiry import HISTORY_DAYS, expires_in
from framesift.table.table import Table

_HEAD = "INBOX"
_REMEMBERED_DAYS = 30  # Events are redelivered for a day at most.


class Inbox(Contract):
    """Who takes in a collection's inbox, and how much has arrived."""

    arrivals: int = Field(0, description="Counts what has arrived, ever.")
    promised: int = Field(0, description="The count when the latest holder took the inbox.")
    taken: int = Field(0, description="The count when the inbox was last listed.")
    holder: str = Field("", description="The execution that takes it in; empty: none.")
    batch: str = Field("", description="The holder's batch.")
    date: str = Field("", description="The date of the holder's run.")

    @property
    def has_arrivals(self) -> bool:
        """Whether something has arrived since the inbox was last listed."""
        return self.arrivals > self.taken

    @property
    def is_awaited(self) -> bool:
        """Whether something arrived that no execution has promised to take."""
        return self.arrivals > max(self.promised, self.taken)


class InboxEntry(Contract):
    """A dropped file."""

    name: str
    etag: str = ""
    version: str = Field("", description="Of the write: S3's version, or its sequencer.")
    handled_etag: str = Field("", description="The ETag of the object that was taken in or refused last.")
    batch: str = Field("", description="The batch that did it.")


@dataclass(frozen=True)
class Inboxes:
    """Records of inboxes."""

    table: Table

    def get(self, collection: str) -> Inbox:
        """A collection's inbox, strongly consistent."""
        found = self.table.get(_pk(collection), _HEAD)
        return _parse(found) if found else Inbox()

    def is_known(self, collection: str, name: str, written: UploadedObject) -> bool:
        """Whether the event of this write of a file has come before."""
        entry = self.entry(collection, name)
        return entry is not None and entry.version == _version(written) != ""

    def announce(self, collection: str) -> Inbox:
        """Count an arrival, before anything else: whoever holds the inbox will find it."""
        changed = self.table.update(_pk(collection), _HEAD, "ADD arrivals :one", one=1)
        return _parse(changed or {})

    def remember(self, collection: str, name: str, written: UploadedObject) -> None:
        """Remember that the event of this write has come, and was counted."""
        before = self.entry(collection, name) or InboxEntry(name=name)
        entry = before.model_copy(update={"etag": written.etag, "version": _version(written)})
        self._put_entry(collection, entry, expires_in(_REMEMBERED_DAYS))

    def claim(self, collection: str, inbox: Inbox, execution: str, batch: str, date: str) -> Inbox | None:
        """Take the inbox for an execution.

        Args:
            collection: The collection.
            inbox: As it was read: its holder, if it has one, is not at work any more.
            execution: The execution's ARN.
            batch: What it takes in becomes this batch.
            date: The date of its run.

        Returns:
            The inbox as it is now; None if another execution was quicker, or nothing is left to take in.
        """
        # Written first, so that an inbox that is held can always be found by its execution.
        self.table.put(
            f"EXECUTION#{execution}", "inbox", {"collection": collection, "expires_at": expires_in(HISTORY_DAYS)}
        )
        changed = self.table.update(
            _pk(collection),
            _HEAD,
            "SET holder = :execution, batch_id = :batch, run_date = :date, promised = arrivals",
            "(attribute_not_exists(holder) OR holder = :former) AND (attribute_not_exists(taken) OR arrivals > taken)",
            execution=execution,
            batch=batch,
            date=date,
            former=inbox.holder,
        )
        return _parse(changed) if changed else None

    def take(self, collection: str, batch: str, arrivals: int) -> None:
        """Record that all that had arrived at a count is listed; of a batch that does not hold the inbox, nothing."""
        self.table.update(
            _pk(collection),
            _HEAD,
            "SET taken = :arrivals",
            "batch_id = :batch AND (attribute_not_exists(taken) OR taken < :arrivals)",
            batch=batch,
            arrivals=arrivals,
        )

    def release(self, collection: str, execution: str) -> Inbox:
        """Give the inbox back, if this execution holds it; return it as it is now."""
        self.table.update(_pk(collection), _HEAD, "SET holder = :none", "holder = :mine", none="", mine=execution)
        return self.get(collection)

    def of_execution(self, execution: str) -> str | None:
        """The collection whose inbox an execution has taken; None if it has taken none."""
        found = self.table.get(f"EXECUTION#{execution}", "inbox")
        return str(found["collection"]) if found else None

    def entry(self, collection: str, name: str) -> InboxEntry | None:
        """What is known of a dropped file."""
        found = self.table.get(f"INBOX#{collection}", name)
        return InboxEntry.model_validate_json(found["entry"]) if found else None

    def entries(self, collection: str) -> Iterator[InboxEntry]:
        """What is known of all dropped files."""
        return (InboxEntry.model_validate_json(record["entry"]) for record in self.table.query(f"INBOX#{collection}"))

    def put_handled(self, collection: str, entry: InboxEntry, *, stays: bool) -> None:
        """Remember what became of a dropped file: for as long as it stays in the inbox, else for some weeks."""
        self._put_entry(collection, entry, None if stays else expires_in(_REMEMBERED_DAYS))

    def forget(self, collection: str, names: Iterable[str]) -> None:
        """Forget dropped files."""
        for name in names:
            self.table.delete(f"INBOX#{collection}", name)

    def forget_all(self, collection: str) -> None:
        """Forget all dropped files of a collection."""
        self.table.delete_all(f"INBOX#{collection}")

    def _put_entry(self, collection: str, entry: InboxEntry, expires_at: int | None) -> None:
        self.table.put(f"INBOX#{collection}", entry.name, {"entry": entry.model_dump_json(), "expires_at": expires_at})


def _version(written: UploadedObject) -> str:
    return written.version_id or written.sequencer


def _pk(collection: str) -> str:
    return f"COLLECTION#{collection}"


def _parse(record: dict[str, object]) -> Inbox:
    counts = {name: int(str(record.get(name, 0))) for name in ("arrivals", "promised", "taken")}
    holder, batch, date = (str(record.get(name, "")) for name in ("holder", "batch_id", "run_date"))
    return Inbox(**counts, holder=holder, batch=batch, date=date)
