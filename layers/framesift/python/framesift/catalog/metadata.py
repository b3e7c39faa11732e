"""Fields of the user's own: which names and values they can have."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from typing import Final, TypeVar

from framesift.catalog.tags import fold
from framesift.contracts import MetadataValue
from framesift.errors import InvalidMetadataError

MAX_NAME_LENGTH: Final = 100
"""Of a field's name, in characters."""
MAX_VALUE_LENGTH: Final = 2000
"""Of a text, in characters."""
MAX_FIELDS: Final = 200
"""Of an item."""
_MAX_WHOLE: Final = 2**53
"""The largest whole number that every reader of JSON reads exactly; larger ones become floats."""

# Controls but tabs and ends of lines, and what reverses the text around it.
_UNSEEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

Value = TypeVar("Value", MetadataValue, MetadataValue | None)


def check_metadata(fields: Mapping[str, Value]) -> dict[str, Value]:
    """Return fields as they are kept: names in NFC with single spaces, of names that are the same folded the last.

    Example:
        >>> check_metadata({" Camera  model ": "X100", "camera model": 7})
        {'camera model': 7}

    Raises:
        InvalidMetadataError: A name is empty or too long, a text is too long or has characters that cannot be seen, or
            a number is not finite.
    """
    kept: dict[str, tuple[str, Value]] = {}
    for name, value in fields.items():
        shown = " ".join(unicodedata.normalize("NFC", name).split())
        folded = fold(shown)
        if not folded or len(shown) > MAX_NAME_LENGTH or not shown.isprintable():
            raise InvalidMetadataError(
                f"A field cannot be called {name[:20]!r}: use 1 to {MAX_NAME_LENGTH} printable characters."
            )
        kept[folded] = (shown, _check_value(shown, value))
    if len(kept) > MAX_FIELDS:
        raise InvalidMetadataError(f"An item has at most {MAX_FIELDS} fields; these are {len(kept)}.")
    return dict(kept.values())


def merge_metadata(
    fields: Mapping[str, MetadataValue], changes: Mapping[str, MetadataValue | None]
) -> dict[str, MetadataValue]:
    """Return fields after some are set, and those set to None are removed.

    Those beyond `MAX_FIELDS` are left out, the newest first.

    Example:
        >>> merge_metadata({"Line": 3, "note": "x"}, {"line": 4, "note": None})
        {'line': 4}
    """
    changed = {fold(name): (name, value) for name, value in changes.items()}
    kept = {fold(name): (name, value) for name, value in fields.items() if fold(name) not in changed}
    merged = [*kept.values(), *((name, value) for name, value in changed.values() if value is not None)]
    return dict(merged[:MAX_FIELDS])


def read_number(text: str) -> int | float:
    """Read a number, a whole one as such.

    Example:
        >>> read_number("3"), read_number("-3.0"), read_number("1e3")
        (3, -3.0, 1000.0)

    Raises:
        ValueError: The text is no number.
    """
    try:
        return int(text)
    except ValueError:
        return float(text)


def _check_value(name: str, value: Value) -> Value:
    if isinstance(value, str):
        if len(value) > MAX_VALUE_LENGTH:
            raise InvalidMetadataError(
                f"The field {name!r} has {len(value):,} characters: a text has at most {MAX_VALUE_LENGTH:,}."
            )
        if found := _UNSEEN.search(value):
            raise InvalidMetadataError(
                f"The field {name!r} has the character U+{ord(found[0]):04X}, which cannot be seen: remove it."
            )
        return unicodedata.normalize("NFC", value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) <= _MAX_WHOLE:
        return value
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise InvalidMetadataError(f"The field {name!r} is not a finite number.")
    return number
