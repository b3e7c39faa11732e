"""A snapshot as queries run on it: a DuckDB file and the numbers of its terms, in a folder of this machine.

A copy is made once by the first process that needs it, named by the snapshot's digest, never changed, and shared. The
folder is bounded: what was not used for longest is deleted. Who has a deleted copy open keeps it until it is closed.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from framesift.catalog.columns import SCHEMA
from framesift.catalog.ids import Ids, pack_ids
from framesift.catalog.terms import KINDS, build_terms
from framesift.errors import SnapshotLostError
from framesift.local_cache import MAKING, cache_folder, evict
from framesift.settings import CatalogSettings
from framesift.storage import Store
from framesift.table import Snapshot

_DATABASE: Final = "items.duckdb"
_IDS: Final = "ids.npy"
_EMPTY: Final = "empty"
_LAYOUT: Final = 3
"""Copies of another layout are not read: it is part of their names."""
OFFLINE: Final = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_unsigned_extensions": "false",
    "python_enable_replacements": "false",
}
"""DuckDB's settings with which it neither fetches nor loads anything, nor looks into our variables."""


@dataclass(frozen=True)
class LocalCopy:
    """A snapshot on this machine.

    Attributes:
        folder: Where it lies.
    """

    folder: Path

    @property
    def database(self) -> Path:
        """The DuckDB file with the table `items`, whose `rowid` counts from 0 in the order of ids."""
        return self.folder / _DATABASE

    def load_ids(self) -> Ids:
        """Read the id of each row, `(rows,)` ascending; the array stays on disk until it is used."""
        found: Ids = np.load(self.folder / _IDS, mmap_mode="r", allow_pickle=False)
        return found

    def delete(self) -> None:
        """Delete it; processes that have it open keep it."""
        shutil.rmtree(self.folder, ignore_errors=True)


def open_copy(snapshot: Snapshot | None, store: Store, settings: CatalogSettings) -> LocalCopy:
    """Find the copy of a snapshot, or make it.

    Args:
        snapshot: The snapshot; None: an empty one.
        store: The bucket.
        settings: Where copies lie, and how much they may take.

    Raises:
        ObjectMissingError: The snapshot is not in the bucket.
        SnapshotLostError: It is damaged.
    """
    root = cache_dir(settings)
    copy = LocalCopy(root / f"{snapshot.digest if snapshot else _EMPTY}-{_LAYOUT}")
    if not copy.database.exists():
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root, prefix=MAKING) as scratch:
            _make_copy(snapshot, store, settings, Path(scratch))
            with suppress(OSError):  # Another process was quicker.
                (Path(scratch) / "copy").rename(copy.folder)
    os.utime(copy.folder)
    evict(root, settings.cache_mb, copy.folder)
    return copy


def cache_dir(settings: CatalogSettings) -> Path:
    """The folder of the copies."""
    return cache_folder(settings.cache_dir, "catalogs")


def _make_copy(snapshot: Snapshot | None, store: Store, settings: CatalogSettings, scratch: Path) -> None:
    parquet, folder = scratch / "snapshot.parquet", scratch / "copy"
    folder.mkdir()
    if snapshot:
        store.download(snapshot.key, parquet)
    else:
        pq.write_table(SCHEMA.empty_table(), parquet)
    try:
        _make_database(parquet, folder / _DATABASE, settings, scratch)
        ids = pq.read_table(parquet, columns=["id"])["id"].to_pylist()
        np.save(folder / _IDS, pack_ids(ids), allow_pickle=False)
        for kind in KINDS:
            build_terms(parquet, kind).save(folder, kind)
    except (duckdb.Error, pa.ArrowException) as error:
        key = snapshot.key if snapshot else _EMPTY
        raise SnapshotLostError(f"The snapshot {key} cannot be read: compact the catalog from its log.") from error


def _make_database(parquet: Path, path: Path, settings: CatalogSettings, scratch: Path) -> None:
    config = {
        **OFFLINE,
        "threads": str(settings.query_threads),
        "memory_limit": f"{settings.query_memory_mb}MB",
        "temp_directory": str(scratch),
        "storage_compatibility_version": "latest",
    }
    with duckdb.connect(str(path), config=config) as connection:  # type: ignore[arg-type]
        # The rows keep their order, so that a row's number is its place in the snapshot.
        # To sort and look up numbers takes a fraction of the time that texts take: `uid` is the id as one.
        connection.execute("CREATE TABLE items AS SELECT *, id::UUID AS uid FROM read_parquet(?)", [str(parquet)])
