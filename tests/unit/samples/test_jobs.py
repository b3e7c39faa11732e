"""Samples by jobs: from the catalog and the stored vectors to a tag and its recipe."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from framesift import aws
from framesift.catalog.vectors import write_part
from framesift.contracts import CatalogItem, Prediction
from framesift.contracts.samples import SampleJob, SampleOptions
from framesift.errors import (
    CollectionMissingError,
    InvalidTagError,
    InvalidVectorError,
    NothingToSampleError,
    NoVectorsError,
    QuerySyntaxError,
    SampleMissingError,
    SampleOptionsError,
    TagInUseError,
)
from framesift.opened import OpenCollection
from framesift.samples.jobs import run_sample
from framesift.samples.records import create_sample, settle_sample, start_sample
from framesift.table import SampleRecord
from framesift.workflow import Workflow
from tests.unit.catalog.items import make_item
from tests.unit.maps.conftest import GROUPS, MODEL


def create(opened: OpenCollection, tag: str = "chosen", **options: object) -> SampleRecord:
    made = SampleOptions.model_validate(options)
    return create_sample(opened.id, "", tag, "", made, reader=opened.reader, records=opened.records)


def job_of(opened: OpenCollection, record: SampleRecord) -> SampleJob:
    return SampleJob(bucket=opened.store.bucket, table=opened.records.name, collection=opened.id, sample=record.id)


def group_of(item: CatalogItem) -> str:
    return next(tag for tag in item.tags if tag.startswith("group"))


@pytest.mark.parametrize("method", ["diverse", "representative"])
def test_three_items_are_of_the_three_groups(opened: OpenCollection, method: str) -> None:
    record = opened.sample("chosen", method=method, count=GROUPS)
    assert record.summary
    assert (record.state, record.summary.model) == ("done", MODEL)
    assert (record.summary.found, record.summary.considered, record.summary.chosen) == (60, 60, 3)
    assert {group_of(item) for item in opened.query("tag:chosen")} == {f"group {group}" for group in range(GROUPS)}
    assert [(each.tag, each.options.method) for each in opened.samples()] == [("chosen", method)]


def test_the_recipe_takes_the_same_items_again(opened: OpenCollection) -> None:
    opened.sample("first", method="diverse", count=10, seed=7)
    again = opened.samples()[0].options
    opened.sample("second", **again.model_dump())
    opened.sample("other", **again.model_dump() | {"seed": 8})
    chosen = {tag: [item.id for item in opened.query(f"tag:{tag}")] for tag in ("first", "second", "other")}
    assert chosen["first"] == chosen["second"] != chosen["other"]


def test_a_query_chooses_what_is_chosen_from_and_what_is_known(opened: OpenCollection) -> None:
    opened.sample("chosen", 'NOT tag:"group 2"', count=1, known='tag:"group 1"')
    assert [group_of(item) for item in opened.query("tag:chosen")] == ["group 0"]


def test_what_stands_alone_is_unique(opened: OpenCollection) -> None:
    opened.log.add_items([make_item(60)], "kim")
    write_part(opened.store, opened.id, MODEL, "alone", [make_item(60).id], np.full((1, 16), -1, np.float16))
    opened.sample("alone", method="unique", count=1)
    assert [item.id for item in opened.query("tag:alone")] == [make_item(60).id]


def test_models_say_what_is_uncertain_and_near_a_decision(opened: OpenCollection, items: list[CatalogItem]) -> None:
    scores = {items[1].id: 0.97, items[2].id: 0.55, items[3].id: 0.7}
    said = {item_id: [Prediction(model="a@1", label="dent", score=score)] for item_id, score in scores.items()}
    opened.log.set_predictions("a@1", said, "")
    unsure = opened.sample("unsure", method="uncertain", count=2, model="a@1")
    assert unsure.summary
    assert (unsure.summary.found, unsure.summary.considered, unsure.summary.chosen) == (60, 3, 2)
    assert {item.id for item in opened.query("tag:unsure")} == {items[2].id, items[3].id}
    opened.sample("near", method="boundary", count=1, threshold=0.95, model="a@1")
    assert [item.id for item in opened.query("tag:near")] == [items[1].id]
    with pytest.raises(NothingToSampleError, match=r"Of 60 items, none has predictions of the model b@1"):
        opened.sample("none", method="uncertain", model="b@1")


def test_of_too_many_items_a_random_part_is_looked_at(opened: OpenCollection) -> None:
    record = opened.sample("few", count=5, max_considered=20)
    assert record.summary
    assert (record.summary.found, record.summary.considered, record.summary.chosen) == (60, 20, 5)


def test_a_killed_job_is_done_again_and_tags_nothing_twice(
    opened: OpenCollection, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = create(opened, count=5)

    def die(*_args: object, **_fields: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("framesift.table.jobs.Jobs.update", die)
        with pytest.raises(KeyboardInterrupt):
            run_sample(job_of(opened, record), opened.settings, opened.store, opened.records)
    head = opened.log.head()
    done = run_sample(job_of(opened, record), opened.settings, opened.store, opened.records)
    assert done
    assert (done.state, opened.log.head(), opened.count("tag:chosen")) == ("done", head, 5)
    assert run_sample(job_of(opened, record), opened.settings, opened.store, opened.records) == done


def test_what_was_deleted_meanwhile_tags_nothing(opened: OpenCollection) -> None:
    record = create(opened)
    opened.records.samples.delete(opened.id, record.id)
    assert run_sample(job_of(opened, record), opened.settings, opened.store, opened.records) is None
    assert opened.count("tag:chosen") == 0
    with pytest.raises(SampleMissingError):
        opened.records.samples.find(opened.id, record.id)


@pytest.mark.parametrize(
    ("tag", "query", "options", "error"),
    [
        ("group 1", "", {}, TagInUseError),
        ("a" * 101, "", {}, InvalidTagError),
        ("x", "tag:(", {}, QuerySyntaxError),
        ("x", "", {"known": "tag:("}, QuerySyntaxError),
        ("x", "", {"method": "unique", "known": "tag:x"}, SampleOptionsError),
        ("x", "tag:none", {}, NothingToSampleError),
        ("x", "", {"model": "other@1"}, NoVectorsError),
    ],
)
def test_what_cannot_be_chosen_is_refused_and_nothing_is_tagged(
    opened: OpenCollection, tag: str, query: str, options: dict[str, object], error: type[Exception]
) -> None:
    head = opened.log.head()
    with pytest.raises(error):
        opened.sample(tag, query, **options)
    assert opened.log.head() == head


def test_a_vector_that_is_none_is_named(opened: OpenCollection) -> None:
    write_part(opened.store, opened.id, "bad@1", "one", [make_item(5).id], np.full((1, 16), np.nan, np.float16))
    with pytest.raises(InvalidVectorError, match=make_item(5).id):
        opened.sample("x", model="bad@1")
    assert opened.samples()[0].state == "failed"


def test_a_job_that_was_stopped_has_failed(opened: OpenCollection, workflow: Workflow) -> None:
    record = create(opened)
    started = record.model_copy(update={"started_at": datetime.now(UTC) - timedelta(minutes=5)})
    settled = settle_sample(started, opened.records, workflow)
    assert settled.state == "failed"
    assert "ask for another one" in (settled.error or "")


def test_a_job_is_started_and_reads_what_was_asked_for(opened: OpenCollection, workflow: Workflow) -> None:
    record = create(opened)
    start_sample(record, store=opened.store, records=opened.records, workflow=workflow)
    (execution,) = aws.stepfunctions().list_executions(stateMachineArn=workflow.arn)["executions"]
    assert execution["name"] == f"sample-{record.id}-1"
    with pytest.raises(CollectionMissingError):
        create_sample("none", "", "x", "", SampleOptions(), reader=opened.reader, records=opened.records)
