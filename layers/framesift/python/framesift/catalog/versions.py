"""Named versions of a catalog: snapshots of their own that never change, and what differs between two.

Only deleting takes something out of a version: what was deleted is in none any more.
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pyarrow.compute as pc

from framesift import keys
from framesift.catalog.columns import read_item
from framesift.catalog.compact import compact
from framesift.catalog.snapshot import MakeKey, read_batches
from framesift.contracts import CatalogItem
from framesift.errors import InvalidVersionError, ObjectMissingError, VersionExistsError, VersionMissingError
from framesift.names import safe_name
from framesift.storage import Store, delete_for_good
from framesift.table import CatalogVersion, Records, Snapshot

_MAX_NAME_BYTES: Final = 100
# Fields that every change sets beside what it is about.
_BOOKKEEPING: Final = frozenset({"version", "changed_at", "changed_by"})


@dataclass(frozen=True)
class Difference:
    """An item that differs between two versions.

    Attributes:
        id: The item.
        before: The item in the first version; None: it was added.
        after: The item in the second version; None: it was removed.
        fields: Of one that is in both, the names of the fields that differ, sorted.
    """

    id: str
    before: CatalogItem | None
    after: CatalogItem | None
    fields: list[str]


def version_key(collection: str, number: int) -> MakeKey:
    """What the snapshots of named versions are called: each has a key of its own, whatever its content."""
    return lambda _: keys.catalog_version(collection, number, secrets.token_hex(8))


def create_version(
    collection: str, name: str, by: str, store: Store, records: Records, *, description: str = ""
) -> CatalogVersion:
    """Keep a catalog as it is now under a name.

    Raises:
        CollectionMissingError: There is no such collection.
        InvalidVersionError: It cannot be called so.
        VersionExistsError: It has a version of that name.
    """
    if safe_name(name, max_bytes=_MAX_NAME_BYTES) != name or "#" in name:
        raise InvalidVersionError(
            f"A version cannot be called {name!r}: use letters, digits, spaces, - and _, "
            f"at most {_MAX_NAME_BYTES} bytes."
        )
    while True:
        if records.collections.version(collection, name):
            raise VersionExistsError(f"{collection} has a version {name} already, and versions never change.")
        source = (
            compact(collection, store, records).snapshot or compact(collection, store, records, at_least=0).snapshot
        )
        if source is None:
            continue
        snapshot = source.model_copy(update={"key": version_key(collection, source.number)(source.digest)})
        try:
            store.copy(source.key, snapshot.key)
        except ObjectMissingError:  # Another compaction has replaced it.
            continue
        version = CatalogVersion(name=name, description=description, by=by, at=datetime.now(UTC), snapshot=snapshot)
        recorded = records.collections.put_version(collection, version)
        # A deletion rewrites the versions that are recorded after it has deleted the snapshots that have to go. So
        # while the snapshot is there, no deletion has missed its copy.
        if recorded and store.exists(source.key):
            return version
        if recorded:
            records.collections.delete_version(collection, name)
        delete_for_good(store, [snapshot.key])


def find_version(collection: str, name: str, records: Records) -> CatalogVersion:
    """A named version.

    Raises:
        VersionMissingError: There is none of that name.
    """
    version = records.collections.version(collection, name)
    if version is None:
        raise VersionMissingError(f"{collection} has no version {name}.")
    return version


def delete_version(collection: str, name: str, store: Store, records: Records) -> None:
    """Delete a version; the catalog stays as it is.

    Raises:
        VersionMissingError: There is none of that name.
    """
    version = find_version(collection, name, records)
    records.collections.delete_version(collection, name)
    delete_for_good(store, [version.snapshot.key])


def compare_snapshots(before: Snapshot, after: Snapshot, store: Store, *, behind: str = "") -> Iterator[Difference]:
    """What differs between two snapshots, in the order of the items' ids; both are read a batch at a time.

    Args:
        before: The first snapshot.
        after: The second one.
        store: The bucket.
        behind: Only items whose ids come behind this one; empty: all.
    """
    with tempfile.TemporaryDirectory() as scratch:
        first, second = (Path(scratch) / name for name in ("before.parquet", "after.parquet"))
        store.download(before.key, first)
        store.download(after.key, second)
        yield from _merge(_read_documents(first, behind), _read_documents(second, behind))


def _merge(before: Iterator[tuple[str, str]], after: Iterator[tuple[str, str]]) -> Iterator[Difference]:
    old, new = next(before, None), next(after, None)
    while old or new:
        if old and (new is None or old[0] < new[0]):
            yield Difference(old[0], read_item(old[1]), None, [])
            old = next(before, None)
        elif new and (old is None or new[0] < old[0]):
            yield Difference(new[0], None, read_item(new[1]), [])
            new = next(after, None)
        elif old and new:
            if old[1] != new[1] and (difference := _compare(read_item(old[1]), read_item(new[1]))):
                yield difference
            old, new = next(before, None), next(after, None)


def _compare(before: CatalogItem, after: CatalogItem) -> Difference | None:
    names = sorted(CatalogItem.model_fields.keys() - _BOOKKEEPING)
    fields = [name for name in names if getattr(before, name) != getattr(after, name)]
    return Difference(before.id, before, after, fields) if fields else None


def _read_documents(path: Path, behind: str) -> Iterator[tuple[str, str]]:
    for batch in read_batches(path):
        if behind:
            batch = batch.filter(pc.greater(batch.column("id"), behind))  # noqa: PLW2901 - the rest of it
        yield from zip(batch.column("id").to_pylist(), batch.column("json").to_pylist(), strict=True)
