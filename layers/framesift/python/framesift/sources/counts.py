"""View counts as sites write them."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from typing import Final

MAX_COUNT: Final = 10**15
"""The largest count that is taken for one: the most viewed video has some 10¹⁰."""

_UNITS = {
    "k": 10**3,
    "m": 10**6,
    "b": 10**9,
    "천": 10**3,
    "만": 10**4,
    "억": 10**8,
    "조": 10**12,
}
_BEFORE = re.compile(r"^(?:조회\s*수?|재생\s*수?|views?|plays?)\s*:?\s*")
_AFTER = re.compile(r"\s*(?:회|번|조회|재생|views?|plays?|\+)$")
# Thousands in groups of three, or plain digits with one decimal sign.
_NUMBER = r"\d{1,3}(?P<sign>[,. ])\d{3}(?:(?P=sign)\d{3})*|\d+(?:[.,]\d+)?"
_PART = re.compile(rf"(?P<number>{_NUMBER})\s*(?P<units>[kmb]|천?[만억조]|천|)\s*", re.ASCII)
_LONGEST = 40


def parse_count(text: str) -> int | None:
    """Read a count such as `1.2M`, `98.7K`, `12만`, `3.4천`, `1억 2,300만`, `1,234,567` or `조회수 12만회`.

    Returns:
        The count, rounded down; None for what is no count, or larger than `MAX_COUNT`.
    """
    plain = unicodedata.normalize("NFKC", text).strip().lower()
    plain = _AFTER.sub("", _BEFORE.sub("", plain))
    if not plain or len(plain) > _LONGEST:
        return None
    total, position, last_unit = Decimal(0), 0, 0
    while position < len(plain):
        part = _PART.match(plain, position)
        if part is None:
            return None
        unit = 1
        for sign in part["units"]:
            unit *= _UNITS[sign]
        number = _number(part["number"], grouped_by=part["sign"], has_unit=unit > 1)
        # In `1억 2,300만` each unit is smaller than the one before; anything else is two numbers, not one.
        if number is None or (last_unit and unit >= last_unit):
            return None
        total += number * unit
        position, last_unit = part.end(), unit
    return int(total) if total <= MAX_COUNT else None


def _number(text: str, *, grouped_by: str | None, has_unit: bool) -> Decimal | None:
    """The value of digits with signs between them; None where they make no whole count."""
    # `1.234M` has a decimal sign, `1.234` and `1.234.567M` thousands.
    if grouped_by and not (grouped_by == "." and has_unit and text.count(".") == 1):
        return Decimal(text.replace(grouped_by, ""))
    if not text.isdecimal() and not has_unit:
        return None
    return Decimal(text.replace(",", "."))
