"""What is done with untrusted images in a process that may be killed (see `framesift.sandbox`)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from io import BytesIO

from PIL import Image, ImageOps, UnidentifiedImageError

from framesift.errors import ImageFormatError, ImageTooLargeError, NotAnImageError
from framesift.sandbox import Reply

# What Pillow's readers raise on damaged files, by its own tests and by fuzzing.
_DAMAGES = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    EOFError,
    AttributeError,
    RuntimeError,
    struct.error,
    zlib.error,
)


@contextmanager
def open_image(data: bytes, image_format: str, max_pixels: int) -> Iterator[Image.Image]:
    """Open an image of a known format; whatever is wrong with it is a `MediaError`.

    Raises:
        NotAnImageError: If it is damaged.
        ImageFormatError: If it is of a variant that is not read.
        ImageTooLargeError: If it has more pixels.
    """
    if image_format == "HEIF":
        _register_heif()
    try:
        with Image.open(BytesIO(data), formats=[image_format]) as image:
            if image.width * image.height > max_pixels:
                raise ImageTooLargeError(
                    f"The image has {image.width} × {image.height} pixels; at most {max_pixels:,} are taken."
                )
            yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageTooLargeError(f"Too many pixels: at most {max_pixels:,} are taken.") from error
    except UnidentifiedImageError as error:
        if image_format == "TIFF":  # Its headers are sound: they ask for what Pillow does not have.
            raise ImageFormatError("The image is a TIFF of a variant that is not read.") from error
        raise NotAnImageError(f"A damaged {image_format} image: its headers cannot be read.") from error
    except _DAMAGES as error:
        raise NotAnImageError(f"A damaged {image_format} image: {error}.") from error


@cache
def _register_heif() -> None:
    """Teach Pillow to read HEIC.

    Raises:
        ImageFormatError: The library for it is not installed.
    """
    try:
        import pillow_heif
    except ModuleNotFoundError:
        raise ImageFormatError(
            "The image is HEIC, which needs the package extra framesift[vision]: install it, or save it as JPEG."
        ) from None
    # There is a process for each core, and the main image is all that is looked at.
    pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)


def inspect(data: bytes, *, image_format: str, max_pixels: int) -> Reply:
    """Decode an image to its end, and give its size."""
    with open_image(data, image_format, max_pixels) as image:
        width, height = image.size
        # A JPEG is read to its end at an eighth of its size: damage shows just as well, in a third of the time.
        image.draft(None, (max(1, width // 8), max(1, height // 8)))
        image.load()
    return Reply({"width": width, "height": height})


def encode_thumbnail(
    data: bytes, *, image_format: str, max_pixels: int, max_width: int, max_height: int, quality: int
) -> Reply:
    """Encode an image anew: upright, RGB, progressive JPEG without metadata, no larger than asked."""
    with open_image(data, image_format, max_pixels) as opened:
        opened.draft("RGB", (max_width, max_height))
        image = ImageOps.exif_transpose(opened).convert("RGB")
    image.thumbnail((max_width, max_height), Image.Resampling.LANCZOS)
    encoded = BytesIO()
    image.save(encoded, "JPEG", quality=quality, optimize=True, progressive=True)
    return Reply({"width": image.width, "height": image.height}, encoded.getvalue())
