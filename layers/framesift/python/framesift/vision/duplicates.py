"""Which items repeat which: from pairs of similar pictures to keepers.

Items are taken in order: first what an earlier day kept, then today's with the most views. An item whose picture
resembles a keeper's is a duplicate of that keeper; any other becomes a keeper. So no two keepers resemble each other,
every duplicate resembles its keeper, and nothing chains: A like B and B like C does not make C a duplicate of A.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from framesift.vision.similarity import Pairs

IDENTICAL = "sha256"
"""The method of items whose pictures are the same file."""


@dataclass(frozen=True)
class Candidate:
    """An item that may be a duplicate or a keeper.

    Attributes:
        id: The site's id. An item is no duplicate of itself: neither of an earlier day nor of another category.
        views: Decides which of two is kept.
        picture: The number of its picture; items with the same file share it.
        category: Where the item was found.
        kept_on: For an item that an earlier run kept: that day, YYYY-MM-DD.
    """

    id: str
    views: int
    picture: int
    category: str
    kept_on: str | None = None


@dataclass(frozen=True)
class Repeat:
    """That an item is a duplicate.

    Attributes:
        keeper: The keeper's place among the candidates.
        method: `sha256`, or the name of the pairs that say so.
        score: How similar, at most 1.
    """

    keeper: int
    method: str
    score: float


def find_duplicates(candidates: Sequence[Candidate], pairs: Mapping[str, Pairs]) -> list[Repeat | None]:
    """Choose the keepers, and for every other item its keeper.

    Args:
        candidates: The items, in any order: the result does not depend on it.
        pairs: Pairs of similar pictures (numbers as in `Candidate.picture`) by method, the most trusted first.

    Returns:
        For each candidate `None` if it is kept, else what it repeats: of several keepers the one that the most trusted
        method names, with the best score, the first in order.
    """
    neighbours = _neighbours(pairs)
    methods = [IDENTICAL, *pairs]
    repeats: list[Repeat | None] = [None] * len(candidates)
    keepers: defaultdict[int, list[int]] = defaultdict(list)  # by picture, in order
    order = sorted(range(len(candidates)), key=lambda place: _precedence(candidates[place]))
    rank = {place: position for position, place in enumerate(order)}
    for place in order:
        candidate = candidates[place]
        near = [(0, -1.0, candidate.picture), *neighbours.get(candidate.picture, ())]
        found = [
            (trust, distance, rank[keeper], keeper)
            for trust, distance, picture in near
            for keeper in keepers.get(picture, ())
            if candidates[keeper].id != candidate.id
        ]
        if found and candidate.kept_on is None:
            trust, distance, _, keeper = min(found)
            repeats[place] = Repeat(keeper, methods[trust], -distance)
        else:
            keepers[candidate.picture].append(place)
    return repeats


def _precedence(candidate: Candidate) -> tuple[bool, str, int, str, str]:
    return (
        candidate.kept_on is None,
        candidate.kept_on or "",
        -candidate.views,
        candidate.id,
        candidate.category,
    )


def _neighbours(pairs: Mapping[str, Pairs]) -> dict[int, list[tuple[int, float, int]]]:
    """For each picture: how trusted (1 the most), minus the score, the other picture."""
    neighbours: defaultdict[int, list[tuple[int, float, int]]] = defaultdict(list)
    for trust, found in enumerate(pairs.values(), start=1):
        columns = (found.first.tolist(), found.second.tolist(), found.scores.tolist())
        for first, second, score in zip(*columns, strict=True):
            neighbours[first].append((trust, -score, second))
            neighbours[second].append((trust, -score, first))
    return neighbours
