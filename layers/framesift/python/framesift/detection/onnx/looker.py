"""A detector as one of the models that look at a collection's images."""

from __future__ import annotations

from collections.abc import Sequence

from framesift.contracts import Box, Detection, Prediction
from framesift.detection.onnx.detector import OnnxDetector
from framesift.errors import NotADetectorError
from framesift.models import Model
from framesift.vision.image_model import Look, Prepared, to_features


class DetectorModel:
    """An ONNX detector of the registry; see `ImageModel`.

    Args:
        model: The registry's model.
        batch: Images per run of the network, where it takes several.
        threads: Threads of one run; 0: one per core.
        exact: Compute in float32 in any case.

    Raises:
        NotADetectorError: The model's card describes no detector.
    """

    def __init__(self, model: Model, *, batch: int = 8, threads: int = 0, exact: bool = False) -> None:
        if model.card.detector is None:
            raise NotADetectorError(f"The model {model.card.name} is no object detector: its card has no `detector`.")
        self.name = model.card.label
        self._detector = OnnxDetector(
            model.path, model.card.detector, name=self.name, batch=batch, threads=threads, exact=exact
        )
        self.input_form = self._detector.input_form
        self.device = self._detector.device

    def look(self, images: Sequence[Prepared], *, min_score: float, max_predictions: int) -> list[Look]:
        """See `ImageModel.look`."""
        return [
            Look(
                [self._prediction(each) for each in found[:max_predictions]],
                None if features is None else to_features(features),
            )
            for found, features in self._detector.detect_prepared(images, min_score=min_score)
        ]

    def _prediction(self, found: Detection) -> Prediction:
        box = Box(
            left=found.left,
            top=found.top,
            width=min(found.width, 1 - found.left),
            height=min(found.height, 1 - found.top),
        )
        return Prediction(model=self.name, label=found.tag, score=found.probability, box=box)
