"""What Custom Vision does not take is mended where it can be."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from framesift.detection.azure.pictures import MAX_PREDICTION_BYTES, MAX_SIDE_PX, MAX_TRAINING_BYTES, fit
from framesift.errors import ImageRefusedError, ImageTooLargeError, NotAnImageError


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def noise(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF"])
def test_what_will_do_stays_as_it_is(kind: str) -> None:
    data = encoded(noise(320, 180), kind)
    assert fit(data, MAX_TRAINING_BYTES) == data


def test_webp_becomes_jpeg_with_its_transparency_over_white() -> None:
    data = encoded(Image.new("RGBA", (64, 36), (255, 0, 0, 0)), "WEBP", lossless=True)
    with Image.open(BytesIO(fit(data, MAX_TRAINING_BYTES))) as fitting:
        assert fitting.format == "JPEG"
        assert fitting.size == (64, 36)
        assert fitting.getpixel((5, 5)) == (255, 255, 255)


@pytest.mark.parametrize("limit", [MAX_PREDICTION_BYTES, MAX_TRAINING_BYTES])
def test_a_file_of_5_megabytes_and_more_fits(limit: int) -> None:
    data = encoded(noise(1600, 1400), "PNG")
    assert len(data) > limit
    fitting = fit(data, limit)
    assert len(fitting) <= limit
    with Image.open(BytesIO(fitting)) as image:
        assert image.width / image.height == pytest.approx(1600 / 1400, rel=0.01)


def test_a_picture_of_12000_pixels_fits() -> None:
    data = encoded(Image.new("RGB", (12_000, 2_000), "blue"), "JPEG")
    with Image.open(BytesIO(fit(data, MAX_TRAINING_BYTES))) as image:
        assert max(image.size) == MAX_SIDE_PX


def test_the_same_picture_becomes_the_same_bytes() -> None:
    data = encoded(noise(320, 180), "WEBP")
    assert fit(data, MAX_TRAINING_BYTES) == fit(data, MAX_TRAINING_BYTES)


def test_what_cannot_be_mended_is_named() -> None:
    with pytest.raises(ImageRefusedError, match="25 to 1"):
        fit(encoded(Image.new("RGB", (600, 20)), "PNG"), MAX_TRAINING_BYTES)
    with pytest.raises(NotAnImageError):
        fit(b"<html>", MAX_TRAINING_BYTES)
    with pytest.raises(ImageTooLargeError):
        fit(encoded(Image.new("1", (9_500, 9_000)), "PNG"), MAX_TRAINING_BYTES)
