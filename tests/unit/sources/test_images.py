"""What is taken for an image, and what is not."""

import contextlib
import subprocess
import sys
import zlib
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from framesift.errors import ImageTooLargeError, NotAnImageError
from framesift.sources.images import ImageFacts, check_image

MAX_PIXELS = 25_000_000


def picture(kind: str, width: int = 64, height: int = 48) -> bytes:
    # Noise, so that half a file is surely not a whole picture.
    image = Image.effect_noise((width, height), 90).convert("P" if kind == "GIF" else "RGB")
    file = BytesIO()
    image.save(file, kind)
    return file.getvalue()


def bomb(side: int) -> bytes:
    """A PNG of one colour: small as a file, huge as a picture."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")

    header = side.to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    packer = zlib.compressobj(1)
    rows = b"".join(packer.compress(bytes(1 + 3 * side)) for _ in range(side)) + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("kind", "content_type", "extension"),
    [
        ("JPEG", "image/jpeg", "jpg"),
        ("PNG", "image/png", "png"),
        ("WEBP", "image/webp", "webp"),
        ("GIF", "image/gif", "gif"),
    ],
)
def test_takes_whole_images(kind: str, content_type: str, extension: str) -> None:
    assert check_image(picture(kind), MAX_PIXELS) == ImageFacts(content_type, extension, 64, 48)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_refuses_half_an_image(kind: str) -> None:
    whole = picture(kind, 400, 300)
    with pytest.raises(NotAnImageError):
        check_image(whole[: len(whole) // 2], MAX_PIXELS)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>not found</html>",
        b"GIF8",
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n" + bytes(40),
        b"RIFF\0\0\0\0WAVEfmt ",
        b"RIFF\x10\0\0\0WEBPVP8 " + bytes(20),
        picture("TIFF"),
        picture("BMP"),
    ],
)
def test_refuses_what_is_no_image(data: bytes) -> None:
    with pytest.raises(NotAnImageError):
        check_image(data, MAX_PIXELS)


@pytest.mark.parametrize("side", [5_001, 14_000, 60_000])
def test_refuses_too_many_pixels(side: int) -> None:
    header_only = bomb(1).replace((1).to_bytes(4, "big") * 2, side.to_bytes(4, "big") * 2)
    checksum = zlib.crc32(header_only[12:29]).to_bytes(4, "big")
    with pytest.raises(ImageTooLargeError):
        check_image(header_only[:29] + checksum + header_only[33:], MAX_PIXELS)


def test_refuses_a_bomb_without_decoding_it() -> None:
    code = (
        "import resource, sys; from PIL import Image, PngImagePlugin\n"
        "from framesift.sources.images import check_image\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try: check_image(sys.stdin.buffer.read(), 25_000_000)\n"
        "except Exception as error: print(type(error).__name__)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], input=bomb(6_000), capture_output=True, check=True)
    name, grown = done.stdout.decode().split()
    unit_bytes = 1 if sys.platform == "darwin" else 1024
    assert name == "ImageTooLargeError"
    assert int(grown) * unit_bytes < 30_000_000  # 6,000 × 6,000 decoded are 108 MB.


@settings(deadline=None)  # A busy machine is no failure.
@given(st.binary(max_size=300), st.sampled_from(["JPEG", "PNG", "WEBP", "GIF"]), st.integers(0, 200))
def test_damage_is_refused_and_nothing_else_happens(noise: bytes, kind: str, place: int) -> None:
    whole = picture(kind)
    with contextlib.suppress(NotAnImageError, ImageTooLargeError):
        check_image(whole[:place] + noise + whole[place + len(noise) :], MAX_PIXELS)
