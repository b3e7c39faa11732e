"""COCO's JSON for object detection."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, Final

from framesift.catalog.imports.data_set import IMPORTED_BY, DataSet, Files, LabelledImage, find_split
from framesift.catalog.labels import LabelFaultError, read_box, read_label, show_value
from framesift.contracts.catalog import Annotation
from framesift.errors import LabelFileError

_LISTS: Final = ("images", "annotations", "categories")
_MAX_SIDE: Final = 1_000_000  # Pixels.


def looks_like_coco(content: bytes) -> bool:
    """Whether a JSON file has the lists of COCO; it is not parsed for that."""
    return all(re.search(rb'"%s"\s*:' % name.encode(), content) for name in _LISTS)


def read_coco(name: str, content: bytes, files: Files, found: DataSet) -> None:
    """Read a file of COCO's.

    Boxes become shares of the image's size as the file says it. `labels` of an image, a list of names, are labels of
    the whole image: our own exports have them.

    Args:
        name: The file.
        content: Its bytes.
        files: The upload.
        found: What it says is added here.

    Raises:
        LabelFileError: It cannot be read at all.
    """
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise LabelFileError(f"It is no JSON that can be read ({type(error).__name__}).") from None
    if not isinstance(document, dict) or not all(isinstance(document.get(part), list) for part in _LISTS):
        raise LabelFileError("It is not COCO's JSON: images, annotations and categories must be lists.")
    categories: dict[Any, str] = {}
    images: dict[Any, tuple[LabelledImage, tuple[float, float]]] = {}
    for number, category in enumerate(document["categories"], start=1):
        try:
            category_id = _read_id(category, "id")
            categories[category_id] = read_label(category.get("name"))
        except LabelFaultError as fault:
            found.faults.note(f"{name}, category {number}", fault)
    for number, image in enumerate(document["images"], start=1):
        try:
            image_id = _read_id(image, "id")
            if image_id in images:
                raise LabelFaultError(f"a second image has the id {show_value(image_id)}.")
            images[image_id] = _read_image(image, name, files, found)
        except LabelFaultError as fault:
            found.faults.note(f"{name}, image {number}", fault)
    for number, annotation in enumerate(document["annotations"], start=1):
        try:
            _read_annotation(annotation, images, categories)
        except LabelFaultError as fault:
            found.faults.note(f"{name}, annotation {number}", fault)


def _read_image(
    image: Mapping[str, Any], name: str, files: Files, found: DataSet
) -> tuple[LabelledImage, tuple[float, float]]:
    path = files.find_image(image.get("file_name", ""), name)
    size = (_read_side(image, "width"), _read_side(image, "height"))
    labelled = found.images.setdefault(path, LabelledImage())
    labelled.split = find_split(name) or find_split(path) or labelled.split
    labels = image.get("labels", [])
    for label in labels if isinstance(labels, list) else []:
        labelled.add(Annotation(label=read_label(label), by=IMPORTED_BY))
    return labelled, size


def _read_side(image: Mapping[str, Any], name: str) -> float:
    side = image.get(name)
    if isinstance(side, bool) or not isinstance(side, int | float) or not 1 <= side <= _MAX_SIDE:
        raise LabelFaultError(f"its {name} is {show_value(side)}, and no number of pixels.")
    return float(side)


def _read_annotation(
    annotation: Any, images: Mapping[Any, tuple[LabelledImage, tuple[float, float]]], categories: Mapping[Any, str]
) -> None:
    image_id = _read_id(annotation, "image_id")
    if image_id not in images:
        raise LabelFaultError(f"there is no image with the id {show_value(image_id)}, or it cannot be used.")
    category_id = _read_id(annotation, "category_id")
    if category_id not in categories:
        raise LabelFaultError(f"there is no category with the id {show_value(category_id)}, or it cannot be used.")
    corners = annotation.get("bbox")
    if not isinstance(corners, list) or len(corners) != 4:
        raise LabelFaultError(f"its bbox is {show_value(corners)}, and no list of four numbers.")
    labelled, size = images[image_id]
    box = read_box(*corners, size=size)
    labelled.add(Annotation(label=categories[category_id], box=box, by=IMPORTED_BY))


def _read_id(entry: Any, name: str) -> int | str:
    value = entry.get(name) if isinstance(entry, dict) else None
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise LabelFaultError(f"its {name} is {show_value(value)}, and no number or text.")
    return value
