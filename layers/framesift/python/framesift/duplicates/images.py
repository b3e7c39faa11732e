"""What is compared with what: images with their fingerprints, as a set of queries and a set of references."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from framesift.duplicates.fingerprints import Fingerprints
from framesift.duplicates.pairs import Pairs

RankKey: TypeAlias = tuple[str | int, ...]
"""Orders candidates: of two duplicates the one with the smaller key is kept."""

Scores: TypeAlias = dict[tuple[str, str], float]
"""How similar two images are, at most 1, by the sha256 digests of their files."""


@dataclass(frozen=True)
class Candidate:
    """An image that may be a duplicate or a keeper.

    Attributes:
        id: What it is called. An item is no duplicate of itself: neither of another day nor of another group.
        sha256: Of its file: candidates with the same file are always duplicates.
        rank: Decides which of two is kept; see `RankKey`.
        group: Where it was found: a category, a folder.
    """

    id: str
    sha256: str
    rank: RankKey
    group: str = ""


ReadImage: TypeAlias = Callable[[Candidate], bytes]
"""Gives the bytes of a candidate's file, wherever it lies.

Raises:
    NotFoundError: The file is gone.
    MediaError: It cannot be read.
"""


@dataclass(frozen=True)
class ImageSet:
    """Candidates and their fingerprints.

    Attributes:
        candidates: N of them.
        fingerprints: N rows, in the same order.
    """

    candidates: Sequence[Candidate]
    fingerprints: Fingerprints

    def __len__(self) -> int:
        return len(self.candidates)

    def where(self, mask: NDArray[np.bool_]) -> ImageSet:
        """Those that a `(N,)` mask selects."""
        chosen = [candidate for candidate, selected in zip(self.candidates, mask, strict=True) if selected]
        return ImageSet(chosen, self.fingerprints.rows(mask))

    def of_new_files(self, known: set[str]) -> ImageSet:
        """The first candidate of each file whose digest is not known yet; adds the digests to `known`."""
        mask = np.zeros(len(self), np.bool_)
        for number, candidate in enumerate(self.candidates):
            mask[number] = candidate.sha256 not in known
            known.add(candidate.sha256)
        return self.where(mask)


@dataclass(frozen=True)
class Comparison:
    """What is compared: each query with every other query and with every reference.

    Attributes:
        queries: New images: each becomes a keeper or a duplicate.
        references: Images that are keepers already, such as those of earlier days; never compared with each other.
    """

    queries: ImageSet
    references: ImageSet

    def of_distinct_files(self) -> Comparison:
        """The comparison with each file once, among the queries where it is there too."""
        known: set[str] = set()
        queries = self.queries.of_new_files(known)
        return Comparison(queries, self.references.of_new_files(known))

    def where(self, mask: Callable[[Fingerprints], NDArray[np.bool_]]) -> Comparison:
        """The comparison of those images that a mask selects by their fingerprints."""
        return Comparison(
            self.queries.where(mask(self.queries.fingerprints)),
            self.references.where(mask(self.references.fingerprints)),
        )

    def scores(self, among_queries: Pairs, with_references: Pairs) -> Scores:
        """Name pairs of rows by digests.

        Args:
            among_queries: Pairs of queries' rows.
            with_references: Pairs of a query's row and a reference's.
        """
        queries = [candidate.sha256 for candidate in self.queries.candidates]
        references = [candidate.sha256 for candidate in self.references.candidates]
        return {
            **_named(among_queries, queries, queries),
            **_named(with_references, queries, references),
        }


def _named(pairs: Pairs, firsts: Sequence[str], seconds: Sequence[str]) -> Scores:
    columns = (pairs.first.tolist(), pairs.second.tolist(), pairs.scores.tolist())
    return {(firsts[first], seconds[second]): score for first, second, score in zip(*columns, strict=True)}
