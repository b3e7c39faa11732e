"""A detector's mistakes, and the images with the worst of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from framesift.training.evaluation.confusion import MIN_IOU, Pairing
from framesift.training.evaluation.matching import Matches, find_overlaps

MistakeKind = Literal["missed", "not there", "wrong class", "misplaced", "repeated"]
_TOUCHING_IOU: Final = 0.1


@dataclass(frozen=True)
class Mistake:
    """One mistake.

    Attributes:
        image: The number of the image.
        kind: `missed`: an object that no detection found; `not there`: a detection of nothing; `wrong class`;
            `misplaced`: the detection overlaps an object of its class too little; `repeated`: another detection found
            the object already.
        box: Left, top, right, bottom of the detection, or the missed object; pixels.
        class_id: Of the detection, or the missed object.
        is_class_id: What the object is, where the class is wrong.
        score: The detection's; of a missed object, the best score, too low to count, that it was found with; 0: none.
        severity: 0 to 1: how sure the model was of what is wrong.
    """

    image: int
    kind: MistakeKind
    box: tuple[float, float, float, float]
    class_id: int
    is_class_id: int | None
    score: float
    severity: float


def find_mistakes(matches: Matches, pairing: Pairing) -> list[Mistake]:
    """List the mistakes among the detections that are shown, the worst first."""
    detections, objects = matches.detections, matches.objects
    found: list[Mistake] = []
    near = _find_near(matches)
    for row in np.flatnonzero(pairing.shown & ~pairing.in_crowd).tolist():
        class_id, score, truth = int(detections.class_id[row]), float(detections.score[row]), pairing.object_of[row]
        if truth >= 0 and objects.class_id[truth] == class_id:
            continue
        kind: MistakeKind = "wrong class" if truth >= 0 else near.get(row, "not there")
        found.append(
            Mistake(
                image=int(detections.image[row]),
                kind=kind,
                box=_as_box(detections.boxes[row]),
                class_id=class_id,
                is_class_id=int(objects.class_id[truth]) if truth >= 0 else None,
                score=score,
                severity=score,
            )
        )
    doubts = _find_doubts(matches)
    for truth in np.flatnonzero((pairing.detection_of < 0) & ~objects.crowd).tolist():
        score = doubts.get(truth, 0.0)
        found.append(
            Mistake(
                image=int(objects.image[truth]),
                kind="missed",
                box=_as_box(objects.boxes[truth]),
                class_id=int(objects.class_id[truth]),
                is_class_id=None,
                score=score,
                severity=1 - score,
            )
        )
    return sorted(found, key=lambda mistake: -mistake.severity)


def rank_images(mistakes: Sequence[Mistake], count: int) -> list[tuple[int, list[Mistake]]]:
    """The images with the worst mistakes, by the sum of their severities.

    Returns:
        The number and the mistakes of each, the worst first.
    """
    by_image: defaultdict[int, list[Mistake]] = defaultdict(list)
    for mistake in mistakes:
        by_image[mistake.image].append(mistake)
    ranked = sorted(by_image.items(), key=lambda entry: -sum(mistake.severity for mistake in entry[1]))
    return ranked[:count]


def _find_near(matches: Matches) -> dict[int, MistakeKind]:
    """Of detections that overlap an object of their class: what they are, if they did not find it."""
    detection, truth, iou = find_overlaps(matches.detections, matches.objects, min_iou=_TOUCHING_IOU)
    near: dict[int, MistakeKind] = {}
    for row, wanted, overlap in zip(detection.tolist(), truth.tolist(), iou.tolist(), strict=True):
        if not matches.objects.crowd[wanted]:  # The largest overlap comes last, and stays.
            near[row] = "repeated" if overlap >= MIN_IOU else "misplaced"
    return near


def _find_doubts(matches: Matches) -> dict[int, float]:
    """For each object the best score of the detections of its class that lie on it."""
    detection, truth, _ = find_overlaps(matches.detections, matches.objects, min_iou=MIN_IOU)
    doubts: dict[int, float] = {}
    for row, wanted in zip(detection.tolist(), truth.tolist(), strict=True):
        doubts[wanted] = max(doubts.get(wanted, 0.0), float(matches.detections.score[row]))
    return doubts


def _as_box(box: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> tuple[float, float, float, float]:
    left, top, right, bottom = box.tolist()
    return left, top, right, bottom
