"""Classifies images with an ONNX file of the registry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framesift.contracts import Prediction
from framesift.errors import NotAClassifierError
from framesift.models import Model
from framesift.vision.image_model import Look, Prepared, to_features
from framesift.vision.inputs import InputForm, normalise_planes
from framesift.vision.onnx_session import OnnxNetwork

FEATURES_OUTPUT = "features"
"""The name of the output that a network's features come from."""


class OnnxClassifier:
    """An ONNX network that gives a score for each label, and may give features; see `ImageModel`.

    Args:
        model: The registry's model.
        batch: Images per run of the network.
        threads: Threads of one run; 0: one per core.
        exact: Compute in float32 in any case.

    Raises:
        NotAClassifierError: The model's card describes no classifier.
    """

    def __init__(self, model: Model, *, batch: int = 32, threads: int = 0, exact: bool = False) -> None:
        form = model.card.classifier
        if form is None:
            raise NotAClassifierError(f"The model {model.card.name} is no classifier: its card has no `classifier`.")
        self.name = model.card.label
        self._form = form
        self.input_form = InputForm(
            way="crop" if form.resize else "stretch", width=form.width, height=form.height, resize=form.resize
        )
        self._network = OnnxNetwork(model.path, threads=threads, exact=exact)
        self._batch = self._network.batch_size or batch
        self.device = self._network.device

    def look(self, images: Sequence[Prepared], *, min_score: float, max_predictions: int) -> list[Look]:
        """See `ImageModel.look`."""
        found: list[Look] = []
        for start in range(0, len(images), self._batch):
            part = images[start : start + self._batch]
            scores, features = self._run(np.concatenate([image.pixels for image in part]))
            for row in range(len(part)):
                predictions = self._predictions(scores[row], min_score, max_predictions)
                found.append(Look(predictions, None if features is None else features[row]))
        return found

    def _run(self, pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float16] | None]:
        count = len(pixels)
        if self._network.batch_size:  # A batch that is fixed is filled up.
            pixels = np.concatenate([pixels, np.repeat(pixels[-1:], self._network.batch_size - count, axis=0)])
        batch: NDArray[Any] = pixels
        if not self._network.takes_uint8:
            batch = normalise_planes(pixels, self._form.mean, self._form.deviation)
        outputs = self._network.run_all(batch)
        features = outputs.pop(FEATURES_OUTPUT, None)
        scores = np.asarray(next(iter(outputs.values())), np.float32).reshape(len(pixels), -1)
        if scores.shape[1] != len(self._form.labels):
            raise NotAClassifierError(
                f"{self.name} gives {scores.shape[1]} scores, but its card has {len(self._form.labels)} labels: add it "
                "again with the labels that it was trained with."
            )
        if self._form.scores == "logits":
            scores = _softmax(scores)
        kept = None if features is None else to_features(np.asarray(features).reshape(len(pixels), -1))
        return scores[:count], kept if kept is None else kept[:count]

    def _predictions(self, scores: NDArray[np.float32], min_score: float, count: int) -> list[Prediction]:
        best = np.argsort(-scores, kind="stable")[:count]
        return [
            Prediction(model=self.name, label=self._form.labels[label], score=min(max(float(scores[label]), 0.0), 1.0))
            for label in best.tolist()
            if scores[label] >= min_score
        ]


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: NDArray[np.float32] = powers / powers.sum(axis=1, keepdims=True)
    return shares
