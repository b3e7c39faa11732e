"""From the detector's raw output to people: anchors, scores, weighted non-maximum suppression."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from framesift.pose.batched.networks import DETECTOR_SIDE

# Anchors lie in the middle of the cells of grids of these strides: two for each layer, and three layers share a grid.
_ANCHORS_AT_STRIDE = ((8, 2), (16, 2), (32, 6))
_SUPPRESSION_IOU = 0.5
_KEYPOINTS_FROM = 4  # A raw box is x, y, width, height, and four key points' x, y.

Array = NDArray[np.float64]


@cache
def anchors() -> Array:
    """(2254, 2) x, y of the anchors' middles, shares of the input's side."""
    layers = []
    for stride, count in _ANCHORS_AT_STRIDE:
        cells = DETECTOR_SIDE // stride
        middles = (np.arange(cells) + 0.5) / cells
        grid = np.stack(np.meshgrid(middles, middles), axis=-1).reshape(-1, 2)
        layers.append(np.repeat(grid, count, axis=0))
    return np.concatenate(layers)


def decode(raw: NDArray[np.float32], logits: NDArray[np.float32], min_score: float) -> Array:
    """Find people in one image.

    Args:
        raw: (2254, 12), pixels of the input relative to the anchors.
        logits: (2254,).
        min_score: From 0 to 1.

    Returns:
        (N, 4) the middle of the hips and the point that gives the body's size and direction (x, y, x, y), shares of
        the input's side; best score first.
    """
    # Without warnings: logits of ±100 and beyond are as good as certain.
    scores = 1 / (1 + np.exp(-np.clip(logits.astype(np.float64), -100, 100)))
    passed = np.flatnonzero(scores >= min_score)
    passed = passed[np.argsort(-scores[passed], kind="stable")]
    boxes = raw[passed].astype(np.float64) / DETECTOR_SIDE
    middles = anchors()[passed]
    center, size = boxes[:, :2] + middles, boxes[:, 2:4]
    xyxy = np.concatenate([center - size / 2, center + size / 2], axis=1)
    points = boxes[:, _KEYPOINTS_FROM : _KEYPOINTS_FROM + 4] + np.tile(middles, 2)
    valid = (size >= 0).all(axis=1)
    return _suppressed(xyxy[valid], points[valid], scores[passed][valid])


def _suppressed(xyxy: Array, points: Array, scores: Array) -> Array:
    """Join overlapping detections into their mean, weighted by score; sorted input, sorted output."""
    kept = []
    while len(scores):
        overlapping = iou(xyxy[:1], xyxy)[0] > _SUPPRESSION_IOU
        overlapping[0] = True
        kept.append(np.average(points[overlapping], axis=0, weights=scores[overlapping]))
        xyxy, points, scores = xyxy[~overlapping], points[~overlapping], scores[~overlapping]
    return np.array(kept).reshape(-1, 4)


def iou(a: Array, b: Array) -> Array:
    """Intersection over union of (N, 4) and (M, 4) boxes x0, y0, x1, y1: (N, M)."""
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    area_a, area_b = (a[:, 2:] - a[:, :2]).prod(axis=1), (b[:, 2:] - b[:, :2]).prod(axis=1)
    union = area_a[:, None] + area_b[None] - shared
    overlap: Array = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return overlap
