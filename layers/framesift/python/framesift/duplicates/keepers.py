"""Which images are kept, and which are duplicates of them.

References are keepers already. The queries are taken by rank: one that resembles a keeper is a duplicate of it, any
other becomes a keeper. So no two keepers among the queries resemble each other, every duplicate resembles its keeper,
and nothing chains: A like B and B like C does not make C a duplicate of A.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from framesift.duplicates.images import Candidate, Comparison, Scores

IDENTICAL: Final = "sha256"
"""The method of items whose images are the same file."""


@dataclass(frozen=True)
class Match:
    """That a query is a duplicate.

    Attributes:
        keeper: What it is a duplicate of.
        method: `sha256`, or the name of the scores that show it.
        score: How similar, at most 1.
    """

    keeper: Candidate
    method: str
    score: float


def choose_keepers(comparison: Comparison, similar: Mapping[str, Scores]) -> list[Match | None]:
    """Choose the keepers among the queries, and for every other query its keeper.

    Args:
        comparison: The images, in any order: the result does not depend on it.
        similar: Pairs of similar images by method, the most trusted first (`compare.find_similar`).

    Returns:
        For each query `None` if it is kept, else what it is a duplicate of: of several keepers the one that the most
        trusted method found, with the best score, the first by rank, references before queries.
    """
    neighbours = _neighbours(similar)
    methods = [IDENTICAL, *similar]
    keepers: defaultdict[str, list[tuple[int, Candidate]]] = defaultdict(list)  # by digest, with the order they came in
    for order, reference in enumerate(sorted(comparison.references.candidates, key=_precedence)):
        keepers[reference.sha256].append((order, reference))
    matches: dict[Candidate, Match | None] = {}
    for order, query in enumerate(sorted(comparison.queries.candidates, key=_precedence), len(comparison.references)):
        found = [
            (trust, -score, keeper_order, keeper)
            for trust, score, digest in [(0, 1.0, query.sha256), *neighbours.get(query.sha256, ())]
            for keeper_order, keeper in keepers.get(digest, ())
            if keeper.id != query.id
        ]
        if found:
            trust, distance, _, keeper = min(found, key=lambda one: one[:3])
            matches[query] = Match(keeper, methods[trust], -distance)
        else:
            matches[query] = None
            keepers[query.sha256].append((order, query))
    return [matches[query] for query in comparison.queries.candidates]


def _precedence(candidate: Candidate) -> tuple[object, ...]:
    return (candidate.rank, candidate.id, candidate.group)


def _neighbours(similar: Mapping[str, Scores]) -> dict[str, list[tuple[int, float, str]]]:
    """For each image by its digest: how trusted the method is (1 the most), the score, the other image."""
    neighbours: defaultdict[str, list[tuple[int, float, str]]] = defaultdict(list)
    for trust, scores in enumerate(similar.values(), start=1):
        for (first, second), score in scores.items():
            neighbours[first].append((trust, score, second))
            neighbours[second].append((trust, score, first))
    return neighbours
