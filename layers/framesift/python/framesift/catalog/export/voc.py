"""Pascal VOC: an XML file for each image, and lists of the splits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import PurePosixPath
from xml.etree import ElementTree as ET

from framesift.catalog.export.document import Document, Source
from framesift.catalog.export.rows import Label, Rows, file_name, split_of
from framesift.contracts.catalog import Box, CatalogItem

# What XML 1.0 has no way to write ("Char" in its section 2.2).
_NOT_XML = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def make_voc(rows: Rows, source: Source) -> Iterator[Document]:
    """Make `Annotations/{id}.xml` and `ImageSets/Main/{split}.txt`.

    Boxes are in whole pixels, the first of which is 1, and the last one belongs to the box.
    """
    paths = {split: source.folder / f"{split}.txt" for split in rows.splits}
    with ExitStack() as stack:
        files = {split: stack.enter_context(path.open("w", encoding="utf-8")) for split, path in paths.items()}
        for item in rows:
            name = PurePosixPath(file_name(item)).stem
            files[split_of(item)].write(f"{name}\n")
            yield f"Annotations/{name}.xml", _make_annotation(source.collection, item, rows.labels(item))
    for split, path in paths.items():
        yield f"ImageSets/Main/{split}.txt", path


def _make_annotation(collection: str, item: CatalogItem, labels: list[Label]) -> bytes:
    root = ET.Element("annotation")
    _add(root, "folder", "JPEGImages")
    _add(root, "filename", file_name(item))
    _add(_add(root, "source"), "database", collection)
    size = _add(root, "size")
    for name, value in (("width", item.width), ("height", item.height), ("depth", 3)):
        _add(size, name, str(value))
    _add(root, "segmented", "0")
    for label in labels:
        if label.box is not None:
            _add_object(root, item, label, label.box)
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8")) + b"\n"


def _add_object(root: ET.Element, item: CatalogItem, label: Label, box: Box) -> None:
    thing = _add(root, "object")
    _add(thing, "name", label.name)
    _add(thing, "pose", "Unspecified")
    _add(thing, "truncated", "0")
    _add(thing, "difficult", "0")
    if label.score is not None:
        _add(thing, "score", repr(label.score))
    corners = _add(thing, "bndbox")
    left, right = _find_pixels(box.left, box.width, item.width)
    top, bottom = _find_pixels(box.top, box.height, item.height)
    for name, value in (("xmin", left), ("ymin", top), ("xmax", right), ("ymax", bottom)):
        _add(corners, name, str(value))


def _find_pixels(start: float, length: float, size: int) -> tuple[int, int]:
    """The first and the last pixel, at least one of them, counted from 1."""
    first = min(round(start * size) + 1, size)
    return first, max(first, min(round((start + length) * size), size))


def _add(parent: ET.Element, name: str, text: str = "") -> ET.Element:
    child = ET.SubElement(parent, name)
    child.text = _NOT_XML.sub("\ufffd", text)
    return child
