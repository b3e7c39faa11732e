"""A small catalog as the relation that queries run on, and the same queries decided item by item in Python."""

from __future__ import annotations

import math
import operator
import re
import struct
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import duckdb
import pyarrow as pa

from framesift.catalog.columns import make_batch
from framesift.catalog.query import Query, compile_query
from framesift.catalog.query.compile import fold_pattern
from framesift.catalog.query.tree import (
    Between,
    Both,
    Choice,
    Compare,
    Either,
    Everything,
    Match,
    Not,
    Pattern,
    Words,
)
from framesift.catalog.query.values import Period, Size, Value
from framesift.catalog.tags import fold, fold_value
from framesift.contracts.catalog import CatalogItem


def find_in_database(items: Iterable[CatalogItem], query: Query | str) -> set[str]:
    """The ids that DuckDB finds."""
    return Relation(items).find(query)


@cache
def _database() -> duckdb.DuckDBPyConnection:
    database = duckdb.connect()
    database.execute("SET threads = 1")
    return database


class Relation:
    """Items in a table of DuckDB; a later one takes the place of this one."""

    def __init__(self, items: Iterable[CatalogItem]) -> None:
        self._database = _database()
        rows = pa.Table.from_batches([make_batch(items)])
        self._database.register("rows", rows)
        self._database.execute("CREATE OR REPLACE TABLE items AS SELECT * FROM rows")
        self._database.unregister("rows")

    def find(self, query: Query | str) -> set[str]:
        condition = compile_query(query)
        sql = f"SELECT id FROM items WHERE {condition.sql}"  # noqa: S608 - what is tested
        return {row[0] for row in self._database.execute(sql, condition.parameters).fetchall()}


def best_scores(item: CatalogItem) -> dict[str, float]:
    best: dict[str, float] = {}
    for label, score in [(one.label, one.score) for one in item.predictions] + [
        (one.label, 1.0) for one in item.annotations
    ]:
        best[fold(label)] = max(best.get(fold(label), 0.0), score)
    return best


def text_of(item: CatalogItem) -> str:
    parts = [*item.names, *item.tags, *best_scores(item)]
    metadata = [piece for name, value in item.metadata.items() for piece in (fold(name), fold_value(value))]
    return "\n".join(dict.fromkeys([*map(fold, parts), *metadata]))


# --- the same, decided item by item ---

_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def holds(query: Query, item: CatalogItem) -> bool:
    """Whether an item is one that the query means."""
    match query:
        case Everything():
            return True
        case Both(parts):
            return all(holds(part, item) for part in parts)
        case Either(parts):
            return any(holds(part, item) for part in parts)
        case Not(part):
            return not holds(part, item)
        case Words(pattern):
            return matches(Pattern(("", *fold_pattern(pattern).pieces, "")), text_of(item))
        case Match():
            return _holds_match(query, item)
        case Compare():
            return _holds_compare(query, item)
        case Between(field, low, high, key):
            sides = [Compare(field, ">=", low, key)] if low else []
            sides += [Compare(field, "<=", high, key)] if high else []
            return all(holds(side, item) for side in sides)
        case Choice():
            return _holds_choice(query, item)


def matches(pattern: Pattern, text: str) -> bool:
    return re.fullmatch(".*".join(re.escape(piece) for piece in pattern.pieces), text, re.DOTALL) is not None


def _holds_match(query: Match, item: CatalogItem) -> bool:
    folded = fold_pattern(query.pattern)
    if query.field == "label":
        order, limit = query.score or (">=", 0.0)
        return any(
            matches(folded, label) and _ORDERS[order](to_float32(score), to_float32(limit))
            for label, score in best_scores(item).items()
        )
    if query.field == "type":
        return _holds_type(folded, item.content_type)
    if query.field == "split":
        return f"split:{query.pattern.pieces[0]}" in [fold(tag) for tag in item.tags]
    texts = {
        "tag": [fold(tag) for tag in item.tags],
        "model": [one.model for one in item.predictions],
        "name": [fold(name) for name in item.names],
        "source": [item.source],
        "batch": [item.batch],
        "by": [item.added_by],
        "id": [item.id],
        "duplicate": [item.duplicate.of] if item.duplicate else [],
        "meta": [text for name, text in metadata_of(item).items() if name == fold(query.key)],
    }[query.field]
    pattern = query.pattern if query.field in {"batch", "by", "model"} else folded
    return any(matches(pattern, text) for text in texts)


def _holds_type(pattern: Pattern, content_type: str) -> bool:
    kind, _, subtype = content_type.partition("/")
    if pattern.pieces[0] == "" or any("/" in piece for piece in pattern.pieces):
        return matches(pattern, content_type)
    alias = {("jpg",): "jpeg", ("tif",): "tiff"}.get(pattern.pieces)
    return kind == "image" and matches(Pattern((alias,)) if alias else pattern, subtype)


def to_float32(value: float) -> float:
    return float(struct.unpack("f", struct.pack("f", value))[0])


def metadata_of(item: CatalogItem) -> dict[str, str]:
    return {fold(name): fold_value(value) for name, value in item.metadata.items()}


def _holds_compare(query: Compare, item: CatalogItem) -> bool:
    if query.field == "meta":
        text = metadata_of(item).get(fold(query.key))
        return text is not None and _holds_metadata(query, text)
    health = item.health
    value = {
        "date": item.taken_at or item.added_at,
        "taken": item.taken_at,
        "added": item.added_at,
        "width": item.width,
        "height": item.height,
        "size": item.size_bytes,
        "sharpness": health and health.sharpness,
        "brightness": health and health.brightness,
        "contrast": health and health.contrast,
        "entropy": health and health.entropy_bits,
    }[query.field]
    return value is not None and compares(value, query.order, query.value)


def compares(value: Any, order: str, limit: Value) -> bool:
    if isinstance(limit, Period):
        return {
            "=": limit.start <= value < limit.end,
            "<": value < limit.start,
            "<=": value < limit.end,
            ">": value >= limit.end,
            ">=": value >= limit.start,
        }[order]
    return _ORDERS[order](value, limit.size_bytes if isinstance(limit, Size) else limit.value)


def _holds_metadata(query: Compare, text: str) -> bool:
    if isinstance(query.value, Period):
        if query.order == "=" and text == fold(str(query.value)):
            return True
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
            return False
        start, end = (moment.date().isoformat() for moment in (query.value.start, query.value.end))
        return {
            "=": start <= text < end,
            "<": text < start,
            "<=": text < end,
            ">": text >= end,
            ">=": text >= start,
        }[query.order]
    try:
        number = float(text) if text.isascii() else math.nan
    except ValueError:
        return False
    return math.isfinite(number) and compares(number, query.order, query.value)


def _holds_choice(query: Choice, item: CatalogItem) -> bool:
    health = item.health
    if query.field == "is":
        flags = health.flags if health else []
        return {"annotated": bool(item.annotations), "duplicate": item.duplicate is not None}.get(
            query.choice, query.choice in flags
        )
    if query.key:
        return fold(query.key) in metadata_of(item)
    return {
        "annotation": bool(item.annotations),
        "batch": item.batch != "",
        "date": item.taken_at is not None,
        "duplicate": item.duplicate is not None,
        "health": health is not None,
        "label": bool(item.annotations or item.predictions),
        "meta": bool(item.metadata),
        "model": bool(item.predictions),
        "tag": bool(item.tags),
    }[query.choice]
