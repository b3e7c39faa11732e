"""Tags: free text of any script, shown as it was typed, and found whatever its case or Unicode form.

A tag is kept in NFC with its case. Two tags are the same if `fold` gives the same for both; everything that is
searched (tags, labels, names, metadata, the words of a query) goes through it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from framesift.contracts.catalog import MetadataValue
from framesift.errors import InvalidTagError, TooManyTagsError

MAX_TAG_LENGTH: Final = 100
"""Of a tag, in characters (code points in NFC)."""
MAX_TAGS: Final = 1000
"""Of an item."""
SPLITS: Final = ("train", "val", "test")

_SPLIT_PREFIX: Final = "split:"
# Invisible, and unlike the other format characters a part of how words (Persian, Sinhala) and emoji are written.
_JOINERS: Final = "\u200c\u200d"
_SPACES = re.compile(r"\s+")
# Refused: controls, format characters (they can reverse the text around them), lone surrogates, private and unassigned
# code points, separators of lines and paragraphs.
_REFUSED_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def fold(text: str) -> str:
    """Return the form in which text is compared: without differences of case, width, Unicode form or white space.

    Folding twice gives the same as folding once.

    Example:
        >>> fold("  ＤＯＧ  Ａ ")
        'dog a'
        >>> fold("Straße") == fold("STRASSE")
        True
    """
    if text.isascii():
        return " ".join(text.lower().split())
    # Unicode's compatibility caseless matching (D146) without what is not seen: a heart is a heart with or without its
    # variation selector. Case folding can undo the normalization, and the other way around, hence both twice.
    seen = "".join(character for character in text if not _is_ignorable(character))
    once = unicodedata.normalize("NFKC", unicodedata.normalize("NFKD", seen).casefold())
    return " ".join(unicodedata.normalize("NFKC", once.casefold()).split())


def normalize_tag(text: str) -> str:
    """Return a tag as it is kept: in NFC, with single spaces and none around it.

    Example:
        >>> normalize_tag("  Golden   Retriever ")
        'Golden Retriever'

    Raises:
        InvalidTagError: It is empty, too long, or has a control or another invisible character.
    """
    tag = _SPACES.sub(" ", unicodedata.normalize("NFC", text.strip())) if text.isprintable() else _check(text)
    if not fold(tag):
        raise InvalidTagError("A tag cannot be empty.")
    if len(tag) > MAX_TAG_LENGTH:
        raise InvalidTagError(f"The tag {tag[:20]!r}… has {len(tag):,} characters: a tag has at most {MAX_TAG_LENGTH}.")
    return tag


def normalize_tags(texts: Iterable[str]) -> list[str]:
    """Return tags as they are kept, in their order; of those that are the same when folded, the first.

    Raises:
        InvalidTagError: One of them cannot be used.
        TooManyTagsError: They are more than an item can have.
    """
    return change_tags([], add=texts)


def change_tags(tags: Iterable[str], *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> list[str]:
    """Return an item's tags after some are removed and others are added at the end.

    A tag that is there already keeps its place and its case, unless it is removed at the same time.

    Args:
        tags: The item's tags, as they are kept.
        add: Text of any form.
        remove: Text of any form; those that are not there are no error.

    Example:
        >>> change_tags(["Dog", "park"], add=["dog", "개"], remove=["PARK"])
        ['Dog', '개']

    Raises:
        InvalidTagError: One to add cannot be used.
        TooManyTagsError: The item would have more than it can.
    """
    removed = {fold(tag) for tag in remove}
    kept = {folded: tag for tag in tags if (folded := fold(tag)) not in removed}
    for text in add:
        tag = normalize_tag(text)
        kept.setdefault(fold(tag), tag)
    if len(kept) > MAX_TAGS:
        raise TooManyTagsError(f"An item has at most {MAX_TAGS:,} tags; this would give it {len(kept):,}.")
    return list(kept.values())


def _check(text: str) -> str:
    """Return text with single spaces; white space at its ends may be of any kind."""
    tag = unicodedata.normalize("NFC", text.strip())
    for character in tag:
        if unicodedata.category(character) in _REFUSED_CATEGORIES and character not in _JOINERS:
            raise InvalidTagError(
                f"The tag {tag[:20]!r} has the character U+{ord(character):04X}, which is not printable: remove it."
            )
    return _SPACES.sub(" ", tag)


def _is_ignorable(character: str) -> bool:
    """Whether a character changes at most how another one looks: format characters and variation selectors."""
    return (
        unicodedata.category(character) == "Cf"
        or "\ufe00" <= character <= "\ufe0f"
        or "\U000e0100" <= character <= "\U000e01ef"
    )


def fold_value(value: MetadataValue) -> str:
    """Return the form in which a metadata value is compared.

    Example:
        >>> fold_value(3.0), fold_value(0.5), fold_value(True), fold_value("Line  3")
        ('3', '0.5', 'true', 'line 3')
    """
    if isinstance(value, str):
        return fold(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).lower()


def split_tag(split: str) -> str:
    """Return the tag of the items of a split (one of `SPLITS`)."""
    return f"{_SPLIT_PREFIX}{split}"


def find_split(tags: Iterable[str]) -> str | None:
    """Return the split that an item's tags put it in, the first of `SPLITS` if they name several.

    Example:
        >>> find_split(["dog", "split:val"])
        'val'
    """
    folded = {fold(tag) for tag in tags}
    return next((split for split in SPLITS if split_tag(split) in folded), None)
