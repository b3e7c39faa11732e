"""Tables of the user's own fields, as CSV or JSONL: which item gets which values."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from framesift.catalog.metadata import check_metadata
from framesift.contracts import MetadataValue
from framesift.errors import InvalidMetadataError

Form = Literal["csv", "jsonl"]
Fields = dict[str, MetadataValue | None]

_KEYS: Final = ("id", "name")


@dataclass
class MetadataTable:
    """What a table says.

    Attributes:
        by_id: Fields by item.
        by_name: Fields by file name.
    """

    by_id: dict[str, Fields] = field(default_factory=dict)
    by_name: dict[str, Fields] = field(default_factory=dict)

    def resolve(
        self, find: Callable[[Sequence[str]], Mapping[str, Sequence[str]]]
    ) -> tuple[dict[str, Fields], list[str]]:
        """Fields by item, and the names that no item has.

        Args:
            find: Returns for names the ids of the items that have each.
        """
        found = find(list(self.by_name)) if self.by_name else {}
        values = dict(self.by_id)
        for name, fields in self.by_name.items():
            for item_id in found.get(name, ()):
                values[item_id] = {**values.get(item_id, {}), **fields}
        return values, [name for name in self.by_name if not found.get(name)]


def read_metadata_table(text: str, form: Form) -> MetadataTable:
    r"""Read a table. Of CSV, a value is a number, `true`, `false` or a text; an empty one removes the field.

    Example:
        >>> read_metadata_table("name,line,ok\na.png,3,true\nb.png,,x\n", "csv").by_name
        {'a.png': {'line': 3.0, 'ok': True}, 'b.png': {'line': None, 'ok': 'x'}}

    Raises:
        InvalidMetadataError: A line cannot be read, names no item, or has a name or a value that cannot be used.
    """
    table = MetadataTable()
    for number, row in _read_csv(text) if form == "csv" else _read_jsonl(text):
        key = next((key for key in _KEYS if row.get(key) not in (None, "")), None)
        if key is None or not isinstance(row[key], str):
            raise InvalidMetadataError(f"Line {number} names no item: it needs `id` or `name`.")
        try:
            fields = check_metadata({name: value for name, value in row.items() if name not in _KEYS})
        except InvalidMetadataError as error:
            raise InvalidMetadataError(f"Line {number}: {error}") from None
        into = table.by_id if key == "id" else table.by_name
        into[row[key]] = {**into.get(row[key], {}), **fields}
    return table


def _read_csv(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    lines = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        names = next(lines, [])
        if len(set(names)) < len(names) or not set(names) & set(_KEYS):
            raise InvalidMetadataError("Line 1 must name each column once, and one of them `id` or `name`.")
        for line in lines:
            if not line:
                continue
            if len(line) != len(names):
                raise InvalidMetadataError(f"Line {lines.line_num} has {len(line)} values; line 1 has {len(names)}.")
            row = dict(zip(names, line, strict=True))
            yield lines.line_num, {name: value if name in _KEYS else _read_value(value) for name, value in row.items()}
    except csv.Error as error:
        raise InvalidMetadataError(f"Line {lines.line_num} is no CSV: {error}.") from None


def _read_jsonl(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(_lines(text), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            raise InvalidMetadataError(f"Line {number} is no JSON.") from None
        if not isinstance(row, dict) or not all(
            value is None or isinstance(value, str | int | float | bool) for value in row.values()
        ):
            raise InvalidMetadataError(f"Line {number} is no object of texts, numbers and booleans.")
        yield number, row


def _lines(text: str) -> Iterable[str]:
    return text.removeprefix("\ufeff").split("\n")


def _read_value(text: str) -> MetadataValue | None:
    if text == "":
        return None
    if text in ("true", "false"):
        return text == "true"
    try:
        number = float(text)
    except ValueError:
        return text
    # `0123` and `1_000` are texts: as numbers they would come out differently.
    is_number = math.isfinite(number) and text.strip() == text and "_" not in text and _is_plain(text)
    return number if is_number else text


def _is_plain(text: str) -> bool:
    digits = text.lstrip("+-")
    return digits[:1] != "0" or digits[:2] in ("0", "0.") or digits.lower().startswith("0e")
