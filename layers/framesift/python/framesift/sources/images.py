"""Whether bytes are an image that we take: by their first bytes, their size in pixels, and a decode to the end."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from io import BytesIO

from framesift.errors import ImageTooLargeError, NotAnImageError

# First bytes, Pillow's name, MIME type, extension. What is not here is not even tried: fewer decoders, fewer holes.
_KINDS = (
    (b"\xff\xd8\xff", "JPEG", "image/jpeg", "jpg"),
    (b"\x89PNG\r\n\x1a\n", "PNG", "image/png", "png"),
    (b"GIF8", "GIF", "image/gif", "gif"),
    (b"RIFF", "WEBP", "image/webp", "webp"),
)
# What Pillow's readers raise on bytes made to hurt them.
_DAMAGES = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    EOFError,
    struct.error,
    zlib.error,
)


@dataclass(frozen=True)
class ImageFacts:
    """What an image is.

    Attributes:
        content_type: Its MIME type, by its bytes and not by what anyone says.
        extension: The usual ending of its file name, without a dot.
        width: Pixels.
        height: Pixels.
    """

    content_type: str
    extension: str
    width: int
    height: int


def check_image(data: bytes, max_pixels: int) -> ImageFacts:
    """Make sure that bytes are a whole JPEG, PNG, GIF or WebP image.

    Args:
        data: The file. Of an animation, the first picture is decoded.
        max_pixels: The most pixels that are decoded.

    Raises:
        NotAnImageError: If they are something else, or damaged.
        ImageTooLargeError: If it has more pixels; nothing is decoded then.
    """
    from PIL import Image

    kind = next((kind for kind in _KINDS if data.startswith(kind[0])), None)
    if kind is None or (kind[1] == "WEBP" and data[8:12] != b"WEBP"):
        raise NotAnImageError(f"No JPEG, PNG, GIF or WebP image: it begins with {data[:8].hex(' ') or 'nothing'}.")
    _, name, content_type, extension = kind
    try:
        with Image.open(BytesIO(data), formats=[name]) as image:
            width, height = image.size
            if width * height > max_pixels:
                raise ImageTooLargeError(f"{width} × {height} pixels, and at most {max_pixels:,} are taken.")
            # A JPEG is read to its end at an eighth of its size: damage shows just as well, in a third of the time.
            image.draft(None, (width // 8, height // 8))
            image.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageTooLargeError(f"Too many pixels: at most {max_pixels:,} are taken.") from error
    except _DAMAGES as error:
        raise NotAnImageError(f"A damaged {name} image: {error}.") from error
    return ImageFacts(content_type, extension, width, height)
