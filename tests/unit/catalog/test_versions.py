"""Named versions: unchangeable, comparable, readable."""

from __future__ import annotations

import random

import pytest

from framesift.catalog.compact import compact
from framesift.catalog.log import CatalogLog
from framesift.catalog.reader import CatalogReader
from framesift.catalog.versions import compare_snapshots, create_version, delete_version, find_version
from framesift.contracts import CatalogItem
from framesift.errors import CollectionMissingError, InvalidVersionError, VersionExistsError, VersionMissingError
from framesift.settings import CatalogSettings
from framesift.storage import S3Store
from framesift.table import CatalogVersion, Records
from tests.unit.catalog.conftest import COLLECTION
from tests.unit.catalog.items import item_id, make_item
from tests.unit.catalog.model import Editor


def create(log: CatalogLog, name: str) -> CatalogVersion:
    return create_version(COLLECTION, name, "kim", log.store, log.records)


def read(log: CatalogLog, version: CatalogVersion, settings: CatalogSettings) -> dict[str, CatalogItem]:
    reader = CatalogReader(COLLECTION, log.store, log.records, settings, fixed=version.snapshot)
    return {item.id: item for batch in reader.iterate() for item in batch}


def test_a_version_stays_as_it_was(log: CatalogLog, catalog_settings: CatalogSettings) -> None:
    editor, chance = Editor(log), random.Random(3)
    for _ in range(15):
        editor.random_change(chance)
    version, kept = create(log, "v1"), dict(editor.model.items)
    for _ in range(15):
        editor.random_change(chance)
    compact(COLLECTION, log.store, log.records)
    assert read(log, version, catalog_settings) == kept
    assert find_version(COLLECTION, "v1", log.records) == version
    assert (version.by, version.snapshot.count, version.snapshot.number) == ("kim", len(kept), 15)


def test_what_differs_is_said_item_by_item(log: CatalogLog) -> None:
    log.add_items([make_item(number) for number in range(5)], "kim")
    first = create(log, "first")
    log.add_items([make_item(5)], "kim")
    log.remove_items([item_id(0)], "kim")
    log.set_tags([item_id(1)], "lee", add=["dog"])
    log.set_metadata({item_id(1): {"line": 1}}, "lee")
    log.set_tags([item_id(2)], "lee", add=["x"])
    log.set_tags([item_id(2)], "lee", remove=["x"])  # In the end nothing of it differs.
    second = create(log, "second")
    found = {each.id: each for each in compare_snapshots(first.snapshot, second.snapshot, log.store)}
    assert found.keys() == {item_id(0), item_id(1), item_id(5)}
    assert found[item_id(0)].after is None
    assert found[item_id(5)].before is None
    changed = found[item_id(1)]
    assert changed.fields == ["metadata", "tags"]
    assert changed.before is not None
    assert changed.after is not None
    assert (changed.before.tags, changed.after.tags) == ([], ["dog"])
    back = {each.id: each for each in compare_snapshots(second.snapshot, first.snapshot, log.store)}
    assert back[item_id(5)].after is None
    assert list(compare_snapshots(first.snapshot, first.snapshot, log.store)) == []


def test_a_name_is_given_once(log: CatalogLog) -> None:
    create(log, "v1")
    with pytest.raises(VersionExistsError, match="v1"):
        create(log, "v1")
    assert len(list(log.store.list(f"collections/{COLLECTION}/catalog/versions/"))) == 1


@pytest.mark.parametrize("name", ["", "a/b", "a#b", "x" * 101, "con", "a\x00"])
def test_a_name_that_is_no_name_is_refused(log: CatalogLog, name: str) -> None:
    with pytest.raises(InvalidVersionError):
        create(log, name)


def test_of_two_at_once_one_gets_the_name(log: CatalogLog, monkeypatch: pytest.MonkeyPatch) -> None:
    collections = type(log.records.collections)
    put, others = collections.put_version, []

    def put_late(
        self: object, collection: str, version: CatalogVersion, replaces: CatalogVersion | None = None
    ) -> bool:
        if not others:
            others.append(True)
            create(log, "v1")
        return put(self, collection, version, replaces)  # type: ignore[arg-type]

    monkeypatch.setattr(collections, "put_version", put_late)
    with pytest.raises(VersionExistsError):
        create(log, "v1")
    version = find_version(COLLECTION, "v1", log.records)
    assert list(log.store.list(f"collections/{COLLECTION}/catalog/versions/")) == [version.snapshot.key]


def test_an_empty_catalog_has_versions_too(log: CatalogLog, catalog_settings: CatalogSettings) -> None:
    assert read(log, create(log, "empty"), catalog_settings) == {}


def test_a_deleted_version_is_gone_and_the_others_stay(log: CatalogLog, store: S3Store) -> None:
    log.add_items([make_item(1)], "kim")
    first, second = create(log, "first"), create(log, "second")
    delete_version(COLLECTION, "first", store, log.records)
    assert not store.exists(first.snapshot.key)
    assert store.exists(second.snapshot.key)
    with pytest.raises(VersionMissingError):
        find_version(COLLECTION, "first", log.records)
    with pytest.raises(VersionMissingError):
        delete_version(COLLECTION, "first", store, log.records)


def test_there_are_no_versions_without_a_collection(store: S3Store, records: Records) -> None:
    with pytest.raises(CollectionMissingError):
        create_version("nowhere", "v1", "kim", store, records)
