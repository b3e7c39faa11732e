"""What an image file promises, read from its headers without a decoder: its size in pixels, and what decoding costs.

Compression makes small files expensive: a JPEG of 1 MB can hold 20,000 scans, each of which visits every pixel, and a
WebP of 46 bytes 25 million pixels. Such files are refused here, by counting, before any decoder sees them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from framesift.errors import ImageFormatError, ImageTooCostlyError, ImageTooLargeError, NotAnImageError

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
# Baseline, extended and progressive frames, with Huffman or arithmetic coding; the others are lossless or hierarchical.
_READ_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})

_MAX_TIFF_TAGS = 4_096
_TIFF_SIZES = {1: 1, 3: 2, 4: 4}  # Bytes of the integer types that the tags below have.
_SUBFILE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _SAMPLE_FORMAT, _RAW = 254, 256, 257, 258, 259, 339, 50_706
# None, CCITT, LZW, JPEG, Deflate, PackBits, Zstandard: what Pillow's libtiff decodes and cameras and scanners write.
_TIFF_COMPRESSIONS = frozenset({1, 2, 3, 4, 5, 7, 8, 32_773, 32_946, 50_000})

_MAX_BOXES = 65_536
_MAX_BOX_DEPTH = 3
# Boxes of ISO/IEC 14496-12 and 23008-12 that hold others on the way to an image's properties, and their own fields.
_BOXES_WITHIN = {b"meta": 4, b"iprp": 0, b"ipco": 0}
_HDR_TRANSFERS = {16: "PQ", 18: "HLG"}  # ITU-T H.273, 8.2.
_SRGB_PRIMARIES = frozenset({1, 2, 5, 6, 7})  # BT.709's, unspecified ones, and those of standard-definition video.


@dataclass(frozen=True)
class ImageStructure:
    """What an image file promises.

    Attributes:
        format: Pillow's name of its format: `JPEG`, `PNG`, `GIF`, `WEBP`, `BMP`, `TIFF`, `AVIF` or `HEIF`.
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
        ImageFormatError: If it is of a format, or of a variant of one, that is not read.
        ImageTooLargeError: If it has more pixels.
        ImageTooCostlyError: If it is built to cost far more than an image of its size.
    """
    found = next(((name, read) for begins, name, read in _FORMATS if begins.match(data)), None)
    if found is None:
        _refuse_by_name(data)
        raise NotAnImageError(
            f"No JPEG, PNG, GIF, WebP, BMP, TIFF, HEIC or AVIF image: it begins with {data[:8].hex(' ') or 'nothing'}."
        )
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
            if marker not in _READ_FRAMES:
                raise ImageFormatError("The image is a lossless or hierarchical JPEG, which is not read.")
            if data[position + 2] != 8:
                raise ImageFormatError(f"The image is a JPEG with {data[position + 2]}-bit samples: only 8 are read.")
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


def _read_tiff(data: bytes) -> tuple[int, int, int]:
    """TIFF 6.0: the first directory's tags."""
    order: Literal["little", "big"] = "little" if data[:2] == b"II" else "big"

    def number(position: int, size: int) -> int:
        return int.from_bytes(_slice(data, position, size), order)

    directory = number(4, 4)
    count = number(directory, 2)
    if count > _MAX_TIFF_TAGS:
        raise ImageTooCostlyError(f"The TIFF image has more than {_MAX_TIFF_TAGS:,} tags.")
    tags: dict[int, int] = {}
    for entry in range(directory + 2, directory + 2 + 12 * count, 12):
        tag, size, values = number(entry, 2), _TIFF_SIZES.get(number(entry + 2, 2), 0), number(entry + 4, 4)
        if size and values:  # The first value, which lies elsewhere where all do not fit here.
            tags[tag] = number(entry + 8 if size * values <= 4 else number(entry + 8, 4), size)
    if _RAW in tags or tags.get(_SUBFILE, 0) & 1:
        raise ImageFormatError("The image is a camera's raw file, which is not read: develop it to a JPEG or a TIFF.")
    if (compression := tags.get(_COMPRESSION, 1)) not in _TIFF_COMPRESSIONS:
        raise ImageFormatError(f"The image is a TIFF with compression {compression}, which is not read.")
    if tags.get(_SAMPLE_FORMAT, 1) not in {1, 4} or tags.get(_BITS, 1) > 16:  # 4: undefined.
        raise ImageFormatError(
            "The image is a TIFF with signed, floating-point or 32-bit samples, whose range is not known: save it with "
            "8 or 16 bits."
        )
    return tags.get(_WIDTH, 0), tags.get(_HEIGHT, 0), 1


def _read_heif(data: bytes) -> tuple[int, int, int]:
    """ISO/IEC 23008-12: the largest image of the file; tiles are smaller than the image that they make up."""
    width = height = 0
    has_profile, colours = False, (2, 2)
    for kind, start, end in _boxes(data, 0, len(data), 0):
        if kind == b"ispe":
            size = _big(data, start + 4, 4), _big(data, start + 8, 4)
            if size[0] * size[1] > width * height:
                width, height = size
        elif kind == b"colr":
            if data[start : start + 4] in {b"prof", b"rICC"}:
                has_profile = True
            elif end - start >= 8:
                colours = _big(data, start + 4, 2), _big(data, start + 6, 2)
    primaries, transfer = colours
    if transfer in _HDR_TRANSFERS:
        raise ImageFormatError(
            f"The image has a high dynamic range ({_HDR_TRANSFERS[transfer]}), which is not read: save it as sRGB."
        )
    if not has_profile and primaries not in _SRGB_PRIMARIES:
        raise ImageFormatError(
            f"The image has wide-gamut colours (primaries {primaries} of H.273) without a profile: save it as sRGB."
        )
    return width, height, 1


def _boxes(data: bytes, start: int, end: int, depth: int) -> Iterator[tuple[bytes, int, int]]:
    """The boxes that say what images a file holds: kind, first and last (exclusive) byte of the content."""
    position, count = start, 0
    while position + 8 <= end:
        count += 1
        if count > _MAX_BOXES:
            raise ImageTooCostlyError(f"The image has more than {_MAX_BOXES:,} boxes.")
        size, kind, content = _big(data, position, 4), data[position + 4 : position + 8], position + 8
        if size == 1:
            size, content = _big(data, content, 8), content + 8
        following = position + size if size else end
        if following < content:
            raise IndexError(position)
        if kind in _BOXES_WITHIN and depth < _MAX_BOX_DEPTH:
            yield from _boxes(data, content + _BOXES_WITHIN[kind], min(following, end), depth + 1)
        else:
            yield kind, content, min(following, end)
        position = following


def _refuse_by_name(data: bytes) -> None:
    """Raises `ImageFormatError` for formats that people have, and that are not read."""
    for begins, name, remedy in _NOT_READ:
        if begins.match(data):
            raise ImageFormatError(f"The file is {name}, which is not read{remedy}.")


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
    (re.compile(rb"(?:II\*\0|MM\0\*)(?!....CR\x02)", re.DOTALL), "TIFF", _read_tiff),
    (re.compile(rb"....ftyp(?:avif|avis|m[is]f1....(?:....){0,8}?avi[fs])", re.DOTALL), "AVIF", _read_heif),
    (re.compile(rb"....ftyp(?:heic|heix|heim|heis|mif1|msf1|hevc|hevx)", re.DOTALL), "HEIF", _read_heif),
)
_AS_JPEG = ": save it as JPEG or PNG"
# First bytes, name, remedy.
_NOT_READ: tuple[tuple[re.Pattern[bytes], str, str], ...] = (
    (re.compile(rb"\xff\x0a|\0\0\0\x0cJXL "), "a JPEG XL image", _AS_JPEG),
    (re.compile(rb"\xff\x4f\xff\x51|\0\0\0\x0cjP  "), "a JPEG 2000 image", _AS_JPEG),
    (re.compile(rb"(?:II\+\0|MM\0\+)"), "a BigTIFF image", ": save it as an ordinary TIFF"),
    (
        re.compile(rb"II\*\0....CR\x02|IIR[OS]|IIU\0|FUJIFILMCCD-RAW|....ftypcrx ", re.DOTALL),
        "a camera's raw file",
        ": develop it to a JPEG or a TIFF",
    ),
    (re.compile(rb"8BPS"), "a Photoshop document", _AS_JPEG),
    (re.compile(rb"v/1\x01"), "an OpenEXR image", _AS_JPEG),
    (re.compile(rb"\0\0\x01\0"), "an icon", _AS_JPEG),
    (
        re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--.{0,2000}?-->\s*)?<svg", re.DOTALL),
        "an SVG drawing",
        _AS_JPEG,
    ),
    (re.compile(rb"%PDF"), "a PDF document", ": export its pages as images"),
    (re.compile(rb"PK\x03\x04"), "a zip archive", " within another"),
    (re.compile(rb"....ftyp|\x1a\x45\xdf\xa3|RIFF....AVI ", re.DOTALL), "a video", " as an image"),
)
