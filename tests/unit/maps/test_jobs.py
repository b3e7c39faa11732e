"""Maps by jobs: from the catalog and the stored vectors to files, and what later changes of the catalog do to them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from framesift import aws, keys
from framesift.catalog.deletion import purge
from framesift.catalog.vectors import write_part
from framesift.contracts import CatalogItem
from framesift.contracts.maps import MapJob, MapOptions
from framesift.errors import (
    CollectionMissingError,
    InvalidVectorError,
    MapMissingError,
    MapNotReadyError,
    MapOptionsError,
    NoVectorsError,
    QuerySyntaxError,
    TooFewItemsError,
)
from framesift.maps.jobs import run_map
from framesift.maps.records import create_map, delete_map, reopen_map, settle_map, start_map
from framesift.opened import OpenCollection
from framesift.table import MapRecord
from framesift.workflow import Workflow
from tests.unit.catalog.items import make_item
from tests.unit.maps.conftest import GROUPS, MODEL, put_vectors


def places_of(opened: OpenCollection, record: MapRecord) -> dict[str, tuple[float, float]]:
    table = opened.points(record.id)
    return dict(
        zip(table["id"].to_pylist(), zip(table["x"].to_pylist(), table["y"].to_pylist(), strict=True), strict=True)
    )


def job_of(opened: OpenCollection, record: MapRecord) -> MapJob:
    return MapJob(bucket=opened.store.bucket, table=opened.records.name, collection=opened.id, map=record.id)


def test_a_map_shows_groups_by_what_their_items_have_in_common(
    opened: OpenCollection, items: list[CatalogItem]
) -> None:
    record = opened.map(method="pca")
    assert (record.state, record.error) == ("done", None)
    assert record.summary
    assert (record.summary.model, record.summary.items, record.summary.fitted) == (MODEL, 60, 60)
    assert {cluster.name for cluster in record.summary.clusters} == {f"group {group}" for group in range(GROUPS)}
    assert [cluster.items for cluster in record.summary.clusters] == [20, 20, 20]
    table = opened.points(record.id)
    numbers = {item.id: number for number, item in enumerate(items)}
    clusters = dict(zip(table["id"].to_pylist(), table["cluster"].to_pylist(), strict=True))
    names = {cluster.number: cluster.name for cluster in record.summary.clusters}
    assert all(names[cluster] == f"group {numbers[item_id] % GROUPS}" for item_id, cluster in clusters.items())
    assert opened.store.get(keys.map_picture(opened.id, record.id)).startswith(b"\x89PNG")
    assert [each.id for each in opened.maps()] == [record.id]


def test_a_query_chooses_what_is_drawn(opened: OpenCollection) -> None:
    record = opened.map('tag:"group 1"', method="pca")
    assert record.summary
    assert record.summary.items == 20
    assert record.query == 'tag:"group 1"'


def test_new_items_are_placed_and_nothing_moves(opened: OpenCollection) -> None:
    record = opened.map(method="pca")
    before = places_of(opened, record)
    opened.log.add_items([make_item(number) for number in range(60, 66)], "kim")
    put_vectors(opened.store, list(range(60, 65)), "third")
    opened.remove("id:" + make_item(3).id)
    again = opened.update_map(record.id)
    assert again.summary
    assert (again.summary.items, again.summary.fitted, again.summary.without_vector) == (64, 59, 1)
    after = places_of(opened, record)
    assert {item_id: place for item_id, place in after.items() if item_id in before} == {
        item_id: place for item_id, place in before.items() if item_id != make_item(3).id
    }
    table = opened.points(record.id)
    clusters = dict(zip(table["id"].to_pylist(), table["cluster"].to_pylist(), strict=True))
    assert all(clusters[make_item(number).id] == clusters[make_item(number % 3).id] for number in (60, 61, 62, 64))
    assert sum(cluster.items for cluster in again.summary.clusters) == 64


def test_a_purge_leaves_nothing_of_an_item_in_maps(opened: OpenCollection) -> None:
    record = opened.map(method="pca")
    assert record.summary
    gone = record.summary.outliers["knn"][0]
    opened.log.remove_items([gone], "kim")
    assert purge(opened.id, opened.store, opened.records)
    assert gone not in places_of(opened, record)
    assert len(places_of(opened, record)) == 59
    found = opened.records.maps.find(opened.id, record.id)
    assert gone not in found.model_dump_json()
    keys_left = {version.key for version in opened.store.versions(keys.maps_prefix(opened.id))}
    assert keys_left == {keys.map_table(opened.id, record.id)}
    assert len(list(opened.store.versions(keys.maps_prefix(opened.id)))) == 1
    assert opened.update_map(record.id).state == "done", "its picture is drawn anew"
    assert opened.store.get(keys.map_picture(opened.id, record.id))


def test_too_few_items_fail_with_the_reason_in_the_record(opened: OpenCollection) -> None:
    with pytest.raises(TooFewItemsError, match="there are 3"):
        opened.map('tag:"group 1" name:IMG_000*', method="pca")
    (record,) = opened.maps()
    assert record.state == "failed"
    assert "at least 10" in str(record.error)
    with pytest.raises(MapNotReadyError, match="has failed: A map needs"):
        opened.points(record.id)


def test_vectors_that_are_no_numbers_fail_it(opened: OpenCollection) -> None:
    rows = np.full((1, 16), np.nan, np.float16)
    item = make_item(99)
    opened.log.add_items([item], "kim")
    write_part(opened.store, opened.id, MODEL, "wrong", [item.id], rows)
    with pytest.raises(InvalidVectorError, match="1 of 61"):
        opened.map(method="pca")


def test_a_model_without_vectors_is_named(opened: OpenCollection) -> None:
    with pytest.raises(NoVectorsError, match=r"no vectors of resnet50@1: it has those of clip@1"):
        opened.map(model="resnet50@1")
    opened.store.delete_versions(opened.store.versions(keys.features_of_collection(opened.id)))
    with pytest.raises(NoVectorsError, match="look at them with a model"):
        opened.map()


def test_copy_detection_is_the_last_choice_and_hashes_and_crops_are_none(opened: OpenCollection) -> None:
    for model in ("copydetect@3", "pdq@1", "aaa@1.crops"):
        put_vectors(opened.store, list(range(60)), "all", model)
    record = opened.map(method="pca")
    assert record.summary
    assert record.summary.model == MODEL
    named = opened.map(method="pca", model="copydetect@3")
    assert named.summary
    assert named.summary.model == "copydetect@3"


def test_what_cannot_be_drawn_is_refused_before_a_job_starts(opened: OpenCollection) -> None:
    with pytest.raises(MapOptionsError, match="two dimensions"):
        opened.map(method="tsne", dimensions=3)
    with pytest.raises(QuerySyntaxError):
        opened.map("tag:(")
    with pytest.raises(CollectionMissingError):
        create_map("elsewhere", "", "", MapOptions(), records=opened.records)
    assert opened.maps() == []


def test_a_job_is_started_once_and_draws_once(opened: OpenCollection, workflow: Workflow) -> None:
    record = create_map(opened.id, "kim", "", MapOptions(method="pca"), records=opened.records)
    start_map(record, store=opened.store, records=opened.records, workflow=workflow)
    listed = aws.stepfunctions().list_executions(stateMachineArn=workflow.arn)["executions"]
    (started,) = [aws.stepfunctions().describe_execution(executionArn=each["executionArn"]) for each in listed]
    uri = json.loads(started["input"])["job_spec_uri"]
    job = MapJob.model_validate_json(opened.store.get(uri.removeprefix(f"s3://{opened.store.bucket}/")))
    done = run_map(job, opened.settings, opened.store, opened.records)
    assert done
    assert done.state == "done"
    assert list(opened.store.list(f"{keys.collection_prefix(opened.id)}jobs/")) == []
    assert run_map(job, opened.settings, opened.store, opened.records) == done


def test_a_map_that_is_being_drawn_cannot_be_updated(opened: OpenCollection) -> None:
    record = create_map(opened.id, "kim", "", MapOptions(), records=opened.records)
    with pytest.raises(MapNotReadyError, match="being drawn"):
        reopen_map(record, opened.records)
    with pytest.raises(MapNotReadyError, match="being drawn"):
        opened.points(record.id)


def test_a_job_that_ended_without_a_word_has_failed(opened: OpenCollection, workflow: Workflow) -> None:
    record = create_map(opened.id, "kim", "", MapOptions(method="pca"), records=opened.records)
    assert settle_map(record, opened.records, workflow) == record, "it may not have begun yet"
    old = opened.records.maps.change(record, started_at=datetime.now(UTC) - timedelta(minutes=5))
    assert old
    settled = settle_map(old, opened.records, workflow)
    assert (settled.state, settled.error) == ("failed", "Its job was stopped; start it again.")
    assert opened.update_map(record.id).state == "done"


def test_a_deleted_map_leaves_nothing_behind(opened: OpenCollection) -> None:
    record = opened.map(method="pca")
    delete_map(opened.id, record.id, opened.store, opened.records)
    assert not list(opened.store.versions(keys.maps_prefix(opened.id)))
    with pytest.raises(MapMissingError):
        opened.points(record.id)
    with pytest.raises(MapMissingError):
        delete_map(opened.id, record.id, opened.store, opened.records)


def test_a_map_that_is_deleted_while_it_is_drawn_ends_without_files(opened: OpenCollection) -> None:
    record = create_map(opened.id, "kim", "", MapOptions(method="pca"), records=opened.records)
    opened.records.maps.delete(opened.id, record.id)
    assert run_map(job_of(opened, record), opened.settings, opened.store, opened.records) is None
    assert not list(opened.store.versions(keys.maps_prefix(opened.id)))
