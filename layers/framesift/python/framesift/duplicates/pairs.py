"""Pairs of rows and how similar they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Pairs:
    """Pairs of rows and how similar they are.

    Attributes:
        first: `(P,)` int64.
        second: `(P,)` int64.
        scores: `(P,)` float32, at most 1.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    scores: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.scores)

    @classmethod
    def empty(cls) -> Self:
        """No pairs."""
        return cls(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))

    @classmethod
    def concatenate(cls, parts: Sequence[Pairs]) -> Self:
        """All pairs of the parts (at least one)."""
        return cls(
            np.concatenate([part.first for part in parts]),
            np.concatenate([part.second for part in parts]),
            np.concatenate([part.scores for part in parts]),
        )

    def where(self, mask: NDArray[np.bool_]) -> Pairs:
        """The pairs that a `(P,)` mask selects."""
        return Pairs(self.first[mask], self.second[mask], self.scores[mask])

    def best_of_each(self) -> Pairs:
        """Each pair once, with its best score, in the order of `(first, second)`."""
        order = np.lexsort((-self.scores, self.second, self.first))
        ordered = Pairs(self.first[order], self.second[order], self.scores[order])
        again = (ordered.first[1:] == ordered.first[:-1]) & (ordered.second[1:] == ordered.second[:-1])
        return ordered.where(np.concatenate([[True], ~again])) if len(ordered) else ordered
