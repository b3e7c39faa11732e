"""The log: numbers without gaps, repeated requests, conditional edits, payloads."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from framesift import aws
from framesift.catalog.log import CatalogLog
from framesift.contracts import (
    Annotation,
    Box,
    NearDuplicate,
    Prediction,
    SetAnnotations,
    SetMetadata,
    SetTags,
    SetViewers,
)
from framesift.errors import (
    ChangeTooLargeError,
    CollectionDeletedError,
    CollectionMissingError,
    InvalidMetadataError,
    InvalidTagError,
    ItemChangedError,
)
from framesift.storage import S3Store
from framesift.table import Collection, Records
from tests.unit.catalog.conftest import COLLECTION
from tests.unit.catalog.items import item_id, make_item

MANY = [item_id(number) for number in range(10_000)]


def test_changes_are_numbered_from_one_and_say_who_and_when(log: CatalogLog) -> None:
    before = datetime.now(UTC)
    log.set_tags([item_id(1)], "kim", add=["dog"])
    log.set_tags([item_id(2)], "lee", remove=["dog"])
    first, second = log.after(0)
    assert (first.number, first.by, second.number, second.by) == (1, "kim", 2, "lee")
    assert before <= first.at <= second.at <= datetime.now(UTC)
    assert isinstance(first.body, SetTags)
    assert first.body.add == ["dog"]
    assert log.head() == 2


def test_changes_are_read_behind_a_number_and_up_to_another(log: CatalogLog) -> None:
    for number in range(5):
        log.set_tags([item_id(number)], "kim", add=["dog"])
    assert [change.number for change in log.after(2)] == [3, 4, 5]
    assert [change.number for change in log.after(2, until=4)] == [3, 4]


def test_a_repeated_request_adds_nothing(log: CatalogLog) -> None:
    first = log.set_tags([item_id(1)], "kim", add=["dog"], request_id="a")
    other = log.set_tags([item_id(1)], "lee", add=["cat"], request_id="b")
    assert log.set_tags([item_id(1)], "kim", add=["dog"], request_id="a") == first
    assert log.set_tags([item_id(1)], "lee", add=["cat"], request_id="b") == other
    assert log.head() == 2


def test_a_repeated_request_leaves_no_payload(log: CatalogLog, store: S3Store) -> None:
    log.add_items([make_item(1)], "kim", request_id="a")
    objects = list(store.list(""))
    log.add_items([make_item(1)], "kim", request_id="a")
    assert list(store.list("")) == objects
    assert log.head() == 1


def test_a_request_that_died_before_its_change_is_made_by_the_next_try(log: CatalogLog) -> None:
    pointer = log.records.collections.pointer(COLLECTION)
    log.records.changes.note_request(pointer.log, "a", 0)
    log.set_tags([item_id(1)], "lee", add=["cat"])
    assert log.set_tags([item_id(1)], "kim", add=["dog"], request_id="a").number == 2


def test_many_ids_move_to_the_bucket_and_are_one_change(log: CatalogLog) -> None:
    change = log.set_tags(MANY, "kim", add=["dog"])
    assert change.number == log.head() == 1
    assert change.body.ids == []
    assert [row.id for row in log.rows(change)] == MANY


def test_ids_that_are_named_twice_count_once(log: CatalogLog) -> None:
    change = log.set_tags([item_id(1), item_id(1)], "kim", add=["dog"])
    assert change.body.ids == [item_id(1)]


def test_long_values_and_annotations_move_to_the_bucket(log: CatalogLog) -> None:
    values = {f"field {number}": "x" * 1000 for number in range(50)}
    metadata = log.append(SetMetadata(ids=[item_id(1), item_id(2)], values=values), "kim")
    assert [(row.id, row.value and row.value["values"]) for row in log.rows(metadata)] == [
        (item_id(1), values),
        (item_id(2), values),
    ]
    said = [Annotation(label=f"{number}", box=Box(left=0, top=0, width=1, height=1)) for number in range(1000)]
    annotations = log.append(SetAnnotations(ids=[item_id(1)], annotations=said), "kim")
    (row,) = log.rows(annotations)
    assert row.value is not None
    assert [Annotation.model_validate(each) for each in row.value["annotations"]] == said


def test_too_many_viewers_are_too_large_a_change_of_which_nothing_is_written(log: CatalogLog) -> None:
    before = aws.dynamodb().scan(TableName=log.records.name)["Items"]
    with pytest.raises(ChangeTooLargeError, match="several"):
        log.append(SetViewers(ids=[item_id(1)], viewers=[f"user {number:030d}" for number in range(10_000)]), "kim")
    assert aws.dynamodb().scan(TableName=log.records.name)["Items"] == before


def test_what_people_type_is_checked_before_anything_is_written(log: CatalogLog, store: S3Store) -> None:
    with pytest.raises(InvalidTagError):
        log.set_tags([item_id(1)], "kim", add=["\u202edog"])
    with pytest.raises(InvalidMetadataError):
        log.append(SetMetadata(ids=[item_id(1)], values={" ": "x"}), "kim")
    with pytest.raises(InvalidTagError):
        log.add_items([make_item(1, tags=["good"]), make_item(2, tags=["\x00"])], "kim")
    with pytest.raises(InvalidMetadataError):
        log.set_metadata({item_id(1): {"x": float("nan")}}, "kim")
    assert log.head() == 0
    assert list(store.list("")) == []


def test_an_edit_of_what_has_changed_since_is_refused(log: CatalogLog) -> None:
    log.add_items([make_item(1), make_item(2)], "kim")
    log.set_tags([item_id(1)], "lee", add=["cat"])
    edit = SetTags(ids=[item_id(1)], add=["dog"])
    with pytest.raises(ItemChangedError, match="Change 2 by lee"):
        log.append(edit, "kim", unchanged_since=1)
    assert log.append(edit, "kim", unchanged_since=2).number == 3


def test_an_edit_meets_no_change_of_other_items(log: CatalogLog) -> None:
    log.add_items([make_item(1), make_item(2)], "kim")
    log.set_tags([item_id(2)], "lee", add=["cat"])
    assert log.append(SetTags(ids=[item_id(1)], add=["dog"]), "kim", unchanged_since=1).number == 3


def test_a_change_in_a_payload_counts_as_well(log: CatalogLog) -> None:
    log.set_predictions("m@1", {item_id(1): [Prediction(model="m@1", label="bolt", score=0.5)]}, "pipeline")
    with pytest.raises(ItemChangedError):
        log.append(SetTags(ids=[item_id(1)], add=["dog"]), "kim", unchanged_since=0)


def test_there_is_no_log_without_a_collection(store: S3Store, records: Records) -> None:
    with pytest.raises(CollectionMissingError):
        CatalogLog("nowhere", store, records).set_tags([item_id(1)], "kim", add=["dog"])


def test_a_closed_log_takes_no_more_changes(log: CatalogLog) -> None:
    log.set_tags([item_id(1)], "kim", add=["dog"])
    identity = log.records.collections.pointer(COLLECTION).log
    log.records.changes.close(identity)
    log.records.changes.close(identity)
    with pytest.raises(CollectionDeletedError):
        log.set_tags([item_id(1)], "kim", add=["cat"])
    assert [change.number for change in log.after(0)] == [1]


def test_a_collection_that_is_made_anew_begins_a_new_log(log: CatalogLog) -> None:
    assert not log.records.collections.create(Collection(id=COLLECTION, created_at=datetime.now(UTC)))
    assert log.records.collections.get(COLLECTION).owner == "kim"


def test_each_kind_of_payload_comes_back(log: CatalogLog) -> None:
    duplicate = NearDuplicate(of=item_id(2), method="pdq", score=0.9)
    changes = [
        log.set_metadata({item_id(1): {"line": 3, "note": None}}, "kim"),
        log.set_annotations({item_id(1): [Annotation(label="bolt")]}, "kim"),
        log.set_duplicates({item_id(1): duplicate, item_id(2): None}, "pipeline"),
    ]
    values = [[row.value for row in log.rows(change)] for change in changes]
    assert values == [
        [{"id": item_id(1), "values": {"line": 3.0, "note": None}}],
        [{"id": item_id(1), "annotations": [{"label": "bolt"}]}],
        [
            {"id": item_id(1), "duplicate": {"of": item_id(2), "method": "pdq", "score": 0.9}},
            {"id": item_id(2), "duplicate": None},
        ],
    ]
