"""Upload batches on a real bucket and table (moto): announced, sent by their links, resumed, completed by one run."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from framesift import aws, keys
from framesift.catalog.batches import BatchFile, BatchUploads, FileLinks, NewFile, digest_files
from framesift.catalog.ledger import LedgerLine, LedgerWriter, read_ledger
from framesift.contracts import FileRef, ItemError
from framesift.errors import (
    BatchBusyError,
    BatchIncompleteError,
    BatchMissingError,
    BatchStateError,
    BatchTooLargeError,
    BucketNotAllowedError,
    CollectionDeletedError,
    CollectionMissingError,
    FileNameError,
    InputError,
    InvalidCollectionError,
    NothingToRetryError,
)
from framesift.settings import CollectionSettings, IntakeSettings, Settings
from framesift.storage import S3Store
from framesift.table import BatchRecord, Records
from framesift.table.batches import Batches
from framesift.workflow import Workflow

PART_BYTES = 5 << 20


@pytest.fixture
def uploads(store: S3Store, records: Records) -> BatchUploads:
    made = aws.stepfunctions().create_state_machine(
        name="framesift", definition="{}", roleArn="arn:aws:iam::123456789012:role/any"
    )
    intake = IntakeSettings(part_bytes=PART_BYTES, max_batch_files=5, buckets=["photos"])
    settings = Settings(intake=intake, collections=CollectionSettings(max_bytes=20 << 20))
    return BatchUploads(settings, store, records, Workflow(made["stateMachineArn"]))


def starts(uploads: BatchUploads) -> list[dict[str, Any]]:
    """The inputs of all executions."""
    client = aws.stepfunctions()
    listed = client.list_executions(stateMachineArn=uploads.workflow.arn)["executions"]
    return [json.loads(client.describe_execution(executionArn=each["executionArn"])["input"]) for each in listed]


def send(links: FileLinks, body: bytes) -> None:
    """Send what is missing of a file, as any HTTP client does."""
    if links.form:
        answer = requests.post(links.form.url, data=links.form.fields, files={"file": body}, timeout=10)
        assert answer.ok, answer.text
    for part in links.parts:
        answer = requests.put(part.url, data=body[part.start : part.start + part.size_bytes], timeout=10)
        assert answer.ok, answer.text


def announce(uploads: BatchUploads, **sizes: int) -> tuple[str, list[BatchFile]]:
    batch = uploads.open("parts", "user-1")
    files = [NewFile(name=name.replace("_", "."), size_bytes=size) for name, size in sizes.items()]
    return batch.id, uploads.add_files("parts", batch.id, files)


def test_a_batch_is_sent_by_its_links_and_completed_by_one_run(uploads: BatchUploads) -> None:
    body = {"a.jpg": b"1234", "b.zip": bytes(PART_BYTES + 7), "c.mp4": b"video"}
    batch_id, files = announce(uploads, a_jpg=4, b_zip=PART_BYTES + 7, c_mp4=5)
    assert [file.key for file in files] == [
        f"incoming/parts/{batch_id}/0000000.jpg",
        f"incoming/parts/{batch_id}/0000001.zip",
        "uploads/parts/c.mp4",
    ]
    for file, links in zip(files, uploads.links("parts", batch_id, files), strict=True):
        send(links, body[file.name])
    assert uploads.arrived(uploads.get("parts", batch_id)) == {0, 2}, "the zip has parts, and is not complete"

    for _ in range(3):
        assert uploads.complete("parts", batch_id).state == "running"
    assert starts(uploads) == [{"source": "upload", "collection": "parts", "batch": batch_id}]
    assert uploads.store.get(files[1].key) == body["b.zip"]
    assert uploads.store.describe(files[0].key).size_bytes == 4
    assert uploads.records.collections.get("parts").owner == ""
    with pytest.raises(BatchStateError, match="running"):
        uploads.add_files("parts", batch_id, [])


def test_an_upload_that_stopped_half_way_goes_on_where_it_stopped(uploads: BatchUploads) -> None:
    body = bytes(range(256)) * (2 * PART_BYTES // 256) + b"end"
    batch_id, (file,) = announce(uploads, a_zip=len(body))
    (first,) = uploads.links("parts", batch_id, [file])
    assert [(part.number, part.start, part.size_bytes) for part in first.parts] == [
        (1, 0, PART_BYTES),
        (2, PART_BYTES, PART_BYTES),
        (3, 2 * PART_BYTES, 3),
    ]
    send(first.model_copy(update={"parts": first.parts[::2]}), body)
    with pytest.raises(BatchIncompleteError, match="1 parts"):
        uploads.complete("parts", batch_id)

    (rest,) = uploads.links("parts", batch_id, [file])
    assert [part.number for part in rest.parts] == [2]
    send(rest, body)
    uploads.complete("parts", batch_id)
    assert uploads.store.get(file.key) == body


def test_what_is_missing_or_of_another_size_is_named(uploads: BatchUploads) -> None:
    batch_id, files = announce(uploads, a_jpg=4, b_jpg=4, c_jpg=4)
    uploads.store.put(files[0].key, b"1234")
    uploads.store.put(files[1].key, b"12345")
    with pytest.raises(BatchIncompleteError, match=r"2 of 3 files .*b\.jpg, c\.jpg"):
        uploads.complete("parts", batch_id)
    assert not starts(uploads)


def test_a_form_allows_one_key_one_size_and_one_type(uploads: BatchUploads) -> None:
    import base64

    batch_id, (file,) = announce(uploads, a_heic=4)
    digest = file.model_copy(update={"sha256": "0" * 64})
    (links,) = uploads.links("parts", batch_id, [digest])
    policy = json.loads(base64.b64decode(links.form.fields["policy"]))
    assert {"key": file.key} in policy["conditions"]
    assert ["content-length-range", 4, 4] in policy["conditions"]
    assert {"Content-Type": "image/heic"} in policy["conditions"]
    assert {"x-amz-checksum-sha256": base64.b64encode(bytes(32)).decode()} in policy["conditions"]


def test_the_link_of_a_part_signs_its_size(uploads: BatchUploads) -> None:
    batch_id, (file,) = announce(uploads, a_zip=PART_BYTES + 1)
    (links,) = uploads.links("parts", batch_id, [file])
    assert all("content-length" in part.url for part in links.parts)


@pytest.mark.parametrize("name", ["../a.jpg", "/a.jpg", "a/../../b.jpg", "", "a\x00.jpg", "x" * 700])
def test_names_that_climb_out_are_refused(uploads: BatchUploads, name: str) -> None:
    batch = uploads.open("parts", "user-1")
    with pytest.raises(FileNameError):
        uploads.add_files("parts", batch.id, [NewFile(name=name, size_bytes=1)])


def test_limits_are_checked_before_anything_is_sent(uploads: BatchUploads) -> None:
    batch = uploads.open("parts", "user-1")
    with pytest.raises(BatchTooLargeError, match="at most 20971520"):
        uploads.add_files("parts", batch.id, [NewFile(name="a.jpg", size_bytes=21 << 20)])
    with pytest.raises(BatchTooLargeError, match="at most 5 files"):
        uploads.add_files("parts", batch.id, [NewFile(name="a.jpg", size_bytes=1)] * 6)
    with pytest.raises(BatchStateError, match="no files"):
        uploads.complete("parts", batch.id)


def test_the_same_files_take_up_the_open_batch_of_the_same_user(uploads: BatchUploads) -> None:
    digest = digest_files([NewFile(name="a.jpg", size_bytes=1)])
    first = uploads.open("parts", "user-1", digest)
    assert uploads.open("parts", "user-1", digest).id == first.id
    assert uploads.open("parts", "user-2", digest).id != first.id
    assert uploads.open("parts", "user-1", "other").id != first.id
    uploads.abort("parts", first.id)
    assert uploads.open("parts", "user-1", digest).id != first.id


def test_an_expired_batch_is_not_taken_up(uploads: BatchUploads) -> None:
    batch = uploads.open("parts", "user-1", "digest")
    uploads.records.batches.change(batch, created_at=datetime.now(UTC) - timedelta(days=8))
    assert uploads.open("parts", "user-1", "digest").id != batch.id
    with pytest.raises(BatchStateError, match="expired"):
        uploads.complete("parts", batch.id)


def test_an_aborted_batch_leaves_nothing(uploads: BatchUploads) -> None:
    batch_id, files = announce(uploads, a_jpg=4, b_zip=PART_BYTES + 1)
    uploads.store.put(files[0].key, b"1234")
    uploads.links("parts", batch_id, files)
    for _ in range(2):
        assert uploads.abort("parts", batch_id).state == "aborted"
    assert list(uploads.store.list(keys.INCOMING)) == []
    assert not aws.s3().list_multipart_uploads(Bucket=uploads.store.bucket).get("Uploads")
    with pytest.raises(BatchStateError, match="aborted"):
        uploads.complete("parts", batch_id)


def test_images_are_read_in_place_from_listed_buckets_only(uploads: BatchUploads) -> None:
    batch = uploads.add_references("parts", "user-1", ["s3://photos/2026/"])
    assert (batch.kind, batch.state) == ("references", "running")
    with pytest.raises(BucketNotAllowedError, match="photos only, not from other"):
        uploads.add_references("parts", "user-1", ["s3://other/2026/"])
    with pytest.raises(InputError, match="not an S3 URI"):
        uploads.add_references("parts", "user-1", ["/home/me"])
    assert len(starts(uploads)) == 1


def test_a_collection_is_looked_at_again_where_there_is_one(uploads: BatchUploads) -> None:
    with pytest.raises(CollectionMissingError):
        uploads.look_again("parts", "", ["resnet50"])
    uploads.records.collections.ensure("parts")
    assert uploads.look_again("parts", "", ["resnet50"]).models == ["resnet50"]


def ledger_of(uploads: BatchUploads, batch_id: str, *lines: LedgerLine) -> None:
    batch = uploads.get("parts", batch_id)
    with LedgerWriter(uploads.store, keys.ledger("parts", batch_id)) as ledger:
        for line in lines:
            ledger.add(line)
    assert uploads.records.batches.change(batch, state="done", published="p", runs=["2026-11-20/parts.b"])


def test_retry_starts_a_run_over_what_failed(uploads: BatchUploads) -> None:
    now = datetime.now(UTC)
    fault = ItemError(stage="analyze", error="FileLostError", message="lost")
    lost = LedgerLine(name="a.jpg", status="refused", error=fault, at=now, file=FileRef(name="a.jpg", size_bytes=1))
    batch_id, _ = announce(uploads, a_jpg=1)
    with pytest.raises(BatchStateError, match="open"):
        uploads.retry("parts", batch_id)
    ledger_of(uploads, batch_id, lost)
    assert list(read_ledger(uploads.store, "parts", batch_id)) == [lost]
    assert uploads.retry("parts", batch_id).state == "running"
    assert starts(uploads) == [{"source": "upload", "collection": "parts", "batch": batch_id, "force": True}]

    done_id, _ = announce(uploads, b_jpg=1)
    ledger_of(uploads, done_id, LedgerLine(name="b.jpg", status="added", at=now))
    with pytest.raises(NothingToRetryError):
        uploads.retry("parts", done_id)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda uploads: uploads.open("a/b", ""), InvalidCollectionError),
        (lambda uploads: uploads.open("../a", ""), InvalidCollectionError),
        (lambda uploads: uploads.get("parts", "none"), BatchMissingError),
        (lambda uploads: uploads.complete("parts", "none"), BatchMissingError),
    ],
)
def test_what_is_not_there_is_named(
    uploads: BatchUploads, call: Callable[[BatchUploads], object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        call(uploads)


def test_nothing_comes_into_a_collection_that_is_being_deleted(uploads: BatchUploads) -> None:
    collection = uploads.records.collections.ensure("parts")
    uploads.records.collections.put(collection.model_copy(update={"deleting": True}))
    with pytest.raises(CollectionDeletedError):
        uploads.open("parts", "user-1")


def test_who_always_comes_second_is_told_to_try_again(uploads: BatchUploads, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = uploads.open("parts", "user-1")
    read = Batches.get

    def read_and_lose(batches: Batches, collection: str, batch_id: str) -> BatchRecord | None:
        found = read(batches, collection, batch_id)
        assert found is not None
        batches.change(found, by="user-2")  # Somebody else is quicker each time.
        return found

    monkeypatch.setattr(Batches, "get", read_and_lose)
    with pytest.raises(BatchBusyError, match="try again"):
        uploads.add_files("parts", batch.id, [NewFile(name="a.jpg", size_bytes=1)])
    with pytest.raises(BatchBusyError, match="same moment"):
        uploads.abort("parts", batch.id)
    assert not list(uploads.store.list(keys.batch_prefix("parts", batch.id))), "no list is left behind"
