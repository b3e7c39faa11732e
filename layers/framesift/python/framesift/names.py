"""Makes safe ids, file names and cells of tables from untrusted text. No other module does."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable

from framesift.errors import InvalidCollectionError

_SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
# Forbidden in names by Windows; `/` is forbidden everywhere.
_FORBIDDEN = frozenset('<>:"/\\|?*')
# Names of devices, with any extension (Microsoft, "Naming Files, Paths, and Namespaces").
_DEVICE = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])(?:\.|$)", re.IGNORECASE)
_VARIATION_SELECTORS = range(0xFE00, 0xFE10)
_SKIN_TONES = range(0x1F3FB, 0x1F400)
_KEYCAP = 0x20E3
_FALLBACK = "unnamed"
_MAX_COLLECTION_BYTES = 100  # Of S3's 1,024 for a whole key.


def safe_id(text: str) -> str:
    """Make an id that is safe as a file name, a part of an S3 key and a DynamoDB key.

    An id of ASCII letters, digits, `_` and `-` stays unchanged; any other becomes a digest, so that ids
    do not collide and no text from a site can escape its folder.
    """
    if _SAFE_ID.fullmatch(text):
        return text
    return "x" + hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:31]


def safe_name(text: str, *, max_bytes: int = 120) -> str:
    """Make a readable name that every file system accepts.

    Emoji, control characters and those that Windows forbids are removed, runs of white space become one space, letters
    of every script are kept (NFC). A Windows device name gets the prefix `_`. The result is never empty, and a safe
    name stays unchanged.

    Args:
        text: Any text, such as a video's title.
        max_bytes: The most bytes of UTF-8, at least 8. Most file systems accept 255, with the extension.
    """
    cleaned = "".join(map(_replace, unicodedata.normalize("NFC", text)))
    name = _truncate(unicodedata.normalize("NFC", " ".join(cleaned.split())).lstrip(" "), max_bytes)
    if _DEVICE.match(name):
        name = _truncate(f"_{name}", max_bytes)
    return name or _FALLBACK


def unique_names(texts: Iterable[str], *, max_bytes: int = 120) -> list[str]:
    """Make safe names that differ even on file systems that ignore case and Unicode normalization.

    A repeated name gets a numeric suffix, such as `name~2`. The same texts in the same order give the same names.
    """
    taken: set[str] = set()
    names = []
    for text in texts:
        name = base = safe_name(text, max_bytes=max_bytes)
        number = 1
        while _fold(name) in taken:
            number += 1
            suffix = f"~{number}"
            name = _truncate(base, max_bytes - len(suffix)) + suffix
        taken.add(_fold(name))
        names.append(name)
    return names


def check_collection(name: str) -> str:
    """Return a collection's name if it can be used.

    It is part of keys, of file names and of runs' names, which put dots and `#` after it.

    Raises:
        InvalidCollectionError: If it cannot.

    Example:
        >>> check_collection("dance 2026")
        'dance 2026'
    """
    if safe_name(name, max_bytes=_MAX_COLLECTION_BYTES) != name or set(name) & set(".#"):
        raise InvalidCollectionError(
            f"A collection cannot be called {name!r}: use letters, digits, spaces, - and _, at most "
            f"{_MAX_COLLECTION_BYTES} bytes."
        )
    return name


def safe_cell(text: str) -> str:
    """Make the text of a CSV file's cell: no formula to a spreadsheet, and in one line.

    Text that would begin a formula gets an apostrophe in front; control characters are removed.

    Example:
        >>> safe_cell("=1+1")
        "'=1+1"
    """
    shown = "".join(character for character in text if character >= " " and character != "\x7f")
    return f"'{shown}" if shown.startswith(("=", "+", "-", "@")) else shown


def _replace(character: str) -> str:
    """Return the character, a space for white space, or an empty string if it is forbidden."""
    if character.isspace():
        return " "
    code = ord(character)
    if character in _FORBIDDEN or code in _VARIATION_SELECTORS or code in _SKIN_TONES or code == _KEYCAP:
        return ""
    category = unicodedata.category(character)
    # Control, format, surrogate, private and unassigned characters; symbols (emoji among them).
    return "" if category.startswith("C") or category == "So" else character


def _truncate(name: str, max_bytes: int) -> str:
    """Truncate to whole characters, without the trailing dots and spaces that Windows removes."""
    return name.encode()[:max_bytes].decode(errors="ignore").rstrip(". ")


def _fold(name: str) -> str:
    return unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold())
