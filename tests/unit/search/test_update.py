"""Bringing indexes up to date: segments, deleted items, updates at once, and what is left of a failed one."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framesift import keys
from framesift.catalog.deletion import purge
from framesift.catalog.ids import unpack_ids
from framesift.catalog.segments import read_ids
from framesift.errors import IndexBusyError, IndexLostError
from framesift.search import update as update_module
from framesift.search.segment_files import open_segment, read_card
from framesift.table import Indexes, VectorIndex
from tests.unit.catalog.items import item_id
from tests.unit.search.conftest import COLLECTION, DIMENSION, MODEL, Parts, a_query, check


def held(parts: Parts) -> list[set[str]]:
    """The items of each segment."""
    index = parts.records.indexes.get(COLLECTION, MODEL)
    assert index
    return [set(unpack_ids(read_ids(parts.store, COLLECTION, MODEL, each.name))) for each in index.segments]


def ids_of(numbers: range) -> set[str]:
    return {item_id(number) for number in numbers}


def folders(parts: Parts) -> set[str]:
    prefix = keys.index_prefix(COLLECTION, MODEL)
    return {key.removeprefix(prefix).partition("/")[0] for key in parts.store.list(prefix)}


def test_new_items_make_a_segment_and_small_ones_are_folded_into_it(parts: Parts) -> None:
    assert parts.update() is None
    parts.add(range(40))
    first = parts.update()
    assert first
    assert first.added == 40
    assert first.card
    assert first.card.model == MODEL
    parts.add(range(40, 45))
    parts.update()
    assert held(parts) == [ids_of(range(40)), ids_of(range(40, 45))]
    parts.add(range(45, 49))
    parts.update()
    assert held(parts) == [ids_of(range(40)), ids_of(range(40, 49))]
    parts.add(range(49, 80))
    parts.update()
    assert held(parts) == [ids_of(range(80))]
    again = parts.update()
    assert again
    assert again.added == 0
    assert again.card is None
    rebuilt = parts.update(rebuild=True)
    assert rebuilt
    assert held(parts) == [ids_of(range(80))]


def test_an_index_is_rebuilt_from_the_stored_vectors_alone(parts: Parts) -> None:
    parts.add(range(30))
    parts.update()
    before = parts.searcher().search(a_query(), 10)
    parts.store.delete(list(parts.store.list(keys.indexes_prefix(COLLECTION))))
    with pytest.raises(IndexLostError):
        Parts.searcher(with_empty_cache(parts)).search(a_query(), 10)
    parts.update()
    assert parts.searcher().search(a_query(), 10) == before


def with_empty_cache(parts: Parts) -> Parts:
    parts.settings = parts.settings.model_copy(update={"cache_dir": f"{parts.settings.cache_dir}-other"})
    return parts


def test_deleted_items_leave_the_index_once_they_are_many(parts: Parts) -> None:
    parts.add(range(40))
    parts.update()
    parts.log.remove_items([item_id(number) for number in range(4)], "kim")
    assert parts.update().card is None  # type: ignore[union-attr]
    parts.log.remove_items([item_id(number) for number in range(4, 9)], "kim")
    parts.update()
    assert held(parts) == [ids_of(range(9, 40))]
    parts.log.remove_items([item_id(number) for number in range(9, 40)], "kim")
    parts.update()
    assert held(parts) == []


def test_purging_items_deletes_the_segments_that_hold_them_and_the_rest_is_found_still(parts: Parts) -> None:
    parts.add(range(40))
    parts.update()
    parts.add(range(40, 45))
    parts.update()
    kept = parts.records.indexes.get(COLLECTION, MODEL).segments[1].name  # type: ignore[union-attr]
    parts.log.remove_items([item_id(3)], "kim")
    purge(COLLECTION, parts.store, parts.records)
    assert folders(parts) == {kept}
    parts.vectors.pop(item_id(3))
    check(parts.searcher().search(a_query(), 44), parts.brute_force(a_query(), 44))
    parts.update()
    assert set.union(*held(parts)) == ids_of(range(45)) - {item_id(3)}


def test_of_vectors_that_are_stored_twice_the_newest_count(parts: Parts) -> None:
    parts.add(range(10))
    later = np.random.default_rng(9).standard_normal((10, DIMENSION)).astype(np.float16)
    parts.store_vectors(range(10), later)
    parts.update()
    check(parts.searcher().search(a_query(), 10), parts.brute_force(a_query(), 10))


def test_vectors_that_cannot_be_compared_are_not_tried_again_and_again(parts: Parts) -> None:
    rows = np.random.default_rng(0).standard_normal((5, DIMENSION)).astype(np.float16)
    rows[2] = np.nan
    parts.add(range(5), rows)
    update = parts.update()
    assert update
    assert update.card
    assert (update.card.rows, update.card.left_out) == (4, 1)
    assert parts.update().card is None  # type: ignore[union-attr]
    assert len(parts.searcher().search(a_query(), 10).hits) == 4


def test_of_two_updates_at_once_the_later_begins_anew(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    parts.add(range(10))
    switch, calls = Indexes.switch, []

    def switch_late(self: Indexes, collection: str, index: VectorIndex, replaces: VectorIndex | None) -> bool:
        if not calls:
            calls.append(1)
            parts.update()
        return switch(self, collection, index, replaces)

    monkeypatch.setattr(Indexes, "switch", switch_late)
    parts.update()
    assert held(parts) == [ids_of(range(10))]
    index = parts.records.indexes.get(COLLECTION, MODEL)
    assert index
    assert folders(parts) == {segment.name for segment in index.segments}
    monkeypatch.setattr(Indexes, "switch", lambda *_, **__: False)
    with pytest.raises(IndexBusyError):
        parts.update(rebuild=True)


def test_readers_of_replaced_segments_go_on_and_old_files_go_after_an_hour(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts.add(range(20))
    parts.update()
    reader = parts.searcher()
    reader.search(a_query(), 5)
    old = folders(parts)
    parts.add(range(20, 40))
    parts.update()
    assert old < folders(parts)
    check(reader.search(a_query(), 5), parts.brute_force(a_query(), 5))

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) + timedelta(hours=2)

    monkeypatch.setattr(update_module, "datetime", Later)
    parts.update(rebuild=True)
    assert not old & folders(parts)


@pytest.mark.parametrize("damage", ["half-written", "changed", "card gone", "other layout"])
def test_a_damaged_segment_is_never_used_and_is_made_anew(parts: Parts, tmp_path: Path, damage: str) -> None:
    parts.add(range(20))
    update = parts.update()
    assert update
    name = update.index.segments[0].name
    if damage == "half-written":
        parts.store.delete([keys.index_file(COLLECTION, MODEL, name, "vectors.npy")])
    elif damage == "changed":
        parts.store.put(keys.index_file(COLLECTION, MODEL, name, "vectors.npy"), b"else")
    elif damage == "card gone":
        parts.store.delete([keys.index_file(COLLECTION, MODEL, name, "card.json")])
    else:
        parts.store.put(keys.index_file(COLLECTION, MODEL, name, "card.json"), b'{"layout": 99}')
    with pytest.raises(IndexLostError):
        open_segment(parts.store, COLLECTION, MODEL, name, parts.settings)
    assert not [path for path in Path(parts.settings.cache_dir).iterdir() if path.name == name]
    parts.update(rebuild=True)
    check(parts.searcher().search(a_query(), 20), parts.brute_force(a_query(), 20))
    index = parts.records.indexes.get(COLLECTION, MODEL)
    assert index
    assert read_card(parts.store, COLLECTION, MODEL, index.segments[0].name).items == 20


def test_copies_on_this_machine_are_bounded(parts: Parts) -> None:
    parts.settings = parts.settings.model_copy(update={"cache_mb": 1})
    for start in range(0, 60, 20):
        rows = np.random.default_rng(start).standard_normal((20, 10_000)).astype(np.float16)
        parts.add(range(start, start + 20), rows)
        update = parts.update(rebuild=True)
        assert update
        open_segment(parts.store, COLLECTION, MODEL, update.index.segments[0].name, parts.settings)
    # Of 0.4, 0.8 and 1.2 MB, the one in use stays.
    assert [path.name for path in Path(parts.settings.cache_dir).iterdir()] == [update.index.segments[0].name]
