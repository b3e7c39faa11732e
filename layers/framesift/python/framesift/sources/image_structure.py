"""What an image file promises, read from its headers without a decoder: its size in pixels, and what decoding costs.

Compression makes small files expensive: a JPEG of 1 MB can hold 20,000 scans, each of which visits every pixel, and a
WebP of 46 bytes 25 million pixels. Such files are refused here, by counting, before any decoder sees them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from framesift.errors import ImageTooCostlyError, ImageTooLargeError, NotAnImageError

# libjpeg's progressive files have 10 scans, those of the best optimizers fewer than 20.
_MAX_SCANS = 100
# Each scan visits each pixel: a photograph of 25 megapixels may have 20.
_MAX_SCANNED_PIXELS = 500_000_000
_MAX_SEGMENTS = 4_096  # A colour profile or metadata in 255 parts is legitimate.
_MAX_CHUNKS = 65_536  # Of a PNG or WebP; some encoders write 512 bytes to a chunk.
_MAX_FRAMES = 1_000
# Above the size of a 2048 × 2048 image, one that has more pixels to a byte shows nothing: plain colour in WebP.
_PLAIN_PIXELS = 1 << 22
_MAX_PIXELS_PER_BYTE = 2_000

# A marker outside entropy-coded data or inside: zero is a stuffed byte there, D0 to D7 restart it.
_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_WITHOUT_LENGTH = frozenset({0x01, 0xD8})
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9


@dataclass(frozen=True)
class ImageStructure:
    """What an image file promises.

    Attributes:
        format: Pillow's name of its format: `JPEG`, `PNG`, `GIF`, `WEBP` or `BMP`.
        width: Pixels.
        height: Pixels.
        scans: How often a decoder visits each pixel.
    """

    format: str
    width: int
    height: int
    scans: int = 1

    @property
    def pixels(self) -> int:
        """How many pixels it has."""
        return self.width * self.height


def read_structure(data: bytes, max_pixels: int) -> ImageStructure:
    """Read an image file's headers.

    Args:
        data: The file.
        max_pixels: The most pixels that are taken.

    Raises:
        NotAnImageError: If it begins as no format that we know, or its headers are damaged.
        ImageTooLargeError: If it has more pixels.
        ImageTooCostlyError: If it is built to cost far more than an image of its size.
    """
    found = next(((name, read) for begins, name, read in _FORMATS if begins.match(data)), None)
    if found is None:
        raise NotAnImageError(f"No JPEG, PNG, GIF, WebP or BMP image: it begins with {data[:8].hex(' ') or 'nothing'}.")
    name, read = found
    try:
        width, height, scans = read(data)
    except IndexError:
        raise NotAnImageError(f"A damaged {name} image: it ends within its headers.") from None
    structure = ImageStructure(name, width, height, scans)
    if not structure.pixels:
        raise NotAnImageError(f"A damaged {name} image: it has {width} × {height} pixels.")
    if structure.pixels > max_pixels:
        raise ImageTooLargeError(f"The image has {width} × {height} pixels; at most {max_pixels:,} are taken.")
    if structure.pixels * scans > max(_MAX_SCANNED_PIXELS, structure.pixels):
        raise ImageTooCostlyError(f"The image has {scans} scans of {width} × {height} pixels, more than images need.")
    if structure.pixels > max(_PLAIN_PIXELS, len(data) * _MAX_PIXELS_PER_BYTE):
        raise ImageTooCostlyError(
            f"The image has {width} × {height} pixels in {len(data):,} bytes: it would cost much memory and shows "
            "nothing."
        )
    return structure


def _read_jpeg(data: bytes) -> tuple[int, int, int]:
    """ITU-T T.81, annex B: markers, each but few with a length."""
    width = height = scans = segments = 0
    position = 0
    while (found := _MARKER.search(data, position)) is not None:
        marker, position = found[1][0], found.end()
        segments += 1
        if segments > _MAX_SEGMENTS:
            raise ImageTooCostlyError(f"The JPEG image has more than {_MAX_SEGMENTS:,} segments.")
        if marker == _END_OF_IMAGE:
            break
        if marker in _WITHOUT_LENGTH:
            continue
        if marker in _FRAME_HEADERS:
            height = max(height, _big(data, position + 3, 2))
            width = max(width, _big(data, position + 5, 2))
        if marker == _START_OF_SCAN:
            scans += 1
            if scans > _MAX_SCANS:
                raise ImageTooCostlyError(
                    f"The JPEG image has more than {_MAX_SCANS} scans; photographs have about 10."
                )
            continue
        position += max(2, _big(data, position, 2))
    return width, height, max(1, scans)


def _read_png(data: bytes) -> tuple[int, int, int]:
    position = 8
    for _ in range(_MAX_CHUNKS):
        if data[position + 4 : position + 8] in {b"", b"IEND"}:
            return _big(data, 16, 4), _big(data, 20, 4), 1
        position += 12 + _big(data, position, 4)
    raise ImageTooCostlyError(f"The PNG image has more than {_MAX_CHUNKS:,} chunks.")


def _read_gif(data: bytes) -> tuple[int, int, int]:
    """The size of the screen, or of the first frame where it reaches further: decoders enlarge the screen."""
    width, height = _little(data, 6, 2), _little(data, 8, 2)
    position = 13 + _gif_colours_bytes(data[10])
    for _ in range(_MAX_CHUNKS):
        kind, position = data[position], position + 1
        if kind == 0x2C:  # An image.
            right = _little(data, position, 2) + _little(data, position + 4, 2)
            bottom = _little(data, position + 2, 2) + _little(data, position + 6, 2)
            return max(width, right), max(height, bottom), 1
        if kind == 0x21:  # An extension: its kind, then blocks until an empty one.
            position += 1
            blocks = 0
            while size := data[position]:
                position += 1 + size
                blocks += 1
                if blocks > _MAX_CHUNKS:
                    raise ImageTooCostlyError(f"The GIF image has more than {_MAX_CHUNKS:,} blocks before its image.")
            position += 1
        elif kind == 0x3B:
            raise NotAnImageError("A damaged GIF image: it holds no frame.")
    raise ImageTooCostlyError(f"The GIF image has more than {_MAX_CHUNKS:,} blocks before its image.")


def _gif_colours_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _read_webp(data: bytes) -> tuple[int, int, int]:
    """RFC 9649: chunks; the first says which kind of file it is."""
    kind, body = data[12:16], 20
    if kind == b"VP8X":
        width, height = 1 + _little(data, body + 4, 3), 1 + _little(data, body + 7, 3)
    elif kind == b"VP8L":
        bits = _little(data, body + 1, 4)
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    elif kind == b"VP8 ":
        width, height = _little(data, body + 6, 2) & 0x3FFF, _little(data, body + 8, 2) & 0x3FFF
    else:
        raise NotAnImageError("A damaged WEBP image: its first chunk is of no known kind.")
    position, frames = 12, 0
    for _ in range(_MAX_CHUNKS):
        name = data[position : position + 4]
        if len(name) < 4:
            return width, height, 1
        frames += name == b"ANMF"
        if frames > _MAX_FRAMES:
            raise ImageTooCostlyError(f"The WebP image has more than {_MAX_FRAMES:,} frames.")
        size = _little(data, position + 4, 4)
        position += 8 + size + (size & 1)
    raise ImageTooCostlyError(f"The WebP image has more than {_MAX_CHUNKS:,} chunks.")


def _read_bmp(data: bytes) -> tuple[int, int, int]:
    if _little(data, 14, 4) == 12:  # OS/2's header.
        return _little(data, 18, 2), _little(data, 20, 2), 1
    height = _little(data, 22, 4)  # Negative where rows go downwards.
    return _little(data, 18, 4), min(height, (1 << 32) - height), 1


def _big(data: bytes, position: int, size: int) -> int:
    return int.from_bytes(_slice(data, position, size), "big")


def _little(data: bytes, position: int, size: int) -> int:
    return int.from_bytes(_slice(data, position, size), "little")


def _slice(data: bytes, position: int, size: int) -> bytes:
    part = data[position : position + size]
    if len(part) < size:
        raise IndexError(position)
    return part


_Reader = Callable[[bytes], tuple[int, int, int]]
# First bytes, Pillow's name, reader. What is not here is not even tried: fewer decoders, fewer holes.
_FORMATS: tuple[tuple[re.Pattern[bytes], str, _Reader], ...] = (
    (re.compile(rb"\xff\xd8\xff"), "JPEG", _read_jpeg),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "PNG", _read_png),
    (re.compile(rb"GIF8[79]a"), "GIF", _read_gif),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "WEBP", _read_webp),
    (re.compile(rb"BM"), "BMP", _read_bmp),
)
