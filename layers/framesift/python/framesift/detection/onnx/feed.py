"""Prepares images as inputs of networks."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from framesift.vision.decode import RgbImage


def to_planes(images: list[RgbImage], *, bgr: bool = False, scale: float = 1 / 255) -> NDArray[np.float32]:
    """Stack images of one size: (N, 3, H, W) float32, each value times `scale`."""
    planes = np.empty((len(images), 3, *images[0].shape[:2]), np.float32)
    for image, out in zip(images, planes, strict=True):
        channels = cv2.split(image)
        for channel, plane in zip(reversed(channels) if bgr else channels, out, strict=True):
            np.multiply(channel, np.float32(scale), out=plane, casting="unsafe")
    return planes
