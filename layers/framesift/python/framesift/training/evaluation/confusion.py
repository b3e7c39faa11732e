"""Which class was taken for which: by one detection an object, whatever their classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from framesift.training.evaluation.matching import Bools, Detections, Ints, Matches, Objects, find_overlaps

MIN_IOU: Final = 0.5
BACKGROUND: Final = "background"


@dataclass(frozen=True)
class Confusion:
    """How often each class was taken for which.

    Attributes:
        names: The classes; of a detector's also `background`, as the last one.
        counts: (n, n) int64: a row for what it is, a column for what it was taken for.
    """

    names: tuple[str, ...]
    counts: NDArray[np.int64]


@dataclass(frozen=True)
class Pairing:
    """Which detection found which object, at one least score.

    Attributes:
        shown: (d,) bool: the detections that reach the score.
        object_of: (d,) the row of the object that a detection found, of any class; -1: none.
        detection_of: (n,) the row of the detection that found an object; -1: none.
        in_crowd: (d,) bool: the detections that lie in a crowd of their class.
    """

    shown: Bools
    object_of: Ints
    detection_of: Ints
    in_crowd: Bools


def pair_up(matches: Matches, min_score: float) -> Pairing:
    """Pair detections with objects of any class, one to one.

    Pairs of one class come before others, and those that overlap more before those that overlap less.

    Args:
        matches: The detections and objects.
        min_score: Less probable detections are left out.
    """
    detections, objects = matches.detections, matches.objects
    object_of = np.full(len(detections.score), -1, np.int64)
    detection_of = np.full(len(objects.image), -1, np.int64)
    shown = detections.score >= min_score
    rows = np.flatnonzero(shown)
    place, truth, iou = find_overlaps(_select(detections, rows), objects, min_iou=MIN_IOU, any_class=True)
    detection = rows[place]
    alike = detections.class_id[detection] == objects.class_id[truth]
    crowd = objects.crowd[truth]
    in_crowd = np.zeros(len(detections.score), np.bool_)
    in_crowd[detection[crowd & alike]] = True
    order = np.lexsort((-iou, ~alike))
    for pair in order[~crowd[order]].tolist():
        if object_of[detection[pair]] < 0 and detection_of[truth[pair]] < 0:
            object_of[detection[pair]] = truth[pair]
            detection_of[truth[pair]] = detection[pair]
    return Pairing(shown, object_of, detection_of, in_crowd & (object_of < 0))


def count_confusions(matches: Matches, pairing: Pairing, classes: Sequence[str]) -> Confusion:
    """Count which class was taken for which, with `background` for what is missed or is not there."""
    objects: Objects = matches.objects
    background = len(classes)
    counts = np.zeros((background + 1, background + 1), np.int64)
    counted = ~objects.crowd
    found = np.where(pairing.detection_of < 0, background, matches.detections.class_id[pairing.detection_of])
    np.add.at(counts, (objects.class_id[counted], found[counted]), 1)
    alone = pairing.shown & (pairing.object_of < 0) & ~pairing.in_crowd
    counts[background] += np.bincount(matches.detections.class_id[alone], minlength=background + 1)
    return Confusion((*classes, BACKGROUND), counts)


def _select(detections: Detections, rows: Ints) -> Detections:
    return Detections(
        detections.image[rows],
        detections.class_id[rows],
        detections.boxes[rows],
        detections.score[rows],
        detections.rank[rows],
        detections.other_size[rows],
    )
