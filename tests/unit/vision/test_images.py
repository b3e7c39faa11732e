"""What is taken for an image, and what is not."""

import contextlib
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from framesift.errors import ImageTooCostlyError, ImageTooLargeError, MediaError, NotAnImageError
from framesift.sandbox import Reply, Sandbox
from framesift.vision.decode import decode_image
from framesift.vision.images import ImageFacts, call_within_limits, check_image, encode_thumbnail
from framesift.vision.memory import MemoryBudget, image_budget, image_budget_bytes

MAX_PIXELS = 25_000_000


def picture(kind: str, width: int = 64, height: int = 48) -> bytes:
    # Noise, so that half a file is surely not a whole picture.
    image = Image.effect_noise((width, height), 90).convert("P" if kind == "GIF" else "RGB")
    file = BytesIO()
    image.save(file, kind)
    return file.getvalue()


def with_scans(count: int, width: int = 320, height: int = 320) -> bytes:
    """A progressive JPEG whose last scan is repeated: each makes a decoder visit all of the image again."""
    file = BytesIO()
    Image.new("RGB", (width, height), (90, 120, 60)).save(file, "JPEG", progressive=True)
    data = file.getvalue()
    last = data.rfind(b"\xff\xda")
    return data[:last] + data[last:-2] * (count - data.count(b"\xff\xda") + 1) + b"\xff\xd9"


@cache
def plain_webp(side: int) -> bytes:
    """An image of one colour in some bytes."""
    file = BytesIO()
    Image.new("RGB", (side, side), (1, 1, 1)).save(file, "WEBP", lossless=True, quality=0)
    return file.getvalue()


def each_entry_point() -> list[Callable[[bytes], object]]:
    """All that decodes images from outside."""
    return [
        lambda data: check_image(data, MAX_PIXELS),
        lambda data: decode_image(data, min_side=224),
        lambda data: encode_thumbnail(data, max_width=540, max_height=960, quality=85),
    ]


def bomb(side: int) -> bytes:
    """A PNG of one colour: small as a file, huge as an image."""

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
        "from framesift.vision.images import check_image\n"
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


@pytest.mark.parametrize("enter", each_entry_point())
@pytest.mark.parametrize("count", [101, 21_474])
def test_refuses_a_jpeg_with_thousands_of_scans_at_once(count: int, enter: Callable[[bytes], object]) -> None:
    hostile = with_scans(count)
    started = time.monotonic()
    with pytest.raises(ImageTooCostlyError, match="scans"):
        enter(hostile)
    assert time.monotonic() - started < 5  # Decoding takes a minute.


@pytest.mark.parametrize("enter", each_entry_point())
def test_takes_progressive_jpegs(enter: Callable[[bytes], object]) -> None:
    file = BytesIO()
    Image.effect_noise((320, 240), 90).convert("RGB").save(file, "JPEG", progressive=True)
    enter(file.getvalue())


def test_many_scans_of_many_pixels_are_refused() -> None:
    with pytest.raises(ImageTooCostlyError, match="30 scans of 4999 × 4999"):
        check_image(with_scans(30, 4_999, 4_999), MAX_PIXELS)
    assert check_image(with_scans(15, 4_999, 4_999), MAX_PIXELS).width == 4_999


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"\xff\xd8" + b"\xff\xc4\x00\x02" * 5_000, "segments"),
        (b"\xff\xd8" + b"\xff\xdd\x00\x04\x00\x01" * 5_000, "segments"),
        (b"\x89PNG\r\n\x1a\n" + b"\0\0\0\0IDAT1234" * 70_000, "chunks"),
        (b"GIF89a\1\0\1\0\0\0\0" + b"\x21\xff" + b"\1a" * 70_000, "blocks"),
        (b"GIF89a\1\0\1\0\0\0\0" + b"\x21\xff\0" * 70_000, "blocks"),
        (b"RIFF\0\0\0\0WEBPVP8X\n\0\0\0" + bytes(10) + b"ANMF\0\0\0\0" * 1_001, "frames"),
        (b"RIFF\0\0\0\0WEBPVP8X\n\0\0\0" + bytes(10) + b"EXIF\0\0\0\0" * 70_000, "chunks"),
    ],
)
def test_refuses_files_of_countless_parts(data: bytes, what: str) -> None:
    with pytest.raises(ImageTooCostlyError, match=what):
        check_image(data, MAX_PIXELS)


@pytest.mark.parametrize("enter", each_entry_point())
def test_refuses_25_megapixels_in_next_to_no_bytes(enter: Callable[[bytes], object]) -> None:
    data = plain_webp(4_999)
    assert len(data) < 5_000
    with pytest.raises(ImageTooCostlyError, match="4999 × 4999 pixels in"):
        enter(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_takes_plain_images_of_any_usual_size(kind: str) -> None:
    file = BytesIO()
    Image.new("RGB", (1_440, 2_560), "white").save(file, kind)
    assert check_image(file.getvalue(), MAX_PIXELS).height == 2_560


def test_a_gif_whose_frame_is_larger_than_its_screen_is_measured_by_its_frame() -> None:
    small = picture("GIF", 8, 8)
    start = small.index(b"\x2c\0\0\0\0")
    hostile = small[: start + 5] + b"\xff\xff\xff\xff" + small[start + 9 :]
    with pytest.raises(ImageTooLargeError, match="65535 × 65535"):
        check_image(hostile, MAX_PIXELS)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (7, 7), (7, 300), (300, 1), (8, 8), (15, 16)])
def test_takes_small_jpegs(width: int, height: int) -> None:
    facts = check_image(picture("JPEG", width, height), MAX_PIXELS)
    assert (facts.width, facts.height) == (width, height)


def test_pixels_in_flight_fit_into_a_functions_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen at a time, of 300 MB each, in a function of 3,008 MB: two at a time may be decoded."""
    lock, running, most = threading.Lock(), 0, 0

    class Counting(Sandbox):
        def call(self, function: str, data: bytes = b"", **keywords: object) -> Reply:
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            time.sleep(0.01)
            with lock:
                running -= 1
            return Reply()

    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "3008")
    budget = MemoryBudget(image_budget_bytes())
    sandbox = Counting("json", timeout_s=1, memory_limit_bytes=1 << 30, workers=16)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: call_within_limits(sandbox, "inspect", b"", 4_999 * 4_999, budget), range(32)))
    assert 1 <= most <= 2


def test_all_threads_share_one_budget() -> None:
    together = threading.Barrier(8)
    with ThreadPoolExecutor(8) as pool:
        budgets = list(pool.map(lambda _: together.wait(20) >= 0 and image_budget(), range(8)))
    assert len(set(map(id, budgets))) == 1


def test_a_decoder_that_hangs_or_dies_costs_its_own_image() -> None:
    with Sandbox("tests.unit.sandbox_functions", timeout_s=1.5, memory_limit_bytes=1 << 30, workers=1) as sandbox:
        for function, why in {"hang": r"longer than 1\.5 s", "crash": "SIGSEGV"}.items():
            with pytest.raises(ImageTooCostlyError, match=why):
                call_within_limits(sandbox, function, b"", 1)
        assert bytes(call_within_limits(sandbox, "double", b"x", 1).data) == b"xx"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_a_thumbnail_is_an_upright_jpeg_of_the_size_asked(kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    file = BytesIO()
    Image.effect_noise((640, 360), 90).convert("P" if kind == "GIF" else "RGB").save(file, kind, exif=exif)
    made = encode_thumbnail(file.getvalue(), max_width=90, max_height=90, quality=80)
    with Image.open(BytesIO(made.body)) as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (made.width, made.height))
        assert not image.getexif()
    assert (made.width, made.height) == ((90, 51) if kind == "GIF" else (51, 90))


@settings(deadline=None)  # A busy machine is no failure.
@given(st.binary(max_size=300), st.sampled_from(["JPEG", "PNG", "WEBP", "GIF"]), st.integers(0, 200))
def test_damage_is_refused_and_nothing_else_happens(noise: bytes, kind: str, place: int) -> None:
    whole = picture(kind)
    with contextlib.suppress(MediaError):
        check_image(whole[:place] + noise + whole[place + len(noise) :], MAX_PIXELS)
