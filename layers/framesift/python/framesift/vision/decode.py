"""Bytes of an image in, pixels out; whatever the bytes are, nothing but a `MediaError` is raised.

The format is read from the first bytes, never from a name. The headers are read before anything is decoded, and
decoding happens in a process that may be killed. JPEG, nearly all of what sites serve, is decoded straight to a smaller
size where that is enough: the inverse DCT of 4/8 of the coefficients costs about a third of the whole.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from framesift.sandbox import Sandbox
from framesift.vision.image_structure import read_structure
from framesift.vision.images import MEMORY_LIMIT_BYTES, TIME_LIMIT_S, call_within_limits

RgbImage = NDArray[np.uint8]
"""`(height, width, 3)` uint8, RGB, 0 to 255."""

DEFAULT_MAX_PIXELS: Final = 25_000_000

_SANDBOX = Sandbox("framesift.vision.decode_worker", timeout_s=TIME_LIMIT_S, memory_limit_bytes=MEMORY_LIMIT_BYTES)


def decode_image(data: bytes, *, max_pixels: int = DEFAULT_MAX_PIXELS, min_side: int = 0) -> RgbImage:
    """Decode an image to sRGB: upright, an animation's first frame, transparency over white.

    JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF and HEIC are read, with 1 to 16 bits a sample, in grey, RGB, CMYK, Lab or
    with a palette; colours are converted by the ICC profile. What else there is, is refused by its name.

    Args:
        data: The file's bytes.
        max_pixels: Images with more are refused before they are decoded.
        min_side: If positive, a JPEG may come smaller than it is, but with no side below this (unless it is below
            already).

    Returns:
        `(height, width, 3)` uint8, RGB, 0 to 255.

    Raises:
        NotAnImageError: The bytes are no image of a known format, or damaged.
        ImageFormatError: It is of a format, or of a variant of one, that is not read.
        ImageTooLargeError: It has more than `max_pixels`.
        ImageTooCostlyError: Decoding it takes more time or memory than an image may.

    Example:
        >>> from pathlib import Path
        >>> decode_image(Path("clip.jpg").read_bytes(), min_side=224).shape
        (480, 270, 3)
    """
    structure = read_structure(data, max_pixels)
    reply = call_within_limits(
        _SANDBOX,
        "decode",
        data,
        structure.pixels,
        image_format=structure.format,
        max_pixels=max_pixels,
        min_side=min_side,
    )
    return np.frombuffer(reply.data, np.uint8).reshape(reply.fields["height"], reply.fields["width"], 3)
