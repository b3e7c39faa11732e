"""Keepers and their duplicates, whatever the items."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framesift.vision.duplicates import Candidate, Repeat, find_duplicates
from framesift.vision.similarity import Pairs


def pairs_of(*rows: tuple[int, int, float]) -> Pairs:
    first, second, scores = zip(*rows, strict=True) if rows else ((), (), ())
    return Pairs(np.array(first, np.int64), np.array(second, np.int64), np.array(scores, np.float32))


def item(id_: str, views: int, picture: int, category: str = "dance", kept_on: str | None = None) -> Candidate:
    return Candidate(id_, views, picture, category, kept_on)


CASES = {
    "nothing": ([], {}, []),
    "alone": ([item("a", 1, 0)], {}, [None]),
    "most views are kept": (
        [item("a", 1, 0), item("b", 2, 1)],
        {"pdq": pairs_of((0, 1, 0.9))},
        [Repeat(1, "pdq", pytest.approx(0.9)), None],
    ),
    "ties go by id": (
        [item("b", 1, 0), item("a", 1, 1)],
        {"pdq": pairs_of((0, 1, 1.0))},
        [Repeat(1, "pdq", 1.0), None],
    ),
    "nothing chains": (
        [item("a", 3, 0), item("b", 2, 1), item("c", 1, 2)],
        {"pdq": pairs_of((0, 1, 0.9), (1, 2, 0.9))},
        [None, Repeat(0, "pdq", pytest.approx(0.9)), None],
    ),
    "the same file": ([item("a", 1, 0), item("b", 2, 0)], {}, [Repeat(1, "sha256", 1.0), None]),
    "the same file as a dropped one": (
        [item("a", 3, 0), item("b", 2, 1), item("c", 1, 1)],
        {"pdq": pairs_of((0, 1, 0.9))},
        [None, Repeat(0, "pdq", pytest.approx(0.9)), Repeat(0, "pdq", pytest.approx(0.9))],
    ),
    "across categories": (
        [item("a", 2, 0, "food"), item("b", 1, 1, "dance")],
        {"pdq": pairs_of((0, 1, 1.0))},
        [None, Repeat(0, "pdq", 1.0)],
    ),
    "one clip in two categories is one clip": ([item("a", 2, 0, "food"), item("a", 2, 0, "dance")], {}, [None, None]),
    "an earlier day is a keeper already": (
        [item("a", 9, 0), item("old", 1, 1, kept_on="2026-11-19")],
        {"pdq": pairs_of((0, 1, 1.0))},
        [Repeat(1, "pdq", 1.0), None],
    ),
    "a clip is no duplicate of itself on an earlier day": (
        [item("a", 9, 0), item("a", 1, 0, kept_on="2026-11-19"), item("b", 5, 0)],
        {},
        [None, None, Repeat(1, "sha256", 1.0)],
    ),
    "two days' keepers stay": (
        [item("a", 9, 0, kept_on="2026-11-18"), item("b", 1, 0, kept_on="2026-11-19")],
        {},
        [None, None],
    ),
    "the most trusted method speaks": (
        [item("a", 9, 0), item("b", 8, 1), item("c", 1, 2)],
        {"pdq": pairs_of((1, 2, 0.88)), "resnet50": pairs_of((0, 2, 0.99))},
        [None, None, Repeat(1, "pdq", pytest.approx(0.88))],
    ),
}


@pytest.mark.parametrize(("candidates", "pairs", "wanted"), CASES.values(), ids=CASES.keys())
def test_find_duplicates(candidates, pairs, wanted):
    assert find_duplicates(candidates, pairs) == wanted


@st.composite
def days(draw):
    count = draw(st.integers(1, 14))
    candidates = [
        Candidate(
            id=draw(st.sampled_from("abcdefghij")),
            views=draw(st.integers(0, 4)),
            picture=draw(st.integers(0, 9)),
            category=f"c{place}",
            kept_on=draw(st.sampled_from([None, None, "2026-11-18", "2026-11-19"])),
        )
        for place in range(count)
    ]
    edges = st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 9)).filter(lambda edge: edge[0] < edge[1]), unique=True
    )
    pairs = {
        method: pairs_of(*((*ends, draw(st.sampled_from([0.8, 0.9, 1.0]))) for ends in draw(edges)))
        for method in ("pdq", "resnet50")
    }
    return candidates, pairs


def resemble(one: Candidate, other: Candidate, pairs: dict[str, Pairs]) -> bool:
    edge = {one.picture, other.picture}
    return one.id != other.id and (
        one.picture == other.picture
        or any(edge == {i, j} for found in pairs.values() for i, j in zip(found.first, found.second, strict=True))
    )


@given(days())
def test_keepers_differ_and_duplicates_resemble_their_keeper(day):
    candidates, pairs = day
    repeats = find_duplicates(candidates, pairs)
    kept = [candidate for candidate, repeat in zip(candidates, repeats, strict=True) if repeat is None]
    todays = [candidate for candidate in kept if candidate.kept_on is None]
    assert not any(resemble(one, other, pairs) for one in todays for other in kept)
    for candidate, repeat in zip(candidates, repeats, strict=True):
        if repeat is not None:
            assert candidate.kept_on is None
            assert repeats[repeat.keeper] is None
            assert resemble(candidate, candidates[repeat.keeper], pairs)


@given(days(), st.randoms(use_true_random=False))
def test_the_order_of_items_and_pairs_does_not_matter(day, random):
    candidates, pairs = day
    places = list(range(len(candidates)))
    random.shuffle(places)
    shuffled = [candidates[place] for place in places]
    turned = {
        method: Pairs(found.second[::-1], found.first[::-1], found.scores[::-1]) for method, found in pairs.items()
    }

    def verdicts(items, repeats):
        return {
            item: repeat and (items[repeat.keeper], repeat.method, repeat.score)
            for item, repeat in zip(items, repeats, strict=True)
        }

    assert verdicts(candidates, find_duplicates(candidates, pairs)) == verdicts(
        shuffled, find_duplicates(shuffled, turned)
    )
