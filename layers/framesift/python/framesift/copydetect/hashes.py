"""Perceptual hashes that the model is compared with: PDQ, pHash and dHash."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from framesift.duplicates.pdq import VARIANTS, pdq_hash
from framesift.vision.decode import RgbImage

Bits = NDArray[np.uint8]


class HashMethod:
    """A hash, compared by the share of bits that agree; see `evaluate.Method`.

    Args:
        name: For reports.
        hashes: `(height, width, 3)` uint8 RGB to `(V, B)` bits, 0 or 1: the hash of the image itself, then those of
            its variants (mirrored, trimmed).
    """

    def __init__(self, name: str, hashes: Callable[[RgbImage], Bits]) -> None:
        self.name = name
        self._hashes = hashes

    def describe(self, images: Sequence[RgbImage]) -> Bits:
        """Hash images: (N, V, B)."""
        return np.stack([self._hashes(image) for image in images])

    def similarity(self, queries: NDArray[np.generic], references: NDArray[np.generic]) -> NDArray[np.float32]:
        """The largest share of agreeing bits over the queries' variants and the unmodified references."""
        plain = references[:, 0].astype(np.float32)
        best = np.zeros((len(queries), len(references)), np.float32)
        for variant in range(queries.shape[1]):
            row = queries[:, variant].astype(np.float32)
            agreeing = row @ plain.T + (1 - row) @ (1 - plain).T
            best = np.maximum(best, agreeing / row.shape[1])
        return best


def make_hash_methods() -> list[HashMethod]:
    """Make the hash methods to compare; PDQ as the pipeline uses it, and without its variants."""
    return [
        HashMethod("PDQ", lambda image: compute_pdq(image)[:1]),
        HashMethod("PDQ, mirror and trim", compute_pdq),
        HashMethod("pHash", compute_phash),
        HashMethod("dHash", compute_dhash),
    ]


def compute_pdq(image: RgbImage) -> Bits:
    """Compute PDQ hashes of all variants: (4, 256)."""
    return np.unpackbits(pdq_hash(image).words.view(np.uint8), axis=1).reshape(len(VARIANTS), -1)


def compute_phash(image: RgbImage) -> Bits:
    """Compute pHash: the 8 by 8 lowest frequencies of a 32 by 32 image, above their median: (1, 64)."""
    low = cv2.dct(_to_grey(image, 32, 32).astype(np.float32))[:8, :8]
    return np.asarray(low > np.median(low), np.uint8).reshape(1, -1)


def compute_dhash(image: RgbImage) -> Bits:
    """Compute dHash: whether each of 9 by 8 pixels is darker than its right neighbour: (1, 64)."""
    grey = _to_grey(image, 9, 8)
    return (grey[:, 1:] > grey[:, :-1]).astype(np.uint8).reshape(1, -1)


def _to_grey(image: RgbImage, width: int, height: int) -> NDArray[np.uint8]:
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA))
