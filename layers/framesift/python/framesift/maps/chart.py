"""The points of a map, from vectors: arrays in, arrays out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framesift.contracts.maps import MapOptions
from framesift.errors import InvalidVectorError, TooFewItemsError
from framesift.maps.clusters import find_clusters, vote
from framesift.maps.neighbors import Points, find_neighbors
from framesift.maps.outliers import OutlierScores, score_outliers
from framesift.maps.projection import PLACED_BY, Reducer, measure_trust, place, project

LEAST_ITEMS = 10

_ROWS_AT_ONCE = 50_000


@dataclass(frozen=True)
class Chart:
    """The points of a map: N of them.

    Attributes:
        places: `(N, 2 or 3)` float32; those that were laid out lie within -1 to 1.
        fitted: `(N,)` bool: which were laid out; the others were placed by their neighbours.
        clusters: `(N,)` int32; -1: none.
        outliers: How far each stands apart.
    """

    places: Points
    fitted: NDArray[np.bool_]
    clusters: NDArray[np.int32]
    outliers: OutlierScores


@dataclass(frozen=True)
class ChartQuality:
    """How well a map shows its vectors; see `MapSummary`."""

    explained: float
    trustworthiness: float


def draw_chart(vectors: NDArray[np.floating], options: MapOptions) -> tuple[Chart, ChartQuality]:
    """Draw a map of vectors.

    Args:
        vectors: `(N, D)` floats, of any length.
        options: How.

    Raises:
        TooFewItemsError: There are fewer than 10.
        InvalidVectorError: A vector has a number that is none (NaN), or infinite.
    """
    check_count(len(vectors))
    check_vectors(vectors)
    fitted = np.ones(len(vectors), np.bool_)
    if len(vectors) > options.max_fitted:
        chosen = np.random.default_rng(options.seed).choice(len(vectors), options.max_fitted, replace=False)
        fitted = np.zeros(len(vectors), np.bool_)
        fitted[chosen] = True
    reducer = Reducer(np.asarray(vectors[fitted], np.float32), options.seed)
    reduced = _reduce(reducer, vectors)
    own, others = reduced[fitted], reduced[~fitted]
    places = project(own, options)
    clusters = find_clusters(places)
    trust = measure_trust(own, places, seed=options.seed)
    chart = _merge(fitted, places, clusters, score_outliers(own, others, options.seed), own, others)
    return chart, ChartQuality(reducer.explained, trust)


def extend_chart(
    vectors: NDArray[np.floating], places: Points, clusters: NDArray[np.int32], new: NDArray[np.floating], seed: int
) -> Chart:
    """Place new vectors on a map, which stays as it is.

    Args:
        vectors: `(N, D)` floats: those that were laid out.
        places: `(N, d)` float32: where they lie.
        clusters: `(N,)` int32: their clusters.
        new: `(M, D)` floats.
        seed: The map's.

    Returns:
        The new points alone.

    Raises:
        InvalidVectorError: A vector has a number that is none (NaN), or infinite.
    """
    check_vectors(new)
    reducer = Reducer(np.asarray(vectors, np.float32), seed)
    own, others = _reduce(reducer, vectors), _reduce(reducer, new)
    _, scores = score_outliers(own, others, seed)
    return Chart(place(own, places, others), np.zeros(len(new), np.bool_), _vote(own, clusters, others), scores)


def check_count(count: int) -> None:
    """Refuse too few items.

    Raises:
        TooFewItemsError: There are fewer than 10.
    """
    if count < LEAST_ITEMS:
        raise TooFewItemsError(f"A map needs at least {LEAST_ITEMS} images with vectors, and there are {count}.")


def check_vectors(vectors: NDArray[np.floating]) -> None:
    """Refuse vectors that cannot be compared.

    Raises:
        InvalidVectorError: A vector has a number that is none (NaN), or infinite.
    """
    wrong = 0
    for begin in range(0, len(vectors), _ROWS_AT_ONCE):
        wrong += int((~np.isfinite(vectors[begin : begin + _ROWS_AT_ONCE]).all(axis=1)).sum())
    if wrong:
        raise InvalidVectorError(
            f"{wrong} of {len(vectors)} vectors have numbers that are none (NaN) or infinite: look at the images again."
        )


def _reduce(reducer: Reducer, vectors: NDArray[np.floating]) -> Points:
    parts = [
        reducer.reduce(np.asarray(vectors[begin : begin + _ROWS_AT_ONCE], np.float32))
        for begin in range(0, len(vectors), _ROWS_AT_ONCE)
    ]
    return np.concatenate(parts)


def _merge(
    fitted: NDArray[np.bool_],
    places: Points,
    clusters: NDArray[np.int32],
    scores: tuple[OutlierScores, OutlierScores],
    own: Points,
    others: Points,
) -> Chart:
    if not len(others):
        return Chart(places, fitted, clusters, scores[0])

    def join(first: NDArray[np.generic], second: NDArray[np.generic]) -> NDArray[np.generic]:
        joined = np.empty((len(fitted), *first.shape[1:]), first.dtype)
        joined[fitted], joined[~fitted] = first, second
        return joined

    names = ("knn", "lof", "forest")
    outliers = OutlierScores(*(join(getattr(scores[0], name), getattr(scores[1], name)) for name in names))  # type: ignore[arg-type]
    return Chart(
        join(places, place(own, places, others)),  # type: ignore[arg-type]
        fitted,
        join(clusters, _vote(own, clusters, others)),  # type: ignore[arg-type]
        outliers,
    )


def _vote(own: Points, clusters: NDArray[np.int32], others: Points) -> NDArray[np.int32]:
    if not len(others):
        return np.zeros(0, np.int32)
    parts = []
    for begin in range(0, len(others), _ROWS_AT_ONCE):
        _, rows = find_neighbors(own, others[begin : begin + _ROWS_AT_ONCE], min(PLACED_BY, len(own)))
        parts.append(vote(clusters, rows))
    return np.concatenate(parts)
