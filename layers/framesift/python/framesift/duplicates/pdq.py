"""PDQ: a published perceptual hash of 256 bits that survives re-encoding and resizing.

Two images whose hashes are at most 31 bits apart are duplicates (the authors' recommendation; Facebook, "The TMK+PDQF
Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm", 2019). A hash does not survive mirroring or framing, so
each image is looked up by several: as it is, mirrored, without its plain margins, and both.
"""

from __future__ import annotations

from dataclasses import dataclass
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
    """Compare all variants of the queries with the targets as they are and trimmed, block by block."""
    found = [Pairs.empty()]
    for variant in range(len(VARIANTS)):
        query_rows = _distinct(queries, variant)
        for target_variant in (0, 2):
            target_rows = _distinct(targets, target_variant)
            for start in range(0, len(query_rows), _BLOCK_ROWS):
                rows = query_rows[start : start + _BLOCK_ROWS]
                distances = _distances(queries[rows, variant], targets[target_rows, target_variant])
                row, column = np.nonzero(distances <= threshold)
                scores = 1.0 - distances[row, column] / np.float32(HASH_BITS)
                found.append(Pairs(rows[row], target_rows[column], scores.astype(np.float32)))
    return Pairs.concatenate(found)


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
