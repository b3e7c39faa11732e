"""The ledger of a batch: for each of its files, what became of it and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from types import TracebackType
from typing import Literal, Self

from pydantic import AwareDatetime, Field

from framesift import keys
from framesift.catalog.payloads import LineWriter, read_lines
from framesift.contracts import Contract, FileRef, ItemError
from framesift.contracts.catalog import ItemId
from framesift.errors import ObjectMissingError
from framesift.storage import Store

LedgerStatus = Literal["added", "known", "looked", "labels", "refused", "skipped", "video"]


class LedgerLine(Contract):
    """What became of a file."""

    name: str
    status: LedgerStatus = Field(
        description="`known`: its bytes were in the collection; `looked`: looked at again; `skipped`: no content; "
        "`labels`: it says what is in the images; `video`: its poses are extracted by a run of its own."
    )
    item: ItemId | None = None
    error: ItemError | None = Field(None, description="Why it was refused; of labels: what in it cannot be used.")
    note: str | None = Field(None, description="What its owner should know, though it was taken.")
    at: AwareDatetime
    key: str | None = Field(None, description="Of one that is not looked at: the object in our bucket that holds it.")
    etag: str | None = Field(None, description="That object's ETag.")
    file: FileRef | None = Field(
        None, description="Of a refused one that can be tried again, and of one that is read in place: where it is."
    )


def read_ledger(store: Store, collection: str, batch: str) -> Iterator[LedgerLine]:
    """The lines of a batch's ledger; none where it has no ledger yet."""
    return read_ledger_lines(store, keys.ledger(collection, batch))


def read_ledger_lines(store: Store, key: str) -> Iterator[LedgerLine]:
    """The lines of such an object; none where there is none."""
    try:
        lines = read_lines(store, key)
    except ObjectMissingError:
        return
    yield from map(LedgerLine.model_validate_json, lines)


class LedgerWriter:
    """Writes lines to a gzipped object, which appears once it is closed; its lines are never all in memory.

    Args:
        store: The bucket.
        key: The object.

    Attributes:
        counts: How many lines there are, by status.
    """

    def __init__(self, store: Store, key: str) -> None:
        self.counts: Counter[str] = Counter()
        self._lines = LineWriter(store, key)

    def add(self, line: LedgerLine) -> None:
        """Add a line."""
        self.counts[line.status] += 1
        self._lines.write(line.model_dump_json(exclude_none=True).encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lines.__exit__(kind, error, trace)
