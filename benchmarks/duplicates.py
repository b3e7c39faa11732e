"""Exact pairs among 10,000 vectors of 2,048 numbers, against what one would do otherwise, in one run.

    python -m benchmarks.duplicates [--rows 10000] [--rounds 5]

The vectors are synthetic: not negative, like ResNet50's, with a mean cosine of about 0.5, in clusters of 2 (few pairs)
or 26 (many). All ways must find the same pairs. Writes `benchmarks/results/duplicates.md`.
"""

from __future__ import annotations

import argparse
import time
import tracemalloc
from collections.abc import Callable

import faiss
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics.pairwise import cosine_similarity

from benchmarks.rounds import interleaved, machine, report, table
from framesift.duplicates.similarity import similar_pairs

THRESHOLD = 0.82
DIMENSION = 2048
SAMPLED_PAIRS = 20_000
CLUSTERS = {"few pairs": 2, "many pairs": 26}

Vectors = NDArray[np.float32]
Found = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]


def make_vectors(count: int, cluster: int, seed: int = 0) -> Vectors:
    """Unit rows, shuffled; those of one cluster are about 0.9 alike, others about 0.5."""
    rng = np.random.default_rng(seed)
    centres = np.maximum(rng.normal(size=(-(-count // cluster), DIMENSION)) + 0.5, 0)
    rows = centres[np.arange(count) // cluster] + 0.35 * rng.normal(size=(count, DIMENSION))
    rows = np.maximum(rows[rng.permutation(count)], 0)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def whole_matrix(rows: Vectors) -> Found:
    """The matrix of all similarities by sklearn, and numpy's where."""
    similarities = cosine_similarity(rows)
    first, second = np.where(similarities >= THRESHOLD)
    above = first < second
    first, second = first[above], second[above]
    return first, second, similarities[first, second]


def blocked(rows: Vectors, block: int = 1024) -> Found:
    """float32 products of blocks above the diagonal."""
    parts = []
    for top in range(0, len(rows), block):
        products = rows[top : top + block] @ rows[top:].T
        first, second = np.nonzero(products >= THRESHOLD)
        above = first < second
        first, second = first[above], second[above]
        parts.append((first + top, second + top, products[first, second]))
    first, second, scores = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return first, second, scores


def faiss_range_search(rows: Vectors) -> Found:
    """FAISS's own search for all within a radius."""
    index = faiss.IndexFlatIP(DIMENSION)
    index.add(rows)
    limits, scores, second = index.range_search(rows, float(np.nextafter(np.float32(THRESHOLD), np.float32(0))))
    ends = limits.astype(np.int64)
    first = np.repeat(np.arange(len(rows)), ends[1:] - ends[:-1])
    above = first < second
    return first[above], second[above], scores[above]


def ours(rows: Vectors) -> Found:
    """`framesift.duplicates.similarity`."""
    pairs = similar_pairs(rows, THRESHOLD)
    return pairs.first, pairs.second, pairs.scores


WAYS: dict[str, Callable[[Vectors], Found]] = {
    "sklearn, the whole matrix": whole_matrix,
    "numpy, float32 blocks": blocked,
    "FAISS range_search": faiss_range_search,
    "framesift": ours,
}


def check_equal(results: dict[str, Found]) -> float:
    """Check that all ways found the same pairs; the largest difference of scores."""
    reference = {(int(i), int(j)): float(score) for i, j, score in zip(*results["numpy, float32 blocks"], strict=True)}
    worst = 0.0
    for name, found in results.items():
        mine = {(int(i), int(j)): float(score) for i, j, score in zip(*found, strict=True)}
        for pair in mine.keys() ^ reference.keys():  # only rounding may move a pair over the threshold
            assert abs(mine.get(pair, reference.get(pair, 0.0)) - THRESHOLD) < 1e-5, (name, pair)
        worst = max([worst, *(abs(mine[pair] - reference[pair]) for pair in mine.keys() & reference.keys())])
    assert worst < 1e-5
    return worst


def pair_loop_s(rows: Vectors) -> float:
    """Seconds that `a @ b` for every pair would take: sampled, and extrapolated to all pairs."""
    rng = np.random.default_rng(1)
    sample = rng.integers(len(rows), size=(SAMPLED_PAIRS, 2)).tolist()
    started = time.perf_counter()
    found = [(i, j) for i, j in sample if rows[i] @ rows[j] >= THRESHOLD]
    seconds = time.perf_counter() - started
    assert len(found) <= SAMPLED_PAIRS
    return seconds / SAMPLED_PAIRS * len(rows) * (len(rows) - 1) / 2


def peak_mb(rows: Vectors) -> float:
    """The most that `similar_pairs` has allocated at a time, MB."""
    tracemalloc.start()
    similar_pairs(rows, THRESHOLD)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def main() -> None:
    """Run the comparison and write its report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    columns: dict[str, dict[str, float]] = {}
    notes = []
    for name, cluster in CLUSTERS.items():
        rows = make_vectors(arguments.rows, cluster)
        results = {way: find(rows) for way, find in WAYS.items()}
        worst = check_equal(results)
        notes.append(f"- {name}: {len(results['framesift'][0]):,}; the ways' scores differ by at most {worst:.1e}")
        loop_s = [pair_loop_s(rows) for _ in range(3)]
        seconds = interleaved(
            {way: lambda find=find, rows=rows: find(rows) for way, find in WAYS.items()}, arguments.rounds
        )
        columns[name] = {"pair loop of a @ b (extrapolated)": sorted(loop_s)[1], **seconds}
    half, whole = (peak_mb(make_vectors(count, 2)) for count in (arguments.rows // 2, arguments.rows))
    header = ["way", *(text for name in columns for text in (f"{name}, s", "framesift is faster by"))]
    cells = [
        [
            way,
            *(
                text
                for name in columns
                for text in (f"{columns[name][way]:.3f}", f"{_ratio(columns[name], way):.1f} x")
            ),
        ]
        for way in next(iter(columns.values()))
    ]
    report(
        "duplicates",
        [
            f"# Pairs with cosine ≥ {THRESHOLD} among {arguments.rows:,} x {DIMENSION:,}",
            "",
            *table(header, cells),
            "",
            *notes,
            f"- medians of {arguments.rounds} interleaved rounds",
            f"- the pair loop is extrapolated from {SAMPLED_PAIRS:,} pairs (the median of 3 samples)",
            f"- framesift's peak memory: {half:.0f} MB for {arguments.rows // 2:,} rows, {whole:.0f} MB for twice that",
            *machine(["numpy", "faiss-cpu", "scikit-learn", "onnxruntime-openvino"]),
        ],
    )


def _ratio(seconds: dict[str, float], way: str) -> float:
    return seconds[way] / seconds["framesift"]


if __name__ == "__main__":
    main()
