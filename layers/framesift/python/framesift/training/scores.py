"""The figures that a validation decides by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framesift.detection.onnx.heads import Boxes
from framesift.training.data.dataset import Labels
from framesift.training.recipe import Task


def score_predictions(task: Task, predictions: Sequence[Any], labels: Sequence[Labels]) -> dict[str, float]:
    """Score predictions of images: the mean average precision at an IoU of 0.5, or the mean F1."""
    if task == "detector":
        return {"map_50": float(np.mean(list(measure_precision(predictions, labels).values())))}
    truth = np.asarray([each.label for each in labels])
    found = np.asarray(predictions).argmax(1)
    scores = [
        2 * np.sum((found == label) & (truth == label)) / (np.sum(found == label) + np.sum(truth == label))
        for label in np.unique(truth)
    ]
    return {"macro_f1": float(np.mean(scores)), "accuracy": float(np.mean(found == truth))}


def measure_precision(predictions: Sequence[Boxes], labels: Sequence[Labels], iou: float = 0.5) -> dict[int, float]:
    """The average precision of each class that has examples: COCO's, at one IoU."""
    result = {}
    for label in np.unique(np.concatenate([each.class_ids for each in labels])).tolist():
        hits: list[NDArray[np.bool_]] = []
        scores: list[NDArray[np.float32]] = []
        total = 0
        for found, truth in zip(predictions, labels, strict=True):
            wanted = truth.boxes[truth.class_ids == label]
            mine = found.where(found.classes == label)
            order = np.argsort(-mine.scores, kind="stable")[:100]
            hits.append(_match(mine.xyxy[order], wanted, iou))
            scores.append(mine.scores[order])
            total += len(wanted)
        ranked = np.concatenate(hits)[np.argsort(-np.concatenate(scores), kind="stable")]
        recall = np.cumsum(ranked) / total
        precision = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
        precision = np.maximum.accumulate(precision[::-1])[::-1]
        places = np.searchsorted(recall, np.linspace(0, 1, 101), side="left")
        result[label] = float(np.mean(np.append(precision, 0)[np.minimum(places, len(ranked))]))
    return result


def _match(found: NDArray[np.float32], wanted: NDArray[np.float32], iou: float) -> NDArray[np.bool_]:
    """Which boxes, best first, hit one that no better box has hit."""
    hits = np.zeros(len(found), np.bool_)
    free = np.ones(len(wanted), np.bool_)
    for number, box in enumerate(found):
        width = np.minimum(box[2], wanted[:, 2]) - np.maximum(box[0], wanted[:, 0])
        height = np.minimum(box[3], wanted[:, 3]) - np.maximum(box[1], wanted[:, 1])
        both = width.clip(0) * height.clip(0)
        areas = (wanted[:, 2] - wanted[:, 0]) * (wanted[:, 3] - wanted[:, 1])
        overlap = both / ((box[2] - box[0]) * (box[3] - box[1]) + areas - both)
        overlap[~free] = 0
        if len(overlap) and overlap.max() >= iou:
            free[overlap.argmax()] = False
            hits[number] = True
    return hits
