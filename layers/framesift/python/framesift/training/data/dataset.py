"""A data set: images with their labels, in splits."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

import numpy as np

from framesift.training.types import Floats, Ints
from framesift.vision.decode import RgbImage

Split = Literal["train", "val", "test"]
SPLITS: Final[tuple[Split, ...]] = ("train", "val", "test")


@dataclass(frozen=True)
class Labels:
    """What is known of an image.

    Attributes:
        boxes: (n, 4) float32 xyxy: shares of the image's width and height, or pixels of a `Pool`.
        class_ids: (n,) int64, of the boxes.
        label: The class of the whole image; -1: it has none.
    """

    boxes: Floats
    class_ids: Ints
    label: int = -1


@dataclass(frozen=True)
class Example:
    """An image of a data set.

    Attributes:
        image_id: Unique in the data set.
        split: What it is for.
        load: Reads or draws the image, `(height, width, 3)` uint8 RGB, and its labels; can be sent to other processes.
        labels: The same labels, where they are known before it is loaded: those of drawn images are not.
        origin: What decides the pixels: a digest of a file, or how the image is drawn.
    """

    image_id: str
    split: Split
    load: Callable[[], tuple[RgbImage, Labels]]
    labels: Labels | None
    origin: str


@dataclass(frozen=True)
class Dataset:
    """Images with their labels.

    Attributes:
        classes: Names, by class id.
        examples: The images.
    """

    classes: tuple[str, ...]
    examples: tuple[Example, ...]

    def of(self, split: Split) -> list[Example]:
        """The images of a split."""
        return [example for example in self.examples if example.split == split]

    @cached_property
    def digest(self) -> str:
        """The sha256 of all that the data set says: the images' origins, labels and splits, and the classes."""
        return _digest(self.classes, self.examples)


def make_labels(boxes: Iterable[Iterable[float]], class_ids: Iterable[int], label: int = -1) -> Labels:
    """Make labels of plain numbers."""
    return Labels(
        np.asarray(list(map(list, boxes)), np.float32).reshape(-1, 4), np.asarray(list(class_ids), np.int64), label
    )


def _digest(classes: tuple[str, ...], examples: tuple[Example, ...]) -> str:
    digest = hashlib.sha256("\0".join(classes).encode())
    for example in sorted(examples, key=lambda each: each.image_id):
        digest.update(f"\0{example.image_id}\0{example.split}\0{example.origin}".encode())
        if example.labels is not None:
            digest.update(example.labels.boxes.tobytes() + example.labels.class_ids.tobytes())
            digest.update(str(example.labels.label).encode())
    return digest.hexdigest()
