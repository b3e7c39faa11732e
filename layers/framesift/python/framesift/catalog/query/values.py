"""The values that a query compares with: numbers, sizes and periods of time."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kKmMgGtT]?[iI]?)[bB]?", re.ASCII)
_PERIOD = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?:[Tt](?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d))?(?P<offset>[Zz]|[+-]\d\d:\d\d)?)?)?)?",
    re.ASCII,
)
_POWERS: Final = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_SIZE_UNITS: Final = (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3))
_MAX_SIZE_BYTES: Final = 10**18
_MAX_EXACT: Final = 2**53  # Whole numbers up to it are exact as floats.


@dataclass(frozen=True)
class Number:
    """A finite number.

    Attributes:
        value: An int if it is whole and exact.
    """

    value: int | float

    def __str__(self) -> str:
        return repr(self.value)


@dataclass(frozen=True)
class Size:
    """A number of bytes."""

    size_bytes: int

    def __str__(self) -> str:
        for unit, unit_bytes in _SIZE_UNITS:
            if self.size_bytes and self.size_bytes % unit_bytes == 0:
                return f"{self.size_bytes // unit_bytes}{unit}"
        return str(self.size_bytes)


@dataclass(frozen=True)
class Period:
    """A year, month, day, minute or second in UTC.

    Attributes:
        text: As it is written: `2026`, `2026-01`, `2026-01-31`, `2026-01-31T09:30Z`, `2026-01-31T09:30:15Z`.
        start: Its first moment.
        end: The first moment after it.
    """

    text: str
    start: datetime
    end: datetime

    def __str__(self) -> str:
        return self.text


Value = Number | Size | Period


def read_number(text: str) -> Number | None:
    """Read a number; None if the text is none, or is too large."""
    if not _NUMBER.fullmatch(text):
        return None
    value = float(text)
    if not math.isfinite(value):
        return None
    return Number(int(value) if value.is_integer() and abs(value) <= _MAX_EXACT else value)


def read_size(text: str) -> Size | None:
    """Read a number of bytes with an optional unit; None if the text is none.

    Example:
        >>> read_size("1.5MB"), read_size("2KiB"), read_size("300")
        (Size(size_bytes=1500000), Size(size_bytes=2048), Size(size_bytes=300))
    """
    found = _SIZE.fullmatch(text)
    if not found:
        return None
    unit = found[2].lower()
    if unit == "i":
        return None
    size_bytes = float(found[1]) * (1024 if unit.endswith("i") else 1000) ** _POWERS[unit.removesuffix("i")]
    return Size(round(size_bytes)) if size_bytes <= _MAX_SIZE_BYTES else None


def read_period(text: str) -> Period | None:
    """Read a date, or a part of one, or a time; None if the text is none, or no such date exists.

    A time without an offset is in UTC.

    Example:
        >>> period = read_period("2026-12")
        >>> period.end.isoformat()
        '2027-01-01T00:00:00+00:00'
        >>> str(read_period("2026-01-01T09:00+09:00"))
        '2026-01-01T00:00Z'
    """
    found = _PERIOD.fullmatch(text)
    if not found:
        return None
    part = {name: int(digits) for name, digits in found.groupdict().items() if digits and name != "offset"}
    try:
        start = datetime(
            part["year"],
            part.get("month", 1),
            part.get("day", 1),
            part.get("hour", 0),
            part.get("minute", 0),
            part.get("second", 0),
            tzinfo=UTC,
        ) - _read_offset(found["offset"])
        return Period(_write(start, text, part), start, _end_of(start, part))
    except (ValueError, OverflowError):
        return None


def _read_offset(text: str | None) -> timedelta:
    """Read `+09:00`; none and `Z` are UTC.

    Raises:
        ValueError: It is a day or more.
    """
    if text is None or text in "Zz":
        return timedelta()
    zone = datetime.strptime(text, "%z").utcoffset()
    return zone or timedelta()


def _end_of(start: datetime, part: dict[str, int]) -> datetime:
    if "second" in part:
        return start + timedelta(seconds=1)
    if "minute" in part:
        return start + timedelta(minutes=1)
    if "day" in part:
        return start + timedelta(days=1)
    if "month" in part:
        return start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
    return start.replace(year=start.year + 1)


def _write(start: datetime, text: str, part: dict[str, int]) -> str:
    if "hour" not in part:
        return text
    precision = "seconds" if "second" in part else "minutes"
    return start.replace(tzinfo=None).isoformat(timespec=precision) + "Z"
