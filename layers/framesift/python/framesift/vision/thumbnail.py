"""WebP thumbnails of decoded images; they carry pixels alone, no metadata."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from framesift.vision.decode import RgbImage


def encode_webp_thumbnails(image: RgbImage, sizes: Sequence[int], *, quality: int, effort: int) -> list[bytes]:
    """Encode an image at several sizes; none is enlarged.

    Args:
        image: `(height, width, 3)` uint8 RGB.
        sizes: The length of each thumbnail's longer side at most, pixels.
        quality: WebP's, 1 to 100.
        effort: WebP's method, 0 (fast) to 6 (small).

    Returns:
        The files, in the order of `sizes`.
    """
    files = {}
    for size in sorted(set(sizes), reverse=True):  # Each is made of the next larger one.
        image = fit_within(image, size)
        file = BytesIO()
        Image.fromarray(image).save(file, "WEBP", quality=quality, method=effort)
        files[size] = file.getvalue()
    return [files[size] for size in sizes]


def fit_within(image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Reduce an image by area so that its longer side has at most `size` pixels; a smaller one stays as it is.

    Args:
        image: `(height, width)` or `(height, width, 3)` uint8.
        size: Pixels.
    """
    height, width = image.shape[:2]
    scale = size / max(height, width)
    if scale >= 1:
        return image
    target = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(image, target, interpolation=cv2.INTER_AREA), np.uint8)
