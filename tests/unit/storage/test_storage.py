from __future__ import annotations

import doctest
import hashlib
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

import framesift.storage.store
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


def test_only_the_storage_room_calls_s3() -> None:
    package = Path(framesift.__file__).parent
    callers = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if re.search(r"\bs3\(\)", path.read_text())
    }
    assert callers == {"aws.py", "storage/s3.py", "storage/multipart.py", "storage/direct.py"}


def test_the_examples_run() -> None:
    assert doctest.testmod(framesift.storage.store).failed == 0


def test_a_description_has_the_digest_that_was_declared(store: S3Store, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"bytes")
    digest = hashlib.sha256(b"bytes").hexdigest()
    store.upload_verified(path, "k", digest, part_size_bytes=8 << 20, max_workers=1, on_bytes=lambda _: None)
    store.put("plain", b"bytes")
    described, plain = store.describe("k"), store.describe("plain")
    assert described is not None
    assert described.sha256 == described.declared_sha256 == digest
    assert plain is not None
    assert plain.declared_sha256 is None
    assert store.describe("nothing") is None
