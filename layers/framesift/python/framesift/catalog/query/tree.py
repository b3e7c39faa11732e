"""A query as a tree, and its canonical text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from framesift.catalog.query.values import Value

Order = Literal["=", "<", "<=", ">", ">="]

WILDCARD: Final = "*"
# What needs no quotes, whether as a word or as a value.
_PLAIN = re.compile(r"[^\s()\":<>=!\\*-][^\s()\":<>=!\\*]*")
_PLAIN_NAME = re.compile(r"[^\s()\":<>=!\\]+")
_KEYWORDS: Final = frozenset({"AND", "OR", "NOT"})
_SPECIAL = re.compile(r"[\"\\*]")


@dataclass(frozen=True)
class Pattern:
    """Text in NFC with any characters between its pieces: `a*b` is `("a", "b")`, plain text is one piece."""

    pieces: tuple[str, ...]

    def __str__(self) -> str:
        if all(piece == "" or _PLAIN.fullmatch(piece) for piece in self.pieces):
            text = WILDCARD.join(self.pieces)
            if text and text not in _KEYWORDS and ".." not in text:
                return text
        return _quote(self.pieces)


@dataclass(frozen=True)
class Everything:
    """The empty query: all items."""

    def __str__(self) -> str:
        return ""


@dataclass(frozen=True)
class Both:
    """All of the parts hold; none of them is a `Both`, and they are two or more."""

    parts: tuple[Query, ...]

    def __str__(self) -> str:
        return " AND ".join(_enclose(part) for part in self.parts)


@dataclass(frozen=True)
class Either:
    """At least one of the parts holds; none of them is an `Either`, and they are two or more."""

    parts: tuple[Query, ...]

    def __str__(self) -> str:
        return " OR ".join(_enclose(part) for part in self.parts)


@dataclass(frozen=True)
class Not:
    """The part does not hold."""

    part: Query

    def __str__(self) -> str:
        return f"NOT {_enclose(self.part)}"


@dataclass(frozen=True)
class Words:
    """The text of an item (names, tags, labels, metadata) contains the pattern."""

    pattern: Pattern

    def __str__(self) -> str:
        return str(self.pattern)


@dataclass(frozen=True)
class Match:
    """A field of text matches the pattern as a whole.

    Attributes:
        field: A key of `FIELDS`.
        pattern: What it is compared with.
        key: The metadata field's name, in NFC; empty for other fields.
        score: For labels, how the label's best score compares with a number of at least 0 and at most 1.
    """

    field: str
    pattern: Pattern
    key: str = ""
    score: tuple[Order, float] | None = None

    def __str__(self) -> str:
        # Without quotes, the value of a metadata field may be a number.
        value = _quote(self.pattern.pieces) if self.key else str(self.pattern)
        score = f"{self.score[0]}{self.score[1]!r}" if self.score else ""
        return f"{write_name(self.field, self.key)}:{value}{score}"


@dataclass(frozen=True)
class Compare:
    """A field compares with a value."""

    field: str
    order: Order
    value: Value
    key: str = ""

    def __str__(self) -> str:
        return f"{write_name(self.field, self.key)}{':' if self.order == '=' else self.order}{self.value}"


@dataclass(frozen=True)
class Between:
    """A field lies between two values, or is one of them; None: no limit on that side, but not on both."""

    field: str
    low: Value | None
    high: Value | None
    key: str = ""

    def __str__(self) -> str:
        low, high = ("" if value is None else str(value) for value in (self.low, self.high))
        return f"{write_name(self.field, self.key)}:{low}..{high}"


@dataclass(frozen=True)
class Choice:
    """`is:` or `has:` with one of their words; that of `has:meta.NAME` is `meta`, and its key the name."""

    field: str
    choice: str
    key: str = ""

    def __str__(self) -> str:
        return f"{self.field}:{Pattern((f'{self.choice}.{self.key}',)) if self.key else self.choice}"


Query = Everything | Both | Either | Not | Words | Match | Compare | Between | Choice


def all_of(parts: Iterable[Query]) -> Query:
    """Join queries by AND."""
    flat = tuple(inner for part in parts for inner in (part.parts if isinstance(part, Both) else (part,)))
    return flat[0] if len(flat) == 1 else Both(flat) if flat else Everything()


def any_of(parts: Iterable[Query]) -> Query:
    """Join queries by OR; there must be at least one."""
    flat = tuple(inner for part in parts for inner in (part.parts if isinstance(part, Either) else (part,)))
    return flat[0] if len(flat) == 1 else Either(flat)


def write_name(field: str, key: str) -> str:
    """Write a field's name, with the name of the metadata field if it is one."""
    if not key:
        return field
    return f"{field}.{key if _PLAIN_NAME.fullmatch(key) else _quote((key,))}"


def _enclose(part: Query) -> str:
    return f"({part})" if isinstance(part, Both | Either) else str(part)


def _quote(pieces: Iterable[str]) -> str:
    escaped = (_SPECIAL.sub(r"\\\g<0>", piece) for piece in pieces)
    return f'"{WILDCARD.join(escaped)}"'
