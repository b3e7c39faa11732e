"""Slices: the figures on a part of the images, such as those that are tagged `night`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from framesift.training.evaluation.classification import ClassifierFigures, evaluate_classifier
from framesift.training.evaluation.detection import evaluate_detector
from framesift.training.types import Prediction, Truth


@dataclass(frozen=True)
class Slice:
    """The figures on a part of the images.

    Attributes:
        name: The query, or another name.
        images: How many.
        summary: Their figures; empty where there is no image.
    """

    name: str
    images: int
    summary: Mapping[str, float]


def slice_detector(
    truths: Sequence[Truth],
    predictions: Sequence[Prediction],
    classes: Sequence[str],
    parts: Mapping[str, Collection[str]],
) -> list[Slice]:
    """Evaluate a detector on parts of the images.

    Args:
        truths: The objects, one entry for each image.
        predictions: The detections.
        classes: The names of the classes.
        parts: The image ids of each part; those of other images are left alone.
    """
    slices = []
    for name, image_ids in parts.items():
        wanted = set(image_ids)
        chosen = [truth for truth in truths if truth.image_id in wanted]
        found = [prediction for prediction in predictions if prediction.image_id in wanted]
        summary = evaluate_detector(chosen, found, classes).summary if chosen else {}
        slices.append(Slice(name, len(chosen), summary))
    return slices


def slice_classifier(
    figures: ClassifierFigures, image_ids: Sequence[str], parts: Mapping[str, Collection[str]]
) -> list[Slice]:
    """Evaluate a classifier on parts of the images.

    Args:
        figures: On all images.
        image_ids: (n,) the id of each.
        parts: The image ids of each part.
    """
    names = [each.name for each in figures.classes]
    slices = []
    for name, chosen in parts.items():
        wanted = set(chosen)
        rows = np.flatnonzero([image_id in wanted for image_id in image_ids])
        part = evaluate_classifier(figures.labels[rows], figures.probabilities[rows], names)
        slices.append(Slice(name, len(rows), part.summary if len(rows) else {}))
    return slices
