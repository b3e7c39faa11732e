"""Bytes of an image in, pixels out; whatever the bytes are, nothing but a `MediaError` is raised.

The format is recognised by the first bytes, never by a name. The pixels are counted in the header, before anything is
decoded. JPEG, nearly all of what sites serve, is decoded straight to a smaller size where that is enough: the inverse
DCT of 4/8 of the coefficients costs about a third of the whole.
"""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Final

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, ImageOps

from framesift.errors import ImageTooLargeError, NotAnImageError

RgbImage = NDArray[np.uint8]
"""`(height, width, 3)` uint8, RGB, 0 to 255."""

DEFAULT_MAX_PIXELS: Final = 25_000_000

_EXIF_WINDOW_BYTES = 1 << 16  # an EXIF block is a JPEG segment: at most 64 KiB, before the pixels
_ORIENTATION_TAG = 0x0112
# What Pillow raises for damaged files, by its own tests; MemoryError and the like are not the file's fault.
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, struct.error, zlib.error)


def sniff_format(data: bytes) -> str:
    """Recognise an image's format by its first bytes.

    Returns:
        Pillow's name of it: `JPEG`, `PNG`, `WEBP`, `GIF` or `BMP`.

    Raises:
        NotAnImageError: It is none of these.
    """
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if data.startswith(b"BM"):
        return "BMP"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    raise NotAnImageError("The bytes are no JPEG, PNG, WebP, GIF or BMP image.")


def decode_image(data: bytes, *, max_pixels: int = DEFAULT_MAX_PIXELS, min_side: int = 0) -> RgbImage:
    """Decode an image, upright, the first frame of an animation, transparency over white.

    Args:
        data: The file's bytes.
        max_pixels: Images with more are refused before they are decoded.
        min_side: If positive, a JPEG may come smaller than it is, but with no side below this (unless it is below
            already).

    Returns:
        `(height, width, 3)` uint8, RGB, 0 to 255.

    Raises:
        NotAnImageError: The bytes are no image of a known format, or damaged.
        ImageTooLargeError: It has more than `max_pixels`.
    """
    image_format = sniff_format(data)
    try:
        with Image.open(BytesIO(data), formats=[image_format]) as opened:
            if opened.width * opened.height > max_pixels:
                raise ImageTooLargeError(
                    f"The image has {opened.width} x {opened.height} pixels; at most {max_pixels} are decoded."
                )
            if image_format == "JPEG" and opened.mode in {"RGB", "L"}:
                return _decode_jpeg(data, min_side)
            return _decode_with_pillow(opened)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageTooLargeError(f"The image is far too large: at most {max_pixels} pixels are decoded.") from error
    except _DAMAGE as error:
        raise NotAnImageError(f"The {image_format} image is damaged: {error}.") from error


def _decode_jpeg(data: bytes, min_side: int) -> RgbImage:
    image = simplejpeg.decode_jpeg(
        data, "RGB", fastdct=False, fastupsample=False, min_height=min_side, min_width=min_side
    )
    if b"Exif\x00\x00" not in data[:_EXIF_WINDOW_BYTES]:
        return np.asarray(image)
    with Image.open(BytesIO(data), formats=["JPEG"]) as opened:
        return _upright(np.asarray(image), opened.getexif().get(_ORIENTATION_TAG, 1))


def _upright(image: RgbImage, orientation: int) -> RgbImage:
    """Undo EXIF's orientation (1 to 8: EXIF 2.32, 4.6.4, tag 0x0112)."""
    if orientation in {5, 6, 7, 8}:
        image = image.transpose(1, 0, 2)
    if orientation in {2, 3, 6, 7}:
        image = image[:, ::-1]
    if orientation in {3, 4, 7, 8}:
        image = image[::-1]
    return np.ascontiguousarray(image)


def _decode_with_pillow(opened: Image.Image) -> RgbImage:
    opened.seek(0)
    upright = ImageOps.exif_transpose(opened)
    if upright.mode.startswith(("I", "F")):  # 16 bits a sample
        grey = (np.asarray(upright, np.float32) / 257.0).clip(0, 255).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if upright.has_transparency_data:
        paper = Image.new("RGBA", upright.size, "white")
        upright = Image.alpha_composite(paper, upright.convert("RGBA"))
    return np.asarray(upright.convert("RGB"))


def read_size(data: bytes) -> tuple[int, int]:
    """Read an image's width and height, pixels, from its header.

    Raises:
        NotAnImageError: The bytes are no image of a known format, or damaged.
    """
    try:
        with Image.open(BytesIO(data), formats=[sniff_format(data)]) as image:
            return image.size
    except (Image.DecompressionBombError, *_DAMAGE) as error:
        raise NotAnImageError(f"The image's header is damaged: {error}.") from error
