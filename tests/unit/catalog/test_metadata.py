"""Fields of the user's own: what is accepted, and tables of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from framesift.catalog import metadata_import
from framesift.catalog.condition import Condition
from framesift.catalog.log import CatalogLog
from framesift.catalog.metadata import MAX_FIELDS, check_metadata, merge_metadata
from framesift.catalog.metadata_import import RefusedRow, import_metadata
from framesift.catalog.reader import CatalogReader
from framesift.errors import InvalidMetadataError
from tests.unit.catalog.items import item_id, make_item


def lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\x00b", "\u202e"])
def test_names_that_cannot_be_shown_are_refused(name: str) -> None:
    with pytest.raises(InvalidMetadataError, match="cannot be called"):
        check_metadata({name: "x"})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400])
def test_numbers_that_are_not_finite_are_refused(value: float) -> None:
    with pytest.raises(InvalidMetadataError, match="finite"):
        check_metadata({"x": value})


def test_long_texts_and_too_many_fields_are_refused() -> None:
    with pytest.raises(InvalidMetadataError, match="at most 2,000"):
        check_metadata({"x": "y" * 2001})
    with pytest.raises(InvalidMetadataError, match="at most 200"):
        check_metadata({f"field {number}": 1 for number in range(MAX_FIELDS + 1)})


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\x85", "\u202e", "\u2066"])
def test_characters_that_cannot_be_seen_are_refused_by_name(character: str) -> None:
    with pytest.raises(InvalidMetadataError, match=rf"'x' has the character U\+{ord(character):04X}"):
        check_metadata({"x": f"a{character}b"})
    assert check_metadata({"x": "two\nlines\tand\u200dmore"}) == {"x": "two\nlines\tand\u200dmore"}


def test_values_keep_their_kind() -> None:
    fields = {"a": True, "b": 3, "c": "3", "d": None, "e": 3.5, "날짜": "2026-01-01"}
    kept = check_metadata(fields)
    # 3, 3.0 and True are equal in Python, but not to who reads them.
    assert json.dumps(kept) == json.dumps(fields)
    assert check_metadata({"serial": 2**53 + 2}) == {"serial": float(2**53 + 2)}


def test_an_item_keeps_the_fields_that_it_has_room_for() -> None:
    full = {f"field {number}": 1.0 for number in range(MAX_FIELDS)}
    assert merge_metadata(full, {"new": 1.0}) == full
    assert "new" in merge_metadata(full, {"new": 1.0, "field 0": None})


@pytest.fixture
def filled(log: CatalogLog) -> CatalogLog:
    log.add_items(
        [make_item(1), make_item(2), make_item(3, names=["같은.jpg"]), make_item(4, names=["같은.jpg"])], "kim"
    )
    return log


def test_a_csv_sets_fields_by_id_or_name(filled: CatalogLog, reader: CatalogReader) -> None:
    table = f"id,name,Line,checked,note\n{item_id(1)},,3,TRUE,first\n,IMG_0002.jpg,4.5,false,\n"
    report = import_metadata(filled, reader, lines(table), "csv", "lee")
    assert (report.items, report.refused) == (2, [])
    assert reader.get(item_id(1)).metadata == {"Line": 3.0, "checked": True, "note": "first"}
    assert reader.get(item_id(2)).metadata == {"Line": 4.5, "checked": False}
    assert reader.get(item_id(1)).changed_by == "lee"
    assert reader.count(Condition("TRY_CAST(metadata['line'] AS DOUBLE) > ?", [4])) == 1


def test_each_bad_row_is_reported_and_costs_no_other(filled: CatalogLog, reader: CatalogReader) -> None:
    table = (
        "name,line\n"
        "IMG_0001.jpg,1\n"
        "nowhere.jpg,2\n"
        "같은.jpg,3\n"
        ",4\n"
        "IMG_0002.jpg,5,6\n"
        f'IMG_0002.jpg,"{"x" * 2001}"\n'
        "\n"
        "IMG_0002.jpg,007\n"
    )
    report = import_metadata(filled, reader, lines(table), "csv", "kim")
    assert report.items == 2
    assert [(refused.line, refused.reason[:24]) for refused in report.refused] == [
        (3, "No item has the name 'no"),
        (4, "2 items are called '같은.j"),
        (5, "It names no item: neithe"),
        (6, "It has 3 cells, the firs"),
        (7, "The field 'line' has 2,0"),
    ]
    assert reader.get(item_id(2)).metadata == {"line": "007"}


def test_a_cell_with_a_line_break_and_one_that_is_not_closed(filled: CatalogLog, reader: CatalogReader) -> None:
    table = 'name,note\nIMG_0001.jpg,"two\nlines"\nIMG_0002.jpg,"open\n'
    report = import_metadata(filled, reader, lines(table), "csv", "kim")
    assert reader.get(item_id(1)).metadata == {"note": "two\nlines"}
    assert [refused.line for refused in report.refused] == [4]


def test_jsonl_sets_and_removes(filled: CatalogLog, reader: CatalogReader) -> None:
    rows = [
        f'{{"id": "{item_id(1)}", "line": 3, "날": "2026-01-01", "ok": true}}',
        f'{{"id": "{item_id(1)}", "line": null}}',
        f'{{"id": "{item_id(9)}", "line": 1}}',
        '{"line": 1}',
        '{"name": ["x"], "line": 1}',
        "[1]",
        "{no json",
        "",
        '{"name": "IMG_0002.jpg", "nested": {"x": 1}}',
    ]
    report = import_metadata(filled, reader, [f"{row}\n" for row in rows], "jsonl", "kim")
    assert report.items == 1
    assert reader.get(item_id(1)).metadata == {"날": "2026-01-01", "ok": True}
    assert [refused.line for refused in report.refused] == [3, 4, 5, 6, 7, 9]
    assert report.refused[0] == RefusedRow(3, f"No item has the id '{item_id(9)}'.")


def test_many_rows_are_several_changes(
    filled: CatalogLog, reader: CatalogReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata_import, "CHANGE_ROWS", 2)
    table = "".join(["id,line\n", *(f"{item_id(number)},{number}\n" for number in (1, 2, 3))])
    assert import_metadata(filled, reader, lines(table), "csv", "kim").items == 3
    assert filled.head() == 3


@pytest.mark.parametrize(("text", "file_format"), [("a,b\n1,2\n", "csv"), ("", "csv"), ("id\n", "xlsx")])
def test_a_table_that_names_no_items_is_refused(
    filled: CatalogLog, reader: CatalogReader, text: str, file_format: str
) -> None:
    with pytest.raises(InvalidMetadataError):
        import_metadata(filled, reader, lines(text), file_format, "kim")


def test_a_file_of_a_spreadsheet_has_a_mark_at_its_beginning(filled: CatalogLog, reader: CatalogReader) -> None:
    table = f"\ufeffid,line\n{item_id(1)},1\n"
    report: Any = import_metadata(filled, reader, lines(table), "csv", "kim")
    assert report.items == 1
