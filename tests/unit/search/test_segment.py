"""Segments against comparing every vector."""

from __future__ import annotations

from pathlib import Path

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from framesift.catalog.ids import find_rows, pack_ids, unpack_ids
from framesift.errors import IndexLostError, InvalidVectorError
from framesift.search import segment as segment_module
from framesift.search.build import build_segment
from framesift.search.segment import VECTORS, Segment, SegmentCard, make_query
from tests.unit.catalog.items import item_id


def build(folder: Path, rows: NDArray[np.float16], ids: list[str] | None = None, **options: object) -> SegmentCard:
    folder.mkdir(exist_ok=True)
    names = ids or [item_id(number) for number in range(len(rows))]
    settings = {"model": "look@1", "dimension": rows.shape[1], "recall_target": 0.95} | options
    return build_segment(folder, [(names, rows, {})], **settings)  # type: ignore[arg-type]


def gaussian(count: int, dimension: int, seed: int = 0) -> NDArray[np.float16]:
    return np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float16)


@given(
    st.integers(0, 40).flatmap(
        lambda count: st.tuples(
            arrays.arrays(np.int8, (count, 3), elements=st.integers(-2, 2)),
            arrays.arrays(np.bool_, (count,)),
            st.integers(1, 50),
        )
    )
)
def test_exact_search_is_brute_force_with_ties_in_the_order_of_ids(
    tmp_path_factory: pytest.TempPathFactory, drawn: tuple[NDArray[np.int8], NDArray[np.bool_], int]
) -> None:
    rows, allowed, count = drawn
    folder = tmp_path_factory.mktemp("segment")
    card = build(folder, rows.astype(np.float16), [item_id(number) for number in range(len(rows))])
    segment = Segment.open(card, folder)
    usable = np.any(rows != 0, axis=1)
    assert (card.rows, card.left_out) == (int(usable.sum()), int((~usable).sum()))
    by_id = {item_id(number): (rows[number], allowed[number]) for number in np.flatnonzero(usable).tolist()}
    query = make_query(np.array([1, 0.5, -0.25]))
    expected = []
    for one in sorted(by_id):
        row, is_allowed = by_id[one]
        kept = (row / np.linalg.norm(row)).astype(np.float16).astype(np.float32)
        if is_allowed:
            expected.append((-round(float(kept @ query), 5), one))
    mask = np.array([by_id[one][1] for one in sorted(by_id)], bool)

    found, scores = segment.search(query, count, mask)

    ids = unpack_ids(segment.ids[found])
    assert [(-round(float(score), 5), one) for score, one in zip(scores, ids, strict=True)] == sorted(expected)[:count]


@pytest.mark.parametrize("share", [1.0, 0.5, 0.05, 0.002, 0.0])
def test_codes_find_what_brute_force_finds_under_any_filter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    monkeypatch.setattr(segment_module, "DIRECT_ROWS", 300)
    rows = gaussian(9_000, 48)
    card = build(tmp_path / "segment", rows)
    segment = Segment.open(card, tmp_path / "segment")
    allowed = np.random.default_rng(1).random(len(rows)) < share
    vectors = np.load(tmp_path / "segment" / VECTORS).astype(np.float32)
    hits = []
    for seed in range(20):
        query = make_query(np.random.default_rng(100 + seed).standard_normal(48))
        exact = np.sort((vectors @ query)[allowed])[::-1][:10]
        found, scores = segment.search(query, 10, allowed)
        assert allowed[found].all()
        assert len(found) == len(exact)
        assert scores == pytest.approx(vectors[found] @ query, abs=1e-5)
        hits.append(np.mean(scores >= exact[-1] - 1e-5) if len(exact) else 1.0)
    assert np.mean(hits) >= (0.95 if allowed.sum() > 300 else 1.0)


def test_the_card_says_the_recall_that_was_measured_under_each_filter(tmp_path: Path) -> None:
    card = build(tmp_path / "segment", gaussian(5_000, 32))
    assert card.bits
    assert card.candidates
    assert set(card.recall) == {"none", "50 %", "5 %", "place"}
    assert min(card.recall.values()) >= 0.95
    hopeless = build(tmp_path / "low", gaussian(5_000, 32), recall_target=1.1)
    assert (hopeless.bits, hopeless.candidates) == (2_048, 1_600)


def test_a_segment_built_twice_finds_the_same(tmp_path: Path) -> None:
    rows = gaussian(5_000, 32)
    cards = [build(tmp_path / name, rows) for name in ("one", "two")]
    assert {name: file.sha256 for name, file in cards[0].files.items()} == {
        name: file.sha256 for name, file in cards[1].files.items()
    }


def test_many_results_are_as_good_as_few(tmp_path: Path) -> None:
    rows = gaussian(6_000, 32)
    segment = Segment.open(build(tmp_path / "segment", rows), tmp_path / "segment")
    query = make_query(gaussian(1, 32, seed=5)[0])
    exact = np.sort(segment.vectors.astype(np.float32) @ query)[::-1][:1_000]
    _, scores = segment.search(query, 1_000)
    assert np.mean(scores >= exact[-1] - 1e-5) == 1.0
    assert len(scores) == 1_000


def test_what_cannot_be_compared_is_left_out_and_counted(tmp_path: Path) -> None:
    rows = gaussian(5, 8)
    rows[1], rows[2, 0], rows[3, 0] = 0, np.nan, np.inf
    card = build(tmp_path / "segment", rows)
    assert (card.rows, card.left_out) == (2, 3)
    segment = Segment.open(card, tmp_path / "segment")
    found, scores = segment.search(make_query(rows[0]), 10)
    assert unpack_ids(segment.ids[found])[0] == item_id(0)
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("vector", [np.zeros(8), np.full(8, np.nan), np.array([np.inf] + [0] * 7)])
def test_a_vector_that_is_zero_or_not_finite_is_refused(vector: NDArray[np.float64]) -> None:
    with pytest.raises(InvalidVectorError, match="similar"):
        make_query(vector)


def test_vectors_of_another_length_are_refused(tmp_path: Path) -> None:
    segment = Segment.open(build(tmp_path / "segment", gaussian(5, 8)), tmp_path / "segment")
    with pytest.raises(InvalidVectorError, match="7 numbers"):
        segment.search(make_query(np.ones(7)), 1)
    with pytest.raises(InvalidVectorError, match="8 numbers"):
        build(tmp_path / "other", gaussian(5, 8), dimension=9)


@pytest.mark.parametrize("damage", ["cut", "gone", "other"])
def test_files_that_are_not_the_cards_are_said(tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "segment"
    card = build(folder, gaussian(5_000, 32))
    path = folder / "codes.npy" if damage == "gone" else folder / VECTORS
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:1000])
    elif damage == "gone":
        path.unlink()
    else:
        np.save(path, gaussian(7, 32))
    with pytest.raises(IndexLostError, match="anew"):
        Segment.open(card, folder)


@given(st.sets(st.integers(0, 2**128 - 1), max_size=30), st.lists(st.integers(0, 2**128 - 1), max_size=10))
def test_ids_are_found_where_they_stand(held: set[int], others: list[int]) -> None:
    names = sorted(f"{number:032x}" for number in held)
    wanted = names[::2] + [f"{number:032x}" for number in others]
    ids = pack_ids(names)
    assert unpack_ids(ids) == names
    expected = [names.index(one) if one in names else -1 for one in wanted]
    assert find_rows(ids, pack_ids(wanted)).tolist() == expected
