"""Turns a query into a condition of SQL: text from the query is only ever a parameter."""

from __future__ import annotations

import math
import sys
from datetime import UTC, datetime
from functools import singledispatch
from typing import Final

from framesift.catalog.condition import EVERYTHING, Condition
from framesift.catalog.query.fields import FIELDS, Kind
from framesift.catalog.query.parse import parse_query
from framesift.catalog.query.tree import (
    Between,
    Both,
    Choice,
    Compare,
    Either,
    Everything,
    Match,
    Not,
    Order,
    Pattern,
    Query,
    Words,
)
from framesift.catalog.query.values import Number, Period, Size, Value
from framesift.catalog.tags import fold, split_tag

# Stands for a wildcard while a pattern is folded; folding leaves it alone, and no item's text has it.
_MARK: Final = "\ue000"
_MEDIA_TYPES: Final = {"jpg": "jpeg", "tif": "tiff"}
_DAY: Final = r"\d{4}-\d\d-\d\d"
_MAX: Final = sys.float_info.max
_METADATA_VALUE: Final = "map_extract_value(metadata, ?)"


def compile_query(query: Query | str) -> Condition:
    """Turn a query into a condition on the relation that the catalog's reader offers.

    Args:
        query: A tree, or its text.

    Example:
        >>> compile_query("width>=640 AND tag:Dog")
        Condition(sql='(width >= ? AND list_contains(tags_folded, ?))', parameters=[640, 'dog'])

    Raises:
        QueryError: The text is no query; one of its leaves.
    """
    return _compile(parse_query(query) if isinstance(query, str) else query)


def fold_pattern(pattern: Pattern) -> Pattern:
    """Fold a pattern's pieces as one text, so that spaces at their ends stay."""
    marked = _MARK.join(piece.replace(_MARK, "") for piece in pattern.pieces)
    return Pattern(tuple(fold(marked).split(_MARK)))


@singledispatch
def _compile(query: Query) -> Condition:
    raise TypeError(f"{query!r} is no query.")


@_compile.register
def _(query: Everything) -> Condition:
    return EVERYTHING


@_compile.register
def _(query: Both) -> Condition:
    return _join(" AND ", [_compile(part) for part in query.parts])


@_compile.register
def _(query: Either) -> Condition:
    return _join(" OR ", [_compile(part) for part in query.parts])


@_compile.register
def _(query: Not) -> Condition:
    # An item without a value is not one that compares so. Only here does NULL differ from false.
    part = _compile(query.part)
    return Condition(f"NOT coalesce({part.sql}, false)", part.parameters)


@_compile.register
def _(query: Words) -> Condition:
    pieces = fold_pattern(query.pattern).pieces
    return _match_text("text", Pattern(("", *pieces, "")))


@_compile.register
def _(query: Match) -> Condition:
    field = FIELDS[query.field]
    if field.kind is Kind.METADATA:
        value = _match_text(_METADATA_VALUE, fold_pattern(query.pattern))
        return Condition(value.sql, [fold(query.key), *value.parameters])
    if query.field == "split":
        return _match_list(field.column, Pattern((split_tag(query.pattern.pieces[0]),)))
    pattern = fold_pattern(query.pattern) if field.kind is Kind.FOLDED else query.pattern
    if query.field == "type":
        pattern = _complete_type(pattern)
    if query.score is not None:
        return _match_score(pattern, *query.score)
    return _match_list(field.column, pattern) if field.is_list else _match_text(field.column, pattern)


@_compile.register
def _(query: Compare) -> Condition:
    field = FIELDS[query.field]
    if field.kind is not Kind.METADATA:
        return _compare(field.column, query.order, query.value)
    compared = _compare_metadata(query.key, query.order, query.value)
    if query.order == "=" and isinstance(query.value, Period):
        # What looks like a part of a date may be a text of the user's.
        same = _compile(Match(query.field, Pattern((str(query.value),)), query.key))
        return _join(" OR ", [compared, same])
    return compared


@_compile.register
def _(query: Between) -> Condition:
    sides: list[Query] = []
    if query.low is not None:
        sides.append(Compare(query.field, ">=", query.low, query.key))
    if query.high is not None:
        sides.append(Compare(query.field, "<=", query.high, query.key))
    return _join(" AND ", [_compile(side) for side in sides])


@_compile.register
def _(query: Choice) -> Condition:
    if query.key:
        return Condition("map_contains(metadata, ?)", [fold(query.key)])
    return Condition(FIELDS[query.field].choices[query.choice])


def _join(word: str, conditions: list[Condition]) -> Condition:
    sql = word.join(condition.sql for condition in conditions)
    parameters = [value for condition in conditions for value in condition.parameters]
    return Condition(f"({sql})" if len(conditions) > 1 else sql, parameters)


def _match_list(column: str, pattern: Pattern) -> Condition:
    if len(pattern.pieces) == 1:
        return Condition(f"list_contains({column}, ?)", list(pattern.pieces))
    if "".join(pattern.pieces) == "":
        return Condition(f"len({column}) > 0")
    one = _match_text("x", pattern)
    return Condition(f"len(list_filter({column}, lambda x: {one.sql})) > 0", one.parameters)


def _match_text(column: str, pattern: Pattern) -> Condition:
    first, last = pattern.pieces[0], pattern.pieces[-1]
    match pattern.pieces:
        case (whole,):
            return Condition(f"{column} = ?", [whole])
        case (_, ""):
            return Condition(f"starts_with({column}, ?)", [first])
        case ("", _):
            return Condition(f"ends_with({column}, ?)", [last])
        case ("", inner, ""):
            return Condition(f"contains({column}, ?)", [inner])
        case pieces:
            escaped = (_escape_like(piece) for piece in pieces)
            return Condition(f"{column} LIKE ? ESCAPE '!'", ["%".join(escaped)])


def _escape_like(text: str) -> str:
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")


def _match_score(pattern: Pattern, order: Order, score: float) -> Condition:
    # Scores are kept as FLOAT: 0.8 is not above 0.8 only if both are rounded alike.
    if len(pattern.pieces) == 1:
        label = pattern.pieces[0]
        return Condition(f"label_scores[list_position(labels, ?)] {order} ?::FLOAT", [label, score])
    one = _match_text("x[1]", pattern)
    return Condition(
        f"len(list_filter(list_zip(labels, label_scores), lambda x: {one.sql} AND x[2] {order} ?::FLOAT)) > 0",
        [*one.parameters, score],
    )


def _compare(column: str, order: Order, value: Value) -> Condition:
    if isinstance(value, Period):
        start, end = _to_timestamp(value.start), _to_timestamp(value.end)
        return _compare_period(column, order, start, end)
    return Condition(f"{column} {order} ?", [_number_of(value)])


def _compare_period(column: str, order: Order, start: datetime | str, end: datetime | str) -> Condition:
    match order:
        case "=":
            return Condition(f"({column} >= ? AND {column} < ?)", [start, end])
        case ">":
            return Condition(f"{column} >= ?", [end])
        case "<=":
            return Condition(f"{column} < ?", [end])
        case _:
            return Condition(f"{column} {order} ?", [start])


def _compare_metadata(key: str, order: Order, value: Value) -> Condition:
    name = fold(key)
    if isinstance(value, Period):
        # Days are text; only what looks like one is compared.
        days = (value.start.date().isoformat(), value.end.date().isoformat())
        compared = _compare_period(_METADATA_VALUE, order, *days)
        names = (name,) * compared.sql.count(_METADATA_VALUE)
        parameters = [one for pair in zip(names, compared.parameters, strict=True) for one in pair]
        return Condition(f"(regexp_full_match({_METADATA_VALUE}, ?) AND {compared.sql})", [name, _DAY, *parameters])
    # Taking the value out of the map is what costs: it is done once.
    low, high = _find_interval(order, float(_number_of(value)))
    return Condition(f"try_cast({_METADATA_VALUE} AS DOUBLE) BETWEEN ? AND ?", [name, low, high])


def _find_interval(order: Order, number: float) -> tuple[float, float]:
    """The finite numbers that compare so; the texts "nan" and "inf" are numbers to DuckDB, and not in it."""
    match order:
        case "=":
            return number, number
        case "<":
            return -_MAX, math.nextafter(number, -math.inf)
        case "<=":
            return -_MAX, number
        case ">":
            return math.nextafter(number, math.inf), _MAX
        case ">=":
            return number, _MAX


def _number_of(value: Number | Size) -> int | float:
    return value.size_bytes if isinstance(value, Size) else value.value


def _complete_type(pattern: Pattern) -> Pattern:
    """Let `jpg` stand for `image/jpeg`."""
    first, *others = pattern.pieces
    if any("/" in piece for piece in pattern.pieces) or not first:
        return pattern
    return Pattern((f"image/{first if others else _MEDIA_TYPES.get(first, first)}", *others))


def _to_timestamp(moment: datetime) -> datetime:
    """The relation has timestamps without a zone, in UTC."""
    return moment.astimezone(UTC).replace(tzinfo=None)
