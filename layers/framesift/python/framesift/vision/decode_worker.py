"""What `decode_image` does in a process that may be killed (see `framesift.sandbox`)."""

from __future__ import annotations

from typing import Any

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, ImageOps

from framesift.sandbox import Reply
from framesift.vision.colour import pixels_to_srgb, to_srgb
from framesift.vision.image_worker import open_image

ORIENTATION_TAG = 0x0112
"""EXIF 2.32, 4.6.4."""

_EXIF_WINDOW_BYTES = 1 << 16  # an EXIF block is a JPEG segment: at most 64 KiB, before the pixels


def decode(data: bytes, *, image_format: str, max_pixels: int, min_side: int) -> Reply:
    """Decode an image to sRGB; its height and width go beside its bytes."""
    with open_image(data, image_format, max_pixels) as opened:
        pixels = decode_opened(data, opened, min_side, min_side)
    pixels = np.ascontiguousarray(pixels)
    return Reply({"height": pixels.shape[0], "width": pixels.shape[1]}, pixels.data.cast("B"))


def decode_opened(data: bytes, opened: Image.Image, min_width: int, min_height: int) -> NDArray[np.uint8]:
    """Decode an image that Pillow has opened: upright, in sRGB, an animation's first frame, transparency over white.

    Args:
        data: The file.
        opened: The same; its headers have been read.
        min_width: If this or the next is positive, a JPEG may come smaller, but not below them, before it is turned.
        min_height: Pixels, likewise.

    Returns:
        `(height, width, 3)` uint8, RGB.
    """
    profile = opened.info.get("icc_profile") or b""
    if opened.format in {"JPEG", "MPO"} and (opened.mode == "RGB" or (opened.mode == "L" and not profile)):
        pixels = simplejpeg.decode_jpeg(
            data, "RGB", fastdct=False, fastupsample=False, min_height=min_height, min_width=min_width
        )
        upright = _upright(np.asarray(pixels), _orientation(data, opened))
        return pixels_to_srgb(np.ascontiguousarray(upright), profile) if profile else upright
    opened.seek(0)
    return to_srgb(ImageOps.exif_transpose(opened))


def _orientation(data: bytes, opened: Image.Image) -> Any:
    return opened.getexif().get(ORIENTATION_TAG, 1) if b"Exif\x00\x00" in data[:_EXIF_WINDOW_BYTES] else 1


def _upright(pixels: NDArray[np.uint8], orientation: Any) -> NDArray[np.uint8]:
    """Undo EXIF's orientation, 1 to 8."""
    if orientation in {5, 6, 7, 8}:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in {2, 3, 6, 7}:
        pixels = pixels[:, ::-1]
    if orientation in {3, 4, 7, 8}:
        pixels = pixels[::-1]
    return pixels
