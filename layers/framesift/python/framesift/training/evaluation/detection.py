"""The figures of a detector: COCO's average precision and recall, and curves of precision and recall."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from framesift.training.evaluation.calibration import Calibration, measure_calibration
from framesift.training.evaluation.matching import (
    FALSE,
    FOUND,
    IOU_THRESHOLDS,
    NOT_COUNTED,
    SIZES,
    Floats64,
    Ints,
    Matches,
    match_detections,
)
from framesift.training.types import Prediction, Truth

RECALLS: Final[Floats64] = np.linspace(0, 1, 101)
"""The recalls at which precisions are averaged."""
COUNTS: Final = (1, 10, 100)
"""Average recall is given with so many detections of a class in an image."""
_EPSILON: Final = float(np.spacing(1))


@dataclass(frozen=True)
class ClassFigures:
    """The figures of one class; NaN where no object of it is in the data.

    Attributes:
        name: The class.
        objects: Objects that count: crowds do not.
        ap: Average precision, the mean over IoU thresholds from 0.50 to 0.95.
        ap_50: At IoU 0.50.
        ap_75: At IoU 0.75.
        ar: Average recall with 100 detections an image.
        f1: The best F1 at IoU 0.50.
        threshold: The score at which it is reached.
    """

    name: str
    objects: int
    ap: float
    ap_50: float
    ap_75: float
    ar: float
    f1: float
    threshold: float


@dataclass(frozen=True)
class Curve:
    """Precision and recall of one class at IoU 0.50, as the least score that counts falls.

    Attributes:
        scores: (n,) float32, falling; detections that match a crowd are left out.
        found: (n,) bool: whether the detection is right.
        objects: How many there are to be found.
    """

    scores: NDArray[np.float32]
    found: NDArray[np.bool_]
    objects: int

    @property
    def precision(self) -> Floats64:
        """(n,) the share of the detections up to each one that are right."""
        precision: Floats64 = np.cumsum(self.found) / np.arange(1, len(self.found) + 1)
        return precision

    @property
    def recall(self) -> Floats64:
        """(n,) the share of the objects that are found."""
        recall: Floats64 = np.cumsum(self.found) / max(self.objects, 1)
        return recall

    def choose_threshold(self) -> tuple[float, float]:
        """The best F1, and the score at which it is reached; NaN where there is nothing to find or nothing found."""
        if not self.objects or not self.found.any():
            return (0.0 if self.objects else math.nan), math.nan
        f1 = 2 * np.cumsum(self.found) / (np.arange(1, len(self.found) + 1) + self.objects)
        # All detections of one score count together.
        last = np.append(self.scores[1:] != self.scores[:-1], True)
        best = int(np.argmax(np.where(last, f1, -1)))
        return float(f1[best]), float(self.scores[best])


@dataclass(frozen=True)
class DetectionFigures:
    """What a detector reaches on a data set; see `pycocotools.cocoeval`, whose figures these are.

    Attributes:
        precision: (thresholds, recalls, classes, sizes) float64; NaN where a class has no object of that size.
        recall: (thresholds, classes, sizes, counts) float64; NaN as well.
        classes: The classes' own figures.
        curves: The classes' curves, by name.
        matches: What each detection is worth.
    """

    precision: Floats64
    recall: Floats64
    classes: tuple[ClassFigures, ...]
    curves: Mapping[str, Curve]
    matches: Matches

    @cached_property
    def curve(self) -> Curve:
        """The curve of all classes together."""
        return _join_curves(self.curves.values())

    @property
    def calibration(self) -> Calibration:
        """How often detections are right at IoU 0.50, by their scores."""
        return measure_calibration(self.curve.scores, self.curve.found)

    @property
    def summary(self) -> dict[str, float]:
        """COCO's twelve figures by name; NaN where there is no object of that size."""
        figures = {
            "map": self._average_precision(),
            "map_50": self._average_precision(0.5),
            "map_75": self._average_precision(0.75),
        }
        figures |= {f"map_{size}": self._average_precision(size=size) for size in SIZES[1:]}
        figures |= {f"mar_{count}": self._average_recall(count=count) for count in COUNTS}
        return figures | {f"mar_{size}": self._average_recall(size=size) for size in SIZES[1:]}

    def _average_precision(self, iou: float | None = None, size: str = "all") -> float:
        chosen = self.precision[..., SIZES.index(size)]
        return average(chosen if iou is None else chosen[find_threshold(iou)])

    def _average_recall(self, size: str = "all", count: int = COUNTS[-1]) -> float:
        return average(self.recall[..., SIZES.index(size), COUNTS.index(count)])


def evaluate_detector(
    truths: Sequence[Truth], predictions: Sequence[Prediction], classes: Sequence[str]
) -> DetectionFigures:
    """Compute what a detector reaches.

    Args:
        truths: The objects, one entry for each image.
        predictions: The detections; an image without an entry has none.
        classes: The names of classes 0, 1, …

    Raises:
        UnknownImageError: There are detections of an image without truth, or two entries for one image.
    """
    matches = match_detections(truths, predictions)
    detections, objects = matches.detections, matches.objects
    precision = np.full((len(IOU_THRESHOLDS), len(RECALLS), len(classes), len(SIZES)), np.nan)
    recall = np.full((len(IOU_THRESHOLDS), len(classes), len(SIZES), len(COUNTS)), np.nan)
    curves, figures = {}, []
    for class_id, (name, (rows, worth)) in enumerate(zip(classes, rank_by_class(matches, len(classes)), strict=True)):
        to_find = (~objects.not_counted[objects.class_id == class_id]).sum(axis=0)
        _fill_in(worth, detections.rank[rows], to_find, precision[:, :, class_id], recall[:, class_id])
        counted = worth[:, 0, 0] != NOT_COUNTED
        curve = Curve(detections.score[rows[counted]], worth[counted, 0, 0] == FOUND, int(to_find[0]))
        f1, threshold = curve.choose_threshold()
        own = precision[:, :, class_id, 0]
        curves[name] = curve
        figures.append(
            ClassFigures(
                name=name,
                objects=curve.objects,
                ap=average(own),
                ap_50=average(own[find_threshold(0.5)]),
                ap_75=average(own[find_threshold(0.75)]),
                ar=average(recall[:, class_id, 0, -1]),
                f1=f1,
                threshold=threshold,
            )
        )
    return DetectionFigures(precision, recall, tuple(figures), curves, matches)


def _join_curves(curves: Iterable[Curve]) -> Curve:
    every = list(curves)
    scores = np.concatenate([np.zeros(0, np.float32), *(curve.scores for curve in every)])
    found = np.concatenate([np.zeros(0, np.bool_), *(curve.found for curve in every)])
    order = np.argsort(-scores, kind="stable")
    return Curve(scores[order], found[order], sum(curve.objects for curve in every))


def rank_by_class(matches: Matches, classes: int) -> Iterator[tuple[Ints, NDArray[np.uint8]]]:
    """For each class, its detections from the most probable one on, and what they are worth.

    Yields:
        (d,) the rows of the detections; (d, sizes, thresholds) uint8: `FALSE`, `FOUND` or `NOT_COUNTED`.
    """
    detections = matches.detections
    outcome = np.full(len(detections.score), -1, np.int64)
    outcome[matches.touching] = np.arange(len(matches.touching))
    order = np.lexsort((-detections.score, detections.class_id))
    borders = np.searchsorted(detections.class_id[order], np.arange(classes + 1))
    for start, end in pairwise(borders.tolist()):
        rows = order[start:end]
        worth = np.full((len(rows), len(SIZES), len(IOU_THRESHOLDS)), FALSE, np.uint8)
        touches = outcome[rows] >= 0
        worth[touches] = matches.outcome[outcome[rows[touches]]]
        worth[(worth == FALSE) & detections.other_size[rows][:, :, None]] = NOT_COUNTED
        yield rows, worth


def average(values: Floats64) -> float:
    """The mean of what is not NaN; NaN where there is nothing."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else math.nan


def find_threshold(iou: float) -> int:
    """The place of an IoU threshold."""
    return int(np.argmin(np.abs(IOU_THRESHOLDS - iou)))


def interpolate_precision(found: Floats64, counted: Floats64, to_find: float) -> Floats64:
    """Precision at each recall of `RECALLS`: the highest that is reached at this recall or a larger one.

    Args:
        found: (k,) how much has been found up to each right detection, with it; rising.
        counted: (k,) how many detections had been counted there.
        to_find: How much there is to find.

    Returns:
        (recalls,) float64; 0 where that recall is not reached.
    """
    # Between right detections precision only falls, so that they alone decide.
    best = np.maximum.accumulate((found / (counted + _EPSILON))[::-1])[::-1]
    place = np.searchsorted(found / to_find, RECALLS, side="left")
    return np.append(best, 0.0)[place]


def _fill_in(worth: NDArray[np.uint8], rank: Ints, to_find: Ints, precision: Floats64, recall: Floats64) -> None:
    """Fill in one class's precision (thresholds, recalls, sizes) and recall (thresholds, sizes, counts)."""
    is_found = worth == FOUND
    for size in np.flatnonzero(to_find):
        counted = np.cumsum(worth[:, size] != NOT_COUNTED, axis=0)
        for threshold in range(len(IOU_THRESHOLDS)):
            right = np.flatnonzero(is_found[:, size, threshold])
            for place, count in enumerate(COUNTS):
                recall[threshold, size, place] = (rank[right] < count).sum() / to_find[size]
            precision[threshold, :, size] = interpolate_precision(
                np.arange(1.0, len(right) + 1), counted[right, threshold].astype(np.float64), float(to_find[size])
            )
