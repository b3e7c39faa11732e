"""Data sets that our own code draws: photographs of parts with defects."""

from __future__ import annotations

from functools import partial

import cv2

from framesift.synthetic.scenes import CLASSES, LABELS, SCENE_HEIGHT, SCENE_WIDTH, WORLDS, draw_scene
from framesift.training.data.dataset import Dataset, Example, Labels, Split, make_labels
from framesift.training.recipe import DrawnData, Task
from framesift.vision.decode import RgbImage

_WORLD_OF: dict[Split, str] = {"train": "training", "val": "training", "test": "held-out"}
_FIRST: dict[Split, int] = {"train": 0, "val": 10_000_000, "test": 20_000_000}
"""Numbers of a split's first photograph: splits have none in common."""


def draw_dataset(data: DrawnData, task: Task) -> Dataset:
    """Describe drawn photographs; each is drawn when it is loaded.

    Training and validation come from one world of shapes and backgrounds, the test from another.

    Args:
        data: How many.
        task: Classifiers get photographs with one kind of defect, and all kinds alike often.
    """
    classes = CLASSES if task == "detector" else LABELS
    counts: dict[Split, int] = {"train": data.train, "val": data.val, "test": data.test}
    examples = [
        Example(
            f"{_WORLD_OF[split]}/{number}",
            split,
            partial(_draw, split, data.seed, number, task),
            None,
            f"drawn/1/{task}/{_WORLD_OF[split]}/{data.seed}/{number}",
        )
        for split, count in counts.items()
        for number in range(_FIRST[split], _FIRST[split] + count)
    ]
    return Dataset(classes, tuple(examples))


def _draw(split: Split, seed: int, number: int, task: Task) -> tuple[RgbImage, Labels]:
    cv2.setNumThreads(1)
    world = WORLDS[_WORLD_OF[split]]
    if task == "detector":
        scene = draw_scene(world, seed, number)
        width, height = SCENE_WIDTH, SCENE_HEIGHT
        boxes = [(box.left / width, box.top / height, box.right / width, box.bottom / height) for box in scene.boxes]
        return scene.image, make_labels(boxes, [CLASSES.index(box.label) for box in scene.boxes])
    scene = draw_scene(world, seed, number, LABELS[number % len(LABELS)])
    return scene.image, make_labels([], [], LABELS.index(scene.label))
