"""Exact pairs of similar feature vectors, without the matrix of all products.

Among N vectors, only tiles above the diagonal are computed. Where no feature is negative (ResNet50's are not), tiles
are screened in 8-bit integers first, which CPUs multiply several times as fast as floats: rounding a row `a` to
`s·q` leaves a rest `e` of known length, so by Cauchy-Schwarz `|a·b - s_a·s_b·(q_a·q_b)| <= |a||e_b| + |e_a||s_b·q_b|`,
and no pair that could reach the threshold is missed. What passes is computed in float32.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.resources import files
from typing import Any

import faiss
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from framesift.duplicates.pairs import Pairs
from framesift.vision.onnx_session import usable_cores

Features = NDArray[np.float16] | NDArray[np.float32]
"""`(N, D)`, one L2-normalised row an image; a row of zeros is similar to nothing."""

# A tile's products (1 MB) and integers (2 MB at D = 2048) stay in a core's caches; twice the side took 40 % longer.
TILE_ROWS = 512
TILE_COLUMNS = 512
VERIFIED_AT_ONCE = 2048  # pairs: two gathered blocks of 16 MB at D = 2048
_QUANTISED_AT_ONCE = 128  # rows: 1 MB at D = 2048, which stays in a core's cache
_QUANTUM = 127  # 7 bits: products of two pairs then fit 16 bits, which CPUs without VNNI saturate at
_ROUNDING = 1e-5  # float32 sums of 2,048 products of unit vectors stray less
_INDEXED_AT_ONCE = 1 << 15  # rows: 64 MB twice at D = 512
_MIN_SCREENED_WIDTH = 512  # below, the screen costs more than it saves


def similar_pairs(features: Features, threshold: float) -> Pairs:
    """Find all pairs among vectors whose cosine similarity is at least the threshold.

    Args:
        features: `(N, D)` float16 or float32 rows, L2-normalised.
        threshold: The smallest cosine.

    Returns:
        Pairs `first < second`, ordered, with scores computed in float32. Needs memory for a float32 copy of the
        features, a tile and the pairs.
    """
    rows = _unit_rows(features)
    if len(rows) < 2:
        return Pairs.empty()
    screened = rows.shape[1] >= _MIN_SCREENED_WIDTH and bool((rows >= 0).all())
    tiles = _screened_tiles(rows, threshold) if screened else _exact_tiles(rows, threshold)
    pairs = Pairs.concatenate([Pairs.empty(), *tiles])
    return pairs.where(pairs.first < pairs.second).best_of_each()


def similar_to_index(features: Features, index_features: Features, threshold: float) -> Pairs:
    """Find all pairs of a vector and an indexed one whose cosine similarity is at least the threshold.

    Args:
        features: `(N, D)` rows, L2-normalised.
        index_features: `(M, D)` rows to look among, likewise.
        threshold: The smallest cosine.

    Returns:
        Pairs: `first` counts in `features`, `second` in `index_features`; ordered. Needs memory for float32 copies of
        the queries and of a part of the indexed vectors.
    """
    if not len(features) or not len(index_features):
        return Pairs.empty()
    queries = _unit_rows(features)
    # FAISS asks for more than the radius, we for at least the threshold.
    radius = float(np.nextafter(np.float32(threshold), np.float32(-2)))
    found = []
    for start in range(0, len(index_features), _INDEXED_AT_ONCE):
        indexed = _unit_rows(index_features[start : start + _INDEXED_AT_ONCE])
        index = faiss.IndexFlatIP(indexed.shape[1])
        index.add(indexed)
        limits, scores, labels = index.range_search(queries, radius)
        ends = limits.astype(np.int64)
        first = np.repeat(np.arange(len(queries)), ends[1:] - ends[:-1])
        found.append(Pairs(first, labels.astype(np.int64) + start, scores.astype(np.float32)))
    return Pairs.concatenate(found).best_of_each()


def _unit_rows(features: Features) -> NDArray[np.float32]:
    """Float32 rows of length 1: float16 left them a little off."""
    rows = np.array(features, dtype=np.float32)
    lengths = np.sqrt(np.einsum("nd,nd->n", rows, rows))
    rows /= np.maximum(lengths, np.finfo(np.float32).tiny)[:, None]
    return rows


def _exact_tiles(rows: NDArray[np.float32], threshold: float) -> Iterator[Pairs]:
    for top, left, bottom, right in _upper_tiles(len(rows)):
        products = rows[top:bottom] @ rows[left:right].T
        first, second = np.nonzero(products >= threshold)
        yield Pairs(first + top, second + left, products[first, second])


def _screened_tiles(rows: NDArray[np.float32], threshold: float) -> list[Pairs]:
    quanta, steps, slack = _quantised(rows)
    quanta_columns = np.ascontiguousarray(quanta.T).view(np.int8)
    limits = (np.float32(threshold - slack) / steps)[:, None]

    def screen(tile: tuple[int, int, int, int]) -> Pairs:
        top, left, bottom, right = tile
        products = _integer_products(quanta[top:bottom], quanta_columns[:, left:right], steps[left:right])
        first, second = np.nonzero(products >= limits[top:bottom])
        return verify(rows, first + top, second + left, threshold)

    # A tile a core: the product, the scan and the verification all let go of Python's lock.
    with ThreadPoolExecutor(usable_cores()) as pool:
        return list(pool.map(screen, _upper_tiles(len(rows))))


def _quantised(rows: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.float32], float]:
    """Round rows to 7-bit integers.

    Returns:
        `(N, D)` integers, `(N,)` steps, and how far products of the rounded rows may be from those of the rows.
    """
    peaks = rows.max(axis=1)
    steps = (np.where(peaks > 0, peaks, 1) / _QUANTUM).astype(np.float32)
    quanta: NDArray[np.uint8] = np.empty(rows.shape, np.uint8)
    rest = rounded = 0.0
    for start in range(0, len(rows), _QUANTISED_AT_ONCE):
        part = slice(start, start + _QUANTISED_AT_ONCE)
        near = np.rint(rows[part] / steps[part, None])
        quanta[part] = near
        near *= steps[part, None]
        rounded = max(rounded, _longest(near))
        rest = max(rest, _longest(rows[part] - near))
    return quanta, steps, rest + rounded * rest + _ROUNDING  # the bound in the module's docstring


def _longest(rows: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.einsum("nd,nd->n", rows, rows).max()))


def _upper_tiles(count: int) -> Iterator[tuple[int, int, int, int]]:
    """Tiles `(top, left, bottom, right)` that cover all places above the diagonal of a square."""
    for top in range(0, count, TILE_ROWS):
        bottom = min(top + TILE_ROWS, count)
        for left in range(top, count, TILE_COLUMNS):
            yield top, left, bottom, min(left + TILE_COLUMNS, count)


def verify(rows: NDArray[np.float32], first: NDArray[np.int64], second: NDArray[np.int64], threshold: float) -> Pairs:
    """Compute candidates' products in float32 and keep those that reach the threshold."""
    above = first < second
    first, second = first[above], second[above]
    scores = np.empty(len(first), np.float32)
    for start in range(0, len(first), VERIFIED_AT_ONCE):
        part = slice(start, start + VERIFIED_AT_ONCE)
        np.einsum("pd,pd->p", rows[first[part]], rows[second[part]], out=scores[part])
    return Pairs(first, second, scores).where(scores >= threshold)


def _integer_products(
    left: NDArray[np.uint8], right: NDArray[np.int8], right_steps: NDArray[np.float32]
) -> NDArray[np.float32]:
    """`(left @ right) * right_steps` for `(N, D)` and `(D, M)`: exact but for two roundings to float32."""
    feed = {"left": left, "right": right, "left_step": np.float32(1).reshape(1), "right_steps": right_steps}
    return np.asarray(_integer_product_session().run(None, feed)[0])


@cache
def _integer_product_session() -> Any:
    """Hold onnxruntime's integer product as a graph of one operator (made by `integer_product_model` in the tests)."""
    model = (files("framesift.duplicates") / "integer_product.onnx").read_bytes()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # the tiles are what runs in parallel
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
