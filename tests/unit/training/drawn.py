"""Truths and predictions for tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from framesift.training.types import Prediction, Truth

Box = tuple[float, float, float, float]


def truth(
    image_id: str,
    boxes: Sequence[Box],
    class_ids: Sequence[int],
    crowd: Sequence[bool] = (),
    areas: Sequence[float] = (),
) -> Truth:
    """The objects of an image; by default none is a crowd, and areas are the boxes'."""
    placed = np.array(boxes, np.float32).reshape(-1, 4)
    sides = placed[:, 2:] - placed[:, :2]
    return Truth(
        image_id,
        placed,
        np.array(class_ids, np.int64),
        np.array(crowd, bool) if len(crowd) else np.zeros(len(placed), bool),
        np.array(areas, np.float64) if len(areas) else np.prod(sides, axis=1).astype(np.float64),
    )


def predict(image_id: str, boxes: Sequence[Box], class_ids: Sequence[int], scores: Sequence[float]) -> Prediction:
    """The detections of an image."""
    return Prediction(
        image_id,
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(class_ids, np.int64),
        np.array(scores, np.float32),
    )


def draw_data_set(
    *, images: int, classes: int, objects: int, detections: int, seed: int, side: int = 640
) -> tuple[list[Truth], list[Prediction]]:
    """Draw objects at random, and detections: some of them near objects, most of these in the right class.

    Args:
        images: How many.
        classes: How many.
        objects: In an image on average.
        detections: In an image.
        seed: Seeds everything.
        side: Of the images, pixels.
    """
    rng = np.random.default_rng(seed)
    truths, predictions = [], []
    for number in range(images):
        count = int(rng.poisson(objects))
        boxes, class_ids = _draw_boxes(rng, count, side), rng.integers(0, classes, count)
        crowd, fill = rng.random(count) < 0.03, rng.uniform(0.5, 1, count)
        sides = boxes[:, 2:] - boxes[:, :2]
        truths.append(Truth(str(number), boxes, class_ids, crowd, sides.prod(axis=1).astype(np.float64) * fill))
        near = rng.random(detections) < (0.5 if count else 0)
        chosen = rng.integers(0, max(count, 1), detections)
        found, found_classes = _draw_boxes(rng, detections, side), rng.integers(0, classes, detections)
        if count:
            scale = np.tile(sides[chosen], (1, 2))
            shaken = boxes[chosen] + (rng.normal(0, 0.08, (detections, 4)) * scale).astype(np.float32)
            found[near] = shaken[near]
            right = near & (rng.random(detections) < 0.9)
            found_classes[right] = class_ids[chosen[right]]
        found[:, 2:] = np.maximum(found[:, 2:], found[:, :2] + 1)
        scores = np.clip(rng.normal(np.where(near, 0.6, 0.2), 0.2), 0, 1).astype(np.float32)
        predictions.append(Prediction(str(number), found.astype(np.float32), found_classes, scores))
    return truths, predictions


def _draw_boxes(rng: np.random.Generator, count: int, side: int) -> np.ndarray:
    sides = np.exp(rng.uniform(np.log(8), np.log(side / 2), (count, 2)))
    corner = rng.uniform(0, side - sides)
    return np.concatenate([corner, corner + sides], axis=1).astype(np.float32)
