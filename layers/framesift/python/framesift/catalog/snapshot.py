"""Snapshots of a catalog: every item after a certain change, as Parquet sorted by id.

They are written and read a batch at a time, whatever their size. A snapshot is named by its digest, so what is cached
under its name is what it says.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from framesift import keys
from framesift.catalog.columns import SCHEMA
from framesift.storage import Store
from framesift.table import Snapshot

ROW_GROUP_ROWS: Final = 65_536
"""Rows that the writer holds at most."""
BATCH_ROWS: Final = 4_096
"""Rows that a reader gets at a time."""

MakeKey = Callable[[str], str]
"""From a file's digest to its key."""


def write_snapshot(store: Store, batches: Iterable[pa.RecordBatch], number: int, make_key: MakeKey) -> Snapshot:
    """Write rows to a Parquet file in the bucket.

    Args:
        store: The bucket.
        batches: The rows, sorted by id, with `columns.SCHEMA`.
        number: The change after which the items are as the rows say.
        make_key: What the object is called.
    """
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "snapshot.parquet"
        count = _write_file(path, batches)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()[:32]
        snapshot = Snapshot(
            key=make_key(digest), number=number, digest=digest, count=count, size_bytes=path.stat().st_size
        )
        store.upload(path, snapshot.key)
    return snapshot


def snapshot_key(collection: str, number: int) -> MakeKey:
    """What the snapshots of a collection's catalog are called."""
    return lambda digest: keys.catalog_snapshot(collection, number, digest)


def read_batches(path: Path) -> Iterator[pa.RecordBatch]:
    """The rows of a snapshot's file, sorted by id."""
    with pq.ParquetFile(path) as file:
        yield from file.iter_batches(batch_size=BATCH_ROWS)


def _write_file(path: Path, batches: Iterable[pa.RecordBatch]) -> int:
    """Write rows in groups of at least `ROW_GROUP_ROWS`; return their number."""
    waiting: list[pa.RecordBatch] = []
    count = waiting_rows = 0
    with pq.ParquetWriter(path, SCHEMA, compression="zstd", sorting_columns=[pq.SortingColumn(0)]) as writer:
        for batch in batches:
            waiting.append(batch)
            count += batch.num_rows
            waiting_rows += batch.num_rows
            if waiting_rows >= ROW_GROUP_ROWS:
                writer.write_table(pa.Table.from_batches(waiting, SCHEMA), row_group_size=waiting_rows)
                waiting, waiting_rows = [], 0
        if waiting_rows or not count:
            writer.write_table(pa.Table.from_batches(waiting, SCHEMA))
    return count
