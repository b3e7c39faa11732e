"""The gate: a challenger takes over from the champion only if it is no worse on the same images.

Both are evaluated on the same images, and the difference is computed anew for many random draws of these images (a
paired bootstrap): the interval that 95 % of the differences lie in says how much of it is chance.

- **On the whole** the challenger has to be shown to be no worse: the interval's lower end is above minus the margin.
  Few images give a wide interval, and then the champion stays.
- **Of each class** it must not be shown to be worse: the interval's upper end is above minus the margin for classes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from framesift.errors import DataDiffersError
from framesift.training.evaluation.classification import ClassifierFigures
from framesift.training.evaluation.detection import DetectionFigures, average, interpolate_precision, rank_by_class
from framesift.training.evaluation.matching import FOUND, IOU_THRESHOLDS, NOT_COUNTED, Floats64

if TYPE_CHECKING:
    from framesift.training.evaluate import Evaluation

DRAWS: Final = 400
MARGIN: Final = 0.01
CLASS_MARGIN: Final = 0.05
_LEVEL: Final = (0.025, 0.975)


@dataclass(frozen=True)
class Change:
    """How much better the challenger is.

    Attributes:
        name: A class; empty: the mean of all.
        champion: What the champion reaches: average precision, or F1.
        challenger: What the challenger reaches.
        low: The lower end of the difference's 95 % interval; NaN where no draw has an example.
        high: The upper end.
    """

    name: str
    champion: float
    challenger: float
    low: float
    high: float


@dataclass(frozen=True)
class Judgement:
    """What the gate says.

    Attributes:
        passed: Whether the challenger takes over.
        why: In a sentence.
        overall: The mean of all classes.
        classes: Each class.
    """

    passed: bool
    why: str
    overall: Change
    classes: Sequence[Change]


def judge(
    champion: Evaluation,
    challenger: Evaluation,
    *,
    margin: float = MARGIN,
    class_margin: float = CLASS_MARGIN,
    draws: int = DRAWS,
    seed: int = 0,
) -> Judgement:
    """Judge whether a challenger may take over.

    Args:
        champion: The evaluation of the model in service.
        challenger: The evaluation of the new one, on the same images.
        margin: By how much it may be worse on the whole.
        class_margin: By how much it may be worse in a class.
        draws: Random draws of the images.
        seed: Of the draws.

    Raises:
        DataDiffersError: They were evaluated on different data, or do different things.
    """
    if champion.data.digest != challenger.data.digest or champion.task != challenger.task:
        raise DataDiffersError(
            f"{champion.model} was evaluated on {champion.data.name} ({champion.data.digest[:12]}) and "
            f"{challenger.model} on {challenger.data.name} ({challenger.data.digest[:12]}): evaluate both, of one "
            "task, on the same images."
        )
    weights = _draw_weights(len(champion.data.images), draws, seed)
    names = champion.data.classes
    before, after = (resample(each.figures, len(names), weights) for each in (champion, challenger))
    points = [resample(each.figures, len(names), np.ones((1, weights.shape[1])))[0] for each in (champion, challenger)]
    classes = [
        _compare(name, points[0][place], points[1][place], after[:, place] - before[:, place])
        for place, name in enumerate(names)
    ]
    difference = np.array([average(row) for row in after]) - np.array([average(row) for row in before])
    overall = _compare("", average(points[0]), average(points[1]), difference)
    worse = [each for each in classes if each.high < -class_margin]
    return _decide(overall, classes, worse, margin)


def resample(figures: DetectionFigures | ClassifierFigures, classes: int, weights: Floats64) -> Floats64:
    """Average precision (of a classifier: F1) of each class, for random draws of the images.

    Args:
        figures: On all images.
        classes: How many classes count, the first ones.
        weights: (draws, images): how often each image was drawn.

    Returns:
        (draws, classes) float64; NaN where a draw has no example.
    """
    if isinstance(figures, ClassifierFigures):
        return _resample_f1(figures, classes, weights)
    values = np.full((len(weights), classes), np.nan)
    objects, detections = figures.matches.objects, figures.matches.detections
    for class_id, (rows, worth) in enumerate(rank_by_class(figures.matches, classes)):
        own = (objects.class_id == class_id) & ~objects.not_counted[:, 0]
        to_find = weights[:, objects.image[own]].sum(axis=1)
        image = detections.image[rows]
        for draw in np.flatnonzero(to_find):
            values[draw, class_id] = _average_precision(worth[:, 0], weights[draw, image], float(to_find[draw]))
    return values


def _average_precision(worth: NDArray[np.uint8], weight: Floats64, to_find: float) -> float:
    """The mean over IoU thresholds, where each detection counts as often as its image was drawn."""
    precisions = []
    for threshold in range(len(IOU_THRESHOLDS)):
        counted = np.cumsum(weight * (worth[:, threshold] != NOT_COUNTED))
        right = np.flatnonzero((worth[:, threshold] == FOUND) & (weight > 0))
        precisions.append(interpolate_precision(np.cumsum(weight[right]), counted[right], to_find).mean())
    return float(np.mean(precisions))


def _resample_f1(figures: ClassifierFigures, classes: int, weights: Floats64) -> Floats64:
    values = np.full((len(weights), classes), np.nan)
    for class_id in range(classes):
        is_class, taken = figures.labels == class_id, figures.predicted == class_id
        right = weights @ (is_class & taken).astype(np.float64)
        images, answers = weights @ is_class.astype(np.float64), weights @ taken.astype(np.float64)
        np.divide(2 * right, images + answers, out=values[:, class_id], where=images > 0)
    return values


def _draw_weights(images: int, draws: int, seed: int) -> Floats64:
    """(draws, images): how often each image is drawn."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(images, np.full(images, 1 / images), draws).astype(np.float64)


def _compare(name: str, champion: float, challenger: float, differences: Floats64) -> Change:
    known = differences[~np.isnan(differences)]
    low, high = np.quantile(known, _LEVEL).tolist() if len(known) else (math.nan, math.nan)
    return Change(name, float(champion), float(challenger), low, high)


def _decide(overall: Change, classes: Sequence[Change], worse: Sequence[Change], margin: float) -> Judgement:
    figures = (
        f"it reaches {overall.challenger:.3f}, the champion {overall.champion:.3f}; the difference lies between "
        f"{overall.low:+.3f} and {overall.high:+.3f}"
    )
    if worse:
        first = min(worse, key=lambda change: change.high)
        why = f"The champion stays: of {first.name}, {first.champion:.3f} became {first.challenger:.3f} ({figures})."
    elif not overall.low >= -margin:
        why = f"The champion stays: {figures}, and at most {margin:g} less is allowed."
    else:
        why = f"The challenger takes over: {figures}."
    return Judgement(not worse and overall.low >= -margin, why, overall, classes)
