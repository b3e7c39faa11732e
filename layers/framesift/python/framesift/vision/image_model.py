"""What looks at images: a classifier or a detector, and the feature vector that it has before its output layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from framesift.contracts import Prediction
from framesift.vision.inputs import InputForm


@dataclass(frozen=True)
class Look:
    """What a model says about one image.

    Attributes:
        predictions: The most probable first.
        features: `(dimension,)` float16, before the output layer, not normalised; None where the model gives none.
    """

    predictions: list[Prediction]
    features: NDArray[np.float16] | None


@dataclass(frozen=True)
class Prepared:
    """An image as a model takes it.

    Attributes:
        pixels: `(1, height, width, 3)` uint8 RGB, made by `prepare_input` in the model's `input_form`.
        width: The image's own width, pixels.
        height: The image's own height, pixels.
    """

    pixels: NDArray[np.uint8]
    width: int
    height: int


class ImageModel(Protocol):
    """A model that looks at images: `classification.OnnxClassifier`, `detection.onnx.looker.DetectorModel`.

    Attributes:
        name: `name@version`, as predictions and the folders of features have it.
        input_form: How it takes an image.
        device: What computes, for people.
    """

    name: str
    input_form: InputForm
    device: str

    def look(self, images: Sequence[Prepared], *, min_score: float, max_predictions: int) -> list[Look]:
        """Say what is in images.

        Args:
            images: Prepared in the model's `input_form`.
            min_score: Less probable predictions are left out.
            max_predictions: The most predictions of an image that are given, the most probable first.

        Returns:
            An answer for each image, in order.
        """
        ...


def to_features(rows: NDArray[np.float32]) -> NDArray[np.float16]:
    """Keep features as float16: values beyond its range are cut off."""
    limit = float(np.finfo(np.float16).max)
    return np.clip(np.nan_to_num(rows), -limit, limit).astype(np.float16)
