"""Alignment: whether one image is an edited copy of the other, or only resembles it.

Features of whole images find what is alike, and the same scene with other people in it is alike. Here the two images
are aligned. Local features (SIFT: Lowe, 2004; compared as RootSIFT: Arandjelović and Zisserman, 2012) give the affine
map from one to the other, also mirrored; then the overlap is compared region by region. In a copy nearly all of it
agrees, but for text and stickers, and one of the two lies within the other: cropped, or framed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from framesift.vision.decode import RgbImage

SIDE: Final = 256
"""The longer side that images are compared at, pixels."""
MIN_COVERED: Final = 0.9
"""The share of one image that must lie within the other."""
MIN_EVIDENCE: Final = 1.5
"""The least sum of similarity and agreeing share of the overlap: the less alike, the more must agree.

Chosen, like `MIN_COVERED`, on three days of the clip site (seeds 11 to 13), where it loses no original."""

_MAX_FEATURES = 500
_DISTINCT = 0.8  # a match is this much nearer than the second nearest (Lowe, 2004, 7.1)
_MIN_MATCHES = 8
_MAX_STRAY_PX = 4.0
_MAX_SCALE = 20.0  # of areas: an inset on a page covers a ninth of it, and more
# Structure is compared in Gaussian windows of this deviation, pixels; below this variance (grey levels squared) there
# is none, only noise.
_WINDOW_PX = 5.0
_FINEST_PX = 1.5  # finer structure is lost to recompression
_MIN_VARIANCE = 20.0
_NOISE_VARIANCE = 4.0
_MIN_CORRELATION = 0.5

Grey = NDArray[np.uint8]


@dataclass(frozen=True)
class LocalFeatures:
    """What an image is aligned by.

    Attributes:
        grey: `(H, W)` uint8; the longer side is at most `SIDE`.
        points: `(K, 2)` float32, x and y in pixels.
        descriptors: `(K, 128)` float32, L2-normalised; 4 rows of 4 cells of 8 directions.
    """

    grey: Grey
    points: NDArray[np.float32]
    descriptors: NDArray[np.float32]

    def mirrored(self) -> LocalFeatures:
        """The mirrored image's features.

        SIFT's cells lie along the feature's own direction, so that they swap sides, and the directions with them.
        """
        points = self.points.copy()
        points[:, 0] = self.grey.shape[1] - 1 - points[:, 0]
        cells = self.descriptors.reshape(-1, 4, 4, 8)[:, ::-1]
        turned = np.take(cells, -np.arange(8) % 8, axis=3).reshape(-1, 128)
        return LocalFeatures(np.ascontiguousarray(self.grey[:, ::-1]), points, turned)


@dataclass(frozen=True)
class Alignment:
    """How two images overlap once aligned.

    Attributes:
        covered: The share of one image that lies within the other, of the one that lies more within it, 0 to 1.
        agreeing: The share of the overlap where both have the same structure, or none, 0 to 1.
    """

    covered: float
    agreeing: float

    def confirms(self, similarity: float) -> bool:
        """Whether one is an edited copy of the other.

        Args:
            similarity: The cosine of their features.
        """
        return self.covered >= MIN_COVERED and self.agreeing + similarity >= MIN_EVIDENCE


def local_features(image: RgbImage) -> LocalFeatures:
    """Find what an image is aligned by.

    Args:
        image: `(height, width, 3)` uint8 RGB.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    scale = SIDE / max(grey.shape)
    if scale < 1:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    sift = cv2.SIFT.create(nfeatures=_MAX_FEATURES, contrastThreshold=0.02)
    keypoints, found = sift.detectAndCompute(grey, None)
    points = np.array([keypoint.pt for keypoint in keypoints], np.float32).reshape(-1, 2)
    histograms = np.zeros((0, 128), np.float32) if found is None else found
    sums = np.maximum(histograms.sum(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return LocalFeatures(np.asarray(grey, np.uint8), points, np.sqrt(histograms / sums))


def align(first: LocalFeatures, second: LocalFeatures) -> Alignment | None:
    """Align two images, the second as it is or mirrored, whichever has more in common.

    Returns:
        How they overlap; `None` where no affine map joins them.
    """
    ways = [(way, _affine_map(first, way)) for way in (second, second.mirrored())]
    way, found = max(ways, key=lambda way: way[1].inliers if way[1] else 0)
    return _compared(first.grey, way.grey, found) if found else None


@dataclass(frozen=True)
class _AffineMap:
    matrix: NDArray[np.float64]
    inliers: int

    @property
    def scale(self) -> float:
        """Of areas."""
        return abs(float(np.linalg.det(self.matrix[:, :2])))


def _affine_map(first: LocalFeatures, second: LocalFeatures) -> _AffineMap | None:
    """The map from the second's pixels to the first's that most matches agree on."""
    pairs = _matches(second.descriptors, first.descriptors)
    if len(pairs) < _MIN_MATCHES:
        return None
    source, target = second.points[pairs[:, 0]], first.points[pairs[:, 1]]
    matrix, agreed = cv2.estimateAffine2D(
        source, target, method=cv2.RANSAC, ransacReprojThreshold=_MAX_STRAY_PX, maxIters=1000, confidence=0.99
    )
    if matrix is None:
        return None
    found = _AffineMap(np.asarray(matrix, np.float64), int(agreed.sum()))
    is_sound = found.inliers >= _MIN_MATCHES and 1 / _MAX_SCALE < found.scale < _MAX_SCALE
    return found if is_sound else None


def _matches(queries: NDArray[np.float32], candidates: NDArray[np.float32]) -> NDArray[np.int64]:
    """Pairs `(query, candidate)` where the nearest candidate is much nearer than the next: `(M, 2)`."""
    if len(queries) < _MIN_MATCHES or len(candidates) < _MIN_MATCHES:
        return np.zeros((0, 2), np.int64)
    cosines = queries @ candidates.T
    rows = np.arange(len(queries))
    nearest = cosines.argmax(axis=1)
    best = cosines[rows, nearest]
    cosines[rows, nearest] = -1
    # Of unit vectors, the squared distance is 2 - 2 cosine.
    distinct = 1 - best < _DISTINCT**2 * (1 - cosines.max(axis=1))
    pairs: NDArray[np.int64] = np.stack([rows, nearest], axis=1)[distinct]
    return pairs


def _compared(first: Grey, second: Grey, found: _AffineMap) -> Alignment:
    """Compare the structure where the second, moved by the map, overlaps the first."""
    size = (first.shape[1], first.shape[0])
    moved = cv2.warpAffine(second, found.matrix, size, flags=cv2.INTER_LINEAR)
    inside = cv2.warpAffine(np.full_like(second, 255), found.matrix, size, flags=cv2.INTER_NEAREST)
    overlap = float(np.count_nonzero(inside))
    # Windows reach over the edge: beyond it, both are the same.
    moved = np.where(inside > 0, moved, first)
    covered = min(1.0, max(overlap / first.size, overlap / found.scale / second.size))
    here, there = (_blurred(image.astype(np.float32), _FINEST_PX) for image in (first, moved))
    here, there = here - _blurred(here), there - _blurred(there)
    here_variance, there_variance = _blurred(here * here), _blurred(there * there)
    spread = np.sqrt(np.maximum(here_variance, _NOISE_VARIANCE) * np.maximum(there_variance, _NOISE_VARIANCE))
    correlation = _blurred(here * there) / spread
    plain = np.maximum(here_variance, there_variance) <= _MIN_VARIANCE
    agreeing = (plain | (correlation > _MIN_CORRELATION))[inside > 0]
    return Alignment(covered, float(agreeing.mean()))


def _blurred(values: NDArray[np.float32], deviation_px: float = _WINDOW_PX) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), deviation_px), np.float32)
