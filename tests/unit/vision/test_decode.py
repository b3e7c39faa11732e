"""Whatever the bytes are, an image or a named error comes out."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from framesift.errors import ImageTooLargeError, MediaError, NotAnImageError
from framesift.vision.decode import decode_image
from tests.unit.images import encode

FORMATS = ["JPEG", "PNG", "WEBP", "GIF", "BMP"]


@pytest.fixture(scope="module")
def gradient() -> np.ndarray:
    """`(90, 160, 3)`: red grows to the right, green downwards, so that every turn shows."""
    image = np.zeros((90, 160, 3), np.uint8)
    image[..., 0] = np.linspace(0, 255, 160).astype(np.uint8)
    image[..., 1] = np.linspace(0, 255, 90).astype(np.uint8)[:, None]
    return image


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("image_format", FORMATS)
def test_each_format_gives_its_pixels(gradient, image_format):
    image = decode_image(encode(gradient, image_format))
    assert (image.shape, image.dtype) == (gradient.shape, np.uint8)
    assert np.abs(image.astype(int) - gradient).mean() < 8  # GIF has 256 colours


def test_lossless_pixels_are_exact(gradient):
    assert (decode_image(encode(gradient, "PNG")) == gradient).all()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("image_format", ["JPEG", "PNG"])
def test_exif_orientation_is_undone(gradient, orientation, image_format):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(gradient, image_format, exif=exif)
    wanted = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
    turned = {
        1: wanted,
        2: wanted[:, ::-1],
        3: wanted[::-1, ::-1],
        4: wanted[::-1],
        5: wanted.transpose(1, 0, 2),
        6: wanted.transpose(1, 0, 2)[:, ::-1],
        7: wanted.transpose(1, 0, 2)[::-1, ::-1],
        8: wanted.transpose(1, 0, 2)[::-1],
    }[orientation]
    assert np.abs(decode_image(data).astype(int) - turned).mean() < 3


@pytest.mark.parametrize(("min_side", "sides"), [(0, (900, 1600)), (320, (338, 600)), (2000, (900, 1600))])
def test_a_jpeg_may_come_smaller_but_not_too_small(min_side, sides):
    data = encode(np.full((900, 1600, 3), 200, np.uint8))
    height, width = decode_image(data, min_side=min_side).shape[:2]
    assert min(height, width) >= min(min_side, 900)
    assert (height, width) == sides


def test_the_scaled_jpeg_shows_the_same(photographs):
    image = photographs[0]
    small = decode_image(encode(image, quality=95), min_side=128)
    assert small.shape == (128, 128, 3)
    wanted = np.asarray(Image.fromarray(image).resize((128, 128), Image.Resampling.BOX)).astype(int)
    assert np.abs(small.astype(int) - wanted).mean() < 3


@pytest.mark.parametrize("mode", ["L", "CMYK", "1", "P", "RGBA", "LA", "I;16"])
def test_other_colour_modes_become_rgb(gradient, mode):
    if mode == "I;16":
        saved = Image.fromarray(gradient[..., 0].astype(np.uint16) * 257)
    else:
        saved = Image.fromarray(gradient).convert(mode)
    buffer = io.BytesIO()
    saved.save(buffer, "JPEG" if mode == "CMYK" else "PNG")
    image = decode_image(buffer.getvalue())
    assert image.shape == gradient.shape
    assert image[:, :20].mean() < image[:, -20:].mean()


def test_transparency_shows_white_paper():
    clear = np.zeros((4, 4, 4), np.uint8)
    assert (decode_image(encode(clear, "PNG")) == 255).all()


def test_an_animation_gives_its_first_frame():
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    assert decode_image(buffer.getvalue())[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("data", [b"", b"\xff", b"hello", b"<svg/>", b"%PDF-1.7", b"\xff\xd8\xff", b"RIFF\0\0\0\0WAVE"])
def test_what_is_no_image_is_named(data):
    with pytest.raises(NotAnImageError):
        decode_image(data)


@pytest.mark.parametrize("image_format", FORMATS)
def test_half_an_image_is_damaged(photographs, image_format):
    data = encode(photographs[0], image_format)
    with pytest.raises(NotAnImageError, match="damaged"):
        decode_image(data[: len(data) // 2])


@pytest.mark.parametrize("size", [(9_000, 9_000), (12_000, 12_000), (65_000, 65_000)])
def test_a_bomb_is_refused_by_its_header(size):
    with pytest.raises(ImageTooLargeError):
        decode_image(png_header(*size))


def test_the_limit_is_the_callers(gradient):
    assert decode_image(encode(gradient), max_pixels=160 * 90).shape == gradient.shape
    with pytest.raises(ImageTooLargeError, match="160 × 90"):
        decode_image(encode(gradient), max_pixels=160 * 90 - 1)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    image_format=st.sampled_from(FORMATS),
    place=st.floats(0, 0.999),
    noise=st.binary(min_size=1, max_size=12),
)
def test_damage_anywhere_never_raises_anything_else(gradient, image_format, place, noise):
    data = bytearray(encode(gradient, image_format))
    start = int(place * len(data))
    data[start : start + len(noise)] = noise
    try:
        image = decode_image(bytes(data), max_pixels=1_000_000, min_side=64)
    except MediaError:
        return
    assert image.ndim == 3
    assert image.shape[2] == 3
