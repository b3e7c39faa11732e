"""Queries against a catalog: DuckDB finds what the same query finds item by item."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import framesift.catalog.query.compile
import framesift.catalog.query.parse
import framesift.catalog.query.values
from framesift.catalog.query import Query, compile_query, parse_query
from framesift.contracts.catalog import CatalogItem
from framesift.errors import QueryError
from tests.unit.catalog.query.relation import Relation, find_in_database, holds
from tests.unit.catalog.query.strategies import HOSTILE, catalogs, queries


def test_examples_in_docstrings() -> None:
    for module in (framesift.catalog.query.compile, framesift.catalog.query.parse, framesift.catalog.query.values):
        assert doctest.testmod(module).failed == 0


@settings(max_examples=100)
@given(items=catalogs, several=st.lists(queries, min_size=1, max_size=12))
def test_the_database_finds_what_each_item_says_of_itself(items: list[CatalogItem], several: list[Query]) -> None:
    relation = Relation(items)
    for query in several:
        assert relation.find(query) == {item.id for item in items if holds(query, item)}, str(query)


@settings(max_examples=500)
@given(queries)
def test_the_canonical_text_reads_as_the_same_query(query: Query) -> None:
    text = str(query)
    assert parse_query(text) == query
    assert str(parse_query(text)) == text


PIECES = [
    *'ab:"\\*()-<>=!. 한\n3',
    "AND ",
    "OR ",
    "NOT ",
    "tag:",
    "label:",
    "meta.a",
    "width",
    "is:",
    "date:2026",
    "..",
]


@settings(max_examples=500)
@given(st.text() | st.lists(st.sampled_from(PIECES)).map("".join))
def test_any_text_is_a_query_or_refused_with_a_column(text: str) -> None:
    read = read_or_refuse(text)
    if isinstance(read, QueryError):
        assert 1 <= read.column <= len(text) + 1
        assert "\n" not in str(read)
    else:
        assert parse_query(str(read)) == read
        find_in_database([], read)


def read_or_refuse(text: str) -> Query | QueryError:
    try:
        return parse_query(text)
    except QueryError as error:
        return error


@given(text=st.text(min_size=1) | st.sampled_from(HOSTILE))
@pytest.mark.parametrize(
    "term", ["{}", "tag:{}", "meta.{}:1", "meta.a:{}", "label:{}>0.5", "name:{}*", "batch:*{}", "split:train {}"]
)
def test_text_of_a_user_is_never_in_the_sql(term: str, text: str) -> None:
    quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("*", "\\*") + '"'
    marked = compile_query(term.format('"only a mark"'))
    try:
        condition = compile_query(term.format(quoted))
    except QueryError:
        return
    assert condition.sql == marked.sql
    assert condition.sql.count("?") == len(condition.parameters)
    find_in_database([], term.format(quoted))
