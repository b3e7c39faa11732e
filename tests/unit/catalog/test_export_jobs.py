"""Exports by jobs: a killed one goes on, what was removed meanwhile is never published, and the record tells."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from framesift import aws, keys
from framesift.catalog import export_jobs
from framesift.catalog.deletion import purge
from framesift.catalog.export import export as make_export
from framesift.catalog.export.zip_upload import ZipUpload
from framesift.catalog.export_jobs import restart_export, run_export, settle_export, start_export
from framesift.catalog.exports import delete_export
from framesift.catalog.log import CatalogLog
from framesift.contracts import CatalogItem
from framesift.contracts.exports import ExportFormat, ExportJob, ExportOptions, ExportSummary
from framesift.errors import (
    CollectionMissingError,
    InterruptedByHostError,
    NoVectorsError,
    QuerySyntaxError,
    UnstableCollectionError,
)
from framesift.settings import CatalogSettings, Settings
from framesift.storage import S3Store
from framesift.table import ExportRecord, Records
from framesift.workflow import Workflow
from tests.unit.catalog.conftest import COLLECTION, catalog_settings, log
from tests.unit.catalog.export.conftest import items

__all__ = ["catalog_settings", "items", "log"]


@pytest.fixture
def settings(catalog_settings: CatalogSettings) -> Settings:
    return Settings(catalog=catalog_settings)


@pytest.fixture
def workflow(store: S3Store) -> Workflow:
    made = aws.stepfunctions().create_state_machine(
        name="framesift", definition="{}", roleArn="arn:aws:iam::123456789012:role/any"
    )
    return Workflow(made["stateMachineArn"])


Start = Callable[..., ExportRecord]


@pytest.fixture
def start(log: CatalogLog, items: list[CatalogItem], settings: Settings, workflow: Workflow) -> Start:
    """Starts an export of a collection with four images."""
    log.add_items(items, "kim")

    def call(query: str = "", form: ExportFormat = "images", options: ExportOptions | None = None) -> ExportRecord:
        return start_export(
            COLLECTION,
            "kim",
            query,
            form,
            options or ExportOptions(),
            settings=settings,
            store=log.store,
            records=log.records,
            workflow=workflow,
        )

    return call


def started_jobs(workflow: Workflow, store: S3Store) -> list[ExportJob]:
    """The specifications that executions were started with, the first one first."""
    client = aws.stepfunctions()
    listed = client.list_executions(stateMachineArn=workflow.arn)["executions"]
    inputs = [json.loads(client.describe_execution(executionArn=each["executionArn"])["input"]) for each in listed]
    texts = [store.get(each["job_spec_uri"].removeprefix(f"s3://{store.bucket}/")) for each in inputs]
    return [ExportJob.model_validate_json(text) for text in texts]


def names_in(store: S3Store, record: ExportRecord) -> set[str]:
    assert record.summary is not None
    with zipfile.ZipFile(io.BytesIO(store.get(record.summary.key))) as archive:
        return set(archive.namelist())


def test_a_job_makes_what_was_asked_for(
    start: Start, settings: Settings, workflow: Workflow, store: S3Store, records: Records, items: list[CatalogItem]
) -> None:
    record = start("tag:split:val")
    (job,) = started_jobs(workflow, store)
    done = run_export(job, settings, store, records)
    assert done == records.exports.get(COLLECTION, record.id)
    assert done is not None
    assert (done.state, done.done, done.total, done.number, done.error) == ("done", 2, 2, 1, None)
    assert names_in(store, done) == {"items.csv", *(f"images/{item.id}.png" for item in items[1:3])}
    assert done.expires_at - done.created_at == timedelta(days=settings.catalog.export_days)
    left = {version.key for version in store.versions(keys.export_prefix(COLLECTION, record.id)) if version.is_latest}
    assert left >= {done.summary.key if done.summary else ""}
    assert not any(key.endswith("items.jsonl.gz") for key in left), "the list of items is not needed any more"
    assert run_export(job, settings, store, records) == done, "a job that is delivered twice makes nothing anew"


def test_a_wrong_query_and_a_missing_collection_start_nothing(
    start: Start, settings: Settings, workflow: Workflow, store: S3Store, records: Records
) -> None:
    with pytest.raises(QuerySyntaxError):
        start("tag:(")
    with pytest.raises(CollectionMissingError):
        start_export(
            "other", "", "", "coco", ExportOptions(),
            settings=settings, store=store, records=records, workflow=workflow,
        )  # fmt: skip
    assert started_jobs(workflow, store) == []


def test_a_killed_job_goes_on_with_the_same_items(
    start: Start,
    settings: Settings,
    workflow: Workflow,
    log: CatalogLog,
    items: list[CatalogItem],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start()
    (job,) = started_jobs(workflow, log.store)
    added: list[str] = []
    add = ZipUpload.add

    def add_two(self: ZipUpload, name: str, data: bytes) -> None:
        if len(added) == 2:
            raise InterruptedByHostError("The host is stopping this job.")
        added.append(name)
        add(self, name, data)

    monkeypatch.setattr(ZipUpload, "add", add_two)
    with pytest.raises(InterruptedByHostError):
        run_export(job, settings, log.store, log.records)
    found = log.records.exports.get(COLLECTION, job.export)
    assert found is not None
    assert (found.state, found.number) == ("running", 1)
    monkeypatch.setattr(ZipUpload, "add", add)
    # What comes after it was begun is not in it: it would begin anew for ever in a collection that is at work.
    log.set_tags([items[0].id], "kim", add=["later"])
    log.add_items([items[0].model_copy(update={"id": "f" * 32, "sha256": "f" * 64})], "kim")
    done = run_export(job, settings, log.store, log.records)
    assert done is not None
    assert names_in(log.store, done) == {"items.csv", *(f"images/{item.id}.png" for item in items)}


def remove_while_writing(monkeypatch: pytest.MonkeyPatch, remove: Callable[[], None], times: int = 1) -> list[int]:
    """Remove something whenever an export's file is whole, and before it is published."""
    made: list[int] = []

    def make(*args: object, **options: object) -> ExportSummary:
        summary = make_export(*args, **options)  # type: ignore[arg-type]
        made.append(summary.items)
        if len(made) <= times:
            remove()
        return summary

    monkeypatch.setattr(export_jobs, "export", make)
    return made


@pytest.mark.parametrize("purged", [False, True])
def test_what_was_removed_while_it_was_made_is_not_published(
    start: Start,
    settings: Settings,
    workflow: Workflow,
    log: CatalogLog,
    items: list[CatalogItem],
    monkeypatch: pytest.MonkeyPatch,
    purged: bool,
) -> None:
    start()
    (job,) = started_jobs(workflow, log.store)

    def remove() -> None:
        log.remove_items([items[1].id], "kim")
        if purged:
            assert purge(COLLECTION, log.store, log.records)

    made = remove_while_writing(monkeypatch, remove)
    done = run_export(job, settings, log.store, log.records)
    assert made == [4, 3]
    assert done is not None
    assert f"images/{items[1].id}.png" not in names_in(log.store, done)
    name = f"images/{items[1].id}".encode()
    versions = [version for version in log.store.versions("exports/") if not version.is_mark]
    bodies = [
        aws.s3().get_object(Bucket=log.store.bucket, Key=each.key, VersionId=each.version_id)["Body"].read()
        for each in versions
    ]
    assert not any(name in body for body in bodies), "no version of the first file is left"


def test_a_collection_that_never_rests_fails_the_export(
    start: Start,
    settings: Settings,
    workflow: Workflow,
    log: CatalogLog,
    items: list[CatalogItem],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start()
    (job,) = started_jobs(workflow, log.store)
    spare = iter([f"{number:032x}" for number in range(100, 110)])
    log.add_items([items[0].model_copy(update={"id": f"{n:032x}", "sha256": f"{n:064x}"}) for n in range(100, 110)], "")

    def remove_another() -> None:
        log.remove_items([next(spare)], "kim")

    remove_while_writing(monkeypatch, remove_another, times=10)
    with pytest.raises(UnstableCollectionError):
        run_export(job, settings, log.store, log.records)
    found = log.records.exports.get(COLLECTION, job.export)
    assert found is not None
    assert found.state == "failed"


def test_an_export_that_is_deleted_while_it_is_made_leaves_nothing(
    start: Start, settings: Settings, workflow: Workflow, log: CatalogLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = start()
    (job,) = started_jobs(workflow, log.store)
    remove_while_writing(monkeypatch, lambda: delete_export(COLLECTION, record.id, log.store, log.records))
    assert run_export(job, settings, log.store, log.records) is None
    assert list(log.store.versions("exports/")) == []


def test_a_failure_is_in_the_record_and_it_can_be_started_again(
    start: Start, settings: Settings, workflow: Workflow, store: S3Store, records: Records
) -> None:
    record = start("", "parquet", ExportOptions(vectors="resnet50@1"))
    (job,) = started_jobs(workflow, store)
    with pytest.raises(NoVectorsError):
        run_export(job, settings, store, records)
    failed = records.exports.get(COLLECTION, record.id)
    assert failed is not None
    assert (failed.state, failed.error is not None) == ("failed", True)
    again = restart_export(failed, store=store, records=records, workflow=workflow)
    assert (again.state, again.starts, again.error) == ("running", 2, None)
    assert len(started_jobs(workflow, store)) == 2
    assert restart_export(again, store=store, records=records, workflow=workflow) == again, "it runs already"


def test_one_whose_job_was_stopped_has_failed(start: Start, workflow: Workflow, records: Records) -> None:
    record = start()
    assert settle_export(record, records, workflow) == record, "it has just been started"
    old = records.exports.change(record, created_at=datetime.now(UTC) - timedelta(hours=1))
    assert old is not None
    assert settle_export(old, records, workflow) == old, "its execution runs"
    execution = workflow.execution(records.exports.execution(record))
    aws.stepfunctions().stop_execution(executionArn=execution)
    settled = settle_export(old, records, workflow)
    assert settled.state == "failed"
    assert settled == records.exports.get(COLLECTION, record.id)
