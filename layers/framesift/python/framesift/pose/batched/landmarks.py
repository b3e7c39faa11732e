"""From the landmark network's raw output to landmarks in the image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from framesift.pose.batched.networks import LANDMARKS_SIDE
from framesift.pose.skeleton import LANDMARK_COUNT

_KERNEL = 7
_MIN_CONFIDENCE_TO_REFINE = 0.5

# After the 33 landmarks come two points that give the region in the next frame.
CENTER, SCALE = 33, 34

Array = NDArray[np.float64]


def decode(raw: NDArray[np.float32], heatmap: NDArray[np.float32]) -> Array:
    """Decode landmarks and refine them by their heat maps.

    Args:
        raw: (N, 39, 5), see `Networks.landmarks`.
        heatmap: (N, 64, 64, 39) logits.

    Returns:
        (N, 39, 5) x, y, z in shares of the crop's side, visibility and presence from 0 to 1.
    """
    decoded = raw.astype(np.float64)
    decoded[..., :3] /= LANDMARKS_SIDE
    decoded[..., 3:] = _sigmoid(decoded[..., 3:])
    decoded[..., :2] = _refined(decoded[..., :2], heatmap)
    return decoded


def project(decoded: Array, regions: Array, width: int, height: int) -> Array:
    """From shares of the crop to shares of the image.

    Args:
        decoded: (N, L, 5) as from `decode`.
        regions: (N, 4) of `regions`.
        width: Of the image, pixels.
        height: Likewise.

    Returns:
        (N, L, 5) in the terms of `skeleton.CHANNELS`.
    """
    side = regions[:, None, 2:3]
    projected = decoded.copy()
    projected[..., :2] = (_rotated(decoded[..., :2] - 0.5, regions[:, 3]) * side + regions[:, None, :2]) / (
        width,
        height,
    )
    projected[..., 2:3] = decoded[..., 2:3] * side / width
    return projected


def project_world(raw: NDArray[np.float32], regions: Array) -> Array:
    """Turn world landmarks (N, 39, 3) as the crops were turned, and keep the 33: (N, 33, 3) metres."""
    world = raw[:, :LANDMARK_COUNT].astype(np.float64)
    world[..., :2] = _rotated(world[..., :2], regions[:, 3])
    return world


def _refined(xy: Array, heatmap: NDArray[np.float32]) -> Array:
    """Replace points by the mean of their heat map nearby, where it is sure enough: (N, 39, 2)."""
    count, rows, cols, points = heatmap.shape
    middle = np.trunc(xy * (cols, rows)).astype(int)
    reach = np.arange(_KERNEL) - _KERNEL // 2
    col, row = middle[..., 0, None] + reach, middle[..., 1, None] + reach
    inside = ((row >= 0) & (row < rows))[..., :, None] & ((col >= 0) & (col < cols))[..., None, :]
    logits = heatmap[
        np.arange(count)[:, None, None, None],
        np.clip(row, 0, rows - 1)[..., :, None],
        np.clip(col, 0, cols - 1)[..., None, :],
        np.arange(points)[None, :, None, None],
    ]
    weights = np.where(inside, _sigmoid(logits.astype(np.float64)), 0.0)
    total = weights.sum(axis=(2, 3))
    in_map = (middle[..., 0] >= 0) & (middle[..., 0] < cols) & (middle[..., 1] >= 0)
    sure = in_map & (weights.max(axis=(2, 3)) >= _MIN_CONFIDENCE_TO_REFINE)
    safe = np.where(sure, total, 1.0)
    mean = np.stack(
        [
            (weights * col[..., None, :]).sum(axis=(2, 3)) / safe / cols,
            (weights * row[..., :, None]).sum(axis=(2, 3)) / safe / rows,
        ],
        axis=-1,
    )
    return np.where(sure[..., None], mean, xy)


def _rotated(xy: Array, rotation: Array) -> Array:
    cos, sin = np.cos(rotation)[:, None], np.sin(rotation)[:, None]
    return np.stack([cos * xy[..., 0] - sin * xy[..., 1], sin * xy[..., 0] + cos * xy[..., 1]], axis=-1)


def _sigmoid(logits: Array) -> Array:
    return 1 / (1 + np.exp(-np.clip(logits, -80, 80)))
