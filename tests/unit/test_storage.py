from __future__ import annotations

from datetime import UTC, datetime

import pytest

from framesift.contracts import Clip
from framesift.errors import InputError, NotFoundError
from framesift.storage import S3Store, copy_all, parse_uri, read_lines, write_manifest


def an_item(item_id: str) -> Clip:
    return Clip(
        source="tiktok",
        category="dance",
        id=item_id,
        url=f"https://www.tiktok.com/@a/video/{item_id}",
        title="춤 🎵",
        views=1,
        collected_at=datetime(2026, 11, 20, tzinfo=UTC),
    )


def test_get_gives_what_put_wrote(store: S3Store) -> None:
    store.put("a/b", b"bytes", "text/plain")
    assert store.get("a/b") == b"bytes"
    assert store.exists("a/b")


def test_get_of_nothing_names_the_object(store: S3Store) -> None:
    with pytest.raises(NotFoundError, match="s3://framesift-test/a/b"):
        store.get("a/b")
    assert not store.exists("a/b")


def test_put_only_if_absent_keeps_the_first(store: S3Store) -> None:
    assert store.put("k", b"first", only_if_absent=True)
    assert not store.put("k", b"second", only_if_absent=True)
    assert store.get("k") == b"first"


def test_list_pages_past_a_thousand(store: S3Store) -> None:
    for number in range(1005):
        store.put(f"p/{number:04d}", b"")
    store.put("q", b"")
    assert list(store.list("p/")) == [f"p/{number:04d}" for number in range(1005)]


def test_delete_forgives_what_is_not_there(store: S3Store) -> None:
    store.put("k", b"")
    store.delete(["k", "nothing"])
    assert not store.exists("k")


def test_copy_of_nothing_names_the_object(store: S3Store) -> None:
    store.put("k", b"1")
    assert copy_all(store, [("k", "l"), ("k", "m")]) == 2
    assert store.get("m") == b"1"
    with pytest.raises(NotFoundError, match="nothing"):
        store.copy("nothing", "n")


def test_a_manifest_reads_back_as_it_was_written(store: S3Store) -> None:
    items = [an_item("1"), an_item("2")]
    write_manifest(store, "m.jsonl", items)
    assert read_lines(store, "m.jsonl", Clip) == items
    write_manifest(store, "empty.jsonl", [])
    assert read_lines(store, "empty.jsonl", Clip) == []


def test_parse_uri() -> None:
    assert parse_uri("s3://bucket/a/b.json") == ("bucket", "a/b.json")
    for bad in ("bucket/a", "s3://bucket", "s3:///a", "https://a/b"):
        with pytest.raises(InputError, match="S3 URI"):
            parse_uri(bad)
