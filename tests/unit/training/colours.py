"""Pictures with a red left half and a blue right half, their labels, and models that see them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from framesift.classification.added import read_classifier
from framesift.detection.onnx.added import AddedModel, read_detector
from framesift.models import Model
from tests.unit.networks import colour_classifier, colour_detector

SIDE = 64
RED, BLUE = [0, 0, 32, 64], [32, 0, 32, 64]


def picture(path: Path, *, red: bool = True, blue: bool = True) -> Path:
    """Half red and half blue, or one of them black."""
    pixels = np.zeros((SIDE, SIDE, 3), np.uint8)
    pixels[:, : SIDE // 2, 0] = 255 * red
    pixels[:, SIDE // 2 :, 2] = 255 * blue
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def coco(folder: Path, images: Sequence[dict[str, Any]], classes: Sequence[str] = ("red", "blue")) -> Path:
    """Pictures and their COCO file.

    Args:
        folder: For both.
        images: Of each image `file_name`, `red` and `blue` (whether they are in it), and `boxes`: (class, bbox, crowd).
        classes: The categories.
    """
    entries, annotations = [], []
    for number, image in enumerate(images, start=1):
        picture(folder / image["file_name"], red=image.get("red", True), blue=image.get("blue", True))
        entry = {"id": number, "file_name": image["file_name"], "width": SIDE, "height": SIDE}
        entries.append(entry | ({"labels": [image["label"]]} if "label" in image else {}))
        for category, box, *crowd in image.get("boxes", ()):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": classes.index(category) + 1,
                    "bbox": box,
                    "iscrowd": int(bool(crowd and crowd[0])),
                }
            )
    document = {
        "images": entries,
        "annotations": annotations,
        "categories": [{"id": number, "name": name} for number, name in enumerate(classes, start=1)],
    }
    path = folder / "labels.json"
    path.write_text(json.dumps(document))
    return path


def detector(folder: Path, tags: Sequence[str] = ("background", "red", "blue")) -> AddedModel:
    """A detector of red and blue halves."""
    return read_detector(
        colour_detector(folder / "detector.onnx"), "halves", version="1", head="torchvision", tags=tags
    )


def classifier(folder: Path, labels: Sequence[str] = ("red", "green", "blue")) -> AddedModel:
    """A classifier of colours."""
    return read_classifier(colour_classifier(folder / "classifier.onnx"), "colours", version="1", labels=labels)


def opened(added: AddedModel, folder: Path) -> Model:
    """The same as a model of the registry."""
    path = folder / f"{added.card.name}.onnx"
    path.write_bytes(added.data)
    return Model(added.card, path)
