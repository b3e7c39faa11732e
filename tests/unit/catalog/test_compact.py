"""Compaction: the same items from a snapshot, from the log alone, and one change at a time."""

from __future__ import annotations

import random
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from framesift.catalog import compact as compact_module
from framesift.catalog.columns import SCHEMA, read_item
from framesift.catalog.compact import compact, compact_if_long, delete_retired
from framesift.catalog.log import CatalogLog
from framesift.contracts import CatalogItem
from framesift.errors import CollectionMissingError, ObjectMissingError
from framesift.settings import CatalogSettings
from framesift.storage import S3Store
from framesift.table import Records, Snapshot
from tests.unit.catalog.conftest import COLLECTION
from tests.unit.catalog.items import item_id, make_item
from tests.unit.catalog.model import Editor


def read_snapshot(log: CatalogLog, folder: Path) -> dict[str, CatalogItem]:
    snapshot = log.records.collections.pointer(COLLECTION).snapshot
    assert snapshot is not None
    log.store.download(snapshot.key, folder / "read.parquet")
    rows = pq.read_table(folder / "read.parquet")
    assert rows.schema.equals(SCHEMA)
    assert rows["id"].to_pylist() == sorted(rows["id"].to_pylist())
    assert snapshot.count == rows.num_rows
    items = [read_item(json) for json in rows["json"].to_pylist()]
    assert [item.id for item in items] == rows["id"].to_pylist()
    return {item.id: item for item in items}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_snapshots_are_what_a_dict_would_be(log: CatalogLog, tmp_path: Path, seed: int) -> None:
    chance, editor = random.Random(seed), Editor(log)
    for number in range(60):
        editor.random_change(chance)
        if chance.random() < 0.15 or number == 59:
            compact(COLLECTION, log.store, log.records)
            assert read_snapshot(log, tmp_path) == editor.model.items
    compact(COLLECTION, log.store, log.records, from_log=True)
    assert read_snapshot(log, tmp_path) == editor.model.items


def test_the_log_alone_rebuilds_what_was_lost(log: CatalogLog, store: S3Store, tmp_path: Path) -> None:
    chance, editor = random.Random(7), Editor(log)
    for _ in range(20):
        editor.random_change(chance)
    compact(COLLECTION, log.store, log.records)
    for _ in range(5):
        editor.random_change(chance)
    store.delete(store.list(f"collections/{COLLECTION}/catalog/snapshots/"))
    compact(COLLECTION, log.store, log.records)
    assert read_snapshot(log, tmp_path) == editor.model.items


def test_the_same_changes_are_the_same_file(log: CatalogLog) -> None:
    log.add_items([make_item(number) for number in range(10)], "kim")
    first = compact(COLLECTION, log.store, log.records).snapshot
    again = compact(COLLECTION, log.store, log.records, from_log=True)
    assert again.snapshot == first
    assert first is not None
    assert log.store.exists(first.key)
    assert again.retired == []


@pytest.mark.parametrize(("changes", "items"), [(3, 100), (100, 5)])
def test_a_long_log_is_compacted(log: CatalogLog, changes: int, items: int) -> None:
    settings = CatalogSettings(compact_after_changes=changes, compact_after_items=items)
    log.add_items([make_item(number) for number in range(3)], "kim")
    log.set_tags([item_id(0)], "kim", add=["dog"])
    assert not compact_if_long(COLLECTION, log.store, log.records, settings)
    log.set_tags([item_id(1)], "kim", add=["dog"])
    assert compact_if_long(COLLECTION, log.store, log.records, settings)
    assert log.records.collections.pointer(COLLECTION).snapshot.number == 3
    assert not compact_if_long(COLLECTION, log.store, log.records, settings), "the log is short again"


def test_nothing_is_made_where_little_has_changed(log: CatalogLog) -> None:
    assert compact(COLLECTION, log.store, log.records).snapshot is None
    log.add_items([make_item(1)], "kim")
    assert compact(COLLECTION, log.store, log.records, at_least=2).snapshot is None
    log.set_tags([item_id(1)], "kim", add=["dog"])
    made = compact(COLLECTION, log.store, log.records, at_least=2).snapshot
    assert made is not None
    assert (made.number, made.count) == (2, 1)


def test_a_replaced_snapshot_stays_until_nobody_can_be_about_to_fetch_it(log: CatalogLog, store: S3Store) -> None:
    log.add_items([make_item(1)], "kim")
    old = compact(COLLECTION, log.store, log.records).snapshot
    log.add_items([make_item(2)], "kim")
    new = compact(COLLECTION, log.store, log.records).snapshot
    assert old is not None
    assert new is not None
    assert store.exists(old.key)
    delete_retired(COLLECTION, log.store, log.records, datetime.now(UTC) + timedelta(seconds=1))
    assert not store.exists(old.key)
    assert store.exists(new.key)
    assert log.records.collections.pointer(COLLECTION).retired == []


def test_of_two_compactions_at_once_one_wins_and_no_file_is_left(
    log: CatalogLog, store: S3Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the first one works, changes come, and a second one overtakes it."""
    editor, chance = Editor(log), random.Random(5)
    editor.random_change(chance)
    write = compact_module.write_snapshot
    overtaken = threading.Event()

    def write_slowly(*arguments: object) -> Snapshot:
        written = write(*arguments)  # type: ignore[arg-type]
        if not overtaken.is_set():
            overtaken.set()
            editor.random_change(chance)
            compact(COLLECTION, log.store, log.records)
        return written

    monkeypatch.setattr(compact_module, "write_snapshot", write_slowly)
    pointer = compact(COLLECTION, log.store, log.records)
    assert pointer.snapshot is not None
    assert pointer.snapshot.number == 2
    assert list(store.list(f"collections/{COLLECTION}/catalog/snapshots/")) == [pointer.snapshot.key]
    assert read_snapshot(log, tmp_path) == editor.model.items


def test_many_items_are_merged_in_row_groups(log: CatalogLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("framesift.catalog.snapshot.ROW_GROUP_ROWS", 100)
    editor = Editor(log)
    editor.apply(log.add_items([make_item(number) for number in range(450)], "kim"))
    compact(COLLECTION, log.store, log.records)
    editor.apply(log.set_tags([item_id(number) for number in range(0, 450, 7)], "kim", add=["dog"]))
    editor.apply(log.remove_items([item_id(number) for number in range(0, 450, 5)], "kim"))
    compact(COLLECTION, log.store, log.records)
    assert read_snapshot(log, tmp_path) == editor.model.items
    assert pq.ParquetFile(tmp_path / "read.parquet").num_row_groups == 4


def test_there_is_nothing_to_compact_without_a_collection(store: S3Store, records: Records) -> None:
    with pytest.raises(CollectionMissingError):
        compact("nowhere", store, records)


def test_a_payload_that_is_lost_is_said(log: CatalogLog, store: S3Store) -> None:
    log.add_items([make_item(1)], "kim")
    store.delete(store.list(f"collections/{COLLECTION}/catalog/changes/"))
    with pytest.raises(ObjectMissingError):
        compact(COLLECTION, log.store, log.records)
