"""What people have on their cameras, phones and scanners is read rightly, by a second reader's word, or named."""

import io
import struct
from typing import Any

import av
import cv2
import numpy as np
import pillow_heif
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageCms

from framesift.errors import ImageFormatError, ImageTooCostlyError, ImageTooLargeError, MediaError, NotAnImageError
from framesift.vision.decode import decode_image
from framesift.vision.image_structure import read_structure
from tests.unit.images import photograph
from tests.unit.vision.icc import ADOBE_RGB, DISPLAY_P3, encode_srgb, grey_profile, matrix_profile, srgb_by_formula

pillow_heif.register_heif_opener()
Pixels = NDArray[Any]


@pytest.fixture(scope="module")
def coffee() -> Pixels:
    return np.ascontiguousarray(photograph("coffee")[:200, :300])


@pytest.fixture(scope="module")
def colours() -> Pixels:
    """`(64, 64, 3)`: every combination of 16 levels a channel."""
    levels = np.linspace(0, 255, 16).astype(np.uint8)
    return np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(64, 64, 3)


def saved(image: Pixels | Image.Image, image_format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(file, image_format, **options)
    return file.getvalue()


def tiff(image: Pixels, **options: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, image, **options)
    return file.getvalue()


def read_by_opencv(data: bytes) -> Pixels:
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return np.asarray(found[..., ::-1])


def read_by_ffmpeg(data: bytes) -> Pixels:
    with av.open(io.BytesIO(data)) as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24")


def differ(one: Pixels, other: Pixels) -> float:
    """The mean difference, levels of 255."""
    assert one.shape == other.shape
    return float(np.abs(one.astype(float) - other).mean())


@pytest.mark.parametrize(
    ("image_format", "options"),
    [
        ("JPEG", {"quality": 95}),
        ("JPEG", {"quality": 95, "progressive": True, "subsampling": 0}),
        ("PNG", {}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"quality": 90}),
        ("BMP", {}),
        ("GIF", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "tiff_adobe_deflate"}),
        ("TIFF", {"compression": "jpeg"}),
        ("TIFF", {"compression": "packbits"}),
        ("AVIF", {"quality": 90}),
    ],
    ids=str,
)
def test_opencv_sees_the_same(coffee, image_format, options):
    data = saved(coffee, image_format, **options)
    image = decode_image(data)
    # Decoders differ in how they enlarge the colour planes.
    assert differ(image, read_by_opencv(data)) < 1.5
    assert differ(image, coffee) < 6


def test_ffmpeg_sees_the_same_in_heic(coffee):
    data = saved(coffee, "HEIF", quality=90)
    assert read_structure(data, 10**8).format == "HEIF"
    image = decode_image(data)
    assert differ(image, read_by_ffmpeg(data)) < 3
    assert differ(image, coffee) < 4


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_tifffile_writes_what_is_read(coffee, compression):
    grey = coffee[..., 0]
    assert differ(decode_image(tiff(coffee, compression=compression)), coffee) == 0
    assert differ(decode_image(tiff(grey, compression=compression)), np.repeat(grey[..., None], 3, axis=2)) == 0
    assert differ(decode_image(tiff(coffee, tile=(64, 64), compression=compression)), coffee) == 0
    assert differ(decode_image(tiff(coffee, byteorder=">")), coffee) == 0


def test_sixteen_bits_keep_their_range(coffee):
    deep = coffee.astype(np.uint16) * 257
    grey = np.ascontiguousarray(deep[..., 1])
    wanted = np.repeat(coffee[..., 1:2], 3, axis=2)
    assert differ(decode_image(cv2.imencode(".png", grey)[1].tobytes()), wanted) == 0
    assert differ(decode_image(cv2.imencode(".png", deep[..., ::-1])[1].tobytes()), coffee) <= 1
    assert differ(decode_image(tiff(grey)), wanted) == 0
    assert differ(decode_image(tiff(grey, byteorder=">")), wanted) == 0
    assert differ(decode_image(tiff(deep, photometric="rgb")), coffee) <= 1


@pytest.mark.parametrize(
    ("image_format", "mode"),
    [
        *[("PNG", mode) for mode in ("L", "LA", "1", "P", "RGBA")],
        *[("TIFF", mode) for mode in ("L", "CMYK", "P", "1", "RGBA")],
        *[("JPEG", "L"), ("JPEG", "CMYK"), ("BMP", "L"), ("BMP", "P"), ("GIF", "P"), ("WEBP", "RGBA")],
        *[("AVIF", "RGBA"), ("AVIF", "L"), ("HEIF", "L"), ("HEIF", "RGBA")],
    ],
)
def test_modes_of_colour_show_what_was_saved(coffee, image_format, mode):
    image = Image.fromarray(coffee).convert(mode)
    data = saved(image, image_format)
    assert differ(decode_image(data), np.asarray(image.convert("RGB"))) < 6


def test_transparency_is_over_white(coffee):
    alpha = np.tile(np.linspace(0, 255, coffee.shape[1]).astype(np.uint8), (coffee.shape[0], 1))
    wanted = coffee * (alpha / 255.0)[..., None] + 255 * (1 - alpha / 255.0)[..., None]
    data = saved(np.dstack([coffee, alpha]), "PNG")
    assert differ(decode_image(data), wanted) < 1


@pytest.mark.parametrize(("primaries", "gamma"), [(DISPLAY_P3, 2.2), (ADOBE_RGB, 563 / 256)], ids=["p3", "adobe"])
@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF", "HEIF"])
def test_a_profile_is_converted_to_srgb(coffee, primaries, gamma, image_format):
    options = {"PNG": {}, "TIFF": {}, "WEBP": {"lossless": True}}.get(image_format, {"quality": 95})
    if image_format == "JPEG":
        options["subsampling"] = 0
    data = saved(coffee, image_format, icc_profile=matrix_profile(primaries, gamma), **options)
    wanted = srgb_by_formula(coffee, primaries, gamma)
    assert differ(coffee, wanted) > 3.5  # What an ignored profile would give.
    assert differ(decode_image(data), wanted) < 2.5


def test_each_colour_is_where_the_formula_puts_it(colours):
    data = saved(colours, "PNG", icc_profile=matrix_profile(DISPLAY_P3, 2.2))
    found = decode_image(data).astype(float)
    assert np.abs(found - srgb_by_formula(colours, DISPLAY_P3, 2.2)).max() <= 3


def test_a_profile_of_grey_counts_too(coffee):
    grey = coffee[..., 1]
    for image_format in ("PNG", "JPEG"):
        data = saved(grey, image_format, icc_profile=grey_profile(1.0), quality=98)
        wanted = np.repeat(encode_srgb(grey / 255.0)[..., None], 3, axis=2)
        assert differ(decode_image(data), wanted) < 2


def test_transparent_colours_are_converted_too(coffee):
    opaque = np.dstack([coffee, np.full(coffee.shape[:2], 255, np.uint8)])
    data = saved(opaque, "PNG", icc_profile=matrix_profile(ADOBE_RGB, 2.2))
    assert differ(decode_image(data), srgb_by_formula(coffee, ADOBE_RGB, 2.2)) < 1.5


@pytest.mark.parametrize("profile", [b"no profile", grey_profile(1.0), matrix_profile(DISPLAY_P3, 2.2)[:150]])
def test_a_profile_that_does_not_fit_is_ignored(coffee, profile):
    assert differ(decode_image(saved(coffee, "PNG", icc_profile=profile)), coffee) == 0


def test_srgbs_own_profile_changes_nothing(coffee):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert differ(decode_image(saved(coffee, "PNG", icc_profile=profile)), coffee) == 0


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("image_format", ["WEBP", "TIFF", "AVIF", "HEIF", "JPEG"])
def test_orientation_is_applied_once(coffee, image_format, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    turns = {
        1: coffee,
        2: coffee[:, ::-1],
        3: coffee[::-1, ::-1],
        4: coffee[::-1],
        5: coffee.transpose(1, 0, 2),
        6: coffee.transpose(1, 0, 2)[:, ::-1],
        7: coffee.transpose(1, 0, 2)[::-1, ::-1],
        8: coffee.transpose(1, 0, 2)[::-1],
    }
    assert differ(decode_image(saved(coffee, image_format, exif=exif.tobytes())), turns[orientation]) < 6


@pytest.mark.parametrize("image_format", ["GIF", "WEBP", "AVIF", "TIFF", "HEIF"])
def test_of_several_frames_the_first_counts(image_format):
    frames = [Image.new("RGB", (64, 48), colour) for colour in ("red", "blue")]
    data = saved(frames[0], image_format, save_all=True, append_images=frames[1:])
    assert differ(decode_image(data), np.asarray(frames[0])) < 6


NAMED = {
    b"\xff\x0a" + bytes(20): "JPEG XL",
    b"\0\0\0\x0cJXL \r\n\x87\n": "JPEG XL",
    b"\0\0\0\x0cjP  \r\n\x87\n": "JPEG 2000",
    b"II+\0\x08\0\0\0": "BigTIFF",
    b"II*\0\x10\0\0\0CR\x02\0" + bytes(40): "raw",
    b"\0\0\0\x18ftypcrx " + bytes(16): "raw",
    b"8BPS\0\x01" + bytes(20): "Photoshop",
    b"v/1\x01" + bytes(20): "OpenEXR",
    b"\0\0\x01\0\x01\0" + bytes(20): "icon",
    b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>': "SVG",
    b"%PDF-1.7": "PDF",
    b"PK\x03\x04" + bytes(30): "zip",
    b"\0\0\0\x18ftypisom" + bytes(16): "video",
    b"\x1a\x45\xdf\xa3" + bytes(16): "video",
}


@pytest.mark.parametrize(("data", "name"), NAMED.items(), ids=NAMED.values())
def test_what_is_not_read_is_refused_by_its_name(data, name):
    with pytest.raises(ImageFormatError, match=name):
        decode_image(data)


def test_samples_whose_range_is_not_known_are_refused(coffee):
    for kind in (np.float32, np.int16, np.uint32):
        with pytest.raises(ImageFormatError, match="range is not known"):
            decode_image(tiff(coffee[..., 0].astype(kind)))


def test_a_tiff_with_an_unknown_compression_is_named(coffee):
    data = bytearray(tiff(coffee[..., 0]))
    place = data.index(struct.pack("<HHI", 259, 3, 1)) + 8
    data[place : place + 2] = struct.pack("<H", 34_712)
    with pytest.raises(ImageFormatError, match="compression 34712"):
        decode_image(bytes(data))


def test_a_tiff_of_more_channels_than_are_known_is_named(coffee):
    with pytest.raises(ImageFormatError, match="TIFF"):
        decode_image(tiff(np.dstack([coffee] * 3), photometric="minisblack", planarconfig="contig"))


def test_a_raw_files_preview_is_not_taken_for_the_photograph(coffee):
    with pytest.raises(ImageFormatError, match="raw"):
        decode_image(tiff(coffee, subfiletype=1))


def test_a_jpeg_of_twelve_bits_is_named(coffee):
    data = bytearray(saved(coffee, "JPEG"))
    data[data.index(b"\xff\xc0") + 4] = 12
    with pytest.raises(ImageFormatError, match="12-bit"):
        decode_image(bytes(data))


def test_a_lossless_jpeg_is_named(coffee):
    data = saved(coffee, "JPEG").replace(b"\xff\xc0\x00\x11\x08", b"\xff\xc3\x00\x11\x08")
    with pytest.raises(ImageFormatError, match="lossless"):
        decode_image(data)


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
def test_a_high_dynamic_range_is_named(coffee, transfer, name):
    data = saved(coffee, "AVIF")
    place = data.index(b"colrnclx") + 8
    changed = data[: place + 2] + struct.pack(">H", transfer) + data[place + 4 :]
    with pytest.raises(ImageFormatError, match=name):
        decode_image(changed)


def test_wide_gamut_colours_without_a_profile_are_named(coffee):
    data = saved(coffee, "AVIF")
    place = data.index(b"colrnclx") + 8
    with pytest.raises(ImageFormatError, match="wide-gamut"):
        decode_image(data[:place] + struct.pack(">H", 12) + data[place + 2 :])


@pytest.mark.parametrize("image_format", ["TIFF", "AVIF", "HEIF"])
def test_half_a_file_is_damaged(coffee, image_format):
    data = saved(coffee, image_format)
    with pytest.raises(NotAnImageError):
        decode_image(data[: len(data) // 2])


@pytest.mark.parametrize("image_format", ["TIFF", "AVIF", "HEIF"])
def test_a_promise_of_too_many_pixels_is_refused_before_decoding(coffee, image_format):
    data = saved(coffee, image_format)
    if image_format == "TIFF":
        for tag in (256, 257):
            place = data.index(struct.pack("<HHI", tag, 4, 1)) + 8
            data = data[:place] + struct.pack("<I", 60_000) + data[place + 4 :]
    else:
        place = data.index(b"ispe") + 8
        data = data[:place] + struct.pack(">II", 60_000, 60_000) + data[place + 8 :]
    with pytest.raises(ImageTooLargeError, match="60000 × 60000"):
        decode_image(data)


def test_a_directory_of_endless_tags_or_boxes_is_refused():
    with pytest.raises(ImageTooCostlyError, match="tags"):
        decode_image(b"II*\0\x08\0\0\0" + struct.pack("<H", 60_000) + bytes(1_000_000))
    with pytest.raises(ImageTooCostlyError, match="boxes"):
        decode_image(b"\0\0\0\x10ftypavif" + bytes(4) + b"\0\0\0\x08free" * 70_000)


@pytest.mark.parametrize("image_format", ["TIFF", "AVIF", "HEIF"])
def test_noise_in_a_file_never_raises_anything_else(coffee, image_format):
    data, rng = saved(coffee[:40, :60], image_format), np.random.default_rng(3)
    for _ in range(40):
        torn = bytearray(data)
        for place in rng.integers(0, len(torn), 6):
            torn[place] = rng.integers(256)
        try:
            assert decode_image(bytes(torn), max_pixels=1_000_000).ndim == 3
        except MediaError:
            continue
