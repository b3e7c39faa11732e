"""How far an image stands apart from the others, by three methods; each score is higher the farther it does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framesift.contracts.maps import OutlierMethod
from framesift.maps.neighbors import Points, find_neighbors, find_own_neighbors

_NEIGHBORS = 10
_ROWS_AT_ONCE = 100_000
_TINY = 1e-10


@dataclass(frozen=True)
class OutlierScores:
    """Scores of N items, `(N,)` float32 each.

    Attributes:
        knn: The distance of the 10th nearest neighbour.
        lof: The local outlier factor (Breunig et al., 2000): how much sparser it is there than at its neighbours;
            about 1 within a cluster.
        forest: Of an isolation forest (Liu et al., 2008), 0 to 1; about 0.5 where nothing stands apart.
    """

    knn: NDArray[np.float32]
    lof: NDArray[np.float32]
    forest: NDArray[np.float32]

    def by(self, method: OutlierMethod) -> NDArray[np.float32]:
        """The scores of one method."""
        found: NDArray[np.float32] = getattr(self, method)
        return found


def score_outliers(points: Points, others: Points, seed: int) -> tuple[OutlierScores, OutlierScores]:
    """Score points by each other, and others by those points.

    Args:
        points: `(N, D)` float32, 10 or more.
        others: `(M, D)` float32, with which the points are not compared.
        seed: Of the isolation forest.

    Returns:
        The points' scores, and those of the others.
    """
    from sklearn.ensemble import IsolationForest

    count = min(_NEIGHBORS, len(points) - 1)
    distances, rows = find_own_neighbors(points, count)
    reach = distances[:, -1]
    density = _density(distances, rows, reach)
    forest = IsolationForest(random_state=seed, n_jobs=-1).fit(points)
    own = OutlierScores(reach, _factor(density, density, rows), _isolation(forest, points))
    parts = []
    for begin in range(0, len(others), _ROWS_AT_ONCE):
        some = others[begin : begin + _ROWS_AT_ONCE]
        distances, rows = find_neighbors(points, some, count)
        factor = _factor(_density(distances, rows, reach), density, rows)
        parts.append((distances[:, -1], factor, _isolation(forest, some)))
    knn, lof, isolation = (
        np.concatenate([np.zeros(0, np.float32), *(part[place] for part in parts)]) for place in range(3)
    )
    return own, OutlierScores(knn, lof, isolation)


def _density(
    distances: NDArray[np.float32], rows: NDArray[np.int64], reach: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The local reachability density of points, by their neighbours' own reach."""
    density: NDArray[np.float32] = 1 / (np.maximum(distances, reach[rows]).mean(axis=1) + _TINY)
    return density


def _factor(own: NDArray[np.float32], density: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    factor: NDArray[np.float32] = (density[rows].mean(axis=1) / own).astype(np.float32)
    return factor


def _isolation(forest: object, points: Points) -> NDArray[np.float32]:
    scores: NDArray[np.float32] = (-forest.score_samples(points)).astype(np.float32)  # type: ignore[attr-defined]
    return scores
