"""The figures that a validation decides by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from framesift.detection.onnx.heads import Boxes
from framesift.training.data.dataset import Labels
from framesift.training.evaluation.classification import evaluate_classifier
from framesift.training.evaluation.detection import evaluate_detector
from framesift.training.recipe import Task
from framesift.training.types import Prediction, Truth


def score_predictions(
    task: Task, predictions: Sequence[Any], labels: Sequence[Labels], classes: Sequence[str]
) -> dict[str, float]:
    """Score predictions of images; the first figure is the one that decides.

    Args:
        task: What was predicted.
        predictions: Of each image its objects (`Boxes`), or (classes,) float32 probabilities.
        labels: Of each image, boxes in the same pixels.
        classes: The classes' names.
    """
    if task == "detector":
        truths = [_make_truth(number, each) for number, each in enumerate(labels)]
        found = [_make_prediction(number, each) for number, each in enumerate(predictions)]
        figures, names = evaluate_detector(truths, found, classes).summary, ("map_50", "map")
    else:
        truth = np.asarray([each.label for each in labels], np.int64)
        figures = evaluate_classifier(truth, np.asarray(predictions, np.float32), classes).summary
        names = ("macro_f1", "accuracy")
    return {name: figures[name] for name in names}


def _make_truth(number: int, labels: Labels) -> Truth:
    boxes = labels.boxes.astype(np.float64)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return Truth(str(number), labels.boxes, labels.class_ids, np.zeros(len(boxes), np.bool_), areas)


def _make_prediction(number: int, found: Boxes) -> Prediction:
    return Prediction(str(number), found.xyxy, found.classes, found.scores)
