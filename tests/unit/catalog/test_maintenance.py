"""The maintenance of collections: what was deleted goes, what is long is compacted, what has expired is deleted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from framesift import keys
from framesift.catalog import maintenance as module
from framesift.catalog.log import CatalogLog
from framesift.catalog.maintenance import maintain_collections
from framesift.contracts import MaintenanceInput, MaintenanceOutput, Prediction
from framesift.errors import SnapshotLostError
from framesift.settings import CatalogSettings
from framesift.table import Collection, ExportRecord
from tests.unit.catalog.conftest import COLLECTION
from tests.unit.catalog.items import START, item_id, make_item

EVERYTHING = MaintenanceInput()
DELETIONS = MaintenanceInput(only_deletions=True)


def maintain(log: CatalogLog, request: MaintenanceInput = EVERYTHING, **options: Any) -> MaintenanceOutput:
    settings = CatalogSettings(compact_after_items=3)
    defaults: dict[str, Any] = {"hold_s": 0, "may_go_on": lambda: True}
    return maintain_collections(request, settings, log.store, log.records, None, **(defaults | options))


def put_thumbnail(log: CatalogLog, number: int) -> str:
    key = keys.collection_thumbnail(log.collection, item_id(number), 256)
    log.store.put(key, b"a thumbnail")
    return key


def make_export(log: CatalogLog, export: str, expires_at: datetime) -> str:
    record = ExportRecord(
        collection=log.collection, id=export, format="csv", state="done", created_at=START, expires_at=expires_at
    )
    log.records.exports.create(record)
    key = f"{keys.export_prefix(log.collection, export)}items.csv"
    log.store.put(key, b"id")
    return key


def test_a_removal_is_noted_until_nothing_is_kept_of_the_item(log: CatalogLog) -> None:
    log.add_items([make_item(1), make_item(2)], "kim")
    gone, kept = put_thumbnail(log, 1), put_thumbnail(log, 2)
    log.remove_items([item_id(1)], "kim")
    assert [(each.kind, each.id) for each in log.records.deletions.all()] == [("items", COLLECTION)]

    assert maintain(log, DELETIONS).deletions_left == 0

    assert (log.store.exists(gone), log.store.exists(kept)) == (False, True)
    assert log.records.deletions.all() == []


def test_what_is_removed_while_a_purge_ends_is_deleted_by_it(log: CatalogLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody starts another purge for it: that of the first removal is still noted."""
    log.add_items([make_item(1), make_item(2)], "kim")
    late = put_thumbnail(log, 2)
    finish, removed = type(log.records.deletions).finish, list[str]()

    def remove_late(deletions: Any, kind: Any, deleted: str) -> None:
        if not removed:
            removed.append(deleted)
            log.remove_items([item_id(2)], "kim")
        finish(deletions, kind, deleted)

    monkeypatch.setattr(type(log.records.deletions), "finish", remove_late)
    log.remove_items([item_id(1)], "kim")
    assert maintain(log, DELETIONS).deletions_left == 0
    assert not log.store.exists(late)


def test_of_two_at_once_one_goes_on_with_a_deletion(log: CatalogLog) -> None:
    log.add_items([make_item(1)], "kim")
    gone = put_thumbnail(log, 1)
    log.remove_items([item_id(1)], "kim")
    (deletion,) = log.records.deletions.all()
    assert log.records.deletions.hold(deletion, 60)

    assert maintain(log, DELETIONS).deletions_left == 1
    assert log.store.exists(gone)

    log.records.deletions.release(deletion)
    assert maintain(log, DELETIONS).deletions_left == 0


def test_a_process_that_died_holds_nothing_for_longer_than_it_could_live(log: CatalogLog) -> None:
    log.records.deletions.request("account", "lee", "lee")
    (deletion,) = log.records.deletions.all()
    assert log.records.deletions.hold(deletion, -1)
    assert maintain(log, DELETIONS).deletions_left == 0


def test_a_deletion_that_fails_does_not_keep_the_others_waiting(
    log: CatalogLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> bool:
        raise SnapshotLostError("The snapshot is gone.")

    monkeypatch.setattr("framesift.catalog.deletion.delete_account", fail)
    log.records.deletions.request("account", "lee", "lee")
    log.records.deletions.request("collection", COLLECTION, "kim")
    assert maintain(log, DELETIONS).deletions_left == 1
    assert log.records.collections.find(COLLECTION) is None


def test_long_logs_are_compacted_and_what_jobs_say_of_removed_items_is_purged(log: CatalogLog) -> None:
    log.add_items([make_item(number) for number in range(1, 6)], "kim")
    assert maintain(log).compacted == 1
    log.remove_items([item_id(1)], "kim")
    maintain(log)
    # A job that had begun before the removal.
    late = put_thumbnail(log, 1)
    log.set_predictions("m@1", {item_id(1): [Prediction(model="m@1", label="x", score=1)]}, "pipeline")
    maintain(log)
    assert not log.store.exists(late)
    assert log.records.collections.pointer(COLLECTION).purged == log.head()
    assert maintain(log) == MaintenanceOutput(deletions_left=0)


def test_exports_are_deleted_when_their_time_is_over(log: CatalogLog) -> None:
    now = datetime.now(UTC)
    old, new = make_export(log, "old", now - timedelta(hours=1)), make_export(log, "new", now + timedelta(hours=1))
    assert maintain(log).expired_exports == 1
    assert (log.store.exists(old), log.store.exists(new)) == (False, True)
    assert [export.id for export in log.records.exports.of_collection(COLLECTION)] == ["new"]


def test_a_collection_that_cannot_be_maintained_does_not_keep_the_others_waiting(
    log: CatalogLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.records.collections.create(Collection(id="broken", created_at=START))
    compact_if_long = module.compact_if_long

    def compact_the_others(collection: str, *arguments: Any) -> bool:
        if collection == "broken":
            raise SnapshotLostError("The snapshot is gone.")
        return compact_if_long(collection, *arguments)

    monkeypatch.setattr(module, "compact_if_long", compact_the_others)
    log.add_items([make_item(number) for number in range(1, 6)], "kim")
    assert maintain(log).compacted == 1


def test_what_there_is_no_time_for_is_left_to_the_next_call(log: CatalogLog) -> None:
    log.records.deletions.request("collection", COLLECTION, "kim")
    assert maintain(log, may_go_on=lambda: False) == MaintenanceOutput(deletions_left=1, unseen=1)
