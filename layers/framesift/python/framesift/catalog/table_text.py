"""Tables as spreadsheets save them: Excel's "Unicode text" is UTF-16, and its plain CSV in Korea CP949."""

from __future__ import annotations

import codecs
from typing import Final

_DELIMITERS: Final = ",;\t"


def decode_table(content: bytes) -> str:
    """Decode a table in UTF-8, UTF-16 with a byte order mark, or CP949.

    Raises:
        UnicodeDecodeError: It is in none of them.
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp949")


def find_delimiter(header: str) -> str:
    """What separates the columns of a CSV file: the comma, semicolon or tab that its first line has most of."""
    return max(_DELIMITERS, key=header.count)
