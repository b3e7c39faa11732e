"""Deleting: nothing is left of what was deleted, anywhere, and nothing else is lost."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framesift import aws, keys
from framesift.catalog import deletion
from framesift.catalog.compact import compact
from framesift.catalog.deletion import (
    continue_deletions,
    delete_account,
    delete_collection,
    forget_user,
    purge,
)
from framesift.catalog.log import CatalogLog
from framesift.catalog.reader import CatalogReader
from framesift.catalog.scrub import FORGOTTEN
from framesift.catalog.versions import create_version
from framesift.contracts import Annotation, CatalogItem, NearDuplicate, Prediction, SetAnnotations, SetViewers
from framesift.errors import CollectionDeletedError, CollectionMissingError, ObjectNotDeletedError
from framesift.settings import CatalogSettings
from framesift.storage import S3Store
from framesift.table import Collection, InboxEntry, RunRecord
from framesift.table.table import Table
from tests.unit.catalog.conftest import COLLECTION
from tests.unit.catalog.items import START, item_id, make_item
from tests.unit.catalog.whole_store import find_text

GONE = item_id(1)
PLANTED = "planted7f3a"
OTHER = "others"


@pytest.fixture(autouse=True)
def versioned(store: S3Store) -> None:
    aws.s3().put_bucket_versioning(Bucket=store.bucket, VersioningConfiguration={"Status": "Enabled"})


@pytest.fixture
def filled(log: CatalogLog, monkeypatch: pytest.MonkeyPatch) -> CatalogLog:
    """A collection with an item that is mentioned wherever an item can be, in everything that is kept twice."""
    monkeypatch.setattr("framesift.catalog.log._INLINE_BYTES", 250)
    fill(log)
    return log


def fill(log: CatalogLog) -> None:
    store, collection = log.store, log.collection
    items = [make_item(number) for number in range(1, 8)]
    items[0] = make_item(1, names=[f"{PLANTED}.jpg"], metadata={"note": PLANTED})
    log.add_items([item.model_copy(update={"key": keys.original(collection, item.id, "jpg")}) for item in items], "kim")
    log.set_tags([GONE], "kim", add=[PLANTED])
    log.set_tags([GONE, item_id(2)], "lee", add=["dog"])
    log.set_tags([item_id(number) for number in range(1, 8)], "kim", add=["many"])  # in a payload
    log.set_predictions(
        "m@1", {id_: [Prediction(model="m@1", label="x", score=1)] for id_ in (GONE, item_id(3))}, "kim"
    )
    duplicate = NearDuplicate(of=GONE, method="pdq", score=0.9)
    log.set_duplicates({item_id(3): duplicate, item_id(4): None}, "pipeline")
    compact(collection, store, log.records)
    create_version(collection, "first", "kim", store, log.records)
    log.append(SetAnnotations(ids=[GONE], annotations=[Annotation(label=PLANTED, by="kim")]), "kim")
    log.set_metadata({GONE: {"other": PLANTED}}, "kim")
    compact(collection, store, log.records)
    for number in range(1, 5):
        put_files(store, collection, item_id(number))
    put_vectors(store, collection, "part", [item_id(number) for number in (3, 1, 2)])
    put_vectors(store, collection, "only", [GONE])
    found = [[GONE, item_id(2), 0.9], [item_id(3), item_id(2), 0.9]]
    pairs = {"pdq": found, "compared": [item_id(2), GONE]}
    store.put(f"{keys.collection_duplicates(collection)}part.json.gz", gzip.compress(json.dumps(pairs).encode()))
    log.records.inboxes.put_handled(collection, InboxEntry(name=f"{PLANTED}.jpg"), stays=True)
    store.put(f"{keys.export_prefix(collection, 'e1')}coco.json", json.dumps({"image": GONE}).encode())
    lines = [{"name": f"{PLANTED}.jpg", "item": GONE}, {"name": "IMG_0002.jpg", "item": item_id(2)}]
    put_lines(store, f"{keys.batch_prefix(collection, 'b1')}ledger.jsonl.gz", lines)
    names = [{"name": f"{PLANTED}.jpg", "key": "incoming/0"}, {"name": "IMG_0002.jpg", "key": "incoming/1"}]
    put_lines(store, f"{keys.batch_prefix(collection, 'b1')}files/a.jsonl", names)


def put_files(store: S3Store, collection: str, id_: str) -> None:
    for size in keys.THUMBNAIL_SIZES:
        store.put(keys.collection_thumbnail(collection, id_, size), b"thumbnail")
    store.put(keys.original(collection, id_, "jpg"), b"first")
    store.put(keys.original(collection, id_, "jpg"), b"again")


def put_vectors(store: S3Store, collection: str, part: str, ids: list[str]) -> None:
    rows = io.BytesIO()
    np.save(rows, np.array([[int(id_[:4], 16)] for id_ in ids], np.float32))
    folder = keys.collection_features(collection, "m@1")
    store.put(f"{folder}{part}.npy", rows.getvalue())
    store.put(f"{folder}{part}.json", json.dumps({"ids": ids, "quality": list(range(len(ids)))}).encode())


def read_vectors(store: S3Store, collection: str) -> dict[str, tuple[float, int]]:
    found = {}
    for key in store.list(keys.features_of_collection(collection)):
        if key.endswith(".json"):
            facts = json.loads(store.get(key))
            rows = np.load(io.BytesIO(store.get(key.replace(".json", ".npy"))))
            found |= {
                id_: (float(row[0]), quality)
                for id_, row, quality in zip(facts["ids"], rows, facts["quality"], strict=True)
            }
    return found


def put_lines(store: S3Store, key: str, lines: list[dict[str, Any]]) -> None:
    text = "".join(json.dumps(line) + "\n" for line in lines).encode()
    store.put(key, gzip.compress(text) if key.endswith(".gz") else text)


def read_items(log: CatalogLog, settings: CatalogSettings) -> dict[str, CatalogItem]:
    reader = CatalogReader(log.collection, log.store, log.records, settings)
    return {item.id: item for batch in reader.iterate() for item in batch}


class Killed(BaseException):
    """The process is killed."""


@contextmanager
def killed_after(writes: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the process die at a write."""
    left = [writes]

    def dying(write: Callable[..., Any]) -> Callable[..., Any]:
        def count(*arguments: Any, **options: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return write(*arguments, **options)

        return count

    with monkeypatch.context() as patch:
        for kind, names in ((S3Store, ("put", "upload", "delete_versions", "copy")), (Table, ("put", "delete"))):
            for name in names:
                patch.setattr(kind, name, dying(getattr(kind, name)))
        yield


def run_killed_again_and_again(work: Callable[[], bool], monkeypatch: pytest.MonkeyPatch, steps: Iterator[int]) -> int:
    """Run work that is killed at an ever later write, until it ends; return how often it was killed."""
    kills = 0
    for writes in steps:
        try:
            with killed_after(writes, monkeypatch):
                assert work()
        except Killed:
            kills += 1
        else:
            return kills
    raise AssertionError("it never ended")


def test_nothing_is_left_of_a_removed_item(filled: CatalogLog, catalog_settings: CatalogSettings) -> None:
    log = filled
    assert len(find_text(log.store, log.records, GONE)) > 10
    assert len(find_text(log.store, log.records, PLANTED)) > 5
    before = read_items(log, catalog_settings)
    log.remove_items([GONE], "kim")
    assert purge(COLLECTION, log.store, log.records)
    assert find_text(log.store, log.records, GONE) == []
    assert find_text(log.store, log.records, PLANTED) == []
    expected = {id_: item for id_, item in before.items() if id_ != GONE}
    expected[item_id(3)] = expected[item_id(3)].model_copy(update={"duplicate": None})
    assert read_items(log, catalog_settings) == expected
    compact(COLLECTION, log.store, log.records, from_log=True)
    assert read_items(log, catalog_settings) == expected


def test_what_is_about_other_items_stays(filled: CatalogLog) -> None:
    log = filled
    vectors = read_vectors(log.store, COLLECTION)
    log.remove_items([GONE], "kim")
    assert purge(COLLECTION, log.store, log.records)
    assert read_vectors(log.store, COLLECTION) == {id_: row for id_, row in vectors.items() if id_ != GONE}
    for number in range(2, 5):
        assert log.store.get(keys.original(COLLECTION, item_id(number), "jpg")) == b"again"
        assert log.store.exists(keys.collection_thumbnail(COLLECTION, item_id(number), 256))
    ledger = gzip.decompress(log.store.get(f"{keys.batch_prefix(COLLECTION, 'b1')}ledger.jsonl.gz"))
    assert [json.loads(line)["item"] for line in ledger.splitlines()] == [item_id(2)]
    files = log.store.get(f"{keys.batch_prefix(COLLECTION, 'b1')}files/a.jsonl")
    assert [json.loads(line)["name"] for line in files.splitlines()] == ["IMG_0002.jpg"]
    pairs = gzip.decompress(log.store.get(f"{keys.collection_duplicates(COLLECTION)}part.json.gz"))
    assert json.loads(pairs) == {"pdq": [[item_id(3), item_id(2), 0.9]], "compared": [item_id(2)]}
    (version,) = log.records.collections.versions(COLLECTION)
    assert version.snapshot.count == 6
    assert log.store.exists(version.snapshot.key)
    assert [change.number for change in log.after(0)] == list(range(1, log.head() + 1))


def test_a_purge_without_removals_changes_nothing(filled: CatalogLog) -> None:
    log = filled
    versions = sorted(version.version_id for version in log.store.versions(""))
    assert purge(COLLECTION, log.store, log.records)
    assert sorted(version.version_id for version in log.store.versions("")) == versions
    assert log.records.collections.pointer(COLLECTION).purged == log.head()


@pytest.mark.slow
def test_a_purge_that_is_killed_anywhere_goes_on(
    filled: CatalogLog, catalog_settings: CatalogSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = filled
    monkeypatch.setattr(deletion, "_SAVE_EVERY", 2)
    before = read_items(log, catalog_settings)
    log.remove_items([GONE], "kim")
    kills = run_killed_again_and_again(
        lambda: purge(COLLECTION, log.store, log.records), monkeypatch, iter(range(1, 200))
    )
    assert kills > 10
    assert find_text(log.store, log.records, GONE) == []
    assert find_text(log.store, log.records, PLANTED) == []
    assert read_items(log, catalog_settings).keys() == before.keys() - {GONE}
    assert log.records.collections.purge_progress(COLLECTION) is None
    compact(COLLECTION, log.store, log.records, from_log=True)
    assert read_items(log, catalog_settings).keys() == before.keys() - {GONE}


def test_a_purge_that_is_killed_when_no_change_names_the_item_any_more_goes_on(
    filled: CatalogLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, delete_old_versions = filled, deletion._delete_old_versions  # noqa: SLF001 - the step to die at
    log.remove_items([GONE], "kim")

    def die_at_the_log(store: S3Store, prefix: str) -> None:
        if prefix == keys.changes_prefix(COLLECTION):
            raise Killed
        delete_old_versions(store, prefix)

    with monkeypatch.context() as patch:
        patch.setattr(deletion, "_delete_old_versions", die_at_the_log)
        with pytest.raises(Killed):
            purge(COLLECTION, log.store, log.records)
    assert find_text(log.store, log.records, GONE) != [], "payloads are there as they were before"
    assert purge(COLLECTION, log.store, log.records)
    assert find_text(log.store, log.records, GONE) == []


def test_a_purge_stops_when_its_time_is_over_and_goes_on_later(
    filled: CatalogLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = filled
    monkeypatch.setattr(deletion, "_SAVE_EVERY", 1)
    log.remove_items([GONE], "kim")
    calls = 0
    while True:
        calls += 1
        left = iter([True] * 3)
        if purge(COLLECTION, log.store, log.records, may_go_on=lambda left=left: next(left, False)):  # type: ignore[misc]
            break
    assert calls > 2
    assert find_text(log.store, log.records, GONE) == []


def test_an_item_that_came_again_after_its_removal_stays(
    filled: CatalogLog, catalog_settings: CatalogSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was known of it before is gone; what came with it again is kept."""
    log = filled
    log.remove_items([GONE], "kim")
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    log.add_items([make_item(1, added_at=tomorrow)], "lee")
    log.set_tags([GONE], "lee", add=["new"])
    assert purge(COLLECTION, log.store, log.records)
    assert find_text(log.store, log.records, PLANTED) == []
    item = read_items(log, catalog_settings)[GONE]
    assert (item.names, item.tags, item.metadata) == (["IMG_0001.jpg"], ["new"], {})
    assert log.store.get(keys.original(COLLECTION, GONE, "jpg")) == b"again"
    (version,) = log.records.collections.versions(COLLECTION)
    assert version.snapshot.count == 6
    compact(COLLECTION, log.store, log.records, from_log=True)
    assert read_items(log, catalog_settings)[GONE] == item


def test_what_is_said_about_an_item_after_its_removal_goes_too(filled: CatalogLog) -> None:
    """A bulk edit whose ids were read before the removal, and written after it."""
    log = filled
    log.remove_items([GONE], "kim")
    assert purge(COLLECTION, log.store, log.records)
    log.set_tags([GONE, item_id(2)], "lee", add=["late"])
    log.set_predictions("m@1", {GONE: [Prediction(model="m@1", label="x", score=1)]}, "pipeline")
    store = log.store
    store.put(keys.collection_thumbnail(COLLECTION, GONE, 256), b"late")
    assert purge(COLLECTION, log.store, log.records)
    assert find_text(log.store, log.records, GONE) == []


def test_a_version_that_is_made_during_a_purge_does_not_keep_the_item(
    filled: CatalogLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy of the snapshot is made before the purge, and recorded after the purge went through the versions."""
    log, put_version = filled, type(filled.records.collections).put_version
    purged: list[bool] = []

    def put_late(collections: Any, collection: str, version: Any, replaces: Any = None) -> bool:
        if version.name == "late" and not purged:
            purged.append(True)
            log.remove_items([GONE], "kim")
            purge(COLLECTION, log.store, log.records)
        return put_version(collections, collection, version, replaces)

    monkeypatch.setattr(type(log.records.collections), "put_version", put_late)
    version = create_version(COLLECTION, "late", "kim", log.store, log.records)
    assert purged
    assert version.snapshot.count == 6
    assert log.store.exists(version.snapshot.key)
    assert find_text(log.store, log.records, GONE) == []


def test_payloads_of_appends_that_died_go_after_a_day(filled: CatalogLog, monkeypatch: pytest.MonkeyPatch) -> None:
    log = filled
    orphan = keys.change_payload(COLLECTION, "orphan")
    log.store.put(orphan, gzip.compress(b"{}"))
    log.remove_items([GONE], "kim")
    purge(COLLECTION, log.store, log.records)
    assert log.store.exists(orphan)
    monkeypatch.setattr(deletion, "_ORPHAN_AGE", timedelta(0))
    log.remove_items([item_id(2)], "kim")
    purge(COLLECTION, log.store, log.records)
    assert not log.store.exists(orphan)


def make_run(collection: str, **fields: Any) -> RunRecord:
    default: dict[str, Any] = {
        "source": "upload",
        "date": "2026-11-20",
        "subject": collection,
        "collection": collection,
        "status": "SUCCEEDED",
        "attempt": 1,
        "execution_arn": f"arn:{collection}",
        "categories": [collection],
        "started_at": START,
    }
    return RunRecord.model_validate(default | fields)


@pytest.fixture
def two(filled: CatalogLog) -> CatalogLog:
    """A collection with all that can belong to one, and another one with the same images."""
    log, records, store = filled, filled.records, filled.store
    records.collections.create(Collection(id=OTHER, owner="park", created_at=START))
    fill(CatalogLog(OTHER, store, records))
    for collection in (COLLECTION, OTHER):
        run = make_run(collection)
        assert records.runs.claim(run, None)
        records.stages.end(run.run, "collect", collection, "{}")
        records.stages.report_progress(run.run, "poses", collection, 1, 2)
        store.put(f"{keys.run_prefix(run.run)}/{collection}/collected.jsonl", b"x")
        store.put(f"{keys.uploads_prefix(collection)}a.zip", b"x")
        store.put(keys.incoming(collection, "b1", 1, ".jpg"), b"x")
        store.put(f"{keys.poses_prefix(collection)}manifest.json", b"{}")
        log.set_tags([item_id(2)], "lee", add=["x"], request_id=f"{collection} request")
    return log


def test_nothing_is_left_of_a_collection_and_another_keeps_all(
    two: CatalogLog, catalog_settings: CatalogSettings
) -> None:
    log, other = two, CatalogLog(OTHER, two.store, two.records)
    kept = read_items(other, catalog_settings)
    others_objects = find_text(log.store, log.records, f"/{OTHER}/")
    assert len(find_text(log.store, log.records, COLLECTION)) > 30
    assert delete_collection(COLLECTION, "kim", log.store, log.records)
    assert find_text(log.store, log.records, COLLECTION) == []
    assert find_text(log.store, log.records, f"/{OTHER}/") == others_objects
    assert read_items(other, catalog_settings) == kept
    assert other.records.runs.get("upload", f"2026-11-20/{OTHER}") is not None


@pytest.mark.slow
def test_a_collection_whose_deletion_is_killed_anywhere_is_deleted_in_the_end(
    two: CatalogLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = two
    with killed_after(2, monkeypatch), pytest.raises(Killed):
        delete_collection(COLLECTION, "kim", log.store, log.records)
    kills = run_killed_again_and_again(
        lambda: continue_deletions(log.store, log.records), monkeypatch, iter(range(1, 200))
    )
    assert kills > 5
    assert find_text(log.store, log.records, COLLECTION) == []
    assert log.records.deletions.all() == []


def test_a_collection_that_is_being_deleted_takes_nothing_more(two: CatalogLog) -> None:
    log, records = two, two.records
    running = make_run(COLLECTION, subject="parts/b", status="RUNNING", execution_arn="arn:running")
    assert records.runs.claim(running, None)
    assert not delete_collection(COLLECTION, "kim", log.store, records)
    with pytest.raises(CollectionDeletedError):
        log.set_tags([item_id(2)], "kim", add=["late"])
    with pytest.raises(CollectionDeletedError):
        records.collections.get(COLLECTION)
    log.store.put(keys.original(COLLECTION, item_id(9), "jpg"), b"written by the run after the deletion")
    assert not continue_deletions(log.store, records)
    assert records.runs.end(running.model_copy(update={"status": "FAILED"}))
    assert continue_deletions(log.store, records)
    assert find_text(log.store, records, COLLECTION) == []
    with pytest.raises(CollectionMissingError):
        log.set_tags([item_id(2)], "kim", add=["late"])


def test_a_collection_of_the_same_name_begins_anew(two: CatalogLog, catalog_settings: CatalogSettings) -> None:
    log = two
    reader = CatalogReader(COLLECTION, log.store, log.records, catalog_settings)
    assert reader.count() == 7
    delete_collection(COLLECTION, "kim", log.store, log.records)
    log.records.collections.create(Collection(id=COLLECTION, owner="lee", created_at=START))
    log.add_items([make_item(50)], "lee")
    assert reader.count() == 1
    assert log.head() == 1


def test_nothing_names_a_user_whose_account_was_deleted(two: CatalogLog, catalog_settings: CatalogSettings) -> None:
    """Kim's collection goes; what Kim did in Park's stays, as somebody's."""
    log, other = two, CatalogLog(OTHER, two.store, two.records)
    other.append(SetViewers(ids=[item_id(2)], viewers=["kim", "lee"]), "park")
    create_version(OTHER, "second", "kim", log.store, log.records)
    assert delete_account("kim", log.store, log.records)
    assert find_text(log.store, log.records, "kim") == []
    assert find_text(log.store, log.records, COLLECTION) == []
    items = read_items(other, catalog_settings)
    assert items[item_id(2)].viewers == ["lee"]
    assert items[GONE].added_by == FORGOTTEN
    assert items[GONE].annotations[0].by == FORGOTTEN
    assert {change.by for change in other.after(0)} == {FORGOTTEN, "lee", "park", "pipeline"}
    compact(OTHER, log.store, log.records, from_log=True)
    assert read_items(other, catalog_settings) == items
    assert log.records.collections.version(OTHER, "second") is not None


@pytest.mark.slow
def test_an_account_whose_deletion_is_killed_anywhere_is_deleted_in_the_end(
    two: CatalogLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = two
    create_version(OTHER, "second", "kim", log.store, log.records)
    kills = run_killed_again_and_again(
        lambda: delete_account("kim", log.store, log.records), monkeypatch, iter([*range(1, 20), *range(20, 400, 10)])
    )
    assert kills > 5
    assert find_text(log.store, log.records, "kim") == []


def test_a_user_who_never_was_there_is_forgotten(log: CatalogLog) -> None:
    forget_user("nowhere", "choi", log.store, log.records)
    assert delete_account("choi", log.store, log.records)


def test_an_object_that_cannot_be_deleted_is_said(store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put("x", b"x")
    answer = {"Errors": [{"Key": "x", "Code": "AccessDenied"}]}
    client = type("Client", (), {"delete_objects": lambda *_, **__: answer})()
    versions = list(store.versions("x"))
    monkeypatch.setattr(aws, "s3", lambda: client)
    with pytest.raises(ObjectNotDeletedError, match="s3:DeleteObjectVersion"):
        store.delete_versions(versions)


def test_the_copies_on_this_machine_go_with_the_snapshots(
    filled: CatalogLog, catalog_settings: CatalogSettings, tmp_path: Path
) -> None:
    """Once a reader has seen the newer snapshot, it deletes the copy of the one before."""
    log = filled
    reader = CatalogReader(COLLECTION, log.store, log.records, catalog_settings)
    old = {folder.name for folder in Path(catalog_settings.cache_dir).iterdir()}
    log.remove_items([GONE], "kim")
    purge(COLLECTION, log.store, log.records)
    while reader.snapshot != log.records.collections.pointer(COLLECTION).snapshot:
        reader.count()
    assert not old & {folder.name for folder in Path(catalog_settings.cache_dir).iterdir()}
