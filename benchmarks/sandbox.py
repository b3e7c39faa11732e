"""What decoding in child processes costs: the same work here and there, on ordinary thumbnails.

`python -m benchmarks.sandbox` writes `results/sandbox.md`; both ways take turns in one run. On a busy machine the clock
says more about the others: 16 threads get more turns than two child processes. CPU time says what the work costs.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.rounds import machine, report
from framesift.vision import decode_worker, image_worker
from framesift.vision.decode import decode_image
from framesift.vision.image_structure import read_structure
from framesift.vision.images import check_image

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


class _Cost:
    """What work has cost: wall-clock and CPU time of this process and its sandboxes, and how often this one waited."""

    def __init__(self) -> None:
        own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        self.wall_s = time.perf_counter()
        self.cpu_s = own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime + _cpu_of_children_s()
        self.waits = own.ru_nvcsw

    def since(self, before: _Cost, images: int) -> tuple[float, float, float]:
        """Return milliseconds, milliseconds of CPU, and waits, for an image."""
        return (
            (self.wall_s - before.wall_s) * 1_000 / images,
            (self.cpu_s - before.cpu_s) * 1_000 / images,
            (self.waits - before.waits) / images,
        )


def _cpu_of_children_s() -> float:
    """CPU time of the children that run, seconds (Linux alone)."""
    ticks = 0
    for task in Path("/proc/self/task").glob("*/children"):
        for pid in task.read_text().split():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _measure(work: Callable[[bytes], object], images: list[bytes], threads: int) -> tuple[float, float, float]:
    with ThreadPoolExecutor(threads) as pool:
        before = _Cost()
        for _ in pool.map(lambda image: work(image) is None, images):  # The pixels are not kept.
            pass
        return _Cost().since(before, len(images))


def _median(rounds: list[tuple[float, float, float]]) -> list[float]:
    return [statistics.median(column) for column in zip(*rounds, strict=True)]


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    images = _thumbnails(options.images)
    lines = [
        "# Decoding in child processes",
        "",
        "Milliseconds for an image of 540 × 960; waits: how often the calling process gave up the CPU for an image.",
        "",
        "| work | threads | here | in a sandbox | ratio | CPU here | CPU in a sandbox | ratio of CPU | waits |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, here, there in (
        ("inspect", _inspect_here, lambda data: check_image(data, _MAX_PIXELS)),
        ("decode to 224 pixels", _decode_here, lambda data: decode_image(data, min_side=_MIN_SIDE)),
    ):
        for threads in (1, 4, 16):
            _measure(there, images[: 2 * threads], threads)  # Starts the processes.
            rounds = [
                (_measure(here, images, threads), _measure(there, images, threads)) for _ in range(options.rounds)
            ]
            (wall, cpu, _), (their_wall, their_cpu, waits) = (_median(list(way)) for way in zip(*rounds, strict=True))
            lines.append(
                f"| {name} | {threads} | {wall:.2f} | {their_wall:.2f} | {their_wall / wall:.2f} | {cpu:.2f} | "
                f"{their_cpu:.2f} | {their_cpu / cpu:.2f} | {waits:.1f} |"
            )
    lines += ["", *machine(["pillow", "simplejpeg", "numpy"])]
    report("sandbox", lines)


if __name__ == "__main__":
    main()
