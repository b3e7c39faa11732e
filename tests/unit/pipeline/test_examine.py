"""One call gives all that a collection keeps of an image, the same as each part gives by itself."""

import io
from datetime import UTC, datetime

import cv2
import numpy as np
import pytest
from PIL import Image

from framesift.duplicates.pdq import pdq_hash
from framesift.errors import ImageFormatError, ImageTooLargeError, NotAnImageError
from framesift.pipeline.upload.examine import THUMBNAIL_SIZES, ExaminedImage, Examiner
from framesift.settings import CollectionSettings
from framesift.vision.decode import decode_image
from framesift.vision.health import measure_health
from framesift.vision.inputs import InputForm, prepare_input
from framesift.vision.views import is_plain
from tests.unit.images import encode, photograph

SETTINGS = CollectionSettings()
FORMS = [
    InputForm(way="squash", width=128, height=128),
    InputForm(way="letterbox", width=320, height=256),
    InputForm(way="crop", width=224, height=224, resize=256),
    InputForm(way="stretch", width=64, height=96),
    InputForm(way="views", width=224, height=224),
]


@pytest.fixture(scope="module")
def examiner():
    with Examiner(SETTINGS, FORMS, workers=1) as opened:
        yield opened


def with_exif(image: Image.Image, image_format: str = "JPEG", *, orientation: int = 1, **photo: str) -> bytes:
    """A file with EXIF: its orientation, tags of the photograph, and where it was taken."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "SECRETMAKER"
    exif.get_ifd(0x8769).update({int(tag[1:], 16): value for tag, value in photo.items()})
    exif.get_ifd(0x8825).update({1: "N", 2: (37.0, 33.0, 58.0), 3: "E", 4: (126.0, 58.0, 40.0)})
    file = io.BytesIO()
    image.save(file, image_format, exif=exif.tobytes(), quality=95)
    return file.getvalue()


def pixels_of(thumbnail: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(thumbnail)))


def test_all_parts_are_what_each_gives_by_itself(examiner):
    data = encode(photograph("coffee"))
    found, image = examiner.examine(data), decode_image(data)
    assert (found.content_type, found.extension, found.width, found.height) == ("image/jpeg", "jpg", 600, 400)
    assert (found.pdq.words == pdq_hash(image).words).all()
    assert found.pdq.quality == pdq_hash(image).quality
    assert found.health == measure_health(image, SETTINGS)
    assert found.plain is is_plain(image) is False
    for array, form in zip(found.inputs, FORMS, strict=True):
        assert (array == prepare_input(image, form)).all()


@pytest.mark.parametrize("size", [(3000, 2000), (640, 480), (200, 100)], ids=str)
def test_thumbnails_fit_and_show_the_image(examiner, size):
    image = Image.fromarray(photograph("coffee")).resize(size, Image.Resampling.LANCZOS)
    found = examiner.examine(encode(np.asarray(image), quality=92))
    for file, side in zip(found.thumbnails, THUMBNAIL_SIZES, strict=True):
        shown = pixels_of(file)
        scale = min(1, side / max(size))
        assert shown.shape == (round(size[1] * scale), round(size[0] * scale), 3)
        wanted = np.asarray(image.resize(shown.shape[1::-1], Image.Resampling.BOX)).astype(float)
        assert np.abs(shown - wanted).mean() < 6  # WebP keeps a quarter of the colours' resolution.


def test_a_jpeg_decoded_smaller_gives_the_same(examiner):
    large = np.asarray(Image.fromarray(photograph("coffee")).resize((4800, 3200), Image.Resampling.LANCZOS))
    small, whole = examiner.examine(encode(large, quality=95)), examiner.examine(encode(large, "BMP"))
    assert (small.width, small.height) == (whole.width, whole.height) == (4800, 3200)
    assert small.health.sharpness == pytest.approx(whole.health.sharpness, rel=0.08)
    assert small.health.brightness == pytest.approx(whole.health.brightness, abs=0.003)
    assert small.health.contrast == pytest.approx(whole.health.contrast, abs=0.003)
    assert small.health.entropy_bits == pytest.approx(whole.health.entropy_bits, abs=0.03)
    assert np.bitwise_count(small.pdq.words[0] ^ whole.pdq.words[0]).sum() <= 4
    for one, other in zip(small.inputs, whole.inputs, strict=True):
        assert np.abs(one.astype(int) - other).mean() < 1.5
    for one, other in zip(small.thumbnails, whole.thumbnails, strict=True):
        assert np.abs(pixels_of(one).astype(int) - pixels_of(other)).mean() < 3


@pytest.mark.parametrize("image_format", ["JPEG", "HEIF", "PNG", "WEBP", "TIFF", "AVIF"])
def test_the_moment_is_read_and_nothing_private_is_kept(examiner, image_format):
    image = Image.fromarray(photograph("coffee"))
    data = with_exif(image, image_format, x9003="2026:03:01 08:30:00", x9011="+09:00", xA430="SECRETOWNER")
    found = examiner.examine(data)
    assert found.taken_at == datetime(2026, 2, 28, 23, 30, tzinfo=UTC)
    for file in found.thumbnails:
        assert b"SECRET" not in file
        opened = Image.open(io.BytesIO(file))
        assert (dict(opened.getexif()), opened.info.get("exif"), opened.info.get("icc_profile")) == ({}, None, None)


@pytest.mark.parametrize(
    "moment", ["", "0000:00:00 00:00:00", "2026:13:01 00:00:00", "yesterday", "2026:02:30 10:00:00"]
)
def test_a_moment_that_no_clock_shows_is_none(examiner, moment):
    data = with_exif(Image.fromarray(photograph("coffee")), x9003=moment)
    assert examiner.examine(data).taken_at is None


@pytest.mark.parametrize("image_format", ["TIFF", "GIF", "WEBP", "PNG"])
def test_it_says_whether_there_are_more_pages_or_frames(examiner, image_format):
    one = Image.fromarray(photograph("coffee"))
    alone, together = io.BytesIO(), io.BytesIO()
    one.save(alone, image_format)
    one.save(together, image_format, save_all=True, append_images=[one.rotate(180)])
    assert not examiner.examine(alone.getvalue()).has_more
    found = examiner.examine(together.getvalue())
    assert (found.has_more, found.width, found.height) == (True, 600, 400)


def test_a_cameras_copies_of_a_photograph_are_no_pages(examiner):
    image, several = Image.fromarray(photograph("coffee")), io.BytesIO()
    image.save(several, "MPO", save_all=True, append_images=[image.resize((60, 40))])
    assert not examiner.examine(several.getvalue()).has_more


def test_without_an_offset_the_moment_is_utc(examiner):
    data = with_exif(Image.fromarray(photograph("coffee")), x9003="2026:03:01 08:30:00")
    assert examiner.examine(data).taken_at == datetime(2026, 3, 1, 8, 30, tzinfo=UTC)


def test_a_turned_photograph_is_upright_everywhere(examiner):
    found = examiner.examine(with_exif(Image.fromarray(photograph("coffee")), orientation=6))
    assert (found.width, found.height) == (400, 600)
    assert pixels_of(found.thumbnails[0]).shape == (256, 171, 3)


def test_what_cannot_be_used_is_named(examiner):
    with pytest.raises(NotAnImageError):
        examiner.examine(b"no image")
    with pytest.raises(ImageFormatError, match="Photoshop"):
        examiner.examine(b"8BPS" + bytes(40))
    with Examiner(CollectionSettings(max_pixels=100), [], workers=1) as strict, pytest.raises(ImageTooLargeError):
        strict.examine(encode(photograph("coffee")))


def flags(image: np.ndarray) -> list[str]:
    return measure_health(np.ascontiguousarray(image), SETTINGS).flags


def test_health_flags_what_is_out_of_the_ordinary():
    coffee = photograph("coffee")
    assert flags(coffee) == []
    assert flags(cv2.GaussianBlur(coffee, (0, 0), 4)) == ["blurry"]
    assert flags(coffee // 12) == ["blurry", "dark", "low_contrast"]
    assert flags(250 - (255 - coffee) // 10) == ["blurry", "bright", "low_contrast"]
    assert flags(np.full((200, 300, 3), 128, np.uint8)) == ["low_contrast", "near_empty"]
    assert flags(np.tile(coffee[:100], (1, 1, 1))) == ["odd_aspect"]


@pytest.mark.parametrize("side", [64, 640, 1024])
def test_noise_is_not_empty_and_a_grey_wall_with_a_little_of_it_is(side: int):
    noise = np.random.default_rng(1).integers(0, 256, (side, side, 3), np.uint8)
    assert flags(noise) == []
    assert flags(120 + noise // 50) == ["low_contrast", "near_empty"]


def test_the_camera_that_moved_is_blurry_and_the_moon_is_not():
    assert "blurry" in flags(np.repeat(photograph_of("clock")[..., None], 3, axis=2))
    assert "blurry" not in flags(np.repeat(photograph_of("moon")[..., None], 3, axis=2))


def photograph_of(name: str) -> np.ndarray:
    from skimage import data

    return np.asarray(getattr(data, name)())


def test_health_is_the_same_at_any_size():
    coffee = Image.fromarray(photograph("coffee"))
    measures = [
        measure_health(np.asarray(coffee.resize((600 * k, 400 * k), Image.Resampling.BICUBIC)), SETTINGS)
        for k in (2, 4)
    ]
    assert measures[0].sharpness == pytest.approx(measures[1].sharpness, rel=0.1)
    assert measures[0].entropy_bits == pytest.approx(measures[1].entropy_bits, abs=0.05)


def test_measures_are_what_their_formulas_say():
    image = np.repeat(photograph("coffee")[:200, :300, :1], 3, axis=2)
    grey = image[..., 0].astype(float)
    inner = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * grey[1:-1, 1:-1]
    shares = np.bincount(image[..., 0].ravel(), minlength=256) / grey.size
    shares = shares[shares > 0]
    found = measure_health(image, SETTINGS)
    assert found.sharpness == pytest.approx(inner.var(), rel=0.02)  # Without the border.
    assert found.brightness == pytest.approx(grey.mean() / 255, abs=1e-4)
    assert found.contrast == pytest.approx(grey.std() / 255, abs=1e-4)
    assert found.entropy_bits == pytest.approx(-(shares * np.log2(shares)).sum(), abs=1e-3)


def test_the_answer_is_plain_data(examiner):
    assert isinstance(examiner.examine(encode(photograph("coffee"), "PNG")), ExaminedImage)


def test_damage_in_a_png_s_pixels_is_not_taken_for_an_image(examiner):
    data = bytearray(encode(photograph("coffee"), "png"))
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(NotAnImageError, match="damaged PNG"):
        examiner.examine(bytes(data))
