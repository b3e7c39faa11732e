"""The nearest of many points, by exact search with FAISS."""

from __future__ import annotations

import faiss
import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float32]
"""`(N, D)` float32."""


def find_neighbors(points: Points, queries: Points, count: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Find the points that are nearest to each query, the nearest first.

    Args:
        points: `(N, D)` float32.
        queries: `(M, D)` float32.
        count: At most N.

    Returns:
        `(M, count)` float32 Euclidean distances, and `(M, count)` int64 rows of `points`.
    """
    index = faiss.IndexFlatL2(points.shape[1])
    index.add(np.ascontiguousarray(points))
    squares, rows = index.search(np.ascontiguousarray(queries), count)
    return np.sqrt(np.maximum(squares, 0)), rows


def find_own_neighbors(points: Points, count: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The same for each of the points, itself left out.

    Args:
        points: `(N, D)` float32.
        count: At most N - 1.
    """
    distances, rows = find_neighbors(points, points, count + 1)
    # Of points that are alike, the point itself need not come first, nor come at all.
    is_self = rows == np.arange(len(points))[:, None]
    is_self[~is_self.any(axis=1), -1] = True
    shape = len(points), count
    return distances[~is_self].reshape(shape), rows[~is_self].reshape(shape)
