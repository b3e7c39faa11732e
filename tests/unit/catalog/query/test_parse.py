from __future__ import annotations

import pytest

from framesift.catalog.query import parse_query
from framesift.catalog.query.parse import MAX_DEPTH, MAX_LENGTH, MAX_TERMS
from framesift.errors import (
    QueryError,
    QuerySyntaxError,
    QueryTooComplexError,
    QueryValueError,
    UnknownFieldError,
)

ISSUE = (
    "tag:dog AND NOT (tag:blurry OR label:person>0.8) AND date>=2026-01-01 AND width>=640 AND source:tiktok "
    '"free words"'
)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        (ISSUE, ISSUE.replace(' "free', ' AND "free')),
        ("", ""),
        (" \n ", ""),
        ("dog park", "dog AND park"),
        ("a b OR c d", "(a AND b) OR (c AND d)"),
        ("-a b", "NOT a AND b"),
        ("a -(b c)", "a AND NOT (b AND c)"),
        ("((a (b c)))", "a AND b AND c"),
        ("tag!=dog", "NOT tag:dog"),
        ("TAG:Dog Width >= 640", "tag:Dog AND width>=640"),
        ("tag:강아지", "tag:강아지"),
        ('"AND" "-x" "a:b"', '"AND" AND "-x" AND "a:b"'),
        (r"tag:a\*b* tag:a\ b", r'tag:"a\*b*" AND tag:"a b"'),
        ("ANDroid ORder and", "ANDroid AND ORder AND and"),
        ("size>=1.5MB size<2KiB size:0", "size>=1500kB AND size<2048 AND size:0"),
        ("width:640..1920 height:..10", "width:640..1920 AND height:..10"),
        ("date>2026-01-01T09:00+09:00", "date>2026-01-01T00:00Z"),
        ("meta.온도>=20.50", "meta.온도>=20.5"),
        ('meta.line:3 meta.line:"3" meta.line:A3', 'meta.line:3 AND meta.line:"3" AND meta.line:"A3"'),
        ("is:Low-Contrast has:meta.line", "is:low_contrast AND has:meta.line"),
        ("label!=person>0.8", "NOT label:person>0.8"),
    ],
)
def test_what_a_text_means(text: str, canonical: str) -> None:
    assert str(parse_query(text)) == canonical


@pytest.mark.parametrize(
    ("text", "error", "column", "message"),
    [
        ("tag:dog AND", QuerySyntaxError, 12, 'the query ends: expected a word, "quoted words", a field such as tag:'),
        ("AND a", QuerySyntaxError, 1, "'AND' cannot stand here"),
        ("a OR OR b", QuerySyntaxError, 6, "'OR' cannot stand here"),
        ("tag:", QuerySyntaxError, 5, 'expected "quoted words" or a value'),
        ("tag: AND x", QuerySyntaxError, 6, "'AND' cannot stand here"),
        ("a (tag:dog", QuerySyntaxError, 11, "the parenthesis of column 3 is not closed: expected )"),
        ("tag:dog)", QuerySyntaxError, 8, "this parenthesis closes nothing"),
        ("()", QuerySyntaxError, 2, "this parenthesis closes nothing"),
        ('a tag:"dog', QuerySyntaxError, 7, "these quotes are never closed"),
        ("dog\\", QuerySyntaxError, 4, "a backslash makes the next character literal"),
        ("dog - cat", QuerySyntaxError, 5, "'-' cannot stand here"),
        ("tag:dog>0.8", QuerySyntaxError, 8, "only a label has a score"),
        ("label:a>0.8>0.9", QuerySyntaxError, 12, "'>' cannot stand here"),
        ("개 tga:dog", UnknownFieldError, 3, "there is no field 'tga'. Did you mean tag?"),
        ("태그:x", UnknownFieldError, 1, "there is no field '태그'. The fields are tag, label"),
        ("http://x", UnknownFieldError, 1, "words with a colon need quotes"),
        ("meta:3", UnknownFieldError, 1, "as in meta.line:3"),
        ("width>=abc", QueryValueError, 8, "compared with a number, as in width>=640, and not with 'abc'"),
        ('width:"640"', QueryValueError, 7, "compared with a number"),
        ("width:1e999", QueryValueError, 7, "compared with a number"),
        ("width:5..1", QueryValueError, 7, "nothing lies between 5 and 1: write 1..5"),
        ("date:2026-03..2026-02", QueryValueError, 6, "write 2026-02..2026-03"),
        ("width:..", QueryValueError, 7, "compared with a number"),
        ("date:2026-02-30", QueryValueError, 6, "compared with a date: 2026, 2026-01"),
        ("date:9999", QueryValueError, 6, "compared with a date"),
        ("size>2XB", QueryValueError, 6, "a size such as 300, 20kB or 2.5MB"),
        ("meta.x>abc", QueryValueError, 8, "a number or a date such as 2026-01-31"),
        ("tag>3", QueryValueError, 4, "tag has no order"),
        ("is:blury", QueryValueError, 4, "Did you mean blurry?"),
        ("is>blurry", QueryValueError, 3, "is has no order"),
        ("has:labels", QueryValueError, 5, "Did you mean label?"),
        ("split:trian", QueryValueError, 7, "one of train, val, test, and not 'trian'. Did you mean train?"),
        ("label:person>1.8", QueryValueError, 14, "expected a number from 0 to 1"),
        ('tag:""', QueryValueError, 5, "names nothing to look for"),
        ("a*b*c*d*e*f*g", QueryTooComplexError, 1, "at most 5 wildcards"),
    ],
)
def test_what_is_wrong_and_where(text: str, error: type[QueryError], column: int, message: str) -> None:
    with pytest.raises(error) as raised:
        parse_query(text)
    assert raised.value.column == column
    assert str(raised.value).startswith(f"Column {column}: ")
    assert message in str(raised.value)


def test_a_syntax_error_lists_what_could_stand_there() -> None:
    with pytest.raises(QuerySyntaxError) as raised:
        parse_query("tag:")
    assert raised.value.expected == ('"quoted words"', "a value")


def test_a_long_query_is_refused_before_it_is_read() -> None:
    parse_query("a" * MAX_LENGTH)
    with pytest.raises(QueryTooComplexError, match="1,000,000 characters: 4,000 are allowed"):
        parse_query("(" * 1_000_000)


@pytest.mark.parametrize(("opening", "closing"), [("(", ")"), ("NOT ", ""), ("-", ""), ("-(", ")")])
def test_a_deep_query_is_refused_where_it_is_too_deep(opening: str, closing: str) -> None:
    depth = MAX_DEPTH // len(opening.replace("NOT ", "N"))
    parse_query(opening * depth + "a" + closing * depth)
    with pytest.raises(QueryTooComplexError, match="20 deep") as raised:
        parse_query(opening * 800 + "a" + closing * 800)
    assert raised.value.column == (800 - depth) * len(opening) - (len(opening) if opening == "NOT " else 1) + 1


def test_many_terms_are_refused() -> None:
    parse_query("a " * MAX_TERMS)
    with pytest.raises(QueryTooComplexError, match="more than 200 terms"):
        parse_query("a " * (MAX_TERMS + 1))
    with pytest.raises(QueryTooComplexError, match="more than 200 terms"):
        parse_query("(a OR b) " * (MAX_TERMS // 2 + 1))
