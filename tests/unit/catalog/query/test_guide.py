"""The page about the query language: its fields are all there are, and its examples find what it says."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from framesift.catalog.query import compile_query, parse_query
from framesift.catalog.query.fields import FIELDS
from framesift.catalog.query.parse import MAX_DEPTH, MAX_LENGTH, MAX_TERMS, MAX_WILDCARDS
from framesift.contracts.catalog import Annotation, CatalogItem, MetadataValue, Prediction
from framesift.errors import QueryError
from tests.unit.catalog.query.relation import find_in_database

PAGE = (Path(__file__).parents[4] / "docs/guides/query.md").read_text("utf-8")


def read_table(heading: str) -> list[list[str]]:
    """The rows of the table whose first column has a heading."""
    table = re.search(rf"^\| {heading} \|.*\n\| --- .*\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    assert table
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table[1].splitlines()]


def unquote(cell: str) -> str:
    return cell.strip("`")


def read_item(number: int, row: list[str]) -> CatalogItem:
    name, size, taken, tags, labels, fields = row
    width, height = map(int, size.split("×"))
    scored = [label.rpartition(" ") for label in labels.split(", ") if " " in label]
    return CatalogItem(
        id=f"{number:032x}",
        sha256=f"{number:064x}",
        names=[name],
        content_type="image/png" if name.endswith(".png") else "image/jpeg",
        size_bytes=1000,
        width=width,
        height=height,
        taken_at=datetime.fromisoformat(taken).replace(tzinfo=UTC) if taken else None,
        added_at=datetime(2026, 11, 20, tzinfo=UTC),
        tags=tags.split(", ") if tags else [],
        predictions=[Prediction(model="ssd@1", label=label, score=float(score)) for label, _, score in scored],
        annotations=[Annotation(label=label) for label in labels.split(", ") if label and " " not in label],
        metadata=dict(read_field(field) for field in fields.split(", ") if field),
    )


def read_field(text: str) -> tuple[str, MetadataValue]:
    name, value = text.split(": ")
    if value == "true":
        return name, True
    return name, float(value) if re.fullmatch(r"[1-9]\d*(\.\d+)?", value) else value


ITEMS = [read_item(number, row) for number, row in enumerate(read_table("image"))]


@pytest.mark.parametrize(("query", "found"), read_table("query"), ids=unquote)
def test_examples_find_what_the_page_says(query: str, found: str) -> None:
    names = {item.id: item.names[0] for item in ITEMS}
    assert {names[one] for one in find_in_database(ITEMS, unquote(query))} == set(found.split(", "))


def test_every_field_is_on_the_page_with_an_example_that_names_it() -> None:
    rows = read_table("field")
    named = [name for cell, _, _ in rows for name in re.findall(r"`([\w.]+)`", cell)]
    assert [name.removesuffix(".NAME") for name in named] == list(FIELDS)
    for cell, _, example in rows:
        compile_query(unquote(example))
        assert re.split(r"[:.<>=]", unquote(example))[0] in cell
    for name, field in FIELDS.items():
        parse_query(field.example)
        assert all(re.search(rf"\b{choice}\b", PAGE) for choice in field.choices), name


def test_refusals_are_as_the_page_says() -> None:
    refused = re.findall(r"^\| `([^`]+)` \| (Column .*) \|$", PAGE, re.MULTILINE)
    assert len(refused) == 4
    for query, message in refused:
        with pytest.raises(QueryError) as raised:
            parse_query(query)
        assert str(raised.value).startswith(message)


def test_limits_are_those_of_the_code() -> None:
    assert f"at most {MAX_DEPTH} deep" in PAGE
    assert f"at most {MAX_LENGTH:,}" in " ".join(PAGE.split())
    assert f"{MAX_TERMS} terms" in PAGE
    assert f"at most {MAX_WILDCARDS} times" in PAGE
