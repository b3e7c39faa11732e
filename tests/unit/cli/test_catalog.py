"""The commands that find a collection's images and change what is known about them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import framesift as framesift_package
from framesift.catalog.compact import compact
from framesift.catalog.log import CatalogLog
from framesift.catalog.reader import FacetValue
from framesift.contracts import CatalogItem, Health, NearDuplicate, Prediction
from framesift.opened import OpenCollection
from framesift.settings import CatalogSettings
from framesift.storage import S3Store
from framesift.table import Collection, Records
from tests.unit.cli.conftest import framesift

NOW = datetime(2026, 11, 20, 3, tzinfo=UTC)


def make_item(number: int, name: str, **fields) -> CatalogItem:
    digest = f"{number:064x}"[::-1]
    return CatalogItem(
        id=digest[:32],
        sha256=digest,
        names=[name],
        content_type="image/jpeg",
        size_bytes=1000 * number,
        width=640,
        height=480,
        added_at=NOW + timedelta(minutes=number),
        **fields,
    )


BOLT = make_item(1, "bolt.jpg", predictions=[Prediction(model="m@1", label="bolt", score=0.9)], tags=["Line 3"])
NUT = make_item(2, "너트.jpg", predictions=[Prediction(model="m@1", label="nut", score=0.8)], tags=["불량"])
BLUR = make_item(
    3, "blur.jpg", health=Health(sharpness=1, brightness=0.5, contrast=0.1, entropy_bits=5, flags=["blurry"])
)


@pytest.fixture
def parts(store: S3Store, records: Records, stack: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FRAMESIFT_CATALOG__CACHE_DIR", str(tmp_path / "catalogs"))
    records.collections.create(Collection(id="parts", created_at=NOW))
    CatalogLog("parts", store, records).add_items([BOLT, NUT, BLUR], "")
    return OpenCollection("parts", store, records, CatalogSettings(cache_dir=str(tmp_path / "catalogs")))


def test_query_prints_tsv_into_a_pipe(parts, capsys):
    assert framesift("collection", "query", "parts", "label:bolt OR tag:불량", "--sort", "size") == 0
    said = capsys.readouterr()
    heads, *rows = [line.split("\t") for line in said.out.splitlines()]
    assert heads == ["id", "name", "size", "tags", "labels", "flags"]
    assert rows == [
        [BOLT.id, "bolt.jpg", "640×480", "Line 3", "bolt 0.90", ""],
        [NUT.id, "너트.jpg", "640×480", "불량", "nut 0.80", ""],
    ]
    assert "2 of 2" in said.err


def test_query_prints_as_much_as_was_asked_for(parts, capsys):
    framesift("collection", "query", "parts", "--limit", "2")
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 3
    assert "2 of 3" in said.err
    framesift("collection", "query", "parts", "--limit", "1", "--all")
    assert len(capsys.readouterr().out.splitlines()) == 4
    framesift("collection", "query", "parts", "is:blurry", "--count")
    assert capsys.readouterr().out == "1\n"


def test_query_prints_a_line_of_json_for_each_item(parts, capsys):
    framesift("collection", "query", "parts", "--json", "--sort", "-size")
    items = [CatalogItem.model_validate_json(line) for line in capsys.readouterr().out.splitlines()]
    assert [item.id for item in items] == [BLUR.id, NUT.id, BOLT.id]


def test_an_error_is_shown_below_its_column(parts, capsys):
    assert framesift("collection", "query", "parts", "tag:불량 width>=wide") == 65
    query, mark, message = capsys.readouterr().err.splitlines()
    assert query == "  tag:불량 width>=wide"
    assert mark.index("^") == 2 + len("tag:xxxx width>=")  # Hangul takes two cells each.
    assert message.startswith("framesift: QueryValueError: Column 15")


def test_what_is_not_there_is_said(parts, capsys):
    assert framesift("collection", "query", "pats") == 65
    assert "CollectionMissingError" in capsys.readouterr().err
    assert framesift("collection", "query", "parts", "--sort", "beauty") == 65
    assert "UnknownSortError" in capsys.readouterr().err


def test_tags_are_added_and_removed_by_query_and_seen_at_once(parts, capsys):
    assert framesift("collection", "tag", "parts", "label:*", "checked", "검사 완료") == 0
    assert capsys.readouterr().out == "2 items tagged checked, 검사 완료.\n"
    assert parts.count('tag:"검사 완료"') == 2
    assert framesift("collection", "untag", "parts", "name:bolt.jpg", "CHECKED") == 0
    assert capsys.readouterr().out == "1 item without CHECKED now.\n"
    assert [item.id for item in parts.query("tag:checked")] == [NUT.id]
    assert framesift("collection", "tag", "parts", "", "\u202eevil") == 65
    assert "InvalidTagError" in capsys.readouterr().err


def test_facets_are_counted(parts, capsys):
    framesift("collection", "facets", "parts", "--kind", "labels", "--kind", "flags")
    assert capsys.readouterr().out.splitlines()[1:] == ["labels\tbolt\t1", "labels\tnut\t1", "flags\tblurry\t1"]
    framesift("collection", "facets", "parts", "label:nut", "--json")
    assert json.loads(capsys.readouterr().out)["tags"] == {"불량": 1}
    assert framesift("collection", "facets", "parts", "--kind", "colour") == 65
    assert "UnknownFacetError" in capsys.readouterr().err


def test_fields_are_set_by_query(parts, capsys):
    assert framesift("collection", "set", "parts", "label:*", "line=3", "checked=true", "serial=003") == 0
    assert capsys.readouterr().out == "2 items changed: line, checked, serial.\n"
    assert parts.get(BOLT.id).metadata == {"line": 3, "checked": True, "serial": "003"}
    framesift("collection", "set", "parts", "name:bolt.jpg", "line=")
    assert parts.get(BOLT.id).metadata == {"checked": True, "serial": "003"}
    assert framesift("collection", "set", "parts", "", "line") == 65
    assert "InvalidMetadataError" in capsys.readouterr().err
    assert framesift("collection", "set", "parts", "") == 2


CSV = """name,line,note
너트.jpg,4,ok
nobody.jpg,5,no
bolt.jpg,3,
"""
JSONL = """{{"name": "너트.jpg", "line": 4, "note": "ok"}}
{{"name": "nobody.jpg", "line": 5}}

{{"id": "{bolt}", "line": 3}}
"""


@pytest.mark.parametrize(("file", "content"), [("fields.csv", CSV), ("fields.jsonl", JSONL)])
def test_fields_are_set_by_a_table(parts, tmp_path, capsys, file, content):
    table = tmp_path / file
    table.write_text(content.format(bolt=BOLT.id), encoding="utf-8")
    assert framesift("collection", "set", "parts", "--from", str(table)) == 0
    said = capsys.readouterr()
    assert said.out == "2 items changed.\n"
    assert "line 3" in said.err or "line 2" in said.err
    assert "No item has the name 'nobody.jpg'." in said.err
    assert parts.get(NUT.id).metadata == {"line": 4, "note": "ok"}
    assert parts.get(BOLT.id).metadata == {"line": 3}


@pytest.mark.parametrize(
    ("file", "content"),
    [("fields.csv", "line,note\n3,ok\n"), ("fields.csv", b"\xff\xff"), ("none.csv", None)],
)
def test_a_table_that_cannot_be_used_changes_nothing(parts, tmp_path, capsys, file, content):
    table = tmp_path / file
    if content is not None:
        table.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = parts.log.head()
    assert framesift("collection", "set", "parts", "--from", str(table)) == 65
    expected = "InvalidMetadataError" if isinstance(content, str) else "FieldTableError"
    assert expected in capsys.readouterr().err
    assert parts.log.head() == before


@pytest.mark.parametrize(
    ("separator", "encoding"), [(",", "utf-8-sig"), (",", "cp949"), ("\t", "utf-16"), (";", "utf-8")]
)
def test_fields_are_set_by_a_table_as_spreadsheets_save_it(parts, tmp_path, separator, encoding):
    table = tmp_path / "라인.csv"
    rows = [["name", "line", "메모"], ["너트.jpg", "4", '"둘째\r\n줄"']]
    table.write_bytes("".join(separator.join(row) + "\r\n" for row in rows).encode(encoding))
    assert framesift("collection", "set", "parts", "--from", str(table)) == 0
    assert parts.get(NUT.id).metadata == {"line": 4, "메모": "둘째\r\n줄"}


def test_duplicates_name_what_they_repeat(parts, capsys):
    parts.log.set_duplicates({BLUR.id: NearDuplicate(of=BOLT.id, method="pdq", score=0.97)}, "")
    framesift("collection", "duplicates", "parts")
    _, row = capsys.readouterr().out.splitlines()
    assert row == f"{BLUR.id}\tblur.jpg\tbolt.jpg\tpdq\t0.970"
    framesift("collection", "duplicates", "parts", "label:nut", "--json")
    assert json.loads(capsys.readouterr().out) == []


def test_create_makes_a_collection_once(parts, records, capsys):
    assert framesift("collection", "create", "gears 2026", "--description", "기어", "--model", "m") == 0
    made = records.collections.get("gears 2026")
    assert (made.description, made.models, made.visibility) == ("기어", ["m"], "private")
    assert framesift("collection", "create", "gears 2026") == 65
    assert "CollectionExistsError" in capsys.readouterr().err
    assert framesift("collection", "create", "cogs", "--visibility", "department") == 2
    capsys.readouterr()
    framesift("collection", "create", "cogs", "--visibility", "department", "--department", "생산1팀")
    assert records.collections.get("cogs").department == "생산1팀"
    assert framesift("collection", "create", "../x") == 65
    assert "InvalidCollectionError" in capsys.readouterr().err


def test_a_notebook_opens_a_collection_by_its_name(parts, store, stack):
    opened = framesift_package.open_collection("parts", stack)
    assert [item.id for item in opened.query("label:nut")] == [NUT.id]
    assert opened.facets(kinds=["labels"])["labels"] == [FacetValue("bolt", 1), FacetValue("nut", 1)]
    assert opened.tag("label:nut", "seen") == 1
    assert opened.set("tag:seen", {"line": 4.0}) == 1
    assert opened.get(NUT.id).metadata == {"line": 4}
    assert opened.count("meta.line:4") == 1
    assert opened.remove("tag:seen") == 1
    assert opened.remove("tag:seen") == opened.tag("tag:seen", "x") == opened.set("tag:seen", {"line": 1.0}) == 0
    assert opened.count() == 2
    key = "collections/parts/originals/bolt"
    store.put(key, b"bytes")
    assert opened.read(BOLT.model_copy(update={"key": key})) == b"bytes"
    with pytest.raises(ValueError, match="s3://bucket/bolt"):
        opened.read(BOLT.model_copy(update={"uri": "s3://bucket/bolt.jpg"}))


def test_all_items_are_yielded_over_pages(parts):
    parts.log.add_items([make_item(number, f"{number}.jpg") for number in range(10, 1_210)], "")
    ids = [item.id for item in parts.query("name:*.jpg", sort="added")]
    assert len(ids) == len(set(ids)) == 1_203
    assert [item.names[0] for item in parts.query("", sort="-size", limit=3)] == ["1209.jpg", "1208.jpg", "1207.jpg"]


def test_list_and_show_say_what_is_there(parts, records, capsys):
    records.collections.create(Collection(id="empty", created_at=NOW - timedelta(days=1), description="빈 컬렉션"))
    framesift("collection", "list")
    heads, *rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert heads[:3] == ["collection", "images", "videos"]
    assert [row[:3] for row in rows] == [["parts", "3", "0"], ["empty", "0", "0"]]
    compact("parts", parts.store, records)
    parts.remove("label:nut")
    framesift("collection", "list", "--json")
    assert json.loads(capsys.readouterr().out)[0] == {"name": "parts", "images": 2, "videos": 0, "done": 0}
    framesift("collection", "show", "empty")
    said = dict(line.split("\t") for line in capsys.readouterr().out.splitlines())
    assert said == {
        "of": "empty",
        "description": "빈 컬렉션",
        "visible to": "private",
        "made": "2026-11-19 12:00",
        "images": "0",
    }
    framesift("collection", "show", "parts", "--json")
    shown = json.loads(capsys.readouterr().out)
    assert (shown["about"]["id"], shown["images"], shown["videos"]) == ("parts", 2, [])
    assert framesift("collection", "show", "pats") == 65
    assert "framesift collection list" in capsys.readouterr().err


def test_versions_are_kept_listed_compared_and_deleted(parts, capsys):
    assert framesift("collection", "version", "parts", "first", "--description", "첫 번째") == 0
    assert capsys.readouterr().out == "first keeps 3 images of parts as they are now.\n"
    parts.tag("label:nut", "seen")
    parts.remove("name:blur.jpg")
    framesift("collection", "diff", "parts", "first")
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()[1:]]
    # What is deleted is gone from versions, too.
    assert rows == [[NUT.id, "너트.jpg", "changed", "tags"]]
    framesift("collection", "version", "parts", "second")
    capsys.readouterr()
    framesift("collection", "diff", "parts", "second", "first", "--json")
    lines = {line["id"]: line for line in map(json.loads, capsys.readouterr().out.splitlines())}
    assert lines.keys() == {NUT.id}
    assert lines[NUT.id]["before"]["tags"] == ["불량", "seen"]
    framesift("collection", "versions", "parts")
    assert [line.split("\t")[:2] for line in capsys.readouterr().out.splitlines()[1:]] == [
        ["second", "2"],
        ["first", "2"],
    ]
    assert framesift("collection", "version", "parts", "first") == 65
    assert "VersionExistsError" in capsys.readouterr().err
    assert framesift("collection", "version", "parts", "first", "--delete") == 0
    assert framesift("collection", "diff", "parts", "first") == 65
    assert "VersionMissingError" in capsys.readouterr().err


def test_a_version_of_an_empty_collection_can_be_compared(parts, records, capsys):
    records.collections.create(Collection(id="empty", created_at=NOW))
    assert framesift("collection", "version", "empty", "nothing") == 0
    assert framesift("collection", "diff", "empty", "nothing", "--json") == 0
    assert capsys.readouterr().out.splitlines() == ["nothing keeps 0 images of empty as they are now."]


def test_images_are_dealt_into_splits(parts, capsys):
    shares = ("--train", "0", "--val", "0.5", "--test", "0.5")
    assert framesift("collection", "splits", "parts", "has:label", *shares) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert rows[:2] == [["label", "train", "val", "test"], ["all", "0", "1", "1"]]
    assert parts.count("split:val") == parts.count("split:test") == 1
    framesift("collection", "splits", "parts", "--json", "--seed", "3")
    report = json.loads(capsys.readouterr().out)
    assert sum(report["counts"].values()) == 3
    assert parts.count("split:train OR split:val OR split:test") == 3
    assert framesift("collection", "splits", "parts", "--train", "0.9") == 65
    assert "InvalidSplitError" in capsys.readouterr().err


def test_deleting_images_leaves_the_others(parts, store, capsys):
    store.put(f"collections/parts/originals/{NUT.id}.jpg", b"nut")
    assert framesift("collection", "delete", "parts", "--query", "label:nut", "--yes") == 0
    assert capsys.readouterr().out == "1 image deleted from parts.\n"
    assert parts.count() == 2
    assert not store.exists(f"collections/parts/originals/{NUT.id}.jpg")


def test_deleting_a_collection_asks_first_and_leaves_nothing(parts, store, records, capsys, monkeypatch):
    asked = []
    monkeypatch.setattr("typer.confirm", asked.append)  # Answers None: no.
    assert framesift("collection", "delete", "parts") != 0
    assert asked == ["Delete parts with 3 images and 0 videos for good?"]
    assert parts.count() == 3
    assert framesift("collection", "delete", "parts", "--yes") == 0
    assert records.collections.find("parts") is None
    assert list(store.list("collections/parts/")) == []
    assert framesift("collection", "query", "parts") == 65
