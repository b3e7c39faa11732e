"""Images from outside: inspected and re-encoded in processes that may be killed, within a budget of memory.

Nothing here decodes an image in this process. The headers are read first, by code that is safe in itself
(`image_structure`); what they promise is refused, or waits until there is memory for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from framesift.errors import ImageTooCostlyError, NotAnImageError
from framesift.memory import MemoryBudget, image_budget
from framesift.sandbox import Reply, Sandbox, SandboxKilledError
from framesift.sources.image_structure import ImageStructure, read_structure

# Pillow's name, MIME type, extension.
_TYPES = {
    "JPEG": ("image/jpeg", "jpg"),
    "PNG": ("image/png", "png"),
    "GIF": ("image/gif", "gif"),
    "WEBP": ("image/webp", "webp"),
}
TIME_LIMIT_S = 10.0
"""How long one image may take to decode, seconds: an ordinary thumbnail takes some milliseconds."""
MEMORY_LIMIT_BYTES = 1 << 30
"""How much memory a process that decodes images may allocate."""
_SANDBOX = Sandbox("framesift.sources.image_worker", timeout_s=TIME_LIMIT_S, memory_limit_bytes=MEMORY_LIMIT_BYTES)
_BYTES_PER_PIXEL = 12  # While it is decoded: the decoder's buffer, Pillow's, and a conversion.


@dataclass(frozen=True)
class ImageFacts:
    """What an image is.

    Attributes:
        content_type: Its MIME type, from its bytes, not from a header or name.
        extension: The usual ending of its file name, without a dot.
        width: Pixels.
        height: Pixels.
    """

    content_type: str
    extension: str
    width: int
    height: int


@dataclass(frozen=True)
class EncodedThumbnail:
    """A JPEG of our own making.

    Attributes:
        body: Its bytes.
        width: Pixels.
        height: Pixels.
    """

    body: bytes
    width: int
    height: int


def check_image(data: bytes, max_pixels: int) -> ImageFacts:
    """Make sure that bytes are a whole JPEG, PNG, GIF or WebP image.

    Args:
        data: The file. Of an animation, the first frame is decoded.
        max_pixels: The most pixels that are decoded.

    Raises:
        NotAnImageError: If they are something else, or damaged.
        ImageTooLargeError: If it has more pixels; nothing is decoded then.
        ImageTooCostlyError: If decoding it takes more time or memory than an image may.

    Example:
        >>> from pathlib import Path
        >>> check_image(Path("clip.jpg").read_bytes(), max_pixels=25_000_000)
        ImageFacts(content_type='image/jpeg', extension='jpg', width=540, height=960)
    """
    structure = _read_known(data, max_pixels)
    reply = _call("inspect", data, structure, max_pixels=max_pixels)
    return ImageFacts(*_TYPES[structure.format], reply.fields["width"], reply.fields["height"])


def encode_thumbnail(
    data: bytes, *, max_width: int, max_height: int, quality: int, max_pixels: int = 25_000_000
) -> EncodedThumbnail:
    """Encode an image as an app wants it: upright, RGB, progressive JPEG without metadata, no larger than asked.

    Args:
        data: A JPEG, PNG, GIF or WebP file.
        max_width: Pixels.
        max_height: Pixels.
        quality: JPEG's, 1 to 100.
        max_pixels: The most pixels that are decoded.

    Raises:
        NotAnImageError: If it cannot be decoded.
        ImageTooLargeError: If it has more pixels.
        ImageTooCostlyError: If decoding it takes more time or memory than an image may.
    """
    structure = _read_known(data, max_pixels)
    reply = _call(
        "encode_thumbnail",
        data,
        structure,
        max_pixels=max_pixels,
        max_width=max_width,
        max_height=max_height,
        quality=quality,
    )
    return EncodedThumbnail(bytes(reply.data), reply.fields["width"], reply.fields["height"])


def call_within_limits(
    sandbox: Sandbox, function: str, data: bytes, pixels: int, budget: MemoryBudget | None = None, **keywords: Any
) -> Reply:
    """Decode an image in a sandbox, as soon as there is memory for its pixels.

    Args:
        sandbox: Its processes.
        function: The function that decodes.
        data: The file.
        pixels: How many it has.
        budget: What memory there is for pixels; by default this process's budget.
        **keywords: For the function.

    Raises:
        ImageTooCostlyError: If it takes too long or too much memory, or crashes its decoder.
    """
    with (budget or image_budget()).reserve(pixels * _BYTES_PER_PIXEL):
        try:
            return sandbox.call(function, data, **keywords)
        except SandboxKilledError as fault:
            raise ImageTooCostlyError(f"The image cannot be decoded: {fault}.") from None


def _read_known(data: bytes, max_pixels: int) -> ImageStructure:
    structure = read_structure(data, max_pixels)
    if structure.format not in _TYPES:
        raise NotAnImageError(f"No JPEG, PNG, GIF or WebP image, but {structure.format}.")
    return structure


def _call(function: str, data: bytes, structure: ImageStructure, **keywords: Any) -> Reply:
    return call_within_limits(_SANDBOX, function, data, structure.pixels, image_format=structure.format, **keywords)
