"""What decoding in child processes costs: the same work here and there, on ordinary thumbnails.

`python -m benchmarks.sandbox` prints milliseconds for an image and the ratio; both ways take turns in one run.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from io import BytesIO

import numpy as np
from PIL import Image

from framesift.sources import image_worker
from framesift.sources.image_structure import read_structure
from framesift.sources.images import check_image
from framesift.vision import decode_worker
from framesift.vision.decode import decode_image

_MAX_PIXELS = 25_000_000
_MIN_SIDE = 224


def _thumbnails(count: int) -> list[bytes]:
    """Images of 540 × 960 with the detail of photographs, about 90 kB each."""
    rng = np.random.default_rng(7)
    files = []
    for _ in range(count):
        coarse = Image.fromarray(rng.integers(0, 256, (30, 17, 3), np.uint8))
        smooth = np.asarray(coarse.resize((540, 960), Image.Resampling.BICUBIC), np.float32)
        file = BytesIO()
        Image.fromarray((smooth + rng.normal(0, 8, smooth.shape)).clip(0, 255).astype(np.uint8)).save(file, "JPEG")
        files.append(file.getvalue())
    return files


def _inspect_here(data: bytes) -> None:
    structure = read_structure(data, _MAX_PIXELS)
    image_worker.inspect(data, image_format=structure.format, max_pixels=_MAX_PIXELS)


def _decode_here(data: bytes) -> None:
    structure = read_structure(data, _MAX_PIXELS)
    decode_worker.decode(data, image_format=structure.format, max_pixels=_MAX_PIXELS, min_side=_MIN_SIDE)


def _measure_ms(work: Callable[[bytes], object], images: list[bytes]) -> float:
    started = time.perf_counter()
    for image in images:
        work(image)
    return (time.perf_counter() - started) * 1_000 / len(images)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    images = _thumbnails(options.images)
    print("| work | here, ms | in a sandbox, ms | ratio |\n| --- | --- | --- | --- |")
    for name, here, there in (
        ("inspect", _inspect_here, lambda data: check_image(data, _MAX_PIXELS)),
        ("decode to 224 pixels", _decode_here, lambda data: decode_image(data, min_side=_MIN_SIDE)),
    ):
        there(images[0])  # Starts the process.
        rounds = [(_measure_ms(here, images), _measure_ms(there, images)) for _ in range(options.rounds)]
        here_ms, there_ms = (statistics.median(column) for column in zip(*rounds, strict=True))
        print(f"| {name} | {here_ms:.2f} | {there_ms:.2f} | {there_ms / here_ms:.2f} |")


if __name__ == "__main__":
    main()
