"""Tables of items: CSV, JSONL, and Parquet with vectors."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from typing import Any, Final

from framesift.catalog.export.document import Document, Source
from framesift.catalog.export.rows import Rows, file_name, split_of
from framesift.contracts.catalog import CatalogItem
from framesift.names import safe_cell

COLUMNS: Final = (
    "id", "file", "names", "split", "content_type", "size_bytes", "width", "height", "source", "taken_at", "added_at",
    "batch", "flags", "duplicate_of", "tags", "labels", "sha256",
)  # fmt: skip


def make_csv(rows: Rows, source: Source) -> Iterator[Document]:
    """Make `items.csv`, UTF-8 with a byte order mark, so that spreadsheets read Korean.

    `names`, `flags`, `tags` and `labels` are JSON lists; a column `meta.{name}` for each field of the user's own. What
    a spreadsheet would take for a formula has an apostrophe in front.
    """
    path = source.folder / "items.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*COLUMNS, *(safe_cell(f"meta.{name}") for name in rows.metadata)])
        for item in rows:
            values = make_record(rows, item)
            cells = [_write_cell(values[name]) for name in COLUMNS]
            writer.writerow([*cells, *(_write_cell(item.metadata.get(name)) for name in rows.metadata)])
    yield path.name, path


def make_jsonl(rows: Rows, source: Source) -> Iterator[Document]:
    """Make `items.jsonl`: all that the catalog has of an item (`CatalogItem`) in a line."""
    yield "items.jsonl", rows.path


def make_record(rows: Rows, item: CatalogItem) -> dict[str, Any]:
    """An item as columns; lists are lists, times are in UTC."""
    return {
        "id": item.id,
        "file": file_name(item),
        "names": item.names,
        "split": split_of(item),
        "content_type": item.content_type,
        "size_bytes": item.size_bytes,
        "width": item.width,
        "height": item.height,
        "source": item.source,
        "taken_at": item.taken_at,
        "added_at": item.added_at,
        "batch": item.batch,
        "flags": item.health.flags if item.health else [],
        "duplicate_of": item.duplicate.of if item.duplicate else None,
        "tags": item.tags,
        "labels": list(dict.fromkeys(label.name for label in rows.labels(item))),
        "sha256": item.sha256,
    }


def _write_cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False) if value else ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)  # A number is no formula, even a negative one.
    return safe_cell(value if isinstance(value, str) else value.isoformat())
