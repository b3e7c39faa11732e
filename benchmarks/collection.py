"""Images into a collection: hashes, features, health, thumbnails; the look job against the plain loop, in one run.

    python -m benchmarks.collection [--images 10000] [--compared 400] [--rounds 3]

The plain loop is what one would write: Pillow, one image at a time, the same libraries for hashes, network and
thumbnails, in one process; once with the effort that Pillow's WebP takes by itself, once with the job's. All read and
write the same folder, and take turns over `--compared` images. Then the job alone takes `--images`, while the memory of
all its processes is measured. Writes `benchmarks/results/collection.md`.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
import multiprocessing
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from skimage import data as skimage_data

from benchmarks.rounds import machine, report, table
from framesift import keys
from framesift.catalog.vectors import PDQ_MODEL, read_parts
from framesift.contracts import FileRef, LookJob, LookOutcome, Run
from framesift.duplicates.pdq import pdq_hash
from framesift.embedding.choose import choose_embedder
from framesift.errors import ObjectMissingError
from framesift.models import default_cache_dir, open_registry
from framesift.pipeline.upload.examine import THUMBNAIL_SIZES
from framesift.pipeline.upload.look import look_at_shards
from framesift.settings import Settings
from framesift.storage import Store, StoredObject, write_manifest
from framesift.vision.health import measure_health
from framesift.vision.inputs import prepare_input
from framesift.vision.views import is_plain

WIDTH, HEIGHT = 640, 480
SHARD_FILES = 500
PREFIX = "collections/bench/batches/b/look/"
MEMORY_LIMIT_MB = 1500
PILLOWS_EFFORT = 4  # What Pillow takes where nothing is said.
PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket", "hubble_deep_field", "retina", "immunohistochemistry")


@dataclass(frozen=True)
class FolderStore:
    """The parts of `Store` that the job uses, on a folder: the bucket's own time is not what is measured."""

    root: Path
    bucket: str = "bench"

    def get(self, key: str) -> bytes:
        """Read a file."""
        try:
            return (self.root / key).read_bytes()
        except FileNotFoundError:
            raise ObjectMissingError(f"There is no {key}.") from None

    def put(self, key: str, body: bytes, content_type: str = "", **_: Any) -> bool:
        """Write a file."""
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        return True

    def exists(self, key: str) -> bool:
        """Whether there is such a file."""
        return (self.root / key).exists()

    def list(self, prefix: str) -> Iterator[str]:
        """The files of a folder."""
        folder = self.root / prefix
        return (f"{prefix}{path.name}" for path in sorted(folder.iterdir())) if folder.is_dir() else iter(())

    def describe(self, key: str) -> StoredObject | None:
        """Nothing is known of a file but its bytes."""
        return None


class NoStages:
    """Takes the progress of a job that has no table."""

    def report_progress(self, *_: object) -> None:
        """Forget it."""


class NoRecords:
    """Records of a run that has no table."""

    stages = NoStages()


def draw_images(count: int, store: FolderStore) -> list[FileRef]:
    """Photographs of scikit-image, cut, scaled, turned and recoloured by seed: JPEG, 640 × 480."""
    sources = [Image.fromarray(np.ascontiguousarray(getattr(skimage_data, name)()[..., :3])) for name in PHOTOGRAPHS]
    rng, files = np.random.default_rng(4), []
    for number in range(count):
        source = sources[number % len(sources)]
        share = rng.uniform(0.35, 1.0)
        width = int(min(source.width, source.height * WIDTH / HEIGHT) * share)
        height = int(width * HEIGHT / WIDTH)
        left, top = int(rng.integers(source.width - width + 1)), int(rng.integers(source.height - height + 1))
        image = source.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC, box=(left, top, left + width, top + height))
        if rng.random() < 0.5:
            image = ImageOps.mirror(image)
        levels = np.clip(np.arange(256) * rng.uniform(0.8, 1.2) + rng.uniform(-20, 20), 0, 255)
        image = image.point(levels.astype(np.uint8).tolist() * 3)
        file = io.BytesIO()
        image.save(file, "JPEG", quality=int(rng.integers(75, 95)))
        key = f"uploads/bench/{number:06d}.jpg"
        store.put(key, file.getvalue())
        files.append(FileRef(name=f"{number:06d}.jpg", key=key, size_bytes=len(file.getvalue())))
    return files


def look(files: list[FileRef], store: FolderStore, settings: Settings) -> None:
    """The job, as one child does it."""
    shards = [files[start : start + SHARD_FILES] for start in range(0, len(files), SHARD_FILES)]
    typed: Any = store
    for number, refs in enumerate(shards):
        (store.root / keys.look_results(PREFIX, number)).unlink(missing_ok=True)
        write_manifest(typed, keys.look_shard(PREFIX, number), refs)
    job = LookJob(
        run=Run(source="upload", date="2026-11-21", attempt=1),
        bucket=store.bucket,
        table="",
        collection="bench",
        batch="b",
        shards_prefix=PREFIX,
        shards=len(shards),
    )
    records: Any = NoRecords()
    look_at_shards(
        job, 0, settings, typed, records, open_reader=lambda: lambda file: store.get(str(file.key)), known_ids=no_ids
    )


def no_ids(_: Iterable[str]) -> set[str]:
    """An empty catalog."""
    return set()


def look_plainly(
    files: list[FileRef], store: FolderStore, settings: Settings, effort: int
) -> dict[str, dict[str, Any]]:
    """The plain loop; gives what it found by item."""
    limits = settings.collections
    choice = choose_embedder(settings, open_registry(default_cache_dir()))
    assert choice.embedder is not None
    found: dict[str, dict[str, Any]] = {}
    vectors: list[NDArray[np.float16]] = []
    for file in files:
        data = store.get(str(file.key))
        sha256 = hashlib.sha256(data).hexdigest()
        with Image.open(io.BytesIO(data)) as opened:
            image = ImageOps.exif_transpose(opened).convert("RGB")
        pixels = np.asarray(image)
        for size in THUMBNAIL_SIZES:
            small, encoded = image.copy(), io.BytesIO()
            small.thumbnail((size, size))
            small.save(encoded, "WEBP", quality=limits.thumbnail_quality, method=effort)
            store.put(f"plain/thumbnails/{size}/{sha256[:32]}.webp", encoded.getvalue())
        store.put(f"plain/originals/{sha256[:32]}.jpg", data)
        vectors.append(choice.embedder.embed([prepare_input(pixels, choice.embedder.input_form)])[0])
        found[sha256[:32]] = {
            "pdq": pdq_hash(pixels).words,
            "plain": is_plain(pixels),
            "health": measure_health(pixels, limits),
            "features": vectors[-1],
            "at": datetime.now(UTC).isoformat(),
        }
    store.put("plain/features.npy", np.stack(vectors).tobytes())
    store.put("plain/items.json", json.dumps([[name, str(one["health"])] for name, one in found.items()]).encode())
    return found


def compare(found: dict[str, dict[str, Any]], store: FolderStore, settings: Settings) -> list[str]:
    """How near the job's results are to the plain loop's, in lines."""
    typed: Any = store
    lines = [line for key in store.list(f"{PREFIX}results/") for line in gzip.decompress(store.get(key)).splitlines()]
    items = {outcome.item.id: outcome.item for outcome in map(LookOutcome.model_validate_json, lines) if outcome.item}
    assert set(items) == set(found)
    label = f"copydetect@{choose_embedder(settings, open_registry(default_cache_dir())).version}"
    vectors = rows_of(typed, label)
    hashes = rows_of(typed, PDQ_MODEL)
    bits = [int(np.bitwise_count(hashes[name][0] ^ one["pdq"][0]).sum()) for name, one in found.items()]
    cosines = [float(vectors[name].astype(float) @ one["features"].astype(float)) for name, one in found.items()]
    healths = [(items[name].health, one["health"]) for name, one in found.items()]
    sharpness = [abs(ours.sharpness / theirs.sharpness - 1) for ours, theirs in healths if ours]
    flags = sum(ours.flags == theirs.flags for ours, theirs in healths if ours)
    small, large = (max(thumbnail_difference(store, name, size) for name in found) for size in THUMBNAIL_SIZES)
    sizes = [
        len(store.get(keys.collection_thumbnail("bench", name, size))) for name in found for size in THUMBNAIL_SIZES
    ]
    kept_kb = sum(sizes) / len(found) / 1000
    thumbnails = (
        f"- the job's thumbnails: {kept_kb:.1f} kB an image; from the plain loop's with the same effort they differ by "
        f"{small:.2f} (256 px: reduced by area, there bicubically) and {large:.2f} levels of 255 in the mean, at most"
    )
    return [
        f"- PDQ hashes differ by {max(bits)} bits of 256 at most; features' cosine is at least {min(cosines):.5f}",
        f"- sharpness differs by {100 * max(sharpness):.2f} % at most; flags are the same for {flags} of {len(found)}",
        thumbnails,
    ]


def rows_of(store: Store, model: str) -> dict[str, NDArray[Any]]:
    """A model's rows by item."""
    parts = read_parts(store, "bench", model, lambda _: True)
    return {name: row for facts, rows in parts for name, row in zip(facts["ids"], rows, strict=True)}


def thumbnail_difference(store: FolderStore, name: str, size: int) -> float:
    """The mean difference of the two ways' thumbnails, levels."""
    both = (keys.collection_thumbnail("bench", name, size), f"plain/thumbnails/{size}/{name}.webp")
    ours, theirs = (np.asarray(Image.open(io.BytesIO(store.get(key))), np.int16) for key in both)
    return float(np.abs(ours - theirs).mean())


def kept_bytes(store: FolderStore, count: int) -> str:
    """How large the plain loop's thumbnails are, in a line."""
    sizes = [
        sum(path.stat().st_size for path in (store.root / f"plain/thumbnails/{size}").iterdir())
        for size in THUMBNAIL_SIZES
    ]
    return f"- thumbnails with Pillow's method: {sum(sizes) / count / 1000:.1f} kB an image"


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of a call, and what it gives."""
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


class MemoryWatch:
    """The most memory (PSS: shared pages count once) that a process and its children have together, MiB."""

    def __init__(self, pid: int) -> None:
        self.peak_mb = 0.0
        self._pid, self._stop = pid, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> float:
        """End; give the peak."""
        self._stop.set()
        self._thread.join()
        return self.peak_mb

    def _watch(self) -> None:
        while not self._stop.wait(0.2):
            pids = [self._pid, *children_of(self._pid)]
            self.peak_mb = max(self.peak_mb, sum(map(pss_mb, pids)))


def children_of(pid: int) -> list[int]:
    """The processes below one."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            for child in path.read_text().split():
                found += [int(child), *children_of(int(child))]
        except OSError:
            continue
    return found


def pss_mb(pid: int) -> float:
    """A process's proportional share of memory, MiB."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), 0.0)


def run_in_child(work: Callable[..., Any], *arguments: Any) -> tuple[float, float]:
    """Wall seconds of a call in a fresh process, its start not counted, and its peak memory, MiB."""
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=_report_time, args=(queue, work, arguments))
    process.start()
    watch = MemoryWatch(process.pid or os.getpid())
    wall = queue.get()
    process.join()
    return wall, watch.stop()


def _report_time(queue: Any, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    queue.put(timed(lambda: work(*arguments))[0])


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--compared", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    settings = Settings.model_validate({"duplicates": {"model": "copydetect"}})
    with tempfile.TemporaryDirectory() as folder:
        store = FolderStore(Path(folder))
        files = draw_images(max(options.images, options.compared), store)
        compared = files[: options.compared]
        rows, lines = [], []
        for _ in range(options.rounds):
            usual_s, found = timed(lambda: look_plainly(compared, store, settings, effort=PILLOWS_EFFORT))
            lines = [kept_bytes(store, len(compared))]
            same_s, _ = timed(lambda: look_plainly(compared, store, settings, settings.collections.thumbnail_effort))
            look_s, _ = timed(lambda: look(compared, store, settings))
            rows.append((usual_s, same_s, look_s))
            lines += compare(found, store, settings)
        peak_mb, whole_s = 0.0, 0.0
        if options.images:
            whole_s, peak_mb = run_in_child(look, files[: options.images], store, settings)
    write_report(rows, lines, options.compared, options.images, whole_s, peak_mb)


def write_report(
    rows: list[tuple[float, float, float]], lines: list[str], count: int, images: int, whole_s: float, peak_mb: float
) -> None:
    """Write the results: of each round the seconds of the plain loop, of the same with our effort, and of the job."""

    def ratio(column: int) -> str:
        ratios = [row[column] / row[2] for row in rows]
        return f"{np.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"

    speeds = [f"{count / float(np.median(column)):.1f}" for column in zip(*rows, strict=True)]
    introduction = (
        f"Hashes, features, health and thumbnails of {WIDTH} × {HEIGHT} JPEG images: medians of {len(rows)} "
        f"alternating rounds of {count} images. The job's processes are started anew in each round, which counts."
    )
    whole = (
        f"- {images:,} images by the job alone: {whole_s:.0f} s; at most {peak_mb:.0f} MiB in all its processes "
        f"together (limit: {MEMORY_LIMIT_MB} MB)"
    )
    report(
        "collection",
        [
            "# Images into a collection",
            "",
            introduction,
            "",
            *table(
                ["way", "images/s", "the job is faster by"],
                [
                    ["plain loop, WebP as Pillow sets it (method 4)", speeds[0], ratio(0)],
                    ["plain loop, WebP as the job sets it (method 0)", speeds[1], ratio(1)],
                    ["look job", speeds[2], "1"],
                ],
            ),
            "",
            *lines,
            *([whole] if images else []),
            *machine(["pillow", "simplejpeg", "opencv-python-headless", "onnxruntime-openvino", "pdqhash"]),
        ],
    )


if __name__ == "__main__":
    cv2.setNumThreads(0)
    main()
