"""Prepares images as inputs of networks."""

from __future__ import annotations

from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from framesift.vision.decode import RgbImage

_GREY: Final = 114  # The padding that YOLO networks are trained with.


class Placement(NamedTuple):
    """Where an image lies in a network's input, pixels: a point of the image is at `scale * point + offset`."""

    scale_x: float
    scale_y: float
    left: int
    top: int


def letterbox(image: RgbImage, width: int, height: int) -> tuple[RgbImage, Placement]:
    """Fit a whole image into a size, keeping its aspect ratio, centred on grey.

    Args:
        image: (H, W, 3) uint8, RGB.
        width: Pixels.
        height: Pixels.

    Returns:
        (height, width, 3) uint8, and where the image lies in it.
    """
    scale = min(width / image.shape[1], height / image.shape[0])
    inner_width, inner_height = round(image.shape[1] * scale), round(image.shape[0] * scale)
    # The padding is rounded as in YOLO's own code: half a pixel goes to the right and the bottom.
    left = round((width - inner_width) / 2 - 0.1)
    top = round((height - inner_height) / 2 - 0.1)
    boxed = np.full((height, width, 3), _GREY, np.uint8)
    boxed[top : top + inner_height, left : left + inner_width] = _resize(image, inner_width, inner_height)
    return boxed, Placement(scale, scale, left, top)


def stretch(image: RgbImage, width: int, height: int) -> tuple[RgbImage, Placement]:
    """Resize a whole image without keeping its aspect ratio, as Custom Vision's networks are trained."""
    placement = Placement(width / image.shape[1], height / image.shape[0], 0, 0)
    return _resize(image, width, height), placement


def to_planes(images: list[RgbImage], *, bgr: bool = False, scale: float = 1 / 255) -> NDArray[np.float32]:
    """Stack images of one size: (N, 3, H, W) float32, each value times `scale`."""
    planes = np.empty((len(images), 3, *images[0].shape[:2]), np.float32)
    for image, out in zip(images, planes, strict=True):
        channels = cv2.split(image)
        for channel, plane in zip(reversed(channels) if bgr else channels, out, strict=True):
            np.multiply(channel, np.float32(scale), out=plane, casting="unsafe")
    return planes


def _resize(image: RgbImage, width: int, height: int) -> RgbImage:
    if image.shape[:2] == (height, width):
        return image
    resized: RgbImage = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)  # type: ignore[assignment]
    return resized
