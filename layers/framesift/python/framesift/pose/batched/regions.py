"""Regions of interest: squares, turned with the body, cut out of the image for the landmark network."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from framesift.pose.batched.detector import iou
from framesift.pose.batched.networks import DETECTOR_SIDE, LANDMARKS_SIDE
from framesift.pose.frame import Pixels, Planes

_MARGIN = 1.25  # The landmark network was trained on people with so much around them.

# A region is (x, y, side, rotation): its middle and side in pixels, and radians from upright, clockwise.
Array = NDArray[np.float64]


def from_points(center: Array, scale: Array) -> Array:
    """Regions from the middle of the hips and the point that gives the body's size and direction.

    Args:
        center: (N, 2) x, y, pixels.
        scale: (N, 2) likewise; above the hips for someone upright.

    Returns:
        (N, 4) regions.
    """
    direction = scale - center
    side = 2 * np.linalg.norm(direction, axis=1) * _MARGIN
    rotation = np.pi / 2 - np.arctan2(-direction[:, 1], direction[:, 0])
    rotation -= 2 * np.pi * np.floor((rotation + np.pi) / (2 * np.pi))
    return np.column_stack([center, side, rotation])


def associate(followed: Array, detected: Array, max_iou: float) -> Array:
    """Join the regions of people who are followed and of those just detected.

    A detection replaces what it overlaps by more than `max_iou`, as in MediaPipe; rotation does not count.

    Args:
        followed: (N, 4) regions.
        detected: (M, 4) regions.
        max_iou: From 0 to 1.

    Returns:
        (K, 4) regions, those who are followed first.
    """
    kept = list(followed)
    for region in detected:
        if kept:
            overlap = iou(_xyxy(region[None]), _xyxy(np.array(kept)))[0]
            kept = [other for other, shared in zip(kept, overlap, strict=True) if shared <= max_iou]
        kept.append(region)
    return np.array(kept).reshape(-1, 4)


def letterbox(image: Planes) -> Pixels:
    """Fit an image into the detector's (224, 224, 3) uint8 RGB, black around it."""
    height, width = image.luma.shape
    scale = DETECTOR_SIDE / max(width, height)
    offset = (DETECTOR_SIDE - scale * np.array([width, height])) / 2
    matrix = np.array([[scale, 0, offset[0]], [0, scale, offset[1]]])
    out = np.empty((DETECTOR_SIDE, DETECTOR_SIDE, 3), np.uint8)
    _warp(image, matrix, out)
    low, high = np.round(offset).astype(int), np.round(DETECTOR_SIDE - offset).astype(int)
    out[: low[1]], out[high[1] :], out[:, : low[0]], out[:, high[0] :] = 0, 0, 0, 0
    return out


def unletterbox(points: Array, width: int, height: int) -> Array:
    """From shares of the detector's input (N, 2) to pixels of the image (N, 2)."""
    return (points - 0.5) * max(width, height) + np.array([width, height]) / 2


def cut(image: Planes, region: Array, out: Pixels) -> None:
    """Cut a region out of an image into `out` (256, 256, 3) uint8 RGB; beyond the image its edge is repeated."""
    x, y, side, rotation = region
    scale = LANDMARKS_SIDE / side
    cos, sin = scale * np.cos(rotation), scale * np.sin(rotation)
    half = LANDMARKS_SIDE / 2
    _warp(image, np.array([[cos, sin, half - cos * x - sin * y], [-sin, cos, half + sin * x - cos * y]]), out)


def _warp(image: Planes, matrix: Array, out: Pixels) -> None:
    """Draw an image into `out` (side, side, 3) uint8 RGB by a matrix from its pixels to those of `out`.

    Colours are converted last: a region has fewer pixels than an image.
    """
    back = cv2.invertAffineTransform(matrix).astype(np.float32)
    across = np.arange(len(out), dtype=np.float32)
    down = across[:, None]
    x, y = (row[0] * across + (row[1] * down + row[2]) for row in back)
    luma = _sampled(image.luma, x, y)
    # A chroma pixel's middle is that of the four luma pixels that it covers: x = 2 * x' + 1/2.
    blue, red = (_sampled(plane, x / 2 - 0.25, y / 2 - 0.25) for plane in image.chroma)
    cv2.transform(cv2.merge([luma, blue, red]), image.to_rgb, dst=out)


def _sampled(plane: Pixels, x: NDArray[np.float32], y: NDArray[np.float32]) -> Any:
    """A plane's values at points, bilinear; beyond it its edge is repeated, which OpenCV itself does more slowly."""
    height, width = plane.shape
    return cv2.remap(plane, x.clip(0, width - 1), y.clip(0, height - 1), cv2.INTER_LINEAR)


def _xyxy(regions: Array) -> Array:
    half = regions[:, 2:3] / 2
    return np.concatenate([regions[:, :2] - half, regions[:, :2] + half], axis=1)
