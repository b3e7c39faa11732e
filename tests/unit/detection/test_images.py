"""Images that Custom Vision does not accept are converted where possible."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from framesift.detection.azure.images import MAX_PREDICTION_BYTES, MAX_SIDE_PX, MAX_TRAINING_BYTES, convert
from framesift.errors import ImageRefusedError, ImageTooLargeError, NotAnImageError


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def noise(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF"])
def test_an_accepted_file_stays_unchanged(kind: str) -> None:
    data = encoded(noise(320, 180), kind)
    assert convert(data, MAX_TRAINING_BYTES) == data


def test_webp_becomes_jpeg_with_its_transparency_over_white() -> None:
    data = encoded(Image.new("RGBA", (64, 36), (255, 0, 0, 0)), "WEBP", lossless=True)
    with Image.open(BytesIO(convert(data, MAX_TRAINING_BYTES))) as converted:
        assert converted.format == "JPEG"
        assert converted.size == (64, 36)
        assert converted.getpixel((5, 5)) == (255, 255, 255)


@pytest.mark.parametrize("limit", [MAX_PREDICTION_BYTES, MAX_TRAINING_BYTES])
def test_a_file_of_5_megabytes_and_more_fits(limit: int) -> None:
    data = encoded(noise(1600, 1400), "PNG")
    assert len(data) > limit
    converted = convert(data, limit)
    assert len(converted) <= limit
    with Image.open(BytesIO(converted)) as image:
        assert image.width / image.height == pytest.approx(1600 / 1400, rel=0.01)


def test_an_image_of_12000_pixels_fits() -> None:
    data = encoded(Image.new("RGB", (12_000, 2_000), "blue"), "JPEG")
    with Image.open(BytesIO(convert(data, MAX_TRAINING_BYTES))) as image:
        assert max(image.size) == MAX_SIDE_PX


def test_the_same_image_becomes_the_same_bytes() -> None:
    data = encoded(noise(320, 180), "WEBP")
    assert convert(data, MAX_TRAINING_BYTES) == convert(data, MAX_TRAINING_BYTES)


def test_what_cannot_be_converted_is_named() -> None:
    with pytest.raises(ImageRefusedError, match="25 to 1"):
        convert(encoded(Image.new("RGB", (600, 20)), "PNG"), MAX_TRAINING_BYTES)
    with pytest.raises(NotAnImageError):
        convert(b"<html>", MAX_TRAINING_BYTES)
    with pytest.raises(ImageTooLargeError):
        convert(encoded(Image.new("1", (9_500, 9_000)), "PNG"), MAX_TRAINING_BYTES)
