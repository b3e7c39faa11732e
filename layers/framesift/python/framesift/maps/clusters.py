"""Clusters of a map, and names for them by what their items have in common."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from framesift.catalog.tags import fold
from framesift.contracts import CatalogItem
from framesift.maps.neighbors import Points

NO_CLUSTER: Final = -1

_LEAST_SHARE = 0.01  # Of all items.
_LEAST_ITEMS = 5
_SURE_SCORE = 0.5
_TERMS = 3
# A term names a cluster if so many of its items have it, and so much more often than all have.
_LEAST_COMMON, _LEAST_LIFT = 0.3, 1.3
_WORD = re.compile(r"[^\W\d_]{3,}")
# What people have said themselves names better than parts of file names do.
_WEIGHTS = {"tag": 1.0, "label": 0.9, "field": 0.8, "name": 0.5}


def find_clusters(places: Points) -> NDArray[np.int32]:
    """Find the dense parts of a map, by HDBSCAN.

    Args:
        places: `(N, d)` float32.

    Returns:
        `(N,)` int32: each point's cluster, numbered from 0, the largest first; -1: none.
    """
    from sklearn.cluster import HDBSCAN

    least = max(_LEAST_ITEMS, round(_LEAST_SHARE * len(places)))
    found = np.asarray(HDBSCAN(min_cluster_size=least, min_samples=_LEAST_ITEMS, copy=True).fit_predict(places))
    return number_by_size(found)


def number_by_size(found: NDArray[np.int64]) -> NDArray[np.int32]:
    """Number clusters anew, the largest 0; below 0 stays in none."""
    numbers, counts = np.unique(found[found >= 0], return_counts=True)
    order = numbers[np.argsort(-counts, kind="stable")]
    renumbered = np.full(len(found), NO_CLUSTER, np.int32)
    for number, old in enumerate(order):
        renumbered[found == old] = number
    return renumbered


def vote(clusters: NDArray[np.int32], rows: NDArray[np.int64]) -> NDArray[np.int32]:
    """Give each new point the cluster that most of its neighbours have; of a tie, the nearest one's.

    Args:
        clusters: `(N,)` int32.
        rows: `(M, k)` int64: the new points' neighbours, the nearest first.
    """
    near = clusters[rows]
    counts = (near[:, :, None] == near[:, None, :]).sum(axis=2)
    chosen: NDArray[np.int32] = near[np.arange(len(near)), counts.argmax(axis=1)]
    return chosen


def find_terms(item: CatalogItem) -> set[tuple[str, str]]:
    """What an item could have in common with others: pairs of a kind and a term.

    The kinds are tags, sure labels, fields of its own, and words of its first name.
    """
    labels = [annotation.label for annotation in item.annotations]
    labels += [each.label for each in item.predictions if each.score >= _SURE_SCORE]
    terms = {("tag", tag) for tag in item.tags} | {("label", fold(label)) for label in labels}
    terms |= {("field", f"{name}: {value}") for name, value in item.metadata.items() if isinstance(value, str | bool)}
    stem = item.names[0].rpartition(".")[0] or item.names[0]
    return terms | {("name", word) for word in map(fold, _WORD.findall(stem))}


def name_clusters(clusters: NDArray[np.int32], terms: Sequence[Iterable[tuple[str, str]]]) -> dict[int, list[str]]:
    """Choose up to three terms for each cluster: those that its items have far more often than all items do.

    Args:
        clusters: `(N,)` int32.
        terms: Of each item, by `find_terms`.

    Returns:
        By cluster; nothing is common to some.
    """
    overall: Counter[tuple[str, str]] = Counter()
    within: dict[int, Counter[tuple[str, str]]] = {}
    for number, some in zip(clusters.tolist(), terms, strict=True):
        overall.update(some)
        if number >= 0:
            within.setdefault(number, Counter()).update(some)
    sizes = Counter(clusters.tolist())
    return {number: _choose_terms(counts, sizes[number], overall, len(clusters)) for number, counts in within.items()}


def _choose_terms(
    counts: Counter[tuple[str, str]], size: int, overall: Counter[tuple[str, str]], total: int
) -> list[str]:
    scored: dict[str, float] = {}
    for (kind, term), count in counts.items():
        share, everywhere = count / size, overall[kind, term] / total
        if share >= _LEAST_COMMON and share >= _LEAST_LIFT * everywhere:
            score = _WEIGHTS[kind] * share * math.log(share / everywhere)
            scored[term] = max(score, scored.get(term, 0))
    best = sorted(scored, key=lambda term: (-scored[term], term))
    chosen: list[str] = []
    for term in best:
        # A word of a file's name that a better term has says nothing more.
        if not any(fold(term) in fold(other) for other in chosen):
            chosen.append(term)
    return chosen[:_TERMS]
