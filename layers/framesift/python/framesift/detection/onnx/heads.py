"""Decodes the outputs of networks to boxes: a function per kind of head, and non-maximum suppression."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from framesift.errors import NotADetectorError

Floats = NDArray[np.float32]

# Widths and heights in cells of the grid, of Custom Vision's compact domain: from the sample in its export's zip.
_ANCHORS: Final = np.array([[0.573, 0.677], [1.87, 2.06], [3.34, 5.47], [7.88, 3.53], [9.77, 9.17]], np.float32)
_MAX_CANDIDATES = 3_000
_MAX_DETECTIONS = 300


class Boxes(NamedTuple):
    """Detections in one image.

    Attributes:
        xyxy: (K, 4) float32: left, top, right, bottom in the network's pixels.
        scores: (K,) float32, 0 to 1.
        classes: (K,) int64.
    """

    xyxy: Floats
    scores: Floats
    classes: NDArray[np.int64]

    def where(self, kept: NDArray[np.bool_] | NDArray[np.int64]) -> Boxes:
        """Select a subset."""
        return Boxes(self.xyxy[kept], self.scores[kept], self.classes[kept])


def read_yolov5(output: Floats, tags: int, min_score: float) -> list[Boxes]:
    """Decode (N, boxes, 5 + tags): centre, size, objectness, and a probability for each tag."""
    _expect(output.ndim == 3 and output.shape[2] == 5 + tags, output, f"(N, boxes, {5 + tags})")
    return [
        _multi_label(rows[:, :4], rows[:, 5:] * rows[:, 4:5], min_score)
        for rows in (image[image[:, 4] >= min_score] for image in output)
    ]


def read_yolov8(output: Floats, tags: int, min_score: float) -> list[Boxes]:
    """Decode (N, 4 + tags, boxes): centre, size, and a probability for each tag."""
    _expect(output.ndim == 3 and output.shape[1] == 4 + tags, output, f"(N, {4 + tags}, boxes)")
    found = []
    for image in output:
        columns = image[:, image[4:].max(axis=0) >= min_score]
        found.append(_multi_label(columns[:4].T, columns[4:].T, min_score))
    return found


def read_custom_vision(output: Floats, tags: int, min_score: float, width: int, height: int) -> list[Boxes]:
    """Decode (N, 5 · (5 + tags), rows, columns): a grid of anchors, before the activations of YOLOv2.

    As in the sample code in the export's zip. (A later collection of samples omits the centres' logistic function.)
    """
    count = len(_ANCHORS)
    _expect(output.ndim == 4 and output.shape[1] == count * (5 + tags), output, f"(N, {count * (5 + tags)}, H, W)")
    _, _, rows, columns = output.shape
    found = []
    for image in output:
        cells = image.reshape(count, 5 + tags, rows, columns)
        x = (_logistic(cells[:, 0]) + np.arange(columns, dtype=np.float32)) * (width / columns)
        y = (_logistic(cells[:, 1]) + np.arange(rows, dtype=np.float32)[:, None]) * (height / rows)
        size = np.exp(cells[:, 2:4]) * _ANCHORS[:, :, None, None]
        centred = np.stack([x, y, size[:, 0] * (width / columns), size[:, 1] * (height / rows)], axis=-1).reshape(-1, 4)
        logits = cells[:, 5:] - cells[:, 5:].max(axis=1, keepdims=True)
        shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        scores = np.moveaxis(shares * _logistic(cells[:, 4:5]), 1, -1).reshape(-1, tags)
        found.append(_multi_label(centred, scores, min_score))
    return found


def read_finished(
    xyxy: Floats, scores: Floats, classes: NDArray[np.int64], min_score: float, scale: Sequence[float] = (1, 1, 1, 1)
) -> Boxes:
    """Read boxes of one image from a network that applies non-maximum suppression itself."""
    _expect(xyxy.ndim == 2 and xyxy.shape == (len(scores), 4), xyxy, "(K, 4)")
    return Boxes((xyxy * np.asarray(scale, np.float32)), scores, classes.astype(np.int64)).where(scores >= min_score)


def suppress(boxes: Boxes, iou_threshold: float) -> Boxes:
    """Non-maximum suppression by class: drop boxes whose IoU with a more probable one exceeds the threshold.

    Returns:
        The kept boxes, most probable first.
    """
    if not len(boxes.scores):
        return boxes
    best = np.argsort(-boxes.scores, kind="stable")[:_MAX_CANDIDATES]
    boxes = boxes.where(best)
    # In float64: boxes are offset by class, and float32 would lose their fractions there.
    xyxy = boxes.xyxy.astype(np.float64)
    left, top, right, bottom = (xyxy + (boxes.classes * (np.ptp(xyxy) + 1.0))[:, None]).T
    areas = (right - left) * (bottom - top)
    alive = np.ones(len(areas), np.bool_)
    kept: list[int] = []
    for index in range(len(areas)):
        if not alive[index]:
            continue
        kept.append(index)
        if len(kept) == _MAX_DETECTIONS:  # Otherwise a network with high scores everywhere takes very long.
            break
        rest = slice(index + 1, None)
        width = np.minimum(right[index], right[rest]) - np.maximum(left[index], left[rest])
        height = np.minimum(bottom[index], bottom[rest]) - np.maximum(top[index], top[rest])
        both = width.clip(0) * height.clip(0)
        alive[rest] &= both <= iou_threshold * (areas[index] + areas[rest] - both)
    return boxes.where(np.asarray(kept, np.int64))


def _logistic(values: Floats) -> Floats:
    shares: Floats = 0.5 * (1 + np.tanh(0.5 * values))  # Without overflow.
    return shares


def _multi_label(centred: Floats, scores: Floats, min_score: float) -> Boxes:
    """Make a box for each tag with at least `min_score`, from centres and sizes."""
    rows, classes = np.nonzero(scores >= min_score)
    half = centred[rows, 2:] / 2
    xyxy = np.concatenate([centred[rows, :2] - half, centred[rows, :2] + half], axis=1)
    return Boxes(xyxy, scores[rows, classes], classes.astype(np.int64))


def _expect(fits: bool, output: NDArray[np.float32], form: str) -> None:
    if not fits:
        raise NotADetectorError(
            f"The network's output has the shape {output.shape}, but its card requires {form}: correct the card's "
            "`detector` (head, tags)."
        )
