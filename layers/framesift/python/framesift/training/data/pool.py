"""Images of a split as the network takes them, prepared ahead and kept in a file.

Training then neither decodes nor draws: batches come out of memory, or out of the file where memory is short.
"""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framesift.training.data.dataset import Example, Labels, make_labels
from framesift.vision.decode import RgbImage
from framesift.vision.inputs import InputForm, placement, prepare_input

_CHUNK = 16


@dataclass(frozen=True)
class Pool:
    """Prepared images and their labels.

    Attributes:
        pixels: (N, height, width, 3) uint8 RGB, in a file.
        labels: Of each, boxes in the network's pixels.
        sizes: (N, 2) int64: width and height of the images before they were prepared.
        form: How they were prepared.
        image_ids: Of each.
    """

    pixels: NDArray[np.uint8]
    labels: list[Labels]
    sizes: NDArray[np.int64]
    form: InputForm
    image_ids: list[str]

    def __len__(self) -> int:
        return len(self.labels)


def open_pool(
    path: Path,
    examples: Sequence[Example],
    form: InputForm,
    *,
    workers: int = 1,
    on_prepared: Callable[[int, int], None] = lambda _done, _total: None,
) -> Pool:
    """Open a pool; what is missing of it is prepared, and what an interrupted call prepared is kept.

    Args:
        path: Of the pixels; the labels are beside it. Its name tells apart pools of other data.
        examples: The images.
        form: How the network takes them.
        workers: Processes that prepare images; 0: this one.
        on_prepared: Is called with the images done and their number.
    """
    shape = (len(examples), form.height, form.width, 3)
    path.parent.mkdir(parents=True, exist_ok=True)
    notes = path.with_suffix(".jsonl")
    lines = _read_complete_lines(notes)[: len(examples)]
    if not path.exists() or path.stat().st_size != int(np.prod(shape)):
        lines = lines if path.exists() and path.stat().st_size >= len(lines) * int(np.prod(shape[1:])) else []
        path.touch()
        with path.open("r+b") as file:
            file.truncate(int(np.prod(shape)))
    pixels = np.memmap(path, np.uint8, "r+", shape=shape) if examples else np.zeros(shape, np.uint8)
    notes.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    with notes.open("a", encoding="utf-8") as file:
        for number, (image, note) in enumerate(_prepare(examples[len(lines) :], form, workers), start=len(lines)):
            pixels[number] = image
            lines.append(json.dumps(note))
            print(lines[-1], file=file, flush=True)
            on_prepared(number + 1, len(examples))
    read = [json.loads(line) for line in lines]
    labels = [make_labels(each["boxes"], each["class_ids"], each["label"]) for each in read]
    sizes = np.asarray([each["size"] for each in read], np.int64).reshape(-1, 2)
    return Pool(pixels, labels, sizes, form, [example.image_id for example in examples])


def _prepare(
    examples: Sequence[Example], form: InputForm, workers: int
) -> Iterator[tuple[RgbImage, dict[str, object]]]:
    prepare = partial(_prepare_one, form)
    if not workers or len(examples) < 2 * _CHUNK:
        yield from map(prepare, examples)
        return
    # Spawned: a fork would copy locks that torch and OpenCV hold.
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as processes:
        rest = iter(examples)
        # A few chunks at a time: results wait in memory.
        while chunk := list(islice(rest, _CHUNK * workers * 4)):
            yield from processes.map(prepare, chunk, chunksize=_CHUNK)


def _prepare_one(form: InputForm, example: Example) -> tuple[RgbImage, dict[str, object]]:
    image, labels = example.load()
    height, width = image.shape[:2]
    place = placement(form, width, height)
    scale = np.asarray([place.scale_x * width, place.scale_y * height] * 2, np.float32)
    boxes = labels.boxes * scale + np.asarray([place.left, place.top] * 2, np.float32)
    note = {
        "boxes": np.round(boxes.astype(np.float64), 2).tolist(),
        "class_ids": labels.class_ids.tolist(),
        "label": labels.label,
        "size": [width, height],
    }
    return prepare_input(image, form)[0], note


def _read_complete_lines(path: Path) -> list[str]:
    """The lines of a file but for a last one that was cut off."""
    if not path.exists():
        return []
    return [line[:-1] for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]
