"""Where output goes (results to stdout, everything else to stderr), and how text from outside is made safe to show."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.markup import escape

from framesift.errors import FramesiftError, OutputNotWrittenError
from framesift.settings import load_settings

output = Console()
errors = Console(stderr=True)

# Characters that reorder the text around them (Unicode, UAX #9), or that no terminal shows.
_INVISIBLE = frozenset("\u00ad\u061c\u200b\u200e\u200f\u2060\ufeff\ufff9\ufffa\ufffb")
_BIDI = frozenset(map(chr, [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]))


def plain_text(text: object) -> str:
    r"""Text from outside (titles, authors, file names, messages) with nothing in it that a terminal obeys.

    Line breaks and tabs become spaces. Control characters, bytes that are not text (`os.fsdecode`), and characters
    that reorder or hide text become visible escapes. Emoji and every script stay.

    Example:
        >>> print(plain_text("cat\x1b[2J \u202egpj.exe"))
        cat\x1b[2J \u202egpj.exe
    """
    return "".join(map(_visible, str(text)))


def safe_text(text: object) -> str:
    r"""`plain_text` for a string that holds Rich's markup: brackets in the text stay brackets.

    Example:
        >>> print(safe_text("[bold]cat"))
        \[bold]cat
    """
    return escape(plain_text(text))


def print_text(text: object) -> None:
    """Print a line of text that may come from outside, without markup, and without wrapping it."""
    output.print(plain_text(text), markup=False, highlight=False, soft_wrap=True)


def show_time(at: datetime) -> str:
    """A time as people read it, in the time zone of the runs' days."""
    return f"{at.astimezone(ZoneInfo(load_settings().run.timezone)):%Y-%m-%d %H:%M}"


def count_of(number: int, noun: str) -> str:
    """A number with its noun.

    Example:
        >>> count_of(1, "item"), count_of(1200, "item")
        ('1 item', '1,200 items')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def write_file(path: Path, body: bytes) -> None:
    """Write a file that the user named, and the folders above it.

    Raises:
        OutputNotWrittenError: It cannot be written; the message names it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    except OSError as error:
        raise OutputNotWrittenError(
            f"{path} cannot be written ({error.strerror}): choose another file, or make room."
        ) from None


def print_error(error: object) -> None:
    """Print an error on stderr: one line, with the class that `docs/operations.md` lists."""
    kind = f"{type(error).__name__}: " if isinstance(error, FramesiftError) else ""
    errors.print(f"[red]framesift:[/] {kind}{safe_text(error)}", highlight=False, soft_wrap=True)


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Zl", "Zp") or character in "\n\r\t":
        return " "
    if category == "Cc" or character in _INVISIBLE or character in _BIDI:
        return f"\\x{ord(character):02x}" if ord(character) < 0x100 else f"\\u{ord(character):04x}"
    if category == "Cs":  # A byte of a file name that is not UTF-8 (PEP 383), or half of a pair.
        byte = ord(character) - 0xDC00
        return f"\\x{byte:02x}" if 0x80 <= byte <= 0xFF else f"\\u{ord(character):04x}"
    return character
