"""What could come next in a query while it is typed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from framesift.catalog.query.fields import FIELDS, METADATA_FIELD, Field, Kind
from framesift.catalog.query.tree import Match, Pattern, write_name
from framesift.catalog.tags import SPLITS, fold

MAX_SUGGESTIONS: Final = 20

_QUOTED = r'"(?:\\[\s\S]|[^"\\])*"'
# The term that ends at the cursor, after terms that are whole: quotes may be open.
_TERM = re.compile(
    rf"""(?P<field>[^\W\d]\w*)(?P<key>\.(?:{_QUOTED}|(?:\\[\s\S]|[^\s()":<>=!\\])+))?\s*(?P<order>!=|>=|<=|[:=<>])\s*
         (?P<value>"(?:\\[\s\S]|[^"\\])*\\?|(?:\\[\s\S]|[^\s()"<>=\\])*)\Z
       | (?P<word>(?:\\[\s\S]|[^\s()":<>=\\-])*)\Z""",
    re.VERBOSE,
)
_WHOLE = re.compile(rf"{_QUOTED}|\\[\s\S]|[^\"\\]")
_KEYWORDS: Final = ("AND", "OR", "NOT")


@dataclass(frozen=True)
class Suggestion:
    """What can take the place of a part of the query's text.

    Attributes:
        text: What to put there.
        start: Where the part begins that it replaces, in characters from 0.
        end: Where that part ends.
        help: What it means; empty for values.
    """

    text: str
    start: int
    end: int
    help: str = ""


def complete_query(text: str, cursor: int, known: Mapping[str, Sequence[str]]) -> list[Suggestion]:
    """Suggest how the term at the cursor could go on.

    Args:
        text: The query as far as it is typed; it need not be whole.
        cursor: Where the cursor stands, in characters from 0.
        known: For fields of text, the values that the catalog has, the most frequent first (facets); for `meta`, the
            names of the user's own fields; for `meta.NAME`, the values of that field.

    Returns:
        At most `MAX_SUGGESTIONS`, those that begin like what is typed first. Hangul matches while a syllable is typed.

    Example:
        >>> [one.text for one in complete_query("width>=640 tag:go", 17, {"tag": ["dog", "golden retriever"]})]
        ['"golden retriever"']
        >>> [one.text for one in complete_query("is:bl", 5, {})]
        ['blurry']
    """
    term = _find_term(text[:cursor])
    if term is None:
        return []
    part = "word" if term["field"] is None else "value"
    found = _suggest_words(term[part], known) if part == "word" else _suggest_values(term, known)
    unique = dict.fromkeys(found)
    return [Suggestion(shown, term.start(part), cursor, meaning) for shown, meaning in list(unique)[:MAX_SUGGESTIONS]]


def _find_term(text: str) -> re.Match[str] | None:
    """Find the term at the end of a text; None in free words within quotes."""
    for begin in _find_beginnings(text):
        term = _TERM.match(text, begin)
        if term:
            return term
    return None


def _find_beginnings(text: str) -> Iterator[int]:
    """Where terms can begin: after white space, a parenthesis or a minus outside quotes; the first one first."""
    position = 0
    is_start = True
    while position <= len(text):
        if is_start:
            yield position
        whole = _WHOLE.match(text, position)
        if whole is None:
            return
        is_start = whole[0].isspace() or whole[0] in "()" or (whole[0] == "-" and is_start)
        position = whole.end()


def _suggest_words(typed: str, known: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
    name, dot, key = typed.partition(".")
    if dot and name == METADATA_FIELD:
        for found in _rank(key, known.get(METADATA_FIELD, ())):
            yield f"{write_name(METADATA_FIELD, found)}:", "a field of your own"
        return
    for field in _rank(typed, FIELDS):
        if field == METADATA_FIELD:
            yield f"{field}.", FIELDS[field].help
        else:
            yield f"{field}:", f"{FIELDS[field].help}, as in {FIELDS[field].example}"
    if typed:
        yield from ((word, "") for word in _KEYWORDS if word.startswith(typed))
        for tag in _rank(typed, known.get("tag", ())):
            yield str(Match("tag", Pattern((tag,)))), "a tag"


def _suggest_values(term: re.Match[str], known: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
    name = term["field"].lower()
    field = FIELDS.get(name)
    if field is None or term["order"] not in {":", "=", "!="}:
        return
    key = (term["key"] or "")[1:].strip('"')
    typed = re.sub(r"\\([\s\S])", r"\1", term["value"].removeprefix('"'))
    for value in _rank(typed, _list_values(name, field, key, known)):
        yield str(Pattern((value,))), ""
    if name == "has":
        for own in _rank(typed.removeprefix(f"{METADATA_FIELD}."), known.get(METADATA_FIELD, ())):
            yield str(Pattern((f"{METADATA_FIELD}.{own}",))), "a field of your own"


def _list_values(name: str, field: Field, key: str, known: Mapping[str, Sequence[str]]) -> Iterable[str]:
    if field.kind is Kind.CHOICE:
        return field.choices
    if name == "split":
        return SPLITS
    return known.get(f"{name}.{key}" if key else name, ())


def _rank(typed: str, candidates: Iterable[str]) -> list[str]:
    """Return the candidates that begin like what is typed, then those that have it within."""
    wanted = _spell(typed)
    spelled = [(candidate, _spell(candidate)) for candidate in candidates]
    beginning = [candidate for candidate, spelling in spelled if spelling.startswith(wanted)]
    within = [candidate for candidate, spelling in spelled if wanted in spelling and not spelling.startswith(wanted)]
    return [*beginning, *within]


def _spell(text: str) -> str:
    """Return folded text letter by letter: 가 is the beginning of 강."""
    return unicodedata.normalize("NFD", fold(text))
