"""What pycocotools says about the same truths and predictions."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from framesift.training.types import Prediction, Truth


def make_evaluation(truths: Sequence[Truth], predictions: Sequence[Prediction], classes: int) -> COCOeval:
    """The inputs of pycocotools, not yet evaluated."""
    numbers = {truth.image_id: number for number, truth in enumerate(truths, start=1)}
    annotations: list[dict[str, Any]] = []
    for truth in truths:
        for box, class_id, crowd, area in zip(truth.boxes, truth.class_ids, truth.crowd, truth.areas, strict=True):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": numbers[truth.image_id],
                    "category_id": int(class_id),
                    "bbox": _to_xywh(box),
                    "area": float(area),
                    "iscrowd": int(crowd),
                }
            )
    results = [
        {
            "image_id": numbers[each.image_id],
            "category_id": int(class_id),
            "bbox": _to_xywh(box),
            "score": float(score),
        }
        for each in predictions
        for box, class_id, score in zip(each.boxes, each.class_ids, each.scores, strict=True)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        expected = COCO()
        expected.dataset = {
            "info": {},
            "images": [{"id": number} for number in numbers.values()],
            "annotations": annotations,
            "categories": [{"id": number, "name": str(number)} for number in range(classes)],
        }
        expected.createIndex()
        found = COCO()
        found.dataset = {**expected.dataset, "annotations": []}
        found.createIndex()
        if results:
            found = expected.loadRes(results)
    return COCOeval(expected, found, "bbox")


def run_evaluation(evaluation: COCOeval) -> dict[str, Any]:
    """Its precision (thresholds, recalls, classes, sizes), recall and twelve figures; NaN for -1."""
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return {
        "precision": _mark(evaluation.eval["precision"][..., -1]),
        "recall": _mark(evaluation.eval["recall"]),
        "stats": _mark(evaluation.stats),
    }


def _to_xywh(box: Any) -> list[float]:
    left, top, right, bottom = (float(value) for value in box)
    return [left, top, right - left, bottom - top]


def _mark(values: Any) -> Any:
    return np.where(np.asarray(values) == -1, np.nan, values)
