"""What training, evaluation and tracking exchange."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from framesift.training.recipe import Recipe

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Truth:
    """The objects that are known to be in one image.

    Attributes:
        image_id: The image's id, unique in its data set.
        boxes: (n, 4) float32: left, top, right, bottom in the image's pixels.
        class_ids: (n,) int64, from 0.
        crowd: (n,) bool: the box surrounds a crowd, in which any number of detections is right.
        areas: (n,) float64: square pixels of each object, by which sizes are told apart.
    """

    image_id: str
    boxes: Floats
    class_ids: Ints
    crowd: NDArray[np.bool_]
    areas: NDArray[np.float64]


@dataclass(frozen=True)
class Prediction:
    """The objects that a detector finds in one image.

    Attributes:
        image_id: The image's id, as in its `Truth`.
        boxes: (n, 4) float32: left, top, right, bottom in the image's pixels.
        class_ids: (n,) int64, from 0.
        scores: (n,) float32, 0 to 1.
    """

    image_id: str
    boxes: Floats
    class_ids: Ints
    scores: Floats


@dataclass(frozen=True)
class Progress:
    """A line of a learning curve.

    Attributes:
        step: Steps done.
        epoch: Passes over the data done; a fraction within one.
        metrics: By name, such as `loss`, `learning_rate`, `val/map_50`.
        elapsed_s: Seconds of training, pauses not counted.
    """

    step: int
    epoch: float
    metrics: Mapping[str, float]
    elapsed_s: float


@dataclass(frozen=True)
class Outcome:
    """What a finished training leaves.

    Attributes:
        metrics: Figures on the test split, or else the validation split, by name.
        files: Weights, the model's card, the learning curve.
    """

    metrics: Mapping[str, float]
    files: Sequence[Path] = field(default=())


class Tracker(Protocol):
    """Records a training as it goes."""

    def start(self, recipe: Recipe, data_digest: str) -> None:
        """Begin a run, or go on with it after an interruption.

        Args:
            recipe: What is trained.
            data_digest: The sha256 of the data: of its images' digests, boxes, classes and splits.
        """

    def log(self, progress: Progress) -> None:
        """Record a line of the learning curve."""

    def finish(self, outcome: Outcome) -> None:
        """End the run with its figures and files."""

    def fail(self, error: BaseException) -> None:
        """End the run, which broke off."""
