from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

import framesift.catalog.query.complete
from framesift.catalog.query import complete_query, parse_query
from framesift.catalog.query.complete import MAX_SUGGESTIONS
from tests.unit.catalog.query.strategies import WORDS

KNOWN = {
    "tag": ["dog", "golden retriever", "강아지", 'a"b', "bulldog", "AND"],
    "label": ["person"],
    "meta": ["line", "Line No"],
    "meta.line": ["A3", "B1"],
    "batch": ["20261120-1"],
}


def suggest(text: str) -> list[str]:
    """What the query becomes with each suggestion; the cursor stands at `|`, or at the end."""
    before, _, after = text.partition("|")
    found = complete_query(before + after, len(before), KNOWN)
    return [(before + after)[: one.start] + one.text + (before + after)[one.end :] for one in found]


def test_examples_in_docstrings() -> None:
    assert doctest.testmod(framesift.catalog.query.complete).failed == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("wid", ["width:"]),
        ("tag:dog wid", ["tag:dog width:"]),
        ("(wid", ["(width:"]),
        ("-wid", ["-width:"]),
        ("tag:do", ["tag:dog", "tag:bulldog"]),
        ("-(tag:do", ["-(tag:dog", "-(tag:bulldog"]),
        ("tag!=do", ["tag!=dog", "tag!=bulldog"]),
        ("tag:gold| width>3", ['tag:"golden retriever" width>3']),
        ('tag:"golden r', ['tag:"golden retriever"']),
        ("tag:a", [r'tag:"a\"b"', 'tag:"AND"']),
        ("tag:가", ["tag:강아지"]),
        ("tag:ㄱ", ["tag:강아지"]),
        ("강", ["tag:강아지"]),
        ("tag:nothing", []),
        ("is:b", ["is:blurry", "is:bright"]),
        ("has:meta.", ["has:meta.line", 'has:"meta.Line No"']),
        ("has:lab", ["has:label"]),
        ("split:t", ["split:train", "split:test"]),
        ("meta.l", ["meta.line:", 'meta."Line No":']),
        ("meta.line:a", ["meta.line:A3"]),
        ("label:PER", ["label:person"]),
        ("batch:2026", ["batch:20261120-1"]),
        ("NO", ["NOT"]),
        ('"free wo', []),
        ("width>", []),
        ("nofield:a", []),
    ],
)
def test_what_is_suggested(text: str, expected: list[str]) -> None:
    assert suggest(text) == expected


def test_an_empty_query_gets_every_field() -> None:
    found = complete_query("", 0, KNOWN)
    assert len(found) == MAX_SUGGESTIONS
    assert found[0].text == "tag:"
    assert "golden retriever" in found[0].help


@given(st.sampled_from(["tag", "label", "name", "batch", "model"]), st.sampled_from(WORDS))
def test_a_suggested_value_reads_as_the_value(field: str, value: str) -> None:
    found = complete_query(f"{field}:", len(field) + 1, {field: [value]})
    (term,) = [parse_query(f"{field}:{one.text}") for one in found]
    assert term == parse_query(str(term))
    assert term.pattern.pieces == (value,)


@given(st.text() | st.text(st.sampled_from('ab:"\\*()-<>=!. 한')), st.integers(0, 20))
def test_any_text_can_be_completed(text: str, cursor: int) -> None:
    for one in complete_query(text, min(cursor, len(text)), KNOWN):
        assert 0 <= one.start <= one.end <= len(text)
