"""Keepers and their duplicates, whatever the items."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framesift.duplicates.fingerprints import Fingerprints
from framesift.duplicates.images import Candidate, Comparison, ImageSet, Scores
from framesift.duplicates.keepers import Match, choose_keepers


def item(id_: str, views: int, file: str, group: str = "dance") -> Candidate:
    return Candidate(id_, file, rank=(-views,), group=group)


def earlier(id_: str, day: str, file: str) -> Candidate:
    return Candidate(id_, file, rank=(day,), group="dance")


def images(candidates: list[Candidate]) -> ImageSet:
    ids = [candidate.id for candidate in candidates]
    return ImageSet(candidates, Fingerprints.blank("pdq", ids, [one.sha256 for one in candidates], 0))


def choose(
    queries: list[Candidate], similar: dict[str, Scores], references: list[Candidate] | None = None
) -> list[Match | None]:
    return choose_keepers(Comparison(images(queries), images(references or [])), similar)


A, B, C, OLD = item("a", 3, "A"), item("b", 2, "B"), item("c", 1, "C"), earlier("old", "2026-11-19", "OLD")
CASES = {
    "nothing": ([], {}, [], []),
    "alone": ([A], {}, [], [None]),
    "the best ranked is kept": ([B, A], {"pdq": {("B", "A"): 0.9}}, [], [Match(A, "pdq", 0.9), None]),
    "ties go by id": (
        [item("b", 1, "B"), item("a", 1, "A")],
        {"pdq": {("A", "B"): 1.0}},
        [],
        [Match(item("a", 1, "A"), "pdq", 1.0), None],
    ),
    "nothing chains": (
        [A, B, C],
        {"pdq": {("A", "B"): 0.9, ("B", "C"): 0.9}},
        [],
        [None, Match(A, "pdq", 0.9), None],
    ),
    "the same file": ([A, item("b", 2, "A")], {}, [], [None, Match(A, "sha256", 1.0)]),
    "the same file as a dropped one": (
        [A, B, item("c", 1, "B")],
        {"pdq": {("A", "B"): 0.9}},
        [],
        [None, Match(A, "pdq", 0.9), Match(A, "pdq", 0.9)],
    ),
    "across groups": (
        [A, item("b", 1, "B", "food")],
        {"pdq": {("A", "B"): 1.0}},
        [],
        [None, Match(A, "pdq", 1.0)],
    ),
    "one clip in two categories is one clip": ([A, item("a", 3, "A", "food")], {}, [], [None, None]),
    "a reference is a keeper already": ([A], {"pdq": {("A", "OLD"): 1.0}}, [OLD], [Match(OLD, "pdq", 1.0)]),
    "a clip is no duplicate of itself on an earlier day": (
        [A, item("b", 2, "A")],
        {},
        [earlier("a", "2026-11-19", "A")],
        [None, Match(earlier("a", "2026-11-19", "A"), "sha256", 1.0)],
    ),
    "of two references the better ranked": (
        [A],
        {"pdq": {("A", "OLD"): 0.9, ("A", "OLDER"): 0.9}},
        [OLD, earlier("older", "2026-11-18", "OLDER")],
        [Match(earlier("older", "2026-11-18", "OLDER"), "pdq", 0.9)],
    ),
    "the most trusted method decides": (
        [A, B, C],
        {"pdq": {("B", "C"): 0.88}, "resnet50": {("A", "C"): 0.99}},
        [],
        [None, None, Match(B, "pdq", 0.88)],
    ),
}


@pytest.mark.parametrize(("queries", "similar", "references", "wanted"), CASES.values(), ids=CASES.keys())
def test_choose_keepers(queries, similar, references, wanted):
    assert choose(queries, similar, references) == wanted


@st.composite
def days(draw):
    files, ids = st.sampled_from("ABCDEFGHIJ"), st.sampled_from("abcdefghij")
    queries = [
        item(draw(ids), draw(st.integers(0, 4)), draw(files), f"c{number}") for number in range(draw(st.integers(1, 9)))
    ]
    references = [
        Candidate(draw(ids), draw(files), (draw(st.sampled_from(["2026-11-18", "2026-11-19"])),), f"old{number}")
        for number in range(draw(st.integers(0, 5)))
    ]
    pairs = st.lists(st.tuples(files, files).filter(lambda pair: pair[0] < pair[1]), unique=True)
    similar = {
        method: {pair: draw(st.sampled_from([0.8, 0.9, 1.0])) for pair in draw(pairs)} for method in ("pdq", "resnet50")
    }
    return queries, similar, references


def resemble(one: Candidate, other: Candidate, similar: dict[str, Scores]) -> bool:
    pair = {one.sha256, other.sha256}
    return one.id != other.id and (
        one.sha256 == other.sha256 or any(pair == set(found) for scores in similar.values() for found in scores)
    )


@given(days())
def test_keepers_differ_and_duplicates_resemble_their_keeper(day):
    queries, similar, references = day
    matches = choose(queries, similar, references)
    kept = [query for query, match in zip(queries, matches, strict=True) if match is None]
    assert not any(resemble(one, other, similar) for one in kept for other in [*kept, *references])
    for query, match in zip(queries, matches, strict=True):
        if match is not None:
            assert match.keeper in [*kept, *references]
            assert resemble(query, match.keeper, similar)


@given(days(), st.randoms(use_true_random=False))
def test_the_order_of_items_and_pairs_does_not_matter(day, random):
    queries, similar, references = day
    shuffled = random.sample(queries, len(queries))
    turned = {
        method: {(second, first): score for (first, second), score in reversed(scores.items())}
        for method, scores in similar.items()
    }
    before = dict(zip(queries, choose(queries, similar, references), strict=True))
    after = dict(zip(shuffled, choose(shuffled, turned, references[::-1]), strict=True))
    assert before == after
