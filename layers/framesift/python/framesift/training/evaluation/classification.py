"""The figures of a classifier."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framesift.training.evaluation.calibration import Calibration, measure_calibration
from framesift.training.evaluation.confusion import Confusion
from framesift.training.evaluation.detection import Curve, average

Labels = NDArray[np.int64]
Probabilities = NDArray[np.float32]


@dataclass(frozen=True)
class LabelFigures:
    """The figures of one class; NaN where they are not defined.

    Attributes:
        name: The class.
        images: Images of this class.
        precision: Of the images that are taken for this class, the share that is of it.
        recall: Of the images of this class, the share that is taken for it.
        f1: The harmonic mean of both; 0 where nothing is right.
        ap: Average precision: the area below the curve of precision over recall.
    """

    name: str
    images: int
    precision: float
    recall: float
    f1: float
    ap: float


@dataclass(frozen=True)
class ClassifierFigures:
    """What a classifier reaches on a data set.

    Attributes:
        labels: (n,) int64: what the images are.
        probabilities: (n, classes) float32.
        classes: The classes' own figures.
        confusion: Which class was taken for which.
        curves: Precision and recall by class, as the least probability that counts falls.
        calibration: Of the most probable class.
    """

    labels: Labels
    probabilities: Probabilities
    classes: tuple[LabelFigures, ...]
    confusion: Confusion
    curves: Mapping[str, Curve]
    calibration: Calibration

    @property
    def predicted(self) -> Labels:
        """(n,) int64: the most probable class of each image."""
        best: Labels = np.argmax(self.probabilities, axis=1)
        return best

    @property
    def summary(self) -> dict[str, float]:
        """The figures of all classes by name; `macro` is a mean over classes, whatever their sizes."""
        return {
            "accuracy": float((self.predicted == self.labels).mean()),
            "macro_f1": average(np.array([each.f1 for each in self.classes])),
            "macro_precision": average(np.array([each.precision for each in self.classes])),
            "macro_recall": average(np.array([each.recall for each in self.classes])),
            "map": average(np.array([each.ap for each in self.classes])),
            "calibration_error": self.calibration.error,
        }

    def find_worst(self, count: int) -> list[int]:
        """The rows of images that are taken for another class, those first that it is surest of."""
        rows = np.arange(len(self.labels))
        wrong = rows[self.predicted != self.labels]
        lead = self.probabilities[wrong].max(axis=1) - self.probabilities[wrong, self.labels[wrong]]
        worst: list[int] = wrong[np.argsort(-lead, kind="stable")][:count].tolist()
        return worst


def evaluate_classifier(labels: Labels, probabilities: Probabilities, classes: Sequence[str]) -> ClassifierFigures:
    """Compute what a classifier reaches.

    Args:
        labels: (n,) int64: the class of each image, from 0.
        probabilities: (n, classes) float32, 0 to 1.
        classes: The classes' names.
    """
    predicted = np.argmax(probabilities, axis=1)
    counts = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(counts, (labels, predicted), 1)
    curves = {name: _make_curve(labels == number, probabilities[:, number]) for number, name in enumerate(classes)}
    figures = tuple(
        _describe(name, int(counts[number, number]), counts[number].sum(), counts[:, number].sum(), curves[name])
        for number, name in enumerate(classes)
    )
    calibration = measure_calibration(probabilities.max(axis=1), predicted == labels)
    return ClassifierFigures(labels, probabilities, figures, Confusion(tuple(classes), counts), curves, calibration)


def measure_area(curve: Curve) -> float:
    """The area below precision over recall, as steps; images of one probability count together. NaN without images."""
    if not curve.objects:
        return math.nan
    last = np.append(curve.scores[1:] != curve.scores[:-1], True)
    recall, precision = curve.recall[last], curve.precision[last]
    return float((np.diff(recall, prepend=0.0) * precision).sum())


def _make_curve(positive: NDArray[np.bool_], probability: NDArray[np.float32]) -> Curve:
    order = np.argsort(-probability, kind="stable")
    return Curve(probability[order], positive[order], int(positive.sum()))


def _describe(name: str, right: int, images: int, taken: int, curve: Curve) -> LabelFigures:
    return LabelFigures(
        name=name,
        images=int(images),
        precision=right / taken if taken else math.nan,
        recall=right / images if images else math.nan,
        f1=2 * right / (images + taken) if images + taken else math.nan,
        ap=measure_area(curve),
    )
