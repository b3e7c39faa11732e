"""Matches detections with objects by pycocotools' rules, for all images, classes, sizes and IoU thresholds at once.

In each class of each image, the most probable detection chooses first: the free object that it overlaps most, if its
IoU reaches the threshold. pycocotools runs this as nested loops for each image, class and range of sizes. Here only
the pairs that overlap enough are kept, and all classes of all images choose at the same time, rank by rank.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from framesift.errors import UnknownImageError
from framesift.training.types import Prediction, Truth

Floats64 = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

IOU_THRESHOLDS: Final[Floats64] = np.linspace(0.5, 0.95, 10)
"""COCO's: 0.50, 0.55, … 0.95."""
SIZES: Final = ("all", "small", "medium", "large")
_AREAS: Final = np.array([[0, 1e10], [0, 32**2], [32**2, 96**2], [96**2, 1e10]], np.float64)
MAX_DETECTIONS: Final = 100
"""Of one class in one image; less probable ones are not looked at."""

FALSE: Final = 0
FOUND: Final = 1
NOT_COUNTED: Final = 2

_MAX_IOU_THRESHOLD: Final = 1 - 1e-10
_PAIRS_AT_ONCE: Final = 1 << 20  # Bounds the memory that overlaps take.


@dataclass(frozen=True)
class Objects:
    """The objects of all images, sorted by image and class.

    Attributes:
        image: (n,) the number of each object's image.
        class_id: (n,)
        boxes: (n, 4) float64 xyxy, pixels.
        crowd: (n,) bool.
        not_counted: (n, sizes) bool: crowds, and objects of other sizes.
    """

    image: Ints
    class_id: Ints
    boxes: Floats64
    crowd: Bools
    not_counted: Bools


@dataclass(frozen=True)
class Detections:
    """The detections of all images, sorted by image, class and falling score; at most 100 of a class in an image.

    Attributes:
        image: (d,) the number of each detection's image.
        class_id: (d,)
        boxes: (d, 4) float64 xyxy, pixels.
        score: (d,) float32.
        rank: (d,) from 0, in its class and image.
        other_size: (d, sizes) bool: boxes of other sizes.
    """

    image: Ints
    class_id: Ints
    boxes: Floats64
    score: NDArray[np.float32]
    rank: Ints
    other_size: Bools


@dataclass(frozen=True)
class Matches:
    """What each detection is worth.

    Attributes:
        images: How many images there are.
        objects: The objects.
        detections: The detections.
        touching: (c,) the rows of the detections that overlap an object of their class at all; all others are false.
        outcome: (c, sizes, thresholds) uint8: `FALSE`, `FOUND`, or `NOT_COUNTED` where the object is not counted.
        matched: (c,) the row of the object that each matches at the lowest threshold, whatever its size; -1: none.
    """

    images: int
    objects: Objects
    detections: Detections
    touching: Ints
    outcome: NDArray[np.uint8]
    matched: Ints


def match_detections(truths: Sequence[Truth], predictions: Sequence[Prediction]) -> Matches:
    """Match the detections of images with their objects.

    Args:
        truths: The objects, one entry for each image.
        predictions: The detections, in any order; an image without an entry has none.

    Raises:
        UnknownImageError: There are detections of an image without truth, or two entries for one image.
    """
    objects = _flatten_truths(truths)
    detections = _flatten_predictions(predictions, number_images(truths, predictions))
    detection, truth, iou = find_overlaps(detections, objects)
    touching, first = np.unique(detection, return_index=True)
    outcome, matched = _choose(detections.rank, touching, first, truth, iou, objects)
    return Matches(len(truths), objects, detections, touching, outcome, matched)


def number_images(truths: Sequence[Truth], predictions: Sequence[Prediction]) -> dict[str, int]:
    """Number the images in the order of `truths`.

    Raises:
        UnknownImageError: There are detections of an image without truth, or two entries for one image.
    """
    numbers = {truth.image_id: number for number, truth in enumerate(truths)}
    if len(numbers) != len(truths) or len({each.image_id for each in predictions}) != len(predictions):
        raise UnknownImageError("Two entries have the same image id: give each image an id and an entry of its own.")
    if unknown := [each.image_id for each in predictions if each.image_id not in numbers]:
        raise UnknownImageError(
            f"{len(unknown):,} images with detections are not in the data set, {unknown[0]!r} for example: predict "
            "the images of the data set that is evaluated."
        )
    return numbers


def compute_iou(first: Floats64, second: Floats64, crowd: Bools) -> Floats64:
    """Compute the IoU of boxes, pair by pair; of a crowd, the share of the first box that lies in it.

    Args:
        first: (n, 4) float64 xyxy.
        second: (n, 4) float64 xyxy.
        crowd: (n,) whether the second box is a crowd's.

    Returns:
        (n,) float64, 0 to 1.
    """
    width = np.minimum(first[:, 2], second[:, 2]) - np.maximum(first[:, 0], second[:, 0])
    height = np.minimum(first[:, 3], second[:, 3]) - np.maximum(first[:, 1], second[:, 1])
    common = np.maximum(width, 0) * np.maximum(height, 0)
    own = _areas(first)
    whole = np.where(crowd, own, own + _areas(second) - common)
    shares: Floats64 = np.divide(common, whole, out=np.zeros_like(common), where=common > 0)
    return shares


def find_overlaps(
    detections: Detections, objects: Objects, *, min_iou: float = float(IOU_THRESHOLDS[0]), any_class: bool = False
) -> tuple[Ints, Ints, Floats64]:
    """Find the detections and objects of one image that overlap.

    Args:
        detections: The detections.
        objects: The objects.
        min_iou: Pairs with less are left out.
        any_class: Whether pairs of different classes are wanted, too.

    Returns:
        Of each pair the row of the detection, the row of the object, and their IoU; sorted by these, the IoU before the
        object.
    """
    wanted, present = detections.image, objects.image
    if not any_class:
        classes = 1 + max(int(part.max(initial=-1)) for part in (detections.class_id, objects.class_id))
        wanted, present = wanted * classes + detections.class_id, present * classes + objects.class_id
    start = np.searchsorted(present, wanted, side="left")
    count = np.searchsorted(present, wanted, side="right") - start
    found: list[tuple[Ints, Ints, Floats64]] = []
    for part in _divide(count):
        row, truth = expand_ranges(start[part], count[part])
        detection = row + part.start
        iou = compute_iou(detections.boxes[detection], objects.boxes[truth], objects.crowd[truth])
        near = np.flatnonzero(iou >= min_iou)
        found.append((detection[near], truth[near], iou[near]))
    detection, truth, iou = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.lexsort((truth, iou, detection))
    return detection[order], truth[order], iou[order]


def expand_ranges(start: Ints, count: Ints) -> tuple[Ints, Ints]:
    """Write out ranges: for each number in each range, the range's row and the number.

    Example:
        >>> [each.tolist() for each in expand_ranges(np.array([5, 0]), np.array([2, 1]))]
        [[0, 0, 1], [5, 6, 0]]
    """
    row = np.repeat(np.arange(len(count)), count)
    offset = np.cumsum(count) - count
    return row, np.arange(len(row)) - offset[row] + start[row]


def _flatten_truths(truths: Sequence[Truth]) -> Objects:
    image = _number_rows([len(truth.class_ids) for truth in truths])
    class_id = _join([truth.class_ids for truth in truths], np.int64)
    boxes = _join([truth.boxes for truth in truths], np.float64, (4,))
    crowd = _join([truth.crowd for truth in truths], np.bool_)
    area = _join([truth.areas for truth in truths], np.float64)
    order = np.lexsort((class_id, image))
    not_counted = crowd[:, None] | _is_other_size(area)
    return Objects(image[order], class_id[order], boxes[order], crowd[order], not_counted[order])


def _flatten_predictions(predictions: Sequence[Prediction], numbers: dict[str, int]) -> Detections:
    rows = _number_rows([len(each.scores) for each in predictions])
    image = np.array([numbers[each.image_id] for each in predictions], np.int64)[rows]
    class_id = _join([each.class_ids for each in predictions], np.int64)
    boxes = _join([each.boxes for each in predictions], np.float64, (4,))
    score = _join([each.scores for each in predictions], np.float32)
    order = np.lexsort((-score, class_id, image))
    image, class_id = image[order], class_id[order]
    begins = np.ones(len(order), np.bool_)
    begins[1:] = (np.diff(image) != 0) | (np.diff(class_id) != 0)
    place = np.arange(len(order))
    rank = place - np.maximum.accumulate(np.where(begins, place, 0))
    kept = rank < MAX_DETECTIONS
    order = order[kept]
    return Detections(
        image[kept], class_id[kept], boxes[order], score[order], rank[kept], _is_other_size(_areas(boxes[order]))
    )


def _divide(count: Ints) -> Iterator[slice]:
    """Slices with about as many pairs each as are compared at once; at least one slice."""
    ends = np.cumsum(count)
    limits = np.arange(_PAIRS_AT_ONCE, (int(ends[-1]) if len(ends) else 0) + 1, _PAIRS_AT_ONCE)
    borders = [0, *np.unique(np.searchsorted(ends, limits)).tolist(), len(count)]
    for start, end in pairwise(borders):
        yield slice(start, end)


def _choose(
    rank: Ints, touching: Ints, first: Ints, truth: Ints, iou: Floats64, objects: Objects
) -> tuple[NDArray[np.uint8], Ints]:
    """Let the detections choose their objects; see `Matches` for what is returned.

    Args:
        rank: Of all detections.
        touching: Those that overlap an object.
        first: The first pair of each of them.
        truth: Of each pair, the object.
        iou: Of each pair.
        objects: The objects.
    """
    thresholds = np.minimum(IOU_THRESHOLDS, _MAX_IOU_THRESHOLD)
    count = np.diff(np.append(first, len(truth)))
    outcome = np.zeros((len(touching), len(SIZES), len(thresholds)), np.uint8)
    matched = np.full(len(touching), -1, np.int64)
    taken = np.zeros((len(objects.image), len(SIZES), len(thresholds)), np.bool_)
    lead = int(count.max(initial=0)) + 1  # Objects that count come before those that do not.
    for rows in _group_by_rank(rank[touching]):
        row, pair = expand_ranges(first[rows], count[rows])
        place = pair - first[rows][row] + 1
        wanted = truth[pair]
        value = place[:, None] + lead * ~objects.not_counted[wanted]
        free = (iou[pair, None] >= thresholds)[:, None, :] & ~(taken[wanted] & ~objects.crowd[wanted, None, None])
        starts = np.cumsum(count[rows]) - count[rows]
        best = np.maximum.reduceat(np.where(free, value[:, :, None], 0), starts, axis=0)
        chosen = truth[np.maximum(first[rows][:, None, None] + best % lead - 1, 0)]
        has = best > 0
        outcome[rows] = np.where(best >= lead, FOUND, np.where(has, NOT_COUNTED, FALSE))
        matched[rows] = np.where(has[:, 0, 0], chosen[:, 0, 0], -1)
        at: Any = np.nonzero(has)
        taken[chosen[at], at[1], at[2]] = True
    return outcome, matched


def _group_by_rank(rank: Ints) -> Iterator[Ints]:
    order = np.argsort(rank, kind="stable")
    borders = np.flatnonzero(np.diff(rank[order])) + 1
    yield from (part for part in np.split(order, borders) if len(part))


def _number_rows(counts: Sequence[int]) -> Ints:
    return np.repeat(np.arange(len(counts)), counts)


def _join(parts: Sequence[NDArray[Any]], dtype: Any, shape: tuple[int, ...] = ()) -> NDArray[Any]:
    return np.concatenate([np.zeros((0, *shape), dtype), *(np.asarray(part, dtype) for part in parts)])


def _areas(boxes: Floats64) -> Floats64:
    areas: Floats64 = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return areas


def _is_other_size(area: Floats64) -> Bools:
    outside: Bools = (area[:, None] < _AREAS[:, 0]) | (area[:, None] > _AREAS[:, 1])
    return outside
