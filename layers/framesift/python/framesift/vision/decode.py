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
from framesift.sources.image_structure import read_structure
from framesift.sources.images import MEMORY_LIMIT_BYTES, TIME_LIMIT_S, call_within_limits

RgbImage = NDArray[np.uint8]
"""`(height, width, 3)` uint8, RGB, 0 to 255."""

DEFAULT_MAX_PIXELS: Final = 25_000_000

_SANDBOX = Sandbox("framesift.vision.decode_worker", timeout_s=TIME_LIMIT_S, memory_limit_bytes=MEMORY_LIMIT_BYTES)


def decode_image(data: bytes, *, max_pixels: int = DEFAULT_MAX_PIXELS, min_side: int = 0) -> RgbImage:
    """Decode a JPEG, PNG, WebP, GIF or BMP image: upright, an animation's first frame, transparency over white.

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
