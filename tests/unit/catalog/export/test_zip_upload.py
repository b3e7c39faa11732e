"""A zip in parts: any unpacker reads it, it goes on where it stopped, and the same contents give the same bytes."""

from __future__ import annotations

import hashlib
import io
import subprocess
import tracemalloc
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from framesift import aws
from framesift.catalog.export import export, zip_upload
from framesift.catalog.export.zip_upload import ZipUpload
from framesift.contracts import CatalogItem
from framesift.contracts.exports import ExportOptions
from framesift.storage import S3Store
from framesift.storage.multipart import MIN_PART_BYTES, MultipartUploads
from tests.unit.catalog.export.conftest import COLLECTION, PREFIX, make_item

KEY, STATE = "exports/a.zip", "exports/state/"
BIG = bytes(range(256)) * 12_000  # 3 MB: two fill a part.


def write(store: S3Store, entries: Iterable[tuple[str, bytes]], digest: str = "d") -> int:
    with ZipUpload(store, KEY, STATE, digest, part_bytes=MIN_PART_BYTES) as archive:
        for name, data in entries:
            archive.add(name, data)
        return archive.finish()


def count_sends(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the parts that are sent from now on."""
    sent: list[int] = []
    send = MultipartUploads.send

    def note(self: MultipartUploads, key: str, upload_id: str, number: int, body: io.BytesIO) -> str:
        sent.append(number)
        return send(self, key, upload_id, number, body)

    monkeypatch.setattr(MultipartUploads, "send", note)
    return sent


def test_zipfile_and_unzip_read_it(store: S3Store, tmp_path: Path) -> None:
    entries = [(f"images/{number}.bin", BIG) for number in range(5)] + [
        ("한글/ 이름.txt", "내용".encode()),
        ("empty", b""),
    ]
    size_bytes = write(store, entries)
    path = tmp_path / "a.zip"
    store.download(KEY, path)
    assert path.stat().st_size == size_bytes
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert [(name, archive.read(name)) for name in archive.namelist()] == entries
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    tested = subprocess.run(["python3", "-m", "zipfile", "-t", str(path)], capture_output=True, text=True, check=True)
    assert "Done testing" in tested.stdout
    assert list(store.list(STATE)) == []


def test_a_file_is_compressed_and_reads_back(store: S3Store, tmp_path: Path) -> None:
    path = tmp_path / "notes.json"
    path.write_bytes(b'{"a": 1}' * 500_000)
    with ZipUpload(store, KEY, STATE, "d") as archive:
        archive.add_file("notes.json", path)
        assert archive.finish() < 100_000
    with zipfile.ZipFile(io.BytesIO(store.get(KEY))) as archive_read:
        assert archive_read.read("notes.json") == path.read_bytes()


def test_it_goes_on_where_it_stopped(store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [(str(number), BIG + bytes([number])) for number in range(9)]
    write(store, entries)
    whole = store.get(KEY)
    store.delete([KEY])
    sent = count_sends(monkeypatch)

    def stop_after(count: int) -> Iterator[tuple[str, bytes]]:
        yield from entries[:count]
        raise InterruptedError

    with pytest.raises(InterruptedError):
        write(store, stop_after(5))
    assert sent == [1, 2]
    assert not store.exists(KEY)
    sent.clear()
    with ZipUpload(store, KEY, STATE, "d", part_bytes=MIN_PART_BYTES) as archive:
        assert [archive.has(name) for name, _ in entries] == [True] * 4 + [False] * 5
    write(store, entries)
    assert sent[0] == 3
    assert hashlib.sha256(store.get(KEY)).digest() == hashlib.sha256(whole).digest()


def test_other_contents_begin_anew_and_leave_no_parts(store: S3Store) -> None:
    with ZipUpload(store, KEY, STATE, "old", part_bytes=MIN_PART_BYTES) as archive:
        archive.add("a", BIG * 2)
    write(store, [("b", b"new")], digest="new")
    with zipfile.ZipFile(io.BytesIO(store.get(KEY))) as read:
        assert read.namelist() == ["b"]
    assert aws.s3().list_multipart_uploads(Bucket=store.bucket).get("Uploads", []) == []
    assert list(store.list(STATE)) == []


def test_an_upload_that_was_given_up_begins_anew(store: S3Store) -> None:
    with ZipUpload(store, KEY, STATE, "d", part_bytes=MIN_PART_BYTES) as archive:
        archive.add("a", BIG * 2)
    (upload,) = aws.s3().list_multipart_uploads(Bucket=store.bucket)["Uploads"]
    MultipartUploads(store.bucket).abort(KEY, upload["UploadId"])
    write(store, [("a", BIG * 2), ("b", b"2")])
    with zipfile.ZipFile(io.BytesIO(store.get(KEY))) as read:
        assert read.testzip() is None
        assert read.namelist() == ["a", "b"]


def test_more_entries_than_the_old_format_has_room_for(store: S3Store) -> None:
    write(store, ((f"{number:05d}", b"") for number in range(70_000)))
    with zipfile.ZipFile(io.BytesIO(store.get(KEY))) as read:
        assert len(read.namelist()) == 70_000
        assert read.read("69999") == b""


def test_offsets_and_sizes_beyond_4_gb_are_written_as_zip64(store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_upload, "MAX_32", 1_000)  # What needs ZIP64 is then small.
    entries = [("small", b"1"), ("large", bytes(2_000)), ("after", b"2"), ("large too", bytes(3_000))]
    write(store, entries)
    content = store.get(KEY)
    assert b"PK\6\6" in content
    # A reader sees the real limit only as a mark: the fields that are in the extra record have it.
    monkeypatch.undo()
    marked = content.replace((1_000).to_bytes(4, "little"), (0xFFFFFFFF).to_bytes(4, "little"))
    with zipfile.ZipFile(io.BytesIO(marked)) as read:
        assert [(name, read.read(name)) for name in read.namelist()] == entries


def test_memory_holds_no_contents(store: S3Store) -> None:
    tracemalloc.start()
    with ZipUpload(store, KEY, STATE, "d", part_bytes=1 << 30) as archive:
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        for number in range(20):
            archive.add(str(number), BIG)
        _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak - before < 2_000_000


# --- exports ---


def make_items(store: S3Store, count: int) -> list[CatalogItem]:
    items = []
    for number in range(count):
        item = make_item(0).model_copy(
            update={"id": f"{number:032x}", "key": f"originals/{number}.png", "size_bytes": len(BIG)}
        )
        store.put(str(item.key), BIG + bytes([number]))
        items.append(item)
    return items


def test_an_export_repeats_no_part_that_has_arrived(store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    items = make_items(store, 9)
    export(COLLECTION, items, "coco", ExportOptions(), store, PREFIX)
    whole = store.get(f"{PREFIX}coco.zip")
    store.delete(store.list(PREFIX))
    # The bucket fails at the seventh image.
    get, read = S3Store.get, []

    def fail_late(self: S3Store, key: str) -> bytes:
        if key == items[7].key:
            raise ConnectionError
        return get(self, key)

    monkeypatch.setattr(S3Store, "get", fail_late)
    with pytest.raises(ConnectionError):
        export(COLLECTION, items, "coco", ExportOptions(), store, PREFIX)
    sent = count_sends(monkeypatch)

    def note(self: S3Store, key: str) -> bytes:
        read.append(key)
        return get(self, key)

    monkeypatch.setattr(S3Store, "get", note)
    export(COLLECTION, items, "coco", ExportOptions(), store, PREFIX)
    assert sent[0] == 2
    assert items[0].key not in read
    assert items[7].key in read
    assert hashlib.sha256(get(store, f"{PREFIX}coco.zip")).digest() == hashlib.sha256(whole).digest()
    # A third call finds all done.
    sent.clear()
    read.clear()
    assert export(COLLECTION, items, "coco", ExportOptions(), store, PREFIX).items == 9
    assert sent == []
    assert read == [f"{PREFIX}summary.json"]


def test_images_that_are_gone_are_named_and_the_rest_goes_out(store: S3Store) -> None:
    items = make_items(store, 3)
    store.delete([str(items[1].key)])
    elsewhere = [
        items[0].model_copy(update={"id": "a" * 32, "key": None, "uri": "s3://no-such-bucket/x.png"}),
        items[0].model_copy(update={"id": "b" * 32, "key": None, "uri": f"s3://{store.bucket}/originals/2.png"}),
    ]
    summary = export(COLLECTION, [*items, *elsewhere], "images", ExportOptions(), store, PREFIX)
    assert summary.images_missing == 2
    assert summary.first_missing == [items[1].id, "a" * 32]
    with zipfile.ZipFile(io.BytesIO(store.get(summary.key))) as read:
        assert len([name for name in read.namelist() if name.startswith("images/")]) == 3


def test_another_choice_is_another_export(store: S3Store) -> None:
    items = make_items(store, 1)
    first = export(COLLECTION, items, "csv", ExportOptions(), store, PREFIX)
    second = export(COLLECTION, items, "csv", ExportOptions(min_score=0.9), store, PREFIX)
    assert first.digest != second.digest
    store.delete([second.key])
    assert export(COLLECTION, items, "csv", ExportOptions(min_score=0.9), store, PREFIX) == second
    assert store.exists(second.key)
