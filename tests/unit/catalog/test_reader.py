"""Queries: over a snapshot with every change since, whatever happens meanwhile."""

from __future__ import annotations

import random
import shutil
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from framesift.catalog import reader as reader_module
from framesift.catalog.compact import compact, delete_retired
from framesift.catalog.condition import EVERYTHING, Condition
from framesift.catalog.deletion import purge
from framesift.catalog.local_copy import LocalCopy, cache_dir
from framesift.catalog.log import CatalogLog
from framesift.catalog.paging import SORTS, Order
from framesift.catalog.reader import CatalogReader, FacetValue, open_reader
from framesift.catalog.tags import fold
from framesift.contracts import CatalogItem, Health, SetViewers
from framesift.errors import (
    CollectionMissingError,
    InvalidCursorError,
    ItemMissingError,
    QueryTimeoutError,
    QueryTooLargeError,
    SnapshotLostError,
    UnknownFacetError,
    UnknownSortError,
)
from framesift.settings import CatalogSettings
from framesift.storage import S3Store
from framesift.table import Collection, Records
from tests.unit.catalog.conftest import COLLECTION
from tests.unit.catalog.items import START, item_id, make_item
from tests.unit.catalog.model import Editor
from tests.waiting import wait_until

DOG = Condition("list_contains(tags_folded, ?)", ["dog"])


def read_all(reader: CatalogReader, condition: Condition = EVERYTHING) -> dict[str, CatalogItem]:
    return {item.id: item for batch in reader.iterate(condition) for item in batch}


def walk(reader: CatalogReader, order: Order, limit: int, condition: Condition = EVERYTHING) -> list[CatalogItem]:
    items, cursor = [], ""
    while True:
        page = reader.page(condition, order=order, limit=limit, cursor=cursor)
        items += page.items
        if page.next is None:
            return items
        cursor = page.next


def wait_for_snapshot(reader: CatalogReader, log: CatalogLog) -> None:
    """Read until the newest snapshot is used."""
    pointer = log.records.collections.pointer(COLLECTION)

    def is_used() -> bool:
        reader.count()
        return reader.snapshot == pointer.snapshot

    wait_until(is_used)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_reader_sees_what_a_dict_would_hold_after_every_change(
    log: CatalogLog, reader: CatalogReader, catalog_settings: CatalogSettings, seed: int
) -> None:
    chance, editor = random.Random(seed), Editor(log)
    for _ in range(40):
        change = editor.random_change(chance)
        assert read_all(reader) == editor.model.items
        assert reader.number == change.number
        if chance.random() < 0.1:
            compact(COLLECTION, log.store, log.records)
    newcomer = CatalogReader(COLLECTION, log.store, log.records, catalog_settings)
    assert read_all(newcomer) == read_all(reader) == editor.model.items
    assert_facets(reader, editor.model.items)
    assert_facets(newcomer, editor.model.items)


def assert_facets(reader: CatalogReader, items: dict[str, CatalogItem]) -> None:
    expected = {
        "tags": Counter(fold(tag) for item in items.values() for tag in item.tags),
        "models": Counter(model for item in items.values() for model in {each.model for each in item.predictions}),
        "metadata": Counter(fold(name) for item in items.values() for name in item.metadata),
        "content_type": Counter(item.content_type for item in items.values()),
    }
    found = reader.facets(kinds=list(expected), limit=1000)
    assert {kind: {fold(each.value): each.count for each in values} for kind, values in found.items()} == {
        kind: dict(counter) for kind, counter in expected.items()
    }


def test_facets_count_what_meets_the_condition(log: CatalogLog, reader: CatalogReader) -> None:
    log.add_items([make_item(number) for number in range(40)], "kim")
    log.set_tags([item_id(number) for number in range(10)], "kim", add=["Dog"])
    log.set_metadata({item_id(number): {"Line": number % 2} for number in range(20)}, "kim")
    compact(COLLECTION, log.store, log.records)
    wait_for_snapshot(reader, log)
    log.set_tags([item_id(number) for number in range(8, 12)], "lee", add=["dog", "cat"])
    found = reader.facets(DOG, kinds=["tags", "labels", "flags", "source", "metadata", "metadata:Line"])
    assert found["tags"] == [FacetValue("Dog", 12), FacetValue("cat", 4)]
    assert found["labels"] == [FacetValue("bolt", 6), FacetValue("nut", 6)]
    assert found["flags"] == [FacetValue("dark", 3)]
    assert found["source"] == [FacetValue("upload", 12)]
    assert found["metadata"] == [FacetValue("line", 12)]
    assert found["metadata:Line"] == [FacetValue("0", 6), FacetValue("1", 6)]
    assert reader.facets(kinds=["tags"], limit=1) == {"tags": [FacetValue("Dog", 12)]}
    assert reader.count(DOG) == 12


def test_there_is_no_facet_of_everything(reader: CatalogReader) -> None:
    with pytest.raises(UnknownFacetError, match="'json'"):
        reader.facets(kinds=["json"])


def test_pages_of_every_order_hold_every_item_once(sorted_reader: CatalogReader) -> None:
    for column in sorted(SORTS):
        for descending in (True, False):
            order = Order(column, descending=descending)
            items = walk(sorted_reader, order, 7)
            assert sorted(item.id for item in items) == sorted(item_id(number) for number in range(30)), order
            assert items == walk(sorted_reader, order, 1000), order


@pytest.fixture
def sorted_reader(log: CatalogLog, reader: CatalogReader) -> CatalogReader:
    """Items with equal values and without values, in a snapshot and behind it."""
    log.add_items([_with_gaps(number) for number in range(20)], "kim")
    compact(COLLECTION, log.store, log.records)
    log.add_items([_with_gaps(number) for number in range(20, 30)], "kim")
    return reader


def _with_gaps(number: int) -> CatalogItem:
    health = Health(sharpness=number % 4, brightness=0.5, contrast=0.1, entropy_bits=3) if number % 3 else None
    taken_at = START + timedelta(days=number % 4) if number % 2 else None
    return make_item(number, health=health, taken_at=taken_at, names=[f"{number % 5}.jpg"])


def test_items_without_a_value_come_last(sorted_reader: CatalogReader) -> None:
    for descending in (True, False):
        items = walk(sorted_reader, Order("taken_at", descending=descending), 4)
        times = [item.taken_at for item in items if item.taken_at]
        assert [item.taken_at for item in items[:15]] == times == sorted(times, reverse=descending)


def test_pages_stay_right_while_items_come_go_and_change(log: CatalogLog, reader: CatalogReader) -> None:
    log.add_items([make_item(number) for number in range(0, 100, 2)], "kim")
    order = Order("added_at", descending=True)
    first = reader.page(order=order, limit=10)
    log.add_items([make_item(101), make_item(95), make_item(1)], "kim")  # before, within, and behind the first page
    log.remove_items([first.items[-1].id, item_id(50)], "kim")  # the very item that the cursor names, and one behind
    log.set_tags([item_id(40)], "kim", add=["dog"])
    compact(COLLECTION, log.store, log.records)
    wait_for_snapshot(reader, log)
    rest, cursor = [], first.next
    while cursor:
        page = reader.page(order=order, limit=10, cursor=cursor)
        rest += page.items
        cursor = page.next or ""
    numbers = [number for number in range(78, -1, -2) if number != 50] + [1]
    assert [item.id for item in rest] == [item_id(number) for number in sorted(numbers, reverse=True)]


def test_a_page_ends_before_it_has_too_many_bytes(log: CatalogLog, reader: CatalogReader) -> None:
    log.add_items([make_item(number, metadata={"note": "x" * 2_000}) for number in range(5)], "kim")
    pages, cursor = [], ""
    while True:
        page = reader.page(order=Order("id", descending=False), cursor=cursor, max_bytes=6_000)
        pages.append([item.id for item in page.items])
        cursor = page.next or ""
        if not cursor:
            break
    assert [len(page) for page in pages] == [2, 2, 1]
    assert sorted(each for page in pages for each in page) == sorted(item_id(number) for number in range(5))
    # An item that is larger by itself is on a page of its own.
    assert len(reader.page(max_bytes=1).items) == 1
    assert reader.page(max_bytes=1).next
    assert reader.page(DOG, max_bytes=1).items == []


def test_a_page_says_up_to_which_change_it_was_read(log: CatalogLog, reader: CatalogReader) -> None:
    log.add_items([make_item(1)], "kim")
    assert reader.page().number == 1
    assert reader.page().next is None


@pytest.mark.parametrize("cursor", ["x", "!!!", "bm90IGpzb24", "W10", "WyIxIiwyLDNd", "eyJhIjoxfQ"])
def test_a_cursor_of_another_making_is_refused(reader: CatalogReader, cursor: str) -> None:
    with pytest.raises(InvalidCursorError):
        reader.page(cursor=cursor)


def test_a_cursor_belongs_to_its_query_and_order(log: CatalogLog, reader: CatalogReader) -> None:
    log.add_items([make_item(number) for number in range(10)], "kim")
    cursor = reader.page(limit=5).next
    assert cursor
    with pytest.raises(InvalidCursorError, match="another query"):
        reader.page(DOG, limit=5, cursor=cursor)
    with pytest.raises(InvalidCursorError, match="another query"):
        reader.page(order=Order("width"), limit=5, cursor=cursor)


def test_what_cannot_be_sorted_by_is_refused() -> None:
    with pytest.raises(UnknownSortError, match="json"):
        Order("json; DROP TABLE fresh")


def test_one_item_and_the_ids_of_a_query(log: CatalogLog, reader: CatalogReader) -> None:
    log.add_items([make_item(number) for number in range(10)], "kim")
    log.set_tags([item_id(3), item_id(5)], "kim", add=["dog"])
    assert reader.get(item_id(3)).tags == ["dog"]
    assert reader.ids(DOG) == sorted([item_id(3), item_id(5)])
    with pytest.raises(ItemMissingError, match="no item"):
        reader.get(item_id(11))


def test_items_for_certain_people_are_hidden_from_all_others(log: CatalogLog, reader: CatalogReader) -> None:
    log.add_items([make_item(number) for number in range(4)], "kim")
    log.append(SetViewers(ids=[item_id(1)], viewers=["lee"]), "kim")
    log.append(SetViewers(ids=[item_id(2)], viewers=[]), "kim")
    for _ in range(2):  # from the changes, and from a snapshot
        assert reader.count() == 4
        assert reader.count(viewer="lee") == 3
        assert reader.count(viewer="park") == 2
        assert {item.id for item in reader.page(viewer="park").items} == {item_id(0), item_id(3)}
        assert reader.ids(viewer="park") == sorted([item_id(0), item_id(3)])
        assert reader.facets(kinds=["source"], viewer="park") == {"source": [FacetValue("upload", 2)]}
        assert {item.id for batch in reader.iterate(viewer="park") for item in batch} == {item_id(0), item_id(3)}
        with pytest.raises(ItemMissingError):
            reader.get(item_id(1), viewer="park")
        assert reader.get(item_id(1), viewer="lee").id == item_id(1)
        compact(COLLECTION, log.store, log.records)
        wait_for_snapshot(reader, log)


def test_a_bulk_tag_is_one_change_and_seen_at_once(log: CatalogLog, reader: CatalogReader) -> None:
    log.add_items([make_item(number) for number in range(300)], "kim")
    compact(COLLECTION, log.store, log.records)
    wait_for_snapshot(reader, log)
    change = log.set_tags(reader.ids(Condition("content_type = ?", ["image/png"])), "kim", add=["dog"])
    assert change.number == 2
    assert reader.count(DOG) == 100


def test_a_walk_holds_what_there_was_when_it_began(log: CatalogLog, reader: CatalogReader) -> None:
    log.add_items([make_item(number) for number in range(2500)], "kim")
    compact(COLLECTION, log.store, log.records)
    wait_for_snapshot(reader, log)
    walking = reader.iterate()
    seen = [item.id for item in next(walking)]
    log.remove_items([item_id(number) for number in range(0, 2500, 2)], "kim")
    assert reader.count() == 1250
    seen += [item.id for batch in walking for item in batch]
    assert seen == sorted(item_id(number) for number in range(2500))


def test_a_query_that_takes_too_long_is_ended(log: CatalogLog, catalog_settings: CatalogSettings) -> None:
    log.add_items([make_item(number) for number in range(50)], "kim")
    hurried = catalog_settings.model_copy(update={"query_time_limit_s": 0.2})
    reader = CatalogReader(COLLECTION, log.store, log.records, hurried)
    endless = Condition("(SELECT count(*) FROM range(100000) a, range(100000) b WHERE a.range <> b.range + ?) > 0", [1])
    with pytest.raises(QueryTimeoutError, match="narrow it down"):
        reader.count(endless)
    assert reader.count() == 50


def test_a_query_that_takes_too_much_memory_is_ended(log: CatalogLog, catalog_settings: CatalogSettings) -> None:
    log.add_items([make_item(1)], "kim")
    narrow = catalog_settings.model_copy(update={"query_memory_mb": 64})
    reader = CatalogReader(COLLECTION, log.store, log.records, narrow)
    with pytest.raises(QueryTooLargeError, match="64 MB"):
        reader.count(Condition("(SELECT len(list(range || 'x')) FROM range(50000000)) > ?", [0]))
    assert reader.count() == 1


@pytest.mark.parametrize(
    "sql",
    [
        "(SELECT count(*) FROM read_text('/etc/hostname')) > 0",
        "(SELECT count(*) FROM read_csv('/etc/passwd')) > 0",
        "(SELECT count(*) FROM 'https://example.com/x.parquet') > 0",
        "(SELECT count(*) FROM glob('/*')) > 0",
        "(SELECT count(*) FROM arriving) > 0",
    ],
)
def test_no_statement_reaches_a_file_or_the_network(reader: CatalogReader, sql: str) -> None:
    arriving = [1]
    with pytest.raises(duckdb.Error, match=r"(?i)permission|disabled|does not exist"):
        reader.count(Condition(sql))
    assert arriving


def test_a_snapshot_that_is_gone_when_it_is_fetched_is_looked_up_again(
    log: CatalogLog, catalog_settings: CatalogSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between reading where the catalog stands and fetching the snapshot, another one takes its place."""
    log.add_items([make_item(1)], "kim")
    compact(COLLECTION, log.store, log.records)
    log.add_items([make_item(2)], "kim")
    open_copy, calls = reader_module.open_copy, []

    def open_late(*arguments: Any) -> Any:
        if not calls:
            compact(COLLECTION, log.store, log.records)
            delete_retired(COLLECTION, log.store, log.records, datetime.now(UTC) + timedelta(seconds=1))
        calls.append(arguments)
        return open_copy(*arguments)

    monkeypatch.setattr(reader_module, "open_copy", open_late)
    assert CatalogReader(COLLECTION, log.store, log.records, catalog_settings).count() == 2
    assert len(calls) == 2


def test_a_lost_or_damaged_snapshot_is_said(log: CatalogLog, store: S3Store, catalog_settings: CatalogSettings) -> None:
    log.add_items([make_item(1)], "kim")
    snapshot = compact(COLLECTION, log.store, log.records).snapshot
    assert snapshot is not None
    store.put(snapshot.key, b"PAR1 no more PAR1")
    with pytest.raises(SnapshotLostError, match="compact"):
        CatalogReader(COLLECTION, log.store, log.records, catalog_settings)
    store.delete([snapshot.key])
    with pytest.raises(SnapshotLostError, match="compact"):
        CatalogReader(COLLECTION, log.store, log.records, catalog_settings)
    compact(COLLECTION, log.store, log.records, from_log=True)
    assert CatalogReader(COLLECTION, log.store, log.records, catalog_settings).count() == 1


def test_a_collection_that_was_made_anew_is_another_one(log: CatalogLog, reader: CatalogReader) -> None:
    log.add_items([make_item(1)], "kim")
    assert reader.count() == 1
    log.records.collections.table.delete(f"COLLECTION#{COLLECTION}", "CATALOG")
    log.records.collections.table.delete(f"COLLECTION#{COLLECTION}", "ABOUT")
    with pytest.raises(CollectionMissingError):
        reader.count()
    log.records.collections.create(Collection(id=COLLECTION, created_at=START))
    log.add_items([make_item(2)], "kim")
    assert set(read_all(reader)) == {item_id(2)}


def test_a_process_keeps_few_readers(log: CatalogLog, catalog_settings: CatalogSettings, records: Records) -> None:
    few = catalog_settings.model_copy(update={"open_readers": 2})
    records.collections.create(Collection(id="b", created_at=START))
    records.collections.create(Collection(id="c", created_at=START))
    first = open_reader(COLLECTION, log.store, records, few)
    open_reader("b", log.store, records, few)
    assert open_reader(COLLECTION, log.store, records, few) is first
    open_reader("c", log.store, records, few)  # "b" was not used for longest
    assert open_reader(COLLECTION, log.store, records, few) is first
    open_reader("b", log.store, records, few)
    open_reader("c", log.store, records, few)
    assert open_reader(COLLECTION, log.store, records, few) is not first


def test_the_cache_is_bounded_and_shared(log: CatalogLog, catalog_settings: CatalogSettings) -> None:
    small = catalog_settings.model_copy(update={"cache_mb": 1})
    digests = []
    for number in range(3):
        log.add_items([make_item(each) for each in range(number * 3000, number * 3000 + 3000)], "kim")
        snapshot = compact(COLLECTION, log.store, log.records).snapshot
        assert snapshot is not None
        digests.append(snapshot.digest)
        made_by = CatalogReader(COLLECTION, log.store, log.records, small)
        shared = CatalogReader(COLLECTION, log.store, log.records, small)
        assert made_by.count() == shared.count() == 3000 * (number + 1)
    assert [folder.name.partition("-")[0] for folder in cache_dir(small).iterdir()] == digests[-1:]


def test_a_replaced_copy_is_deleted_once_the_new_one_is_used(
    log: CatalogLog, reader: CatalogReader, catalog_settings: CatalogSettings
) -> None:
    log.add_items([make_item(1)], "kim")
    compact(COLLECTION, log.store, log.records)
    wait_for_snapshot(reader, log)
    log.remove_items([item_id(1)], "kim")
    compact(COLLECTION, log.store, log.records)
    wait_for_snapshot(reader, log)
    pointer = log.records.collections.pointer(COLLECTION)
    assert pointer.snapshot is not None
    folders = cache_dir(catalog_settings).iterdir()
    assert [folder.name.partition("-")[0] for folder in folders] == [pointer.snapshot.digest]


def test_threads_read_while_changes_and_compactions_go_on(log: CatalogLog, reader: CatalogReader) -> None:
    """Every answer is of one moment: all of a change's items, or none."""
    log.add_items([make_item(number) for number in range(50)], "kim")
    ids, over, wrong = [item_id(number) for number in range(50)], threading.Event(), []

    def read() -> None:
        while not over.is_set():
            counts = {each.value: each.count for each in reader.facets(kinds=["tags"])["tags"]}
            if set(counts.values()) - {50} or reader.count() != 50:
                wrong.append(counts)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for thread in readers:
        thread.start()
    for number in range(12):
        log.set_tags(ids, "kim", add=[f"tag {number}"], remove=[f"tag {number - 3}"])
        if number % 4 == 3:
            compact(COLLECTION, log.store, log.records)
    over.set()
    for thread in readers:
        thread.join()
    assert not wrong
    assert reader.count(Condition("list_contains(tags_folded, ?)", ["tag 11"])) == 50


def test_nothing_is_left_in_the_cache_of_a_copy_that_failed(
    log: CatalogLog, store: S3Store, catalog_settings: CatalogSettings
) -> None:
    log.add_items([make_item(1)], "kim")
    snapshot = compact(COLLECTION, log.store, log.records).snapshot
    assert snapshot is not None
    store.put(snapshot.key, b"damaged")
    with pytest.raises(SnapshotLostError):
        CatalogReader(COLLECTION, log.store, log.records, catalog_settings)
    assert list(Path(cache_dir(catalog_settings)).iterdir()) == []


def test_a_reader_that_was_opened_before_a_purge_does_not_show_what_it_deleted(
    log: CatalogLog, reader: CatalogReader, store: S3Store, records: Records
) -> None:
    log.add_items([make_item(number) for number in range(3)], "kim")
    assert reader.count() == 3
    log.remove_items([item_id(1)], "kim")
    assert purge(COLLECTION, store, records)  # Before the reader has seen the removal.
    assert sorted(read_all(reader)) == sorted([item_id(0), item_id(2)])


def test_who_reads_an_old_snapshot_during_a_purge_goes_on(log: CatalogLog, catalog_settings: CatalogSettings) -> None:
    """Another process deletes the snapshot, and its copy on this machine."""
    log.add_items([make_item(number) for number in range(1, 3_001)], "kim")
    compact(COLLECTION, log.store, log.records)
    reader = CatalogReader(COLLECTION, log.store, log.records, catalog_settings)
    walk = reader.iterate()
    first = next(walk)
    for folder in cache_dir(catalog_settings).iterdir():
        shutil.rmtree(folder)
    types = reader.facets(kinds=["content_type"])["content_type"]
    assert sum(each.count for each in types) == 3_000, "files that were not read before"
    log.remove_items([item_id(1)], "kim")
    assert purge(COLLECTION, log.store, log.records)
    assert reader.count() == 2_999
    assert len(first) + sum(map(len, walk)) == 3_000


def test_a_copy_that_is_deleted_while_it_is_opened_is_made_again(
    log: CatalogLog, catalog_settings: CatalogSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.add_items([make_item(1)], "kim")
    compact(COLLECTION, log.store, log.records)
    open_copy, opened = reader_module.open_copy, list[LocalCopy]()

    def open_and_lose(*arguments: Any) -> LocalCopy:
        copy = open_copy(*arguments)
        opened.append(copy)
        if len(opened) < lost:
            copy.delete()
        return copy

    monkeypatch.setattr(reader_module, "open_copy", open_and_lose)
    lost = 3
    assert CatalogReader(COLLECTION, log.store, log.records, catalog_settings).count() == 1
    lost = 100
    with pytest.raises(SnapshotLostError, match="again and again"):
        CatalogReader(COLLECTION, log.store, log.records, catalog_settings)
