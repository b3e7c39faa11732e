"""Metadata from a table: CSV or JSONL, a row for each item, named by its id or by a file name.

A row that cannot be used is reported with its line and the reason, and costs no other row.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any, Final

from pydantic_core import from_json

from framesift.catalog.log import CatalogLog
from framesift.catalog.metadata import check_metadata, read_number
from framesift.catalog.reader import CatalogReader
from framesift.catalog.table_text import find_delimiter
from framesift.contracts import MetadataValue
from framesift.errors import CatalogError, InvalidMetadataError

CHANGE_ROWS: Final = 10_000
"""Rows that become one change."""
_ID, _NAME = "id", "name"
_NUMBER: Final = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_BOOLEANS: Final = {"true": True, "false": False}

Fields = dict[str, MetadataValue | None]


@dataclass(frozen=True)
class RefusedRow:
    """A row that was not used.

    Attributes:
        line: Its line in the file, from 1.
        reason: Why, in a sentence.
    """

    line: int
    reason: str


@dataclass
class ImportReport:
    """What became of a table's rows.

    Attributes:
        items: Items that were changed.
        refused: Rows that were not used, in their order.
    """

    items: int = 0
    refused: list[RefusedRow] = field(default_factory=list)


@dataclass(frozen=True)
class _Row:
    line: int
    item_id: str
    name: str
    fields: Fields


def import_metadata(
    log: CatalogLog, reader: CatalogReader, lines: Iterable[str], file_format: str, by: str
) -> ImportReport:
    """Set fields of items as a table says; of two rows about one item, the later one wins.

    Args:
        log: Where the changes are written: one for every `CHANGE_ROWS` rows.
        reader: Reads the same catalog.
        lines: The file's lines. A table has the column `id` or `name`, and one for each field. CSV is separated by
            commas, semicolons or tabs; an empty cell says nothing, `true` and `false` are booleans, and what looks
            like a number is one. In JSONL, null removes the field.
        file_format: `csv` or `jsonl`.
        by: The user's id.

    Raises:
        InvalidMetadataError: The format is unknown, or the table has neither the column `id` nor `name`.
        CollectionMissingError: There is no such collection.
    """
    if file_format not in {"csv", "jsonl"}:
        raise InvalidMetadataError(f"Metadata cannot be read from {file_format!r}: use csv or jsonl.")
    report = ImportReport()
    rows = _read_csv(lines, report) if file_format == "csv" else _read_jsonl(lines, report)
    while batch := list(islice(rows, CHANGE_ROWS)):
        values = _find_items(batch, reader, report)
        if values:
            log.set_metadata(values, by)
        report.items += len(values)
    report.refused.sort(key=lambda refused: refused.line)
    return report


def _find_items(rows: list[_Row], reader: CatalogReader, report: ImportReport) -> dict[str, Fields]:
    known = set(reader.known_ids(row.item_id for row in rows if row.item_id))
    named = reader.ids_by_name(row.name for row in rows if not row.item_id)
    values: dict[str, Fields] = {}
    for row in rows:
        found = [row.item_id] if row.item_id in known else named.get(row.name, []) if not row.item_id else []
        if len(found) == 1:
            values[found[0]] = {**values.get(found[0], {}), **row.fields}
        elif found:
            reason = f"{len(found)} items are called {row.name!r}: name it by its id."
            report.refused.append(RefusedRow(row.line, reason))
        else:
            what = f"the id {row.item_id!r}" if row.item_id else f"the name {row.name!r}"
            report.refused.append(RefusedRow(row.line, f"No item has {what}."))
    return values


def _read_csv(lines: Iterable[str], report: ImportReport) -> Iterator[_Row]:
    rest = iter(lines)
    first = next(rest, "")
    table = csv.reader(chain([first], rest), strict=True, delimiter=find_delimiter(first))
    header = [name.strip().removeprefix("\ufeff") for name in next(table, [])]
    if _ID not in header and _NAME not in header:
        raise InvalidMetadataError(
            "The table has neither a column `id` nor a column `name`: its first line names them."
        )
    while True:
        try:
            cells = next(table)
            if len(cells) > len(header):
                raise InvalidMetadataError(f"It has {len(cells)} cells, the first line has {len(header)}.")
            row = {name: cell for name, cell in zip(header, cells, strict=False) if cell.strip()}
            if row:
                yield _make_row(table.line_num, {name: _read_cell(name, cell) for name, cell in row.items()})
        except StopIteration:
            return
        except (csv.Error, CatalogError) as error:
            report.refused.append(RefusedRow(table.line_num, str(error)))


def _read_cell(name: str, cell: str) -> MetadataValue:
    text = cell.strip()
    if name in {_ID, _NAME}:
        return text
    if text.lower() in _BOOLEANS:
        return _BOOLEANS[text.lower()]
    return read_number(text) if _NUMBER.fullmatch(text) else text


def _read_jsonl(lines: Iterable[str], report: ImportReport) -> Iterator[_Row]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield _make_row(number, from_json(line))
        except ValueError:
            report.refused.append(RefusedRow(number, "It is not JSON."))
        except CatalogError as error:
            report.refused.append(RefusedRow(number, str(error)))


def _make_row(line: int, row: Any) -> _Row:
    if not isinstance(row, Mapping):
        raise InvalidMetadataError("It is not an object with names and values.")
    item_id, name = row.get(_ID) or "", row.get(_NAME) or ""
    if not isinstance(item_id, str) or not isinstance(name, str) or not (item_id or name):
        raise InvalidMetadataError("It names no item: neither `id` nor `name` is a text.")
    fields = {key: value for key, value in row.items() if key not in {_ID, _NAME}}
    wrong = [key for key, value in fields.items() if not isinstance(value, bool | int | float | str | None)]
    if wrong:
        raise InvalidMetadataError(f"The field {wrong[0]!r} is neither a text, a number nor a boolean.")
    return _Row(line, item_id, name, check_metadata(fields))
