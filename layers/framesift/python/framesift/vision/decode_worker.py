"""What `decode_image` does in a process that may be killed (see `framesift.sandbox`)."""

from __future__ import annotations

from typing import Any

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, ImageOps

from framesift.sandbox import Reply
from framesift.sources.image_worker import open_image

_EXIF_WINDOW_BYTES = 1 << 16  # an EXIF block is a JPEG segment: at most 64 KiB, before the pixels
_ORIENTATION_TAG = 0x0112


def decode(data: bytes, *, image_format: str, max_pixels: int, min_side: int) -> Reply:
    """Decode an image to RGB; its height and width go beside its bytes."""
    with open_image(data, image_format, max_pixels) as opened:
        if image_format == "JPEG" and opened.mode in {"RGB", "L"}:
            pixels = _decode_jpeg(data, opened, min_side)
        else:
            pixels = _decode_with_pillow(opened)
    pixels = np.ascontiguousarray(pixels)
    return Reply({"height": pixels.shape[0], "width": pixels.shape[1]}, pixels.data.cast("B"))


def _decode_jpeg(data: bytes, opened: Image.Image, min_side: int) -> NDArray[np.uint8]:
    pixels = simplejpeg.decode_jpeg(
        data, "RGB", fastdct=False, fastupsample=False, min_height=min_side, min_width=min_side
    )
    if b"Exif\x00\x00" not in data[:_EXIF_WINDOW_BYTES]:
        return np.asarray(pixels)
    return _upright(np.asarray(pixels), opened.getexif().get(_ORIENTATION_TAG, 1))


def _upright(pixels: NDArray[np.uint8], orientation: Any) -> NDArray[np.uint8]:
    """Undo EXIF's orientation (1 to 8: EXIF 2.32, 4.6.4, tag 0x0112)."""
    if orientation in {5, 6, 7, 8}:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in {2, 3, 6, 7}:
        pixels = pixels[:, ::-1]
    if orientation in {3, 4, 7, 8}:
        pixels = pixels[::-1]
    return pixels


def _decode_with_pillow(opened: Image.Image) -> NDArray[np.uint8]:
    opened.seek(0)
    upright = ImageOps.exif_transpose(opened)
    if upright.mode.startswith(("I", "F")):  # 16 bits a sample
        grey = (np.asarray(upright, np.float32) / 257.0).clip(0, 255).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if upright.has_transparency_data:
        paper = Image.new("RGBA", upright.size, "white")
        upright = Image.alpha_composite(paper, upright.convert("RGBA"))
    return np.asarray(upright.convert("RGB"))
