"""COCO's JSON for object detection, a file for each split."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any, TextIO

from framesift.catalog.export.document import Document, Source
from framesift.catalog.export.rows import Label, Rows, file_name, split_of
from framesift.contracts.catalog import Box, CatalogItem


def make_coco(rows: Rows, source: Source) -> Iterator[Document]:
    """Make `annotations/instances_{split}.json`.

    Boxes are in pixels. Images are numbered from 1 through all splits, and categories from 1 in the same order in each;
    an image's `item` is its id in the catalog, `labels` are those of the whole image. Predictions have a `score`.
    """
    paths = {split: source.folder / f"instances_{split}.json" for split in rows.splits}
    with ExitStack() as stack:
        files = {split: stack.enter_context(path.open("w", encoding="utf-8")) for split, path in paths.items()}
        categories = [{"id": number, "name": name} for number, name in enumerate(rows.classes, start=1)]
        for file in files.values():
            file.write(f'{{"info": {_write({"description": source.collection})}, "categories": {_write(categories)},\n')
        _write_list(files, "images", _make_images(rows))
        for file in files.values():
            file.write(",\n")
        _write_list(files, "annotations", _make_annotations(rows))
        for file in files.values():
            file.write("}\n")
    for path in paths.values():
        yield f"annotations/{path.name}", path


def _make_images(rows: Rows) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, item in enumerate(rows, start=1):
        image = {
            "id": number,
            "file_name": file_name(item),
            "width": item.width,
            "height": item.height,
            "item": item.id,
            "name": item.names[0] if item.names else "",
        }
        labels = [label.name for label in rows.labels(item) if label.box is None]
        yield split_of(item), image | ({"labels": labels} if labels else {})


def _make_annotations(rows: Rows) -> Iterator[tuple[str, dict[str, Any]]]:
    annotation_id = 0
    for image_id, item in enumerate(rows, start=1):
        for label in rows.labels(item):
            if label.box is not None:
                annotation_id += 1
                yield split_of(item), _make_annotation(annotation_id, image_id, item, label, label.box)


def _make_annotation(annotation_id: int, image_id: int, item: CatalogItem, label: Label, box: Box) -> dict[str, Any]:
    width, height = box.width * item.width, box.height * item.height
    annotation = {
        "id": annotation_id,
        "image_id": image_id,
        "category_id": label.number + 1,
        "bbox": [round(value, 3) for value in (box.left * item.width, box.top * item.height, width, height)],
        "area": round(width * height, 3),
        "iscrowd": 0,
    }
    return annotation | ({"score": label.score} if label.score is not None else {})


def _write_list(files: Mapping[str, TextIO], name: str, entries: Iterator[tuple[str, dict[str, Any]]]) -> None:
    begun = set()
    for file in files.values():
        file.write(f'"{name}": [')
    for split, entry in entries:
        files[split].write((",\n" if split in begun else "\n") + _write(entry))
        begun.add(split)
    for file in files.values():
        file.write("]")


def _write(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
