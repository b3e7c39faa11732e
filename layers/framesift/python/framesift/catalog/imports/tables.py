"""Labels in tables of our own making: CSV with a row for each label, JSONL with a line for each image."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic_core import from_json

from framesift.catalog.imports.data_set import IMPORTED_BY, LabelledImage
from framesift.catalog.labels import Faults, LabelFaultError, read_box, read_label, show_value
from framesift.catalog.table_text import decode_table, find_delimiter
from framesift.contracts.catalog import Annotation, Box
from framesift.errors import LabelFileError

_SIDES: Final = ("left", "top", "width", "height")


@dataclass
class LabelTable:
    """What a table says of images.

    Attributes:
        by_id: Of those that it names by the item's id.
        by_name: Of those that it names by a file name.
        faults: What could not be used, each with its line.
    """

    by_id: dict[str, LabelledImage] = field(default_factory=dict)
    by_name: dict[str, LabelledImage] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)

    def find(self, row: Mapping[str, Any]) -> LabelledImage:
        """The image that a row or line names, by `id` where it has one, else by `name`."""
        for column, found in (("id", self.by_id), ("name", self.by_name)):
            text = row.get(column)
            if isinstance(text, str) and text.strip():
                return found.setdefault(text.strip(), LabelledImage())
        raise LabelFaultError("it names no image: neither `id` nor `name` is a text.")


def read_csv_labels(content: bytes) -> LabelTable:
    """Read CSV with the columns `id` or `name`, `label`, and for a box `left`, `top`, `width`, `height`.

    Each row is one label; the sides are shares of the image's, from 0 to 1. A row without a label says that nothing is
    in the image.

    Raises:
        LabelFileError: The columns are not there, or it is no text in UTF-8, UTF-16 or CP949.
    """
    table = LabelTable()
    text = _decode(content)
    delimiter = find_delimiter(text.partition("\n")[0])
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
    columns = set(rows.fieldnames or ())
    if "label" not in columns or not columns & {"id", "name"}:
        raise LabelFileError("The table needs a column `label`, and `id` or `name`: its first line names them.")
    for row in _read_rows(rows, table):
        try:
            has_label = bool((row.get("label") or "").strip())
            found = _read_annotation(row["label"], _read_sides(row)) if has_label else None
            image = table.find(row)
            if found:
                image.add(found)
        except LabelFaultError as fault:
            table.faults.note(f"line {rows.line_num}", fault)
    return table


def read_jsonl_labels(content: bytes) -> LabelTable:
    """Read JSONL as our exports write it: objects with `id` or `name`, and `annotations` with `label` and `box`.

    Raises:
        LabelFileError: It is no text in UTF-8, UTF-16 or CP949.
    """
    table = LabelTable()
    for number, line in enumerate(_decode(content).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = from_json(line)
            if not isinstance(row, dict):
                raise LabelFaultError("it is no object with names and values.")
            found = [_read_entry(entry) for entry in _read_list(row)]
            image = table.find(row)
            for annotation in found:
                image.add(annotation)
        except LabelFaultError as fault:
            table.faults.note(f"line {number}", fault)
        except ValueError:
            table.faults.note(f"line {number}", "it is no JSON.")
    return table


def _decode(content: bytes) -> str:
    try:
        return decode_table(content)
    except UnicodeDecodeError:
        raise LabelFileError("It is no text in UTF-8, UTF-16 or CP949: save it in UTF-8.") from None


def _read_rows(rows: csv.DictReader[str], table: LabelTable) -> Iterator[dict[str, Any]]:
    while True:
        try:
            yield next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            table.faults.note(f"line {rows.line_num}", error)


def _read_sides(row: Mapping[str, Any]) -> list[Any] | None:
    sides = [row.get(side) for side in _SIDES]
    return sides if any((side or "").strip() for side in sides) else None


def _read_list(row: Mapping[str, Any]) -> list[Any]:
    found = row.get("annotations", [])
    if not isinstance(found, list):
        raise LabelFaultError(f"its annotations are {show_value(found)}, and no list.")
    return found


def _read_entry(entry: Any) -> Annotation:
    if not isinstance(entry, dict):
        raise LabelFaultError(f"an annotation is {show_value(entry)}, and no object.")
    box = entry.get("box")
    if box is not None and not isinstance(box, dict):
        raise LabelFaultError(f"a box is {show_value(box)}, and no object with {', '.join(_SIDES)}.")
    return _read_annotation(entry.get("label"), [box.get(side) for side in _SIDES] if box else None)


def _read_annotation(label: Any, sides: list[Any] | None) -> Annotation:
    box: Box | None = read_box(*sides) if sides else None
    return Annotation(label=read_label(label), box=box, by=IMPORTED_BY)
