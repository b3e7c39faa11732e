"""The gate for values from outside: what sites, APIs and hosts send is read here, and nowhere else.

Each function takes anything, and returns a value of its type that is safe to use, or nothing where there is none. A
value that is there and cannot be used raises `BadValueError`, which names it: its item is marked, and the others go on.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import SplitResult, urljoin, urlsplit

from framesift.errors import BadValueError
from framesift.sources.counts import MAX_COUNT, parse_count

MAX_TEXT_CHARS: Final = 4_000
"""The longest text that is kept: TikTok's descriptions have at most 4,000 characters, YouTube's titles 100."""
MAX_JSON_BYTES: Final = 20_000_000
"""The largest answer that is read; a page of a list has some hundred kilobytes."""
_MAX_URL_CHARS = 4_096
_MAX_ID_CHARS = 200
_MAX_DIGITS = 300  # Python refuses to read some thousands.
_SHOWN_CHARS = 80


def read_json(body: bytes) -> Any:
    """Read an answer.

    Raises:
        BadValueError: It is no JSON, is nested too deeply, or too large.
    """
    if len(body) > MAX_JSON_BYTES:
        raise BadValueError(f"The answer has {len(body):,} bytes; at most {MAX_JSON_BYTES:,} are read.")
    try:
        return json.loads(body, parse_int=_int, parse_constant=lambda _: None)
    except RecursionError:
        raise BadValueError("The answer is nested too deeply.") from None
    except ValueError as error:
        raise BadValueError(f"The answer is no JSON: {error}.") from None


def read_mapping(value: Any) -> dict[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def read_list(value: Any) -> list[Any]:
    """The value if it is an array, else an empty one."""
    return value if isinstance(value, list) else []


def read_text(value: Any, max_chars: int = MAX_TEXT_CHARS) -> str:
    """The value if it is text, else an empty one: without white space around it, cut where it is too long."""
    # A page can hold halves of surrogate pairs, which no UTF-8 file can.
    return value[:max_chars].encode(errors="replace").decode().strip() if isinstance(value, str) else ""


def read_id(value: Any) -> str:
    """The value if it is an id, as text; else an empty one."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)[:_MAX_ID_CHARS]
    return read_text(value, _MAX_ID_CHARS)


def read_count(value: Any, name: str) -> int | None:
    """A count of views, as a number or as text; None where there is none.

    Raises:
        BadValueError: It is larger than any count can be.
    """
    number = parse_count(value) if isinstance(value, str) else value
    if isinstance(value, str) and number is None and value.strip().isdecimal():
        number = MAX_COUNT + 1
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        return None
    if number > MAX_COUNT:
        raise BadValueError(f"{name} is {show(value)}, more than any count can be.")
    return number


def read_moment(value: Any) -> datetime | None:
    """A moment, as seconds since 1970 or as ISO 8601; None where there is none that can be read."""
    try:
        if isinstance(value, str) and not value.strip().isdecimal():
            moment = datetime.fromisoformat(value[:_SHOWN_CHARS])
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = int(value)
        return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def read_web_url(value: Any, name: str) -> str | None:
    """An HTTP URL; None where the value is none.

    Raises:
        BadValueError: It begins as one, and cannot be parsed, or is too long.
    """
    text = read_text(value, _MAX_URL_CHARS + 1)
    if not text.startswith(("https://", "http://")):
        return None
    if len(text) > _MAX_URL_CHARS:
        raise BadValueError(f"{name} has more than {_MAX_URL_CHARS:,} characters.")
    split_url(text)
    return text


def split_url(text: str) -> SplitResult:
    """A URL's parts.

    Raises:
        BadValueError: It cannot be parsed.
    """
    try:
        parts = urlsplit(text)
        _ = parts.port, parts.hostname  # These are parsed when they are asked for.
    except ValueError as error:
        raise BadValueError(f"The URL {show(text)} cannot be parsed: {error}.") from None
    return parts


def join_url(base: str, location: str) -> str:
    """Where a redirect leads.

    Raises:
        BadValueError: It cannot be parsed.
    """
    try:
        return urljoin(base, location)
    except ValueError as error:
        raise BadValueError(f"The URL {show(location)} cannot be parsed: {error}.") from None


def read_retry_after_s(text: str) -> float | None:
    """The pause that a host asks for, seconds: it writes a number of seconds, or a date. None where it is neither."""
    try:
        if text.isdecimal():
            return float(text)
        moment = parsedate_to_datetime(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        # Not by changing time zones: the year 9999 has none but its own.
        return max(0.0, (moment - datetime.now(UTC)).total_seconds())
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def show(value: Any) -> str:
    """A value for a message: on one line, in ASCII, cut where it is long."""
    try:
        text = ascii(value)
    except (RecursionError, ValueError):  # Nested too deeply, or a number of thousands of digits.
        text = f"a {type(value).__name__} that cannot be shown"
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}..."


def _int(digits: str) -> int | str:
    return int(digits) if len(digits) <= _MAX_DIGITS else digits[:_MAX_DIGITS]
