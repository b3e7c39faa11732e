"""Label Studio: tasks with predictions out, and people's corrections back in."""

from __future__ import annotations

import json
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree as ET

from framesift.catalog.export.document import Document, Source
from framesift.catalog.export.rows import Label, Rows
from framesift.catalog.labels import MAX_ANNOTATIONS, Faults, LabelFaultError, read_box, read_label, show_value
from framesift.contracts.catalog import Annotation, CatalogItem
from framesift.errors import LabelFileError

_BOXES, _CHOICES, _IMAGE = "boxes", "labels", "image"
"""The names of the controls and of the image in the labelling interface."""
_BOX_TYPE, _CHOICE_TYPE = "rectanglelabels", "choices"


@dataclass
class Corrections:
    """What people have annotated in Label Studio.

    Attributes:
        annotations: For each item that has been annotated, all of its annotations.
        faults: What could not be taken over, each with its task.
    """

    annotations: dict[str, list[Annotation]] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)


def make_label_studio(rows: Rows, source: Source) -> Iterator[Document]:
    """Make `tasks.json` and `label_config.xml`, the labelling interface that they need.

    A task's `data.item` is the item's id, by which corrections come back; `data.image` is where the image lies in S3,
    which Label Studio reads by its source storage. Annotations and predictions both go out, each in their place.
    """
    config = source.folder / "label_config.xml"
    config.write_bytes(_make_config(rows))
    yield config.name, config
    path = source.folder / "tasks.json"
    with path.open("w", encoding="utf-8") as file:
        for number, item in enumerate(rows):
            file.write(",\n" if number else "[\n")
            file.write(json.dumps(_make_task(rows, item, source.store.bucket), ensure_ascii=False))
        file.write("\n]\n" if len(rows) else "[]\n")
    yield path.name, path


def read_label_studio(content: bytes, known: Container[str] | None = None) -> Corrections:
    """Read what Label Studio exports as JSON.

    Args:
        content: The file.
        known: The ids of the items that may be annotated; None: any.

    Returns:
        The newest annotation of each task that was not cancelled; what is no box or choice of ours is a fault.

    Raises:
        LabelFileError: It is no such file.
    """
    try:
        tasks = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise LabelFileError(f"This is no JSON: {type(error).__name__}. Export from Label Studio as JSON.") from None
    if not isinstance(tasks, list):
        raise LabelFileError("This is no export of Label Studio: a list of tasks is expected. Export it as JSON.")
    corrections = Corrections()
    for number, task in enumerate(tasks, start=1):
        try:
            _read_task(task, known, corrections)
        except LabelFaultError as fault:
            corrections.faults.note(f"task {number}", fault)
    return corrections


def _make_config(rows: Rows) -> bytes:
    view = ET.Element("View")
    ET.SubElement(view, "Image", name=_IMAGE, value="$image")
    boxes = ET.SubElement(view, "RectangleLabels", name=_BOXES, toName=_IMAGE)
    choices = ET.SubElement(view, "Choices", name=_CHOICES, toName=_IMAGE, choice="multiple")
    for name in rows.classes:
        ET.SubElement(boxes, "Label", value=name)
        ET.SubElement(choices, "Choice", value=name)
    ET.indent(view)
    return bytes(ET.tostring(view, encoding="utf-8")) + b"\n"


def _make_task(rows: Rows, item: CatalogItem, bucket: str) -> dict[str, Any]:
    image = item.uri or f"s3://{bucket}/{item.key}"
    task: dict[str, Any] = {"data": {"image": image, "item": item.id, "name": item.names[0] if item.names else ""}}
    by_model: dict[str, list[dict[str, Any]]] = {}
    for number, label in enumerate(rows.labels(item)):
        by_model.setdefault(label.model, []).append(_make_result(item, number, label))
    annotated = by_model.pop("", None)
    if annotated:
        task["annotations"] = [{"result": annotated}]
    if by_model:
        task["predictions"] = [
            {"model_version": model, "score": sum(one["score"] for one in results) / len(results), "result": results}
            for model, results in by_model.items()
        ]
    return task


def _make_result(item: CatalogItem, number: int, label: Label) -> dict[str, Any]:
    result: dict[str, Any] = {
        "id": f"{item.id[:8]}{number}",
        "to_name": _IMAGE,
        "original_width": item.width,
        "original_height": item.height,
        "image_rotation": 0,
    }
    if label.score is not None:
        result["score"] = label.score
    box = label.box
    if box is None:
        return result | {"from_name": _CHOICES, "type": _CHOICE_TYPE, "value": {_CHOICE_TYPE: [label.name]}}
    percents = {"x": box.left, "y": box.top, "width": box.width, "height": box.height}
    value = {name: share * 100 for name, share in percents.items()} | {"rotation": 0, _BOX_TYPE: [label.name]}
    return result | {"from_name": _BOXES, "type": _BOX_TYPE, "value": value}


def _read_task(task: Any, known: Container[str] | None, corrections: Corrections) -> None:
    data = task.get("data") if isinstance(task, dict) else None
    item_id = data.get("item") if isinstance(data, dict) else None
    if not isinstance(item_id, str):
        raise LabelFaultError("it does not say which item it is about (data.item); make tasks by our export.")
    if known is not None and item_id not in known:
        raise LabelFaultError(f"there is no item {show_value(item_id)} in the collection.")
    given = task.get("annotations") or []
    if not isinstance(given, list):
        raise LabelFaultError("its annotations are no list.")
    done = [one for one in given if isinstance(one, dict) and not one.get("was_cancelled")]
    if not done:
        return
    newest = max(done, key=lambda one: str(one.get("updated_at") or one.get("created_at") or ""))
    results = newest.get("result")
    if not isinstance(results, list):
        raise LabelFaultError("its annotation has no list of results.")
    found: list[Annotation] = []
    for result in results:
        try:
            found += _read_result(result, _read_author(newest))
        except LabelFaultError as fault:
            corrections.faults.note(f"item {item_id}", fault)
        except (KeyError, TypeError, ValueError):
            corrections.faults.note(f"item {item_id}", "a result is not as Label Studio writes it.")
    if len(found) > MAX_ANNOTATIONS:
        corrections.faults.note(
            f"item {item_id}", f"it has {len(found):,} annotations; the first {MAX_ANNOTATIONS:,} are taken."
        )
    corrections.annotations[item_id] = found[:MAX_ANNOTATIONS]


def _read_result(result: Any, by: str) -> list[Annotation]:
    value, kind = result["value"], result["type"]
    if kind == _CHOICE_TYPE:
        return [Annotation(label=read_label(label), by=by) for label in value[_CHOICE_TYPE]]
    if kind != _BOX_TYPE:
        raise LabelFaultError(f"{show_value(kind)} is no box and no choice.")
    if float(value.get("rotation") or 0) % 360:
        raise LabelFaultError("a rotated box cannot be kept.")
    box = read_box(*(float(value[name]) / 100 for name in ("x", "y", "width", "height")))
    return [Annotation(label=read_label(label), box=box, by=by) for label in value[_BOX_TYPE]]


def _read_author(annotation: Mapping[str, Any]) -> str:
    author = annotation.get("completed_by")
    author = author.get("email") or author.get("id") if isinstance(author, dict) else author
    try:
        return read_label(f"label-studio:{author}") if isinstance(author, str | int) else "label-studio"
    except LabelFaultError:  # A name that cannot be shown says nothing.
        return "label-studio"
