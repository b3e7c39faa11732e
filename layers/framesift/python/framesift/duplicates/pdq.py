"""PDQ: a published perceptual hash of 256 bits that survives re-encoding and resizing.

Two images whose hashes are at most 31 bits apart are duplicates (the authors' recommendation; Facebook, "The TMK+PDQF
Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm", 2019). A hash does not survive mirroring or framing, so
each image is looked up by several: as it is, mirrored, without its plain margins, and both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
import pdqhash
from numpy.typing import NDArray

from framesift.duplicates.pairs import Pairs
from framesift.vision.decode import RgbImage
from framesift.vision.views import squash

HASH_BITS: Final = 256
DEFAULT_THRESHOLD: Final = 31
MIN_QUALITY: Final = 50
"""Hashes of lower quality (0 to 100: how much detail there is) are not to be compared, by the same authors."""

VARIANTS: Final = ("as is", "mirrored", "trimmed", "trimmed and mirrored")

_WORDS = HASH_BITS // 64
# PDQ hashes a 64 x 64 luminance. The reference blurs and picks samples to get there; means of areas, which OpenCV
# takes, change less when an image is resized (worst of 18 photographs made 96 pixels high: 6 bits instead of 34), and
# the hashes still match the reference's (at most 18 bits apart on the same).
_HASH_SIDE = 64
_MIRRORED = 5  # pdqhash.compute_dihedral's index of the hash of the image flipped left to right
_MARGIN_TOLERANCE = 12  # grey levels that a margin may stray from its border's colour: JPEG noise at low quality
_MIN_TRIMMED_SHARE = 0.3  # a smaller rest is no framed image, but an object on a plain background
_BLOCK_ROWS = 512
_CHUNKS = 16
_MOST_FLIPS = 2
_FEW_PAIRS = 1 << 20  # So many are compared sooner than sorted.
_PLACES_AT_ONCE = 1 << 20  # That are compared: 64 MB.


@dataclass(frozen=True)
class PdqHash:
    """An image's hashes.

    Attributes:
        words: `(4, 4)` uint64: 256 packed bits for each of `VARIANTS`. Without plain margins the trimmed ones equal
            the others.
        quality: 0 to 100.
    """

    words: NDArray[np.uint64]
    quality: int


def pdq_hash(image: RgbImage) -> PdqHash:
    """Hash an image in all variants.

    Args:
        image: `(height, width, 3)` uint8, RGB.
    """
    whole, quality = _hash_both_ways(image)
    trimmed = trim_margins(image)
    inner = whole if trimmed.shape == image.shape else _hash_both_ways(trimmed)[0]
    return PdqHash(np.concatenate([whole, inner]), quality)


def trim_margins(image: RgbImage) -> RgbImage:
    """Cut off margins of one colour: borders and letterboxes.

    Returns:
        A part of `image` (no copy), or all of it where there is no margin or too little would be left.
    """
    rows, columns = _content_span(image, axis=0), _content_span(image, axis=1)
    height, width = image.shape[:2]
    if (rows[1] - rows[0]) * (columns[1] - columns[0]) < _MIN_TRIMMED_SHARE * height * width:
        return image
    return image[rows[0] : rows[1], columns[0] : columns[1]]


def similar_hashes(words: NDArray[np.uint64], threshold: int = DEFAULT_THRESHOLD) -> Pairs:
    """Find the pairs of images where some variant of one is near the other, trimmed or not.

    Args:
        words: `(N, 4, 4)` uint64, as in `PdqHash`.
        threshold: The largest Hamming distance, bits.

    Returns:
        Pairs `first < second`, scores `1 - distance / 256`.
    """
    found = _near(words, words, threshold)
    first, second = np.minimum(found.first, found.second), np.maximum(found.first, found.second)
    return Pairs(first, second, found.scores).where(first != second).best_of_each()


def similar_hashes_between(
    words: NDArray[np.uint64], others: NDArray[np.uint64], threshold: int = DEFAULT_THRESHOLD
) -> Pairs:
    """Find such pairs between two sets: `first` counts in `words` `(N, 4, 4)`, `second` in `others` `(M, 4, 4)`."""
    return _near(words, others, threshold).best_of_each()


def _near(queries: NDArray[np.uint64], targets: NDArray[np.uint64], threshold: int) -> Pairs:
    """Compare all variants of the queries with the targets as they are and trimmed."""
    found = [Pairs.empty()]
    for target_variant in (0, 2):
        target_rows = _distinct(targets, target_variant)
        looked_up = _Chunks(targets[target_rows, target_variant])
        for variant in range(len(VARIANTS)):
            query_rows = _distinct(queries, variant)
            near = looked_up.find(queries[query_rows, variant], threshold)
            found.append(Pairs(query_rows[near.first], target_rows[near.second], near.scores))
    return Pairs.concatenate(found)


class _Chunks:
    """Hashes by their chunks of 16 bits, to find the near ones without a look at all of them.

    Of two hashes that are at most 31 bits apart, one of the 16 chunks differs by at most one bit (were it two in each,
    they would be 32 apart). So only those are compared that share a chunk up to one bit, or two for larger thresholds:
    of a million random hashes about 4,000 (Norouzi, Punjani and Fleet, "Fast Exact Search in Hamming Space with
    Multi-Index Hashing", 2014).

    Args:
        words: `(M, 4)` uint64.
    """

    def __init__(self, words: NDArray[np.uint64]) -> None:
        self._words = np.ascontiguousarray(words)
        self._orders: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []

    def find(self, queries: NDArray[np.uint64], threshold: int) -> Pairs:
        """The pairs of a query and a hash that are at most `threshold` bits apart; one may come several times."""
        flips = threshold // _CHUNKS
        if flips > _MOST_FLIPS or len(queries) * len(self._words) <= _FEW_PAIRS:
            return Pairs.concatenate([Pairs.empty(), *self._compare_all(queries, threshold)])
        masks = _masks(flips)
        queries = np.ascontiguousarray(queries)
        found = [Pairs.empty()]
        for chunk, values in enumerate(queries.view(np.uint16).reshape(-1, _CHUNKS).T):
            order, starts = self._sorted(chunk)
            for start in range(0, len(queries), _BLOCK_ROWS):
                probes = values[start : start + _BLOCK_ROWS, None] ^ masks
                firsts, counts = starts[probes], starts[probes.astype(np.int64) + 1] - starts[probes]
                for row, place in _expand(firsts, counts):
                    found.append(self._verify(queries, row + start, order[place], threshold))
        return Pairs.concatenate(found)

    def _sorted(self, chunk: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The rows in the order of their chunk's value, and where each value begins there: `(65537,)`."""
        if not self._orders:
            for values in self._words.view(np.uint16).reshape(-1, _CHUNKS).T:
                counts = np.bincount(values, minlength=1 << 16)
                starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
                self._orders.append((np.argsort(values, kind="stable"), starts))
        return self._orders[chunk]

    def _verify(
        self, queries: NDArray[np.uint64], row: NDArray[np.int64], column: NDArray[np.int64], threshold: int
    ) -> Pairs:
        distances = np.bitwise_count(queries[row] ^ self._words[column]).sum(axis=1, dtype=np.uint16)
        near = distances <= threshold
        return Pairs(row[near], column[near], _scores(distances[near]))

    def _compare_all(self, queries: NDArray[np.uint64], threshold: int) -> Iterator[Pairs]:
        for start in range(0, len(queries), _BLOCK_ROWS):
            distances = _distances(queries[start : start + _BLOCK_ROWS], self._words)
            row, column = np.nonzero(distances <= threshold)
            yield Pairs(row + start, column, _scores(distances[row, column]))


def _masks(flips: int) -> NDArray[np.uint16]:
    """What a chunk differs by, with at most so many bits."""
    chosen = (bits for count in range(flips + 1) for bits in combinations(range(16), count))
    return np.array([sum(1 << bit for bit in bits) for bits in chosen], np.uint16)


def _expand(
    firsts: NDArray[np.int64], counts: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """The places of ranges, with the row that each belongs to, some ranges at a time.

    Args:
        firsts: `(N, P)` where the ranges begin.
        counts: `(N, P)` how long they are.
    """
    rows = np.repeat(np.arange(len(firsts)), firsts.shape[1])
    begin, length = firsts.ravel(), counts.ravel()
    parts = np.cumsum(length) // _PLACES_AT_ONCE
    for part in np.split(np.arange(len(length)), np.flatnonzero(np.diff(parts)) + 1):
        total = int(length[part].sum())
        if total:
            before = np.cumsum(length[part]) - length[part]
            places = np.repeat(begin[part] - before, length[part]) + np.arange(total)
            yield np.repeat(rows[part], length[part]), places


def _scores(distances: NDArray[np.uint16]) -> NDArray[np.float32]:
    return (1.0 - distances / np.float32(HASH_BITS)).astype(np.float32)


def _distinct(words: NDArray[np.uint64], variant: int) -> NDArray[np.int64]:
    """Rows whose hash in that variant differs from the untrimmed one."""
    if variant < 2:
        return np.arange(len(words))
    return np.flatnonzero((words[:, variant] != words[:, variant - 2]).any(axis=1))


def _distances(queries: NDArray[np.uint64], targets: NDArray[np.uint64]) -> NDArray[np.uint16]:
    """Hamming distances of `(N, 4)` and `(M, 4)` packed hashes: `(N, M)` uint16."""
    total = np.zeros((len(queries), len(targets)), np.uint16)
    for word in range(_WORDS):
        total += np.bitwise_count(queries[:, word, None] ^ targets[None, :, word])
    return total


def _hash_both_ways(image: RgbImage) -> tuple[NDArray[np.uint64], int]:
    """Hash an image as it is and mirrored: `(2, 4)` uint64, and the quality."""
    vectors, quality = pdqhash.compute_dihedral(squash(image, _HASH_SIDE))
    bits = np.stack([vectors[0], vectors[_MIRRORED]]).astype(np.uint8)
    return np.packbits(bits, axis=1).view(np.uint64), int(quality)


def _content_span(image: RgbImage, axis: int) -> tuple[int, int]:
    """First and last (exclusive) row (axis 0) or column (axis 1) that is not of its edge's colour."""
    lines = image if axis == 0 else image.transpose(1, 0, 2)
    start = _margin_length(lines)
    return (start, len(lines) - _margin_length(lines[::-1])) if start < len(lines) else (0, 0)


def _margin_length(lines: RgbImage) -> int:
    """How many lines from the first on are of one colour, the first line's."""
    colour = np.median(lines[0], axis=0).astype(np.int16)
    start, count = 0, 1
    while start < len(lines):  # Most images have no margin: their first line tells.
        strays = (np.abs(lines[start : start + count].astype(np.int16) - colour) > _MARGIN_TOLERANCE).any(axis=(1, 2))
        if strays.any():
            return start + int(np.argmax(strays))
        start, count = start + count, 2 * count
    return len(lines)
