"""Safe names: the only place where text from outside becomes a name."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable

_SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
# Forbidden in names by Windows; `/` is forbidden everywhere.
_FORBIDDEN = frozenset('<>:"/\\|?*')
# Names of devices, with any extension (Microsoft, "Naming Files, Paths, and Namespaces").
_DEVICE = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])(?:\.|$)", re.IGNORECASE)
_VARIATION_SELECTORS = range(0xFE00, 0xFE10)
_SKIN_TONES = range(0x1F3FB, 0x1F400)
_KEYCAP = 0x20E3
_FALLBACK = "unnamed"


def safe_id(text: str) -> str:
    """An id that is safe as a file name, an S3 key part and a DynamoDB key.

    An id of ASCII letters, digits, `_` and `-` stays as it is; any other becomes a digest, so that two ids never
    collide and nothing that a site sends can leave its folder.
    """
    if _SAFE_ID.fullmatch(text):
        return text
    return "x" + hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:31]


def safe_name(text: str, *, max_bytes: int = 120) -> str:
    """A readable name that every file system accepts.

    Emoji, control characters and what Windows forbids are removed, runs of white space become one space, letters of
    every script stay (NFC). A name of a Windows device gets a `_` in front. The result is never empty, and a safe name
    stays as it is.

    Args:
        text: Any text, such as a video's title.
        max_bytes: The most bytes of UTF-8, at least 8. Most file systems accept 255, with the extension.
    """
    kept = "".join(map(_kept, unicodedata.normalize("NFC", text)))
    name = _cut(unicodedata.normalize("NFC", " ".join(kept.split())).lstrip(" "), max_bytes)
    if _DEVICE.match(name):
        name = _cut(f"_{name}", max_bytes)
    return name or _FALLBACK


def unique_names(texts: Iterable[str], *, max_bytes: int = 120) -> list[str]:
    """Safe names that differ from each other, even on file systems that ignore case and Unicode normalization.

    A repeated name gets a number, such as `name~2`. The same texts in the same order give the same names.
    """
    taken: set[str] = set()
    names = []
    for text in texts:
        name = wanted = safe_name(text, max_bytes=max_bytes)
        number = 1
        while _folded(name) in taken:
            number += 1
            suffix = f"~{number}"
            name = _cut(wanted, max_bytes - len(suffix)) + suffix
        taken.add(_folded(name))
        names.append(name)
    return names


def _kept(character: str) -> str:
    """The character, a space for any white space, or nothing."""
    if character.isspace():
        return " "
    code = ord(character)
    if character in _FORBIDDEN or code in _VARIATION_SELECTORS or code in _SKIN_TONES or code == _KEYCAP:
        return ""
    category = unicodedata.category(character)
    # Control, format, surrogate, private and unassigned characters; symbols (emoji among them).
    return "" if category.startswith("C") or category == "So" else character


def _cut(name: str, max_bytes: int) -> str:
    """At most so many bytes of whole characters, without the dots and spaces at the end that Windows removes."""
    return name.encode()[:max_bytes].decode(errors="ignore").rstrip(". ")


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold())
