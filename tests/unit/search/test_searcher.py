"""Searches in a collection that changes, against comparing every vector of what the catalog shows."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from framesift.catalog.compact import compact
from framesift.catalog.condition import EVERYTHING, Condition
from framesift.catalog.vectors import write_part
from framesift.contracts import SetViewers
from framesift.errors import NoVectorsError
from framesift.search import segment as segment_module
from framesift.storage import S3Store
from tests.unit.catalog.items import item_id, make_item
from tests.unit.search.conftest import COLLECTION, DIMENSION, MODEL, Parts, a_query, check, unit, vector_of

PNG = Condition("content_type = ?", ["image/png"])
FEW = Condition("size_bytes < ?", [1006])
NONE = Condition("size_bytes < 0")
CHECKED = Condition("list_contains(tags_folded, ?)", ["checked"])


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_happens_a_search_finds_the_best_that_match(parts: Parts, seed: int) -> None:
    chance = random.Random(seed)
    searcher = parts.searcher()
    parts.add(range(30))
    known = 30
    for step in range(14):
        known += change(parts, chance, known)
        query = a_query(step)
        condition, viewer = chance.choice((EVERYTHING, PNG, FEW, NONE, CHECKED)), chance.choice((None, "lee", "park"))
        for some in (condition, EVERYTHING):
            every = parts.brute_force(query, 1_000, some, viewer)
            found = searcher.search(query, 7, some, viewer=viewer)
            assert (found.matching, len(found.hits)) == (len(every), min(7, len(every)))
            if every:
                check(found, every[:7])


def change(parts: Parts, chance: random.Random, known: int) -> int:
    """Make one change of any kind; return how many items came."""
    some = [item_id(number) for number in chance.sample(range(known), 8)]
    count = chance.randint(1, 20)
    changes: list[Callable[[], object]] = [
        lambda: parts.add(range(known, known + count)),
        lambda: parts.log.remove_items(some, "kim"),
        lambda: parts.update(rebuild=chance.random() < 0.2),
        lambda: compact(COLLECTION, parts.store, parts.records),
        lambda: parts.log.set_tags(some, "kim", add=["checked"]),
        lambda: parts.log.append(SetViewers(ids=some, viewers=chance.choice([None, [], ["lee"]])), "kim"),
        # One that was removed comes again, or gains nothing.
        lambda: parts.log.add_items([make_item(chance.randrange(known))], "kim"),
    ]
    number = chance.randrange(len(changes))
    changes[number]()
    return count if number == 0 else 0


def test_a_filter_that_matches_nothing_gives_no_results(parts: Parts) -> None:
    parts.add(range(5))
    parts.update()
    found = parts.searcher().search(a_query(), 5, NONE)
    assert (found.hits, found.matching) == ([], 0)


def test_codes_and_filters_go_together(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment_module, "DIRECT_ROWS", 200)
    rows = np.random.default_rng(0).standard_normal((4_500, DIMENSION)).astype(np.float16)
    parts.add(range(4_500), rows)
    update = parts.update()
    assert update
    assert update.card
    assert update.card.bits
    compact(COLLECTION, parts.store, parts.records)
    searcher = parts.searcher()
    for seed, condition in enumerate((EVERYTHING, PNG, FEW)):
        check(searcher.search(a_query(seed), 10, condition), parts.brute_force(a_query(seed), 10, condition))


def test_items_that_came_after_the_index_are_found(parts: Parts) -> None:
    parts.add(range(10))
    parts.update()
    searcher = parts.searcher()
    searcher.search(a_query(), 5)
    parts.add(range(10, 15))
    check(searcher.search(a_query(), 15), parts.brute_force(a_query(), 15))


def test_vectors_that_were_stored_before_their_items_came_are_found(parts: Parts) -> None:
    parts.add(range(5))
    parts.store_vectors([5, 6], np.stack([vector_of(5), vector_of(6)]))
    parts.update()
    searcher = parts.searcher()
    assert len(searcher.search(a_query(), 10).hits) == 5
    parts.log.add_items([make_item(5), make_item(6)], "kim")
    check(searcher.search(a_query(), 10), parts.brute_force(a_query(), 10))


def test_stored_parts_are_listed_once_for_items_without_vectors(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    parts.add(range(5))
    parts.log.add_items([make_item(9)], "kim")
    parts.update()
    searcher, listed = parts.searcher(), []
    objects = S3Store.objects

    def count(self: S3Store, prefix: str) -> Any:
        listed.append(prefix)
        return objects(self, prefix)

    monkeypatch.setattr(S3Store, "objects", count)
    for _ in range(3):
        assert len(searcher.search(a_query(), 10).hits) == 5
    assert len(listed) == 1


def test_results_below_the_cut_off_are_left_out(parts: Parts) -> None:
    parts.add(range(20))
    parts.update()
    every = parts.brute_force(a_query(), 20)
    cut_off = (every[6][1] + every[7][1]) / 2
    check(parts.searcher().search(a_query(), 20, min_score=cut_off), every[:7])


def test_nearly_identical_results_are_counted_with_the_best_of_them(parts: Parts) -> None:
    rows = np.stack([vector_of(number // 10) for number in range(100)]).astype(np.float32)
    rows += 0.01 * np.random.default_rng(0).standard_normal(rows.shape)
    parts.add(range(100), rows.astype(np.float16))
    parts.update()
    found = parts.searcher().search(a_query(), 10, fold_from=0.99)
    assert len(found.hits) == 10
    assert {hit.folded for hit in found.hits} == {9}
    assert found.hits[0].id == parts.brute_force(a_query(), 1)[0][0]
    assert len(parts.searcher().search(a_query(), 3, fold_from=0.99).hits) == 3


def test_items_that_are_not_wanted_are_not_found(parts: Parts) -> None:
    parts.add(range(5))
    parts.update()
    parts.add(range(5, 8))
    ids = {hit.id for hit in parts.searcher().search(a_query(), 10, without=[item_id(2), item_id(6)]).hits}
    assert ids == {item_id(number) for number in range(8)} - {item_id(2), item_id(6)}


def test_crops_are_found_with_their_boxes_and_labels(parts: Parts) -> None:
    parts.log.add_items([make_item(number) for number in range(3)], "kim")
    rows = np.stack([vector_of(number) for number in range(4)])
    boxes = [[0.0, 0.0, 0.5, 0.5], [0.5, 0.5, 0.25, 0.25], [0.1, 0.2, 0.3, 0.4], [0.0, 0.0, 1.0, 1.0]]
    facts = {"boxes": boxes, "labels": ["cup", "cat", "cup", "bag"], "scores": [0.9, 0.8, 0.7, 0.6]}
    owners = [item_id(number) for number in (0, 0, 1, 2)]
    write_part(parts.store, COLLECTION, MODEL, "one", owners, rows, **facts)
    query = vector_of(1).astype(np.float32) / np.linalg.norm(vector_of(1).astype(np.float32))
    for _ in range(2):  # Compared directly, then by the index.
        best = parts.searcher().search(query, 10).hits
        assert len(best) == 4
        assert (best[0].id, best[0].label, best[0].score) == (owners[1], "cat", pytest.approx(1, abs=1e-3))
        assert best[0].box
        assert best[0].box.left == 0.5
        parts.update()


def test_an_item_s_vector_is_found_in_the_index_and_among_the_stored_ones(parts: Parts) -> None:
    parts.add([1])
    parts.update()
    parts.add([2])
    for number in (1, 2):
        assert unit(parts.searcher().vector_of(item_id(number))) == pytest.approx(unit(vector_of(number)), abs=1e-3)
    with pytest.raises(NoVectorsError, match=item_id(3)):
        parts.searcher().vector_of(item_id(3))


def test_a_collection_without_vectors_of_the_model_is_said(parts: Parts) -> None:
    parts.log.add_items([make_item(1)], "kim")
    with pytest.raises(NoVectorsError, match=MODEL):
        parts.searcher().search(a_query(), 5)
