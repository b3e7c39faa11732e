"""A zip of images that comes in by ranges: its directory, then entry by entry, against the whole zip in memory.

    python -m benchmarks.zips [--images 2000] [--mb 200] [--processes 2]

The wanted size is `--images 50000 --mb 5000`; the zip is made for it, in a temporary folder, of bytes that do not
compress, as photographs do not. The ways run in fresh processes, whose memory is measured: one lists the directory,
then `--processes` read the entries of their shards as the look job's children do, checksums included; the plain one
fetches the zip and opens it with `zipfile`. The bucket is a folder: its own time is not what is measured. Writes
`benchmarks/results/zips.md`.
"""

from __future__ import annotations

import argparse
import io
import multiprocessing
import os
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.collection import MemoryWatch
from benchmarks.rounds import machine, report, table
from framesift.contracts import FileRef
from framesift.settings import IntakeSettings
from framesift.storage.files import FileReader
from framesift.storage.ranges import RangeReader
from framesift.storage.zips import read_zip_directory

KEY = "set.zip"
MEMORY_LIMIT_MB = 500
SHARD_FILES = 500
MAX_BYTES = 100_000_000


@dataclass(frozen=True)
class FolderStore:
    """The parts of `Store` that a reader of zips uses, on a folder."""

    root: Path
    bucket: str = "bench"

    def get(self, key: str) -> bytes:
        """Read a file."""
        return (self.root / key).read_bytes()

    def get_range(self, key: str, start: int, length: int, etag: str = "", version_id: str | None = None) -> bytes:
        """Read a part of a file."""
        with (self.root / key).open("rb") as file:
            file.seek(start)
            return file.read(length)


def make_zip(path: Path, images: int, size_bytes: int) -> None:
    """Write a zip of entries from half to one and a half times the mean size, stored."""
    rng = np.random.default_rng(5)
    mean = size_bytes // images
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as made:
        for number in range(images):
            body = b"\xff\xd8\xff" + rng.bytes(int(rng.integers(mean // 2, 3 * mean // 2)))
            made.writestr(f"photos/{number % 100:02d}/{number:06d}.jpg", body)


def list_by_ranges(folder: Path) -> list[FileRef]:
    """The entries, as files to look at."""
    store: Any = FolderStore(folder)
    size_bytes = (folder / KEY).stat().st_size
    settings = IntakeSettings(max_zip_entries=1_000_000)
    directory = read_zip_directory(RangeReader(store, KEY, size_bytes, ""), settings)
    assert not directory.refused
    return [FileRef(name=entry.name, key=KEY, size_bytes=entry.size_bytes, entry=entry) for entry in directory.entries]


def read_by_ranges(folder: Path, index: int, processes: int) -> tuple[int, int]:
    """List the zip, and read the entries of every `processes`-th shard; how many there are, and their bytes."""
    store: Any = FolderStore(folder)
    reader = FileReader(store, MAX_BYTES)
    files = list_by_ranges(folder)
    count = total = 0
    for start in range(index * SHARD_FILES, len(files), processes * SHARD_FILES):
        for file in files[start : start + SHARD_FILES]:
            total += len(reader.read(file))
            count += 1
    return count, total


def read_whole(folder: Path) -> tuple[int, int]:
    """Fetch the zip, and read its entries with `zipfile`."""
    with zipfile.ZipFile(io.BytesIO(FolderStore(folder).get(KEY))) as opened:
        sizes = [len(opened.read(name)) for name in opened.namelist()]
    return len(sizes), sum(sizes)


def run_in_children(work: Callable[..., Any], each: list[tuple[Any, ...]]) -> tuple[float, float, list[Any]]:
    """Wall seconds of calls in fresh processes at the same time, the largest one's peak memory (MiB), their results."""
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    barrier = context.Barrier(len(each) + 1)
    processes = [context.Process(target=_report, args=(queue, barrier, work, arguments)) for arguments in each]
    for process in processes:
        process.start()
    watches = [MemoryWatch(process.pid or os.getpid()) for process in processes]
    barrier.wait()
    started = time.perf_counter()
    results = [queue.get() for _ in processes]
    wall = time.perf_counter() - started
    for process in processes:
        process.join()
    return wall, max(watch.stop() for watch in watches), results


def _report(queue: Any, barrier: Any, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    barrier.wait()  # Its start is not counted.
    result = work(*arguments)
    queue.put(len(result) if isinstance(result, list) else result)


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=2_000)
    parser.add_argument("--mb", type=int, default=200)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        make_zip(folder / KEY, options.images, options.mb * 1_000_000)
        size_mb = (folder / KEY).stat().st_size / 1e6
        list_s, list_mb, (listed,) = run_in_children(list_by_ranges, [(folder,)])
        each = [(folder, index, options.processes) for index in range(options.processes)]
        read_s, read_mb, read = run_in_children(read_by_ranges, each)
        whole_s, whole_mb, (whole,) = run_in_children(read_whole, [(folder,)])
    assert listed == options.images
    assert tuple(map(sum, zip(*read, strict=True))) == whole
    rows = [
        ["list the directory by ranges", f"{list_s:.2f}", "–", f"{list_mb:.0f}"],
        [
            f"read by ranges, {options.processes} processes",
            f"{read_s:.2f}",
            f"{size_mb / read_s:.0f}",
            f"{read_mb:.0f}",
        ],
        ["the whole zip in memory, `zipfile`", f"{whole_s:.2f}", f"{size_mb / whole_s:.0f}", f"{whole_mb:.0f}"],
    ]
    introduction = (
        f"{options.images:,} entries, {size_mb:,.0f} MB; memory is the largest process's peak (limit of ours: "
        f"{MEMORY_LIMIT_MB} MB)."
    )
    lines = [
        "# A zip of images",
        "",
        introduction,
        "",
        *table(["way", "s", "MB/s", "peak, MiB"], rows),
        "",
    ]
    report("zips", [*lines, *machine(["numpy"])])


if __name__ == "__main__":
    main()
