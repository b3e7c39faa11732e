"""Comparing a collection's images: new ones with all that are there, near-linear against all with all, in one run.

    python -m benchmarks.comparing [--images 1000 10000 100000] [--added 1000] [--whole 10000]

The fingerprints are made for it: random ones, every tenth image nearly repeats another (its vector has a cosine of 0.9
with the other's, its hash is 20 bits away). The plain way is what one would write with NumPy: the matrix of all
Hamming distances and of all products, block by block. Whole collections are compared up to `--whole` images: a larger
one comes in by batches. Alignment, which costs a time of its own for each pair that features leave open, is measured on
drawn parts (`--parts`), which are alike as photographs of one production line are. Writes
`benchmarks/results/comparing.md`.
"""

from __future__ import annotations

import argparse
import io
import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.collection import MemoryWatch
from benchmarks.rounds import machine, report, table
from framesift.duplicates.compare import Criteria, find_similar
from framesift.duplicates.fingerprints import Fingerprints, fingerprint
from framesift.duplicates.images import Candidate, Comparison, ImageSet
from framesift.duplicates.index import MAX_PIXELS, open_model
from framesift.duplicates.pdq import DEFAULT_THRESHOLD
from framesift.settings import CollectionSettings
from framesift.synthetic.parts import draw_part
from framesift.synthetic.vocabulary import choose_parts

DIMENSION = 192
THRESHOLD = 0.8
REPEATED_EVERY = 10
COSINE, BITS = 0.9, 20
BLOCK_ROWS = 1024


def make_fingerprints(count: int, seed: int = 1) -> ImageSet:
    """Random fingerprints, some of them nearly another's."""
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((count, DIMENSION), np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    words = np.repeat(rng.integers(0, 2**64, (count, 1, 4), np.uint64), 4, axis=1)
    words[:, [1, 3]] = rng.integers(0, 2**64, (count, 1, 4), np.uint64)  # Mirrored.
    for row in range(1, count, REPEATED_EVERY):
        other = features[row] - features[row] @ features[row - 1] * features[row - 1]
        features[row] = COSINE * features[row - 1] + np.sqrt(1 - COSINE**2) * other / np.linalg.norm(other)
        words[row] = words[row - 1]
        for bit in rng.choice(256, BITS, replace=False):
            words[row, :, bit // 64] ^= np.uint64(1) << np.uint64(bit % 64)
    ids = [f"{seed}-{number:07d}" for number in range(count)]
    found = Fingerprints.blank("made", ids, ids, DIMENSION)
    found.features[:], found.pdq[:], found.quality[:] = features, words, 100
    return ImageSet([Candidate(each, each, ()) for each in ids], found)


def compare(new: ImageSet, old: ImageSet, criteria: Criteria) -> int:
    """As the comparison's job does it; gives how many pairs were found."""
    found = find_similar(Comparison(new, old), criteria, no_image)
    return len(set().union(*found.values()))


def compare_plainly(new: ImageSet, old: ImageSet) -> int:
    """Every new image with every other one: distances and products, block by block."""
    words = np.concatenate([new.fingerprints.pdq[:, 0], old.fingerprints.pdq[:, 0]])
    features = np.concatenate([new.fingerprints.features, old.fingerprints.features]).astype(np.float32)
    mirrored = new.fingerprints.pdq[:, 1]
    found: set[tuple[int, int]] = set()
    for start in range(0, len(new.candidates), BLOCK_ROWS):
        rows = slice(start, min(start + BLOCK_ROWS, len(new.candidates)))
        near = features[rows] @ features.T >= THRESHOLD
        for hashes in (words[rows], mirrored[rows]):
            near |= hamming(hashes, words) <= DEFAULT_THRESHOLD
        first, second = np.nonzero(near)
        first += start
        found |= {(int(min(pair)), int(max(pair))) for pair in zip(first, second, strict=True) if pair[0] != pair[1]}
    return len(found)


def hamming(first: NDArray[np.uint64], second: NDArray[np.uint64]) -> NDArray[np.uint16]:
    """The distances of all rows."""
    total = np.zeros((len(first), len(second)), np.uint16)
    for word in range(4):
        total += np.bitwise_count(first[:, word, None] ^ second[None, :, word])
    return total


def no_image(candidate: Candidate) -> bytes:
    """Nothing is aligned here."""
    raise AssertionError(candidate)


def measure_made(count: int, added: int, whole: bool) -> dict[str, float]:
    """Seconds of comparing a whole collection, and of adding images to it, both ways."""
    criteria = Criteria(replace(open_model("copydetect"), threshold=THRESHOLD, candidate_threshold=THRESHOLD))
    images, more = make_fingerprints(count), make_fingerprints(added, seed=2)
    nothing = make_fingerprints(0)
    seconds = {}
    ways = {**({"whole": (images, nothing)} if whole else {}), "added": (more, images)}
    for name, (new, old) in ways.items():
        seconds[name], pairs = timed(lambda new=new, old=old: compare(new, old, criteria))
        seconds[f"{name} plainly"], wanted = timed(lambda new=new, old=old: compare_plainly(new, old))
        assert pairs == wanted, (pairs, wanted)
    return seconds


def measure_parts(count: int) -> tuple[float, float, int, int]:
    """Seconds of comparing drawn parts, aligned with the most alike and with all that are alike; pairs of both."""
    choice = open_model("copydetect")
    assert choice.embedder is not None
    files = {f"{number:064d}": encode(photo.image) for number, photo in enumerate(draw(count))}
    found = Fingerprints.blank(choice.label, list(files), list(files), choice.dimension)
    prepared = []
    for row, data in enumerate(files.values()):
        image = fingerprint(data, choice.embedder, max_pixels=MAX_PIXELS)
        found.fill(row, image)
        prepared.append(image.prepared)
    found.features[:] = choice.embedder.embed([one for one in prepared if one is not None])
    images = ImageSet([Candidate(each, each, ()) for each in files], found)
    comparison = Comparison(images, ImageSet([], Fingerprints.blank(choice.label, [], [], choice.dimension)))
    results = []
    for each in (CollectionSettings().aligned_each, None):
        criteria = Criteria(choice, aligned_each=each)
        results.append(timed(lambda criteria=criteria: find_similar(comparison, criteria, read_from(files))))
    (few_s, few), (all_s, every) = results
    return few_s, all_s, sum(map(len, few.values())), sum(map(len, every.values()))


def draw(count: int) -> Any:
    """Drawn parts."""
    return (draw_part(spec) for spec in islice(choose_parts(seed=1), count))


def encode(image: NDArray[np.uint8]) -> bytes:
    """A JPEG file."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=90)
    return file.getvalue()


def read_from(files: dict[str, bytes]) -> Callable[[Candidate], bytes]:
    """Reads images from memory."""
    return lambda candidate: files[candidate.id]


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of a call, and what it gives."""
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def run_in_child(*arguments: Any) -> tuple[dict[str, float], float]:
    """`measure_made` in a fresh process, and its peak memory, MiB."""
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=_report, args=(queue, arguments))
    process.start()
    watch = MemoryWatch(process.pid or os.getpid())
    seconds = queue.get()
    process.join()
    return seconds, watch.stop()


def _report(queue: Any, arguments: tuple[Any, ...]) -> None:
    queue.put(measure_made(*arguments))


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--added", type=int, default=1_000)
    parser.add_argument("--whole", type=int, default=10_000)
    parser.add_argument("--parts", type=int, default=200)
    options = parser.parse_args()
    rows = []
    for count in options.images:
        seconds, peak_mb = run_in_child(count, options.added, count <= options.whole)
        rows.append([f"{count:,}", *(_show(seconds, name) for name in ("whole", "added")), f"{peak_mb:.0f}"])
    introduction = (
        f"Seconds to find all near-duplicates by hashes and vectors of {DIMENSION} numbers, and the plain way's beside "
        f"them: of a whole collection, and of {options.added:,} images that are added to it. Both find the same pairs."
    )
    lines = [
        "# Comparing a collection",
        "",
        introduction,
        "",
        *table(["images", "whole", "plainly", "added", "plainly", "peak, MiB"], [_split(row) for row in rows]),
        "",
    ]
    if options.parts:
        few_s, all_s, few, every = measure_parts(options.parts)
        lines.append(
            f"- {options.parts} drawn parts, which are alike: {few_s:.1f} s, aligned with the "
            f"{CollectionSettings().aligned_each} most alike; {all_s:.1f} s with all that are alike; "
            f"{few} and {every} pairs are found"
        )
    report("comparing", [*lines, *machine(["numpy", "faiss-cpu", "opencv-python-headless"])])


def _show(seconds: dict[str, float], name: str) -> str:
    if name not in seconds:
        return "–|–"
    plainly = seconds[f"{name} plainly"]
    return f"{seconds[name]:.2f}|{plainly:.2f} ({plainly / seconds[name]:.1f} ×)"


def _split(row: list[str]) -> list[str]:
    return [cell for part in row for cell in part.split("|")]


if __name__ == "__main__":
    main()
