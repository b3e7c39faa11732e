"""Reads the text of a query into a tree."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Final, NamedTuple, cast

from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedInput, UnexpectedToken, v_args

from framesift.catalog.query.fields import FIELDS, METADATA_FIELD, Field, Kind
from framesift.catalog.query.tree import (
    Between,
    Choice,
    Compare,
    Everything,
    Match,
    Not,
    Order,
    Pattern,
    Query,
    Words,
    all_of,
    any_of,
)
from framesift.catalog.query.values import Number, Period, Size, Value, read_number, read_period, read_size
from framesift.catalog.tags import SPLITS, fold
from framesift.errors import QuerySyntaxError, QueryTooComplexError, QueryValueError, UnknownFieldError

MAX_LENGTH: Final = 4_000
"""Characters."""
MAX_DEPTH: Final = 20
"""Of parentheses and NOT within each other."""
MAX_TERMS: Final = 200
MAX_WILDCARDS: Final = 5
"""In one value: each multiplies the time that a comparison can take."""

_TOKEN_NAMES: Final = {
    "WORD": "a word",
    "QUOTED": '"quoted words"',
    "FIELD": "a field such as tag:",
    "VALUE": "a value",
    "OPERATOR": "one of : = != < <= > >=",
    "LPAR": "(",
    "_RPAR": ")",
    "NOT": "NOT",
    "MINUS": "-",
    "_AND": "AND",
    "_OR": "OR",
    "$END": "the end",
}
_ESCAPED = re.compile(r"\\([\s\S])|(\*)|([^\\*]+)")
_EXPECTED: Final = {
    Kind.NUMBER: "a number, as in {example}",
    Kind.SIZE: "a size such as 300, 20kB or 2.5MB",
    Kind.DATE: "a date: 2026, 2026-01, 2026-01-31 or 2026-01-31T09:30+09:00",
    Kind.METADATA: "a number or a date such as 2026-01-31",
}


class _Part(NamedTuple):
    """A piece of the query that has been read, with what limits are about."""

    query: Query
    depth: int
    terms: int


def parse_query(text: str) -> Query:
    """Read a query.

    Args:
        text: As a person types it; empty for all items.

    Example:
        >>> print(parse_query("tag:dog -(is:blurry OR label:person>0.8) width>=640"))
        tag:dog AND NOT (is:blurry OR label:person>0.8) AND width>=640

    Raises:
        QuerySyntaxError: It does not follow the grammar.
        UnknownFieldError: It names a field that does not exist.
        QueryValueError: A field cannot be compared so, or with such a value.
        QueryTooComplexError: It is too long, too deep, or has too many terms or wildcards.
    """
    if len(text) > MAX_LENGTH:
        raise QueryTooComplexError(
            f"The query has {len(text):,} characters: {MAX_LENGTH:,} are allowed.", MAX_LENGTH + 1
        )
    try:
        part = cast("_Part", _parser().parse(text))
    except UnexpectedInput as error:
        raise _explain(error, text) from None
    return part.query


@cache
def _parser() -> Lark:
    return Lark.open_from_package(
        __name__, "grammar.lark", parser="lalr", lexer="contextual", transformer=_Builder(), maybe_placeholders=False
    )


@v_args(inline=True)
class _Builder(Transformer[Token, _Part]):
    """Builds the tree while the parser reads: no recursion, however deep the query."""

    def everything(self) -> _Part:
        return _Part(Everything(), 0, 0)

    def both(self, left: _Part, right: _Part) -> _Part:
        return _join(all_of, left, right)

    def either(self, left: _Part, right: _Part) -> _Part:
        return _join(any_of, left, right)

    def grouped(self, opening: Token, part: _Part) -> _Part:
        return _deepen(part, part.query, opening)

    def negated(self, sign: Token, part: _Part) -> _Part:
        return _deepen(part, Not(part.query), sign)

    def words(self, token: Token) -> _Part:
        return _Part(Words(_read_pattern(token)), 0, 1)

    def term(self, name: Token, sign: Token, value: Token) -> _Part:
        return _Part(_negate_if(sign, _read_term(name, sign, value)), 0, 1)

    def scored(self, name: Token, sign: Token, value: Token, order: Token, score: Token) -> _Part:
        if name != "label" or sign not in {":", "=", "!="} or order in {":", "!="}:
            raise QuerySyntaxError(
                f"Column {_column(order)}: {str(order)!r} cannot follow here: only a label has a score, "
                "as in label:person>0.8.",
                _column(order),
            )
        number = read_number(score)
        if number is None or not 0 <= number.value <= 1:
            raise QueryValueError(
                f"Column {_column(score)}: {str(score)!r} is no score: expected a number from 0 to 1, as in "
                "label:person>0.8.",
                _column(score),
            )
        match = Match("label", _read_pattern(value), score=(cast("Order", str(order)), float(number.value)))
        return _Part(_negate_if(sign, match), 0, 1)


def _join(join: Callable[[Iterable[Query]], Query], left: _Part, right: _Part) -> _Part:
    terms = left.terms + right.terms
    if terms > MAX_TERMS:
        raise QueryTooComplexError(f"The query has more than {MAX_TERMS} terms.", 1)
    return _Part(join([left.query, right.query]), max(left.depth, right.depth), terms)


def _deepen(part: _Part, query: Query, token: Token) -> _Part:
    if part.depth >= MAX_DEPTH:
        raise QueryTooComplexError(
            f"Column {_column(token)}: parentheses and NOT may be {MAX_DEPTH} deep, and these are deeper.",
            _column(token),
        )
    return _Part(query, part.depth + 1, part.terms)


def _negate_if(sign: Token, query: Query) -> Query:
    return Not(query) if sign == "!=" else query


def _read_term(name: Token, sign: Token, value: Token) -> Query:
    field_name, key = _read_name(name)
    field = _find_field(field_name, name)
    order = cast("Order", "=" if sign in {":", "!="} else str(sign))
    if field.kind is Kind.CHOICE and order == "=":
        return _read_choice(field_name, field, value)
    compared = _read_comparison(field_name, key, field, order, value)
    if compared is not None:
        return compared
    if field.kind in _EXPECTED and (field.kind is not Kind.METADATA or order != "="):
        expected = _EXPECTED[field.kind].format(example=field.example)
        raise QueryValueError(
            f"Column {_column(value)}: {field_name} is compared with {expected}, and not with {_show(value)}.",
            _column(value),
        )
    if order != "=":
        raise QueryValueError(
            f"Column {_column(sign)}: {field_name} has no order: expected {field_name}:… or {field_name}!=….",
            _column(sign),
        )
    if field_name == "split":
        return _read_split(value)
    return Match(field_name, _read_pattern(value), key)


def _read_comparison(field_name: str, key: str, field: Field, order: Order, token: Token) -> Query | None:
    """Read a number, a size, a date or a range of them; None if the field or the value is none."""
    read = _READERS.get(field.kind)
    if read is None or token.type == "QUOTED":
        return None
    value = read(token)
    if value is not None:
        return Compare(field_name, order, value, key)
    low_text, dots, high_text = token.partition("..")
    low, high = read(low_text), read(high_text)
    if (
        not dots
        or order != "="
        or (low, high) == (None, None)
        or (low_text and low is None)
        or (high_text and high is None)
        or (low and high and type(low) is not type(high))
    ):
        return None
    if low and high and _order(low) > _order(high):
        raise QueryValueError(
            f"Column {_column(token)}: nothing lies between {low} and {high}: write {high_text}..{low_text}.",
            _column(token),
        )
    return Between(field_name, low, high, key)


def _order(value: Value) -> float:
    if isinstance(value, Period):
        return value.start.timestamp()
    return value.size_bytes if isinstance(value, Size) else value.value


def _read_day(text: str) -> Period | None:
    """Read a year with month, or a day: what metadata can hold. A year alone is a number."""
    period = read_period(text)
    return period if period and "-" in period.text and "T" not in period.text else None


_READERS: Final[Mapping[Kind, Callable[[str], Number | Size | Period | None]]] = {
    Kind.NUMBER: read_number,
    Kind.SIZE: read_size,
    Kind.DATE: read_period,
    Kind.METADATA: lambda text: read_number(text) or _read_day(text),
}


def _read_choice(field_name: str, field: Field, token: Token) -> Choice:
    text = _read_plain(token)
    name, dot, key = text.partition(".")
    if field_name == "has" and name == METADATA_FIELD and dot and key:
        return Choice(field_name, name, unicodedata.normalize("NFC", key))
    choice = fold(text).replace("-", "_")
    if choice not in field.choices:
        raise QueryValueError(
            f"Column {_column(token)}: {field_name}: is followed by one of {', '.join(field.choices)}, and not by "
            f"{_show(token)}.{_suggest(choice, field.choices)}",
            _column(token),
        )
    return Choice(field_name, choice)


def _read_split(token: Token) -> Match:
    split = fold(_read_plain(token))
    if split not in SPLITS:
        raise QueryValueError(
            f"Column {_column(token)}: a split is one of {', '.join(SPLITS)}, and not {_show(token)}."
            f"{_suggest(split, SPLITS)}",
            _column(token),
        )
    return Match("split", Pattern((split,)))


def _read_name(token: Token) -> tuple[str, str]:
    """Split `meta.line` into the field and the key, which may be quoted."""
    name, dot, key = str(token).partition(".")
    return (name, _read_key(key)) if dot else (name.lower(), "")


def _read_key(text: str) -> str:
    inner = text[1:-1] if len(text) > 1 and text.startswith('"') and text.endswith('"') else text
    return unicodedata.normalize("NFC", _unescape(inner))


def _find_field(name: str, token: Token) -> Field:
    field = FIELDS.get(name)
    if field is None:
        raise UnknownFieldError(
            f"Column {_column(token)}: there is no field {name!r}.{_suggest(fold(name), FIELDS)} The fields are "
            f"{', '.join(FIELDS)}; a field of your own is meta.{name}, and words with a colon need quotes.",
            _column(token),
        )
    if field.kind is Kind.METADATA and "." not in token:
        raise UnknownFieldError(
            f"Column {_column(token)}: meta needs the name of a field of your own, as in {field.example}.",
            _column(token),
        )
    return field


def _read_pattern(token: Token) -> Pattern:
    text = token[1:-1] if token.type == "QUOTED" else str(token)
    pieces = [""]
    for escaped, wildcard, plain in _ESCAPED.findall(text):
        if wildcard:
            pieces.append("")
        else:
            pieces[-1] += escaped or plain
    if len(pieces) == 1 and not fold(pieces[0]):
        raise QueryValueError(
            f"Column {_column(token)}: {_show(token)} names nothing to look for: expected letters, digits or signs.",
            _column(token),
        )
    if len(pieces) > MAX_WILDCARDS + 1:
        raise QueryTooComplexError(
            f"Column {_column(token)}: a value has at most {MAX_WILDCARDS} wildcards.", _column(token)
        )
    return Pattern(tuple(unicodedata.normalize("NFC", piece) for piece in pieces))


def _read_plain(token: Token) -> str:
    """Read a value in which `*` means nothing."""
    return _unescape(token[1:-1] if token.type == "QUOTED" else str(token))


def _unescape(text: str) -> str:
    return re.sub(r"\\([\s\S])", r"\1", text)


def _explain(error: UnexpectedInput, text: str) -> QuerySyntaxError:
    """Turn the parser's error into one that says where it is and what was expected."""
    allowed: set[str] = set()
    if isinstance(error, UnexpectedCharacters):
        position = error.pos_in_stream or 0
        allowed = set(error.allowed or ())
        problem = _explain_character(text[position])
    else:
        token = error.token if isinstance(error, UnexpectedToken) else Token("$END", "")
        allowed = set(error.accepts or error.expected) if isinstance(error, UnexpectedToken) else allowed
        at_end = token.type == "$END"
        position = len(text) if at_end else token.start_pos or 0
        problem = _explain_end(error) if at_end else _explain_token(token)
    expected = tuple(shown for name, shown in _TOKEN_NAMES.items() if name in allowed)
    return QuerySyntaxError(
        f"Column {position + 1}: {problem}: expected {_list_words(expected)}.", position + 1, expected
    )


def _explain_token(token: Token) -> str:
    return "this parenthesis closes nothing" if token.type == "_RPAR" else f"{str(token)!r} cannot stand here"


def _explain_end(error: UnexpectedInput) -> str:
    parser = error.interactive_parser if isinstance(error, UnexpectedToken) else None
    stack = parser.parser_state.value_stack if parser is not None else []
    opening = [one for one in stack if isinstance(one, Token) and one.type == "LPAR"]
    if opening:
        return f"the query ends, and the parenthesis of column {_column(opening[-1])} is not closed"
    return "the query ends"


def _explain_character(character: str) -> str:
    if character == '"':
        return "these quotes are never closed"
    if character == "\\":
        return "a backslash makes the next character literal, and there is none"
    return f"{character!r} cannot stand here"


def _list_words(words: Sequence[str]) -> str:
    return " or ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def _suggest(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f" Did you mean {close[0]}?" if close else ""


def _show(token: Token) -> str:
    text = str(token)
    return repr(text if len(text) <= 40 else f"{text[:40]}…")


def _column(token: Token) -> int:
    return (token.start_pos or 0) + 1
