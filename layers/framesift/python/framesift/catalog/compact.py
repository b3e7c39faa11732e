"""Compaction: a new snapshot from the last one and the changes since, in memory that does not grow with the catalog.

What the changes say is sorted by item on disk, in parts small enough to hold, and merged with the old snapshot's rows.
Rows that no change touches are copied as they are.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from pydantic_core import from_json, to_json

from framesift import keys
from framesift.catalog.apply import Effect, apply_effects
from framesift.catalog.columns import SCHEMA, make_batch, read_item
from framesift.catalog.log import CatalogLog
from framesift.catalog.snapshot import BATCH_ROWS, read_batches, snapshot_key, write_snapshot
from framesift.contracts import CatalogItem, Change, RemoveItems
from framesift.errors import ObjectMissingError
from framesift.settings import CatalogSettings
from framesift.storage import Store, delete_for_good
from framesift.table import CatalogPointer, Records, RetiredSnapshot, Snapshot

KEEP_RETIRED: Final = timedelta(hours=1)
"""How long a replaced snapshot stays: longer than any reader needs to fetch it."""

_PARTS: Final = 256
"""Parts that ids are sorted into, by their first two digits."""


def compact(
    collection: str, store: Store, records: Records, *, from_log: bool = False, at_least: int = 1
) -> CatalogPointer:
    """Make a snapshot of all changes so far, and switch to it.

    Whoever reads keeps reading the old snapshot until it has the new one. Of two compactions at once, one wins, and
    the other one's file is deleted.

    Args:
        collection: The collection.
        store: The bucket.
        records: The table.
        from_log: Make it from the log alone, whatever snapshot there is.
        at_least: Do nothing if fewer changes came since the last snapshot.

    Returns:
        Where the catalog stands then.

    Raises:
        CollectionMissingError: There is no such collection.
    """
    log = CatalogLog(collection, store, records)
    is_lost = False
    while True:
        pointer = records.collections.pointer(collection)
        base = None if from_log or is_lost else pointer.snapshot
        head = log.head()
        number = pointer.snapshot.number if pointer.snapshot else 0
        if not (from_log or is_lost) and head - number < at_least:
            return pointer
        try:
            snapshot = _make_snapshot(log, base, head)
        except ObjectMissingError:
            if base is None or store.exists(base.key):
                raise
            is_lost = records.collections.pointer(collection).snapshot == base  # The log has it all.
            continue
        if _switch(collection, records, pointer, snapshot):
            delete_retired(collection, store, records, datetime.now(UTC) - KEEP_RETIRED)
            return records.collections.pointer(collection)
        newest = records.collections.pointer(collection).snapshot
        if newest is None or snapshot.key != newest.key:
            delete_for_good(store, [snapshot.key])


def compact_if_long(collection: str, store: Store, records: Records, settings: CatalogSettings) -> bool:
    """Make a snapshot if the changes since the last one are many, or touch many items: readers apply them one by one.

    Returns:
        Whether there is a new one.

    Raises:
        CollectionMissingError: There is no such collection.
    """
    log = CatalogLog(collection, store, records)
    base = records.collections.pointer(collection).snapshot
    items = 0
    for changes, change in enumerate(log.after(base.number if base else 0), 1):
        items += sum(1 for _ in log.rows(change))
        if changes >= settings.compact_after_changes or items >= settings.compact_after_items:
            compact(collection, store, records)
            return True
    return False


def delete_retired(collection: str, store: Store, records: Records, before: datetime) -> None:
    """Delete the snapshots that were replaced before a moment, and those of compactions that died before it."""
    while True:
        pointer = records.collections.pointer(collection)
        old = [retired for retired in pointer.retired if retired.at < before]
        kept = [retired for retired in pointer.retired if retired not in old]
        if not old or records.collections.switch(collection, pointer.model_copy(update={"retired": kept}), pointer):
            break
    used = {retired.key for retired in kept} | ({pointer.snapshot.key} if pointer.snapshot else set())
    number = pointer.snapshot.number if pointer.snapshot else 0
    store.delete_versions(
        version
        for version in store.versions(keys.snapshots_prefix(collection))
        if version.key not in used and version.modified_at < before and keys.snapshot_number(version.key) <= number
    )


def _switch(collection: str, records: Records, pointer: CatalogPointer, snapshot: Snapshot) -> bool:
    retired = list(pointer.retired)
    if pointer.snapshot and pointer.snapshot.key != snapshot.key:
        retired.append(RetiredSnapshot(key=pointer.snapshot.key, at=datetime.now(UTC)))
    switched = pointer.model_copy(update={"snapshot": snapshot, "retired": retired})
    return records.collections.switch(collection, switched, pointer)


def _make_snapshot(log: CatalogLog, base: Snapshot | None, head: int) -> Snapshot:
    with tempfile.TemporaryDirectory() as scratch:
        effects = SortedEffects(Path(scratch))
        for change in log.after(base.number if base else 0, until=head):
            effects.add(change, log)
        effects.finish()
        path = Path(scratch) / "base.parquet"
        if base:
            log.store.download(base.key, path)
        batches = _merge(path if base else None, effects)
        return write_snapshot(log.store, batches, head, snapshot_key(log.collection, head))


@dataclass
class SortedEffects:
    """What changes do to items, kept on disk by the first two digits of the items' ids.

    Attributes:
        folder: Where the parts lie.
        removals: Items that the changes remove, and the number of the last one that did.
        changes: The changes, by number, without their payloads.
    """

    folder: Path
    removals: dict[str, int] = field(default_factory=dict)
    changes: dict[int, Change] = field(default_factory=dict)
    _files: dict[str, Any] = field(default_factory=dict)
    _open: ExitStack = field(default_factory=ExitStack)

    def add(self, change: Change, log: CatalogLog) -> None:
        """Add what a change does."""
        self.changes[change.number] = change.model_copy(update={"body": change.body.model_copy(update={"ids": []})})
        is_removal = isinstance(change.body, RemoveItems)
        for row in log.rows(change):
            if is_removal:
                self.removals[row.id] = change.number
            part = row.id[:2]
            if part not in self._files:
                self._files[part] = self._open.enter_context((self.folder / part).open("wb"))
            self._files[part].write(to_json([row.id, change.number, row.value]) + b"\n")

    def finish(self) -> None:
        """End writing."""
        self._open.close()

    def of_part(self, part: str) -> dict[str, list[Effect]]:
        """What is done to the items of a part, by id, in the order of the changes."""
        path = self.folder / part
        found: dict[str, list[Effect]] = {}
        if path.exists():
            with path.open("rb") as lines:
                for line in lines:
                    item_id, number, value = from_json(line)
                    change = self.changes[number]
                    effect = Effect(number, change.at, change.by, change.body, value)
                    found.setdefault(item_id, []).append(effect)
        return found


def _merge(base: Path | None, effects: SortedEffects) -> Iterator[pa.RecordBatch]:
    """The rows after the changes, sorted by id."""
    old = _PartReader(base)
    for part in (f"{number:02x}" for number in range(_PARTS)):
        yield from _merge_part(old.read(part), effects.of_part(part), effects.removals)


def _merge_part(
    old: list[pa.RecordBatch], effects: Mapping[str, list[Effect]], removals: Mapping[str, int]
) -> Iterator[pa.RecordBatch]:
    rows = pa.Table.from_batches(old, SCHEMA)
    lost = pa.array(list(removals), pa.string())
    named = pc.is_in(rows["id"], pa.array(list(effects), pa.string()))
    touched = pc.or_(named, pc.is_in(rows["duplicate_of"], lost))  # Of a null, is_in says false.
    before = {item.id: item for item in map(read_item, rows["json"].filter(touched).to_pylist())}
    applied = (
        apply_effects(before.get(item_id), effects.get(item_id, ()), removals) for item_id in before.keys() | effects
    )
    after: list[CatalogItem] = [item for item in applied if item]
    if before or after:
        kept = rows.filter(pc.invert(touched))
        rows = pa.concat_tables([kept, pa.Table.from_batches([make_batch(after)])]).sort_by("id")
    yield from rows.to_batches(max_chunksize=BATCH_ROWS)


class _PartReader:
    """Reads a snapshot's rows part by part, in order."""

    def __init__(self, path: Path | None) -> None:
        self._runs = _split_by_part(path) if path else iter(())
        self._next = next(self._runs, None)

    def read(self, part: str) -> list[pa.RecordBatch]:
        """The rows whose ids begin with two digits; parts are read in their order."""
        found = []
        while self._next and self._next[0] == part:
            found.append(self._next[1])
            self._next = next(self._runs, None)
        return found


def _split_by_part(path: Path) -> Iterator[tuple[str, pa.RecordBatch]]:
    for batch in read_batches(path):
        runs = pc.run_end_encode(pc.utf8_slice_codeunits(batch.column("id"), 0, 2))
        start = 0
        for part, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
            yield part, batch.slice(start, end - start)
            start = end
