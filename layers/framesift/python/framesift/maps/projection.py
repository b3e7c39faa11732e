"""Vectors to points of a map: PCA, then t-SNE or UMAP; and how new points are placed without moving the others."""

from __future__ import annotations

import warnings
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from framesift.contracts.maps import MapOptions
from framesift.maps.neighbors import Points, find_neighbors, find_own_neighbors
from framesift.vision.onnx_session import usable_cores

REDUCED_DIMENSIONS: Final = 50
"""What PCA leaves at most; beyond it, t-SNE and UMAP gain nothing but noise."""
PLACED_BY: Final = 5
"""Neighbours whose places decide where a new point goes."""

_PERPLEXITY_SHARE = 3  # t-SNE looks at three times its perplexity.
# Enough: more iterations move clusters apart, and neighbours no nearer (benchmarks/maps.py).
_EARLY_ITERATIONS, _ITERATIONS = 150, 350
_EARLY_EXAGGERATION = 12
_INITIAL_SPREAD = 1e-4
_QUERIES_AT_ONCE = 100_000
_ROWS_AT_ONCE = 200
_WORTH_THREADS = 5_000
_TINY = np.finfo(np.float32).tiny


class Reducer:
    """PCA of vectors of length 1.

    Args:
        vectors: `(N, D)` float32 that it is fitted to.
        seed: The same one gives the same.

    Attributes:
        explained: The share of the variance that is left.
    """

    def __init__(self, vectors: Points, seed: int) -> None:
        from sklearn.decomposition import PCA

        unit = to_unit(vectors)
        count = min(REDUCED_DIMENSIONS, *unit.shape)
        solver = "randomized" if count < min(unit.shape) else "full"
        self._pca = PCA(count, svd_solver=solver, random_state=seed)
        with np.errstate(invalid="ignore"):  # Of vectors that are all alike, the shares of the variance are 0 / 0.
            self._pca.fit(unit)
        share = float(self._pca.explained_variance_ratio_.sum())
        self.explained = min(share, 1.0) if np.isfinite(share) else 1.0

    def reduce(self, vectors: Points) -> Points:
        """Turn `(N, D)` float32 into `(N, at most 50)` float32."""
        return np.asarray(self._pca.transform(to_unit(vectors)), np.float32)


def project(reduced: Points, options: MapOptions) -> Points:
    """Lay points out so that neighbours stay neighbours.

    Args:
        reduced: `(N, D)` float32, 10 or more; its first columns vary most.
        options: Method, dimensions, neighbours and seed; the same ones give the same map.

    Returns:
        `(N, options.dimensions)` float32, centred, the farthest coordinate at 1.
    """
    start = _start(reduced, options)
    match options.method:
        case "pca":
            places = np.asarray(start, np.float32)
        case "umap":
            places = _lay_out_by_umap(reduced, start, options)
        case _:
            places = _lay_out_by_tsne(reduced, start, options)
    return _scale(places)


def place(points: Points, places: Points, new: Points) -> Points:
    """Place new points by their neighbours on a map, which stays as it is.

    Args:
        points: `(N, D)` float32: those of the map.
        places: `(N, d)` float32: where they lie.
        new: `(M, D)` float32.

    Returns:
        `(M, d)` float32; a point that is the same as one of the map's lies where that one does.
    """
    count = min(PLACED_BY, len(points))
    found = np.empty((len(new), places.shape[1]), np.float32)
    for begin in range(0, len(new), _QUERIES_AT_ONCE):
        part = slice(begin, begin + _QUERIES_AT_ONCE)
        distances, rows = find_neighbors(points, new[part], count)
        squares = distances.astype(np.float64) ** 2
        weights = 1 / (squares - squares[:, :1] + 0.1 * squares[:, -1:] + _TINY)
        same = squares <= _TINY
        weights = np.where(same.any(axis=1, keepdims=True), same, weights)
        weights /= weights.sum(axis=1, keepdims=True)
        found[part] = np.einsum("mk,mkd->md", weights, places[rows])
    return found


def measure_trust(points: Points, places: Points, *, seed: int = 0, neighbors: int = 10, sample: int = 2_000) -> float:
    """The trustworthiness of a map: whether neighbours on it are neighbours of the vectors.

    Venna and Kaski, "Neighborhood preservation in nonlinear projection methods", 2001; on a sample of large maps.

    Args:
        points: `(N, D)` float32.
        places: `(N, d)` float32.
        seed: Of the sample.
        neighbors: How many of each point; fewer where there are few points.
        sample: Points that are looked at.

    Returns:
        From 0 to 1; 1: all of them are.
    """
    count = len(points)
    near = min(neighbors, (count - 1) // 2)
    chosen = np.arange(count)
    if count > sample:
        chosen = np.random.default_rng(seed).choice(count, sample, replace=False)
    # The point itself, and whatever is the same, comes first in both.
    _, on_map = find_neighbors(places, places[chosen], near + 1)
    penalty = 0.0
    for begin in range(0, len(chosen), _ROWS_AT_ONCE):
        rows, shown = chosen[begin : begin + _ROWS_AT_ONCE], on_map[begin : begin + _ROWS_AT_ONCE]
        squares = np.square(points[rows, None] - points[shown]).sum(axis=2) * (1 - 1e-5)
        every = _squared_distances(points[rows], points)
        # How many points are nearer than that neighbour; the point itself is one of them.
        ranks = np.stack([(every < squares[:, [column]]).sum(axis=1) for column in range(near + 1)], axis=1)
        ranks[shown == rows[:, None]] = 0
        penalty += float(np.maximum(ranks - near, 0).sum())
    return 1 - 2 * penalty / (len(chosen) * near * (2 * count - 3 * near - 1))


def to_unit(vectors: NDArray[Any]) -> Points:
    """The same directions at length 1, float32; a vector of zeros stays one."""
    rows = np.asarray(vectors, np.float32)
    unit: Points = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), _TINY)
    return unit


def _lay_out_by_tsne(reduced: Points, start: NDArray[np.floating[Any]], options: MapOptions) -> Points:
    from openTSNE import TSNEEmbedding
    from openTSNE.affinity import PerplexityBasedNN
    from openTSNE.nearest_neighbors import PrecomputedNeighbors

    # Threads that wait for each other cost small maps more than they save.
    threads = usable_cores() if len(reduced) >= _WORTH_THREADS else 1
    perplexity = max(1.0, min(options.neighbors, (len(reduced) - 1) / _PERPLEXITY_SHARE))
    distances, rows = find_own_neighbors(reduced, min(int(_PERPLEXITY_SHARE * perplexity), len(reduced) - 1))
    affinities = PerplexityBasedNN(
        perplexity=perplexity,
        knn_index=PrecomputedNeighbors(rows, distances),
        n_jobs=threads,
        random_state=options.seed,
    )
    places = TSNEEmbedding(start, affinities, n_jobs=threads, random_state=options.seed)
    places.optimize(_EARLY_ITERATIONS, exaggeration=_EARLY_EXAGGERATION, momentum=0.5, inplace=True)
    places.optimize(_ITERATIONS, momentum=0.8, inplace=True)
    return np.asarray(places, np.float32)


def _lay_out_by_umap(reduced: Points, start: NDArray[np.floating[Any]], options: MapOptions) -> Points:
    with warnings.catch_warnings():  # It misses TensorFlow, and its transform of such neighbours: neither is used.
        warnings.simplefilter("ignore")
        return _fit_umap(reduced, start, options)


def _fit_umap(reduced: Points, start: NDArray[np.floating[Any]], options: MapOptions) -> Points:
    import umap

    count = min(options.neighbors, len(reduced) - 1)
    distances, rows = find_own_neighbors(reduced, count - 1)
    own = np.arange(len(reduced))[:, None]
    known = np.hstack([own, rows]), np.hstack([np.zeros_like(own, np.float32), distances])
    network = umap.UMAP(
        n_components=options.dimensions,
        n_neighbors=count,
        init=10 * start / max(float(np.abs(start).max()), float(_TINY)),
        precomputed_knn=(*known, None),
        random_state=options.seed,
        n_jobs=1,  # More give another map each time.
    )
    return np.asarray(network.fit_transform(reduced), np.float32)


def _start(reduced: Points, options: MapOptions) -> NDArray[np.floating[Any]]:
    """The first coordinates, small, and a little apart where points are the same."""
    start = np.zeros((len(reduced), options.dimensions), np.float64)
    columns = min(options.dimensions, reduced.shape[1])
    start[:, :columns] = reduced[:, :columns]
    spread = float(start[:, 0].std())
    if options.method == "pca":
        return start
    noise = np.random.default_rng(options.seed).normal(0, _INITIAL_SPREAD / 100, start.shape)
    return np.asarray(start * (_INITIAL_SPREAD / spread if spread > _TINY else 0) + noise)


def _scale(places: NDArray[np.floating[Any]]) -> Points:
    centred = places - places.mean(axis=0)
    farthest = float(np.abs(centred).max())
    scaled: Points = (centred / farthest if farthest > _TINY else centred).astype(np.float32)
    return scaled


def _squared_distances(queries: Points, points: Points) -> NDArray[np.float32]:
    squares = np.square(queries).sum(axis=1)[:, None] + np.square(points).sum(axis=1) - 2 * queries @ points.T
    return np.asarray(np.maximum(squares, 0), np.float32)
