"""Choosing a few of many vectors, or of many scores."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from framesift.contracts import Prediction

Vectors = NDArray[np.float32]
"""`(N, D)` float32, each of length 1."""
Rows = NDArray[np.int64]
"""Rows of the vectors, what was chosen first first."""

_ROUNDS = 20


def choose_diverse(vectors: Vectors, count: int, seed: int, known: Vectors | None = None) -> Rows:
    """Choose vectors that are far from each other: each one is the farthest from those before it.

    This greedy k-centre covers all vectors within at most twice the best possible radius (Gonzalez, 1985).

    Args:
        vectors: What is chosen of, N of them.
        count: How many; all, where there are fewer.
        seed: Chooses the first one, where nothing is known.
        known: What is chosen already; `(M, D)`.

    Returns:
        `(min(count, N),)`.
    """
    nearest = np.full(len(vectors), -np.inf, np.float32)  # The largest cosine to what is chosen.
    for one in known if known is not None else ():
        np.maximum(nearest, vectors @ one, out=nearest)
    chosen = np.zeros(min(count, len(vectors)), np.int64)
    for place in range(len(chosen)):
        if np.isneginf(nearest).all():
            row = int(np.random.default_rng(seed).integers(len(vectors)))
        else:
            row = int(np.argmin(nearest))
        chosen[place] = row
        np.maximum(nearest, vectors @ vectors[row], out=nearest)
        nearest[row] = np.inf  # Vectors that are alike are chosen once each, at last.
    return chosen


def choose_representative(vectors: Vectors, count: int, seed: int) -> Rows:
    """Choose vectors that stand for all: those nearest to the centres of k-means, of the largest cluster first.

    Args:
        vectors: What is chosen of, N of them.
        count: How many; all, where there are fewer.
        seed: Of the centres that k-means begins with, which are far from each other.

    Returns:
        `(min(count, N),)`.
    """
    import faiss

    if count >= len(vectors):
        return np.arange(len(vectors))
    means = faiss.Kmeans(
        vectors.shape[1], count, niter=_ROUNDS, seed=seed & 0x7FFFFFFF, min_points_per_centroid=1, spherical=True
    )
    # Centres that begin in the same group would stay there.
    means.train(vectors, init_centroids=vectors[choose_diverse(vectors, count, seed)])
    cosines, clusters = means.index.search(vectors, 1)
    cosines, clusters = cosines[:, 0], clusters[:, 0]
    # Within a cluster, the nearest to its centre is first.
    order = np.lexsort((-cosines, clusters))
    firsts = order[np.unique(clusters[order], return_index=True)[1]]
    sizes = np.bincount(clusters, minlength=count)
    chosen = firsts[np.argsort(-sizes[clusters[firsts]], kind="stable")]
    if len(chosen) < count:  # Of vectors that are alike, several centres are one.
        rest = np.setdiff1d(np.arange(len(vectors)), chosen)
        chosen = np.concatenate(
            [chosen, rest[choose_diverse(vectors[rest], count - len(chosen), seed, vectors[chosen])]]
        )
    return chosen


def choose_unique(vectors: Vectors, count: int) -> Rows:
    """Choose the vectors whose nearest neighbour is the farthest.

    Args:
        vectors: What is chosen of, N of them.
        count: How many; all, where there are fewer.

    Returns:
        `(min(count, N),)`.
    """
    from framesift.maps.neighbors import find_own_neighbors

    if len(vectors) < 2:
        return np.arange(min(count, len(vectors)))
    distances, _ = find_own_neighbors(vectors, 1)
    return np.argsort(-distances[:, 0], kind="stable")[:count]


def score_uncertainty(predictions: Iterable[Prediction]) -> float | None:
    """How unsure models are of an image, from 0 to 1; None where they say nothing.

    Of the classes of the whole image, 1 less the margin between the best two (Scheffer et al., 2001), for each model;
    of each object, whether it is one: 1 less the distance of its score from 0.5, doubled. The image is as uncertain as
    what is most so.

    Example:
        >>> sure = Prediction(model="a@1", label="dent", score=0.75)
        >>> score_uncertainty([sure]), score_uncertainty([sure, Prediction(model="a@1", label="hole", score=0.25)])
        (0.25, 0.5)
        >>> score_uncertainty([]) is None
        True
    """
    classes: dict[str, list[float]] = {}
    found: list[float] = []
    for each in predictions:
        if each.box is None:
            classes.setdefault(each.model, []).append(each.score)
        else:
            found.append(1 - abs(2 * each.score - 1))
    for scores in classes.values():
        best, second = sorted([*scores, 0.0], reverse=True)[:2]
        found.append(1 - (best - second))
    return max(found, default=None)


def score_boundary(predictions: Iterable[Prediction], threshold: float) -> float | None:
    """How near a score of an image is to a threshold, from 0 to 1: 1 is at it; None where models say nothing.

    Example:
        >>> score_boundary([Prediction(model="a@1", label="dent", score=0.75)], 0.5)
        0.75
    """
    return max((1 - abs(each.score - threshold) for each in predictions), default=None)


def choose_highest(ids: Sequence[str], scores: Sequence[float], count: int) -> list[str]:
    """Choose the ids with the highest scores; of equal ones, in the order of the ids."""
    order = sorted(range(len(ids)), key=lambda place: (-scores[place], ids[place]))
    return [ids[place] for place in order[:count]]
