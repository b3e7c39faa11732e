"""Batches of images from their start to the catalog, on a real bucket and table (moto).

What the job does is tested in its own place: here a few lines read each file as the job does, and report it.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from framesift import aws, keys
from framesift.catalog.batches import BatchUploads, NewFile
from framesift.catalog.ledger import LedgerLine, read_ledger
from framesift.catalog.log import CatalogLog
from framesift.contracts import (
    BeginInput,
    BeginOutput,
    CatalogItem,
    CatalogOutput,
    CompareJob,
    CompareOutput,
    FailInput,
    FileRef,
    FinishInput,
    ItemError,
    LookJob,
    LookOutcome,
    LookStatus,
    PlanOutput,
    Prediction,
    StageInput,
    UploadsOutput,
)
from framesift.errors import BatchMissingError, BatchStateError, InputError, ScanPendingError, TooManyFailedItemsError
from framesift.pipeline.begin import begin_run
from framesift.pipeline.branches import branch_of
from framesift.pipeline.finish import fail_run, finish_run
from framesift.pipeline.upload.catalog import update_catalog
from framesift.pipeline.upload.compare import compare_collection
from framesift.settings import CollectionSettings, IntakeSettings, Settings, UploadSettings
from framesift.storage import S3Store, read_lines
from framesift.storage.files import FileReader
from framesift.table import Records
from framesift.workflow import Workflow

NOON = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
JPEG = b"\xff\xd8\xff"


@dataclass
class Pipeline:
    """The steps of the workflow, one after the other."""

    store: S3Store
    records: Records
    workflow: Workflow
    settings: Settings = field(default_factory=lambda: Settings(intake=IntakeSettings(shard_files=3, array_files=3)))
    running: set[str] = field(default_factory=set)
    executions: int = 0

    @property
    def uploads(self) -> BatchUploads:
        return BatchUploads(self.settings, self.store, self.records, self.workflow)

    def drop(self, name: str, body: bytes) -> BeginOutput:
        """Put an object into the inbox, and deliver its event."""
        return self.begin(object=self.put(name, body))

    def put(self, name: str, body: bytes) -> dict[str, str]:
        """Put an object into the inbox; return what its event says of it."""
        key = f"uploads/parts/{name}"
        self.store.put(key, body)
        version_id = hashlib.sha256(body + name.encode()).hexdigest()
        return {"key": key, "etag": self.store.describe(key).etag, "version-id": version_id}

    def begin(self, **start: Any) -> BeginOutput:
        self.executions += 1
        arn = f"arn:{self.executions}"
        request = BeginInput(start={"source": "upload", **start}, execution_arn=arn, started_at=NOON)
        output = begin_run(request, self.settings, self.records, self.running.__contains__)
        if output.decision == "run":
            self.running.add(arn)
        return output

    def collect(self, begun: BeginOutput) -> UploadsOutput:
        (work,) = begun.work
        output = branch_of("upload").collect(work.model_dump(), self.settings, self.store, self.records)
        assert isinstance(output, UploadsOutput)
        return output

    def plan(self, begun: BeginOutput) -> tuple[PlanOutput, LookJob]:
        request = StageInput(run=begun.run, scopes=["parts"])
        plan = branch_of("upload").plan(request, self.settings, self.store, self.records)
        return plan, LookJob.model_validate_json(self.store.get(plan.job_spec_uri.removeprefix("s3://framesift-test/")))

    def look(self, job: LookJob, shards: Iterable[int] | None = None) -> None:
        """Read each file as the job does, and report what begins like a JPEG as an image."""
        reader = FileReader(self.store, self.settings.collections.max_bytes)
        for shard in shards if shards is not None else range(job.shards):
            files = read_lines(self.store, keys.look_shard(job.shards_prefix, shard), FileRef)
            lines = [look_at(job, file, reader).model_dump_json() for file in files]
            body = gzip.compress("".join(f"{line}\n" for line in lines).encode())
            self.store.put(keys.look_results(job.shards_prefix, shard), body)

    def publish(self, begun: BeginOutput) -> CatalogOutput:
        request = StageInput(run=begun.run, scopes=["parts"])
        return update_catalog(request, self.settings, self.store, self.records)

    def compare(self, published: CatalogOutput) -> CompareOutput:
        key = str(published.compare_spec_uri).removeprefix(f"s3://{self.store.bucket}/")
        job = CompareJob.model_validate_json(self.store.get(key))
        return compare_collection(job, self.settings, self.store, self.records)

    def finish(self, begun: BeginOutput, collected: UploadsOutput) -> None:
        record = self.records.runs.get("upload", begun.run.id)
        request = FinishInput(
            run=begun.run,
            scopes=["parts"],
            collected=[collected.model_dump(mode="json")],
            planned_compute="cpu",
            analyzed_on="cpu",
            execution_arn=record.execution_arn,
        )
        finish_run(request, self.store, self.records, lambda *_: None, self.workflow)
        self.running.discard(record.execution_arn)

    def run(self, begun: BeginOutput) -> CatalogOutput:
        """All steps of an execution."""
        assert begun.decision == "run", begun.why
        collected = self.collect(begun)
        plan, job = self.plan(begun)
        if plan.analyze:
            self.look(job)
        output = self.publish(begun)
        if output.compare_spec_uri:
            self.compare(output)
        self.finish(begun, collected)
        return output

    def started(self) -> list[str]:
        listed = aws.stepfunctions().list_executions(stateMachineArn=self.workflow.arn)["executions"]
        return [each["name"] for each in listed]

    def ledger(self, batch: str) -> dict[str, LedgerLine]:
        return {line.name: line for line in read_ledger(self.store, "parts", batch)}

    def items(self) -> dict[str, list[str]]:
        """The names under which each item of the log was added."""
        log, found = CatalogLog("parts", self.store, self.records), {}
        for change in log.after(0):
            for row in log.rows(change):
                if row.value and "names" in row.value:
                    found.setdefault(row.id, []).extend(row.value["names"])
        return found


def look_at(job: LookJob, file: FileRef, reader: FileReader) -> LookOutcome:
    try:
        data = reader.read(file)
        if not data.startswith(JPEG):
            raise InputError(f"{file.name} is no image by its content.")
    except InputError as error:
        fault = ItemError(stage="look", error=type(error).__name__, message=str(error))
        return LookOutcome(name=file.name, status=LookStatus.REFUSED, error=fault)
    sha256 = hashlib.sha256(data).hexdigest()
    models = [f"{name}@1" for name in job.models] if job.relook else []
    item = CatalogItem(
        id=file.item_id or sha256[:32],
        sha256=sha256,
        key=None if file.uri else f"collections/parts/originals/{sha256[:32]}.jpg",
        uri=file.uri,
        names=[file.name],
        content_type="image/jpeg",
        size_bytes=len(data),
        width=1,
        height=1,
        added_at=NOON,
        batch=job.batch,
        predictions=[Prediction(model=model, label="screw", score=0.9) for model in models],
    )
    if not job.relook and item.key:
        reader_store = S3Store(job.bucket)
        reader_store.put(item.key, data)
    status = LookStatus.LOOKED if job.relook else LookStatus.ADDED
    return LookOutcome(name=file.name, status=status, item=item, models=models)


@pytest.fixture
def pipeline(store: S3Store, records: Records) -> Pipeline:
    made = aws.stepfunctions().create_state_machine(
        name="framesift", definition="{}", roleArn="arn:aws:iam::123456789012:role/any"
    )
    return Pipeline(store, records, Workflow(made["stateMachineArn"]))


def a_zip(**files: bytes) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name.replace("_", "."), content)
    return body.getvalue()


def test_what_is_dropped_is_taken_in_by_one_run_and_its_object_deleted(pipeline: Pipeline) -> None:
    first = pipeline.drop("0.jpg", JPEG + b"0")
    others = [pipeline.drop(f"sub/{number}.JPG", JPEG + bytes([number])) for number in range(1, 8)]
    assert (first.decision, first.goal, {each.decision for each in others}) == ("run", "catalog", {"skip"})

    output = pipeline.run(first)
    assert (output.counts, len(pipeline.items())) == ({"added": 8}, 8)
    assert list(pipeline.store.list("uploads/")) == []
    assert list(pipeline.store.list(f"collections/parts/batches/{output.batch}/look/")) == []
    batch = pipeline.records.batches.get("parts", output.batch)
    assert (batch.kind, batch.state, batch.counts, batch.date) == ("inbox", "done", {"added": 8}, "2026-11-20")
    assert pipeline.records.collections.get("parts").owner == ""
    assert pipeline.started() == [], "the run took what arrived before it listed the inbox"
    record = pipeline.records.runs.get("upload", first.run.id)
    assert (record.status, record.batch, record.degraded) == ("SUCCEEDED", output.batch, [])


def test_what_arrives_during_a_run_is_taken_in_by_one_more(pipeline: Pipeline) -> None:
    first = pipeline.drop("0.jpg", JPEG + b"0")
    collected = pipeline.collect(first)
    for number in range(5):
        assert pipeline.drop(f"late {number}.jpg", JPEG + bytes([number])).decision == "skip"
    pipeline.look(pipeline.plan(first)[1])
    pipeline.publish(first)
    pipeline.finish(first, collected)
    (name,) = pipeline.started()
    assert name.startswith("inbox-")
    second = pipeline.begin(collection="parts", batch="inbox")
    assert pipeline.run(second).counts == {"added": 5}
    assert pipeline.begin(collection="parts", batch="inbox").decision == "skip"
    assert len(pipeline.started()) == 1


def test_every_file_of_a_hostile_folder_has_a_line_of_its_own(pipeline: Pipeline) -> None:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("good.jpg", JPEG)
        made.writestr("../../escape.jpg", JPEG)
        made.writestr("bomb.bmp", bytes(30_000_000))
        made.writestr("nested.zip", b"PK")
        made.writestr("notes.txt", b"text")
        made.writestr("__MACOSX/._good.jpg", b"")
        link = zipfile.ZipInfo("link.jpg")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        made.writestr(link, "/etc/passwd")
    dropped = {
        "photo.jpg": JPEG + b"1",
        "disguised.jpg": b"MZ\x90\x00",
        "empty.png": b"",
        "script.exe": b"MZ",
        "no ending": JPEG + b"2",
        "cut.zip": body.getvalue()[:-40],
        "hostile.zip": body.getvalue(),
        "large.tiff": bytes(1_000_001),
        ".DS_Store": b"x",
        "x" * 650 + ".jpg": JPEG,
    }
    pipeline.settings = Settings(
        intake=IntakeSettings(shard_files=2), collections=CollectionSettings(max_bytes=1_000_000)
    )
    begun = [pipeline.drop(name, content) for name, content in dropped.items()]
    output = pipeline.run(begun[0])
    lines = pipeline.ledger(output.batch)
    assert {name[:30]: line.error.error if line.error else line.status for name, line in lines.items()} == {
        "photo.jpg": "added",
        "disguised.jpg": "InputError",
        "empty.png": "NotAnImageError",
        "script.exe": "NotAnImageError",
        "no ending": "added",
        "cut.zip": "NotAZipError",
        "hostile.zip/__MACOSX/._good.jp": "skipped",
        "hostile.zip/good.jpg": "added",
        "hostile.zip/../../escape.jpg": "UnsafeEntryError",
        "hostile.zip/bomb.bmp": "ZipLimitError",
        "hostile.zip/nested.zip": "NestedZipError",
        "hostile.zip/notes.txt": "NotAnImageError",
        "hostile.zip/link.jpg": "UnsafeEntryError",
        "large.tiff": "MediaTooLargeError",
        ".DS_Store": "skipped",
        "x" * 30: "UnsafeEntryError",
    }
    assert all(line.error.message.strip() for line in lines.values() if line.error)
    assert output.counts == {"added": 3, "refused": 11, "skipped": 2}
    left = {key.removeprefix("uploads/parts/")[:30] for key in pipeline.store.list("uploads/")}
    assert left == {name[:30] for name in dropped} - {"photo.jpg", "no ending", ".DS_Store"}
    # What stays in the inbox is not listed again.
    assert pipeline.run(pipeline.drop("new.jpg", JPEG + b"3")).counts == {"added": 1}


def test_what_is_kept_in_the_inbox_is_not_taken_in_twice(pipeline: Pipeline) -> None:
    pipeline.settings = Settings(intake=IntakeSettings(delete_taken=False))
    assert pipeline.run(pipeline.drop("a.jpg", JPEG + b"1")).counts == {"added": 1}
    assert pipeline.run(pipeline.drop("b.jpg", JPEG + b"2")).counts == {"added": 1}
    assert pipeline.run(pipeline.drop("a.jpg", JPEG + b"new")).counts == {"added": 1}
    assert sorted(pipeline.store.list("uploads/")) == ["uploads/parts/a.jpg", "uploads/parts/b.jpg"]


def test_what_replaced_a_file_meanwhile_is_not_deleted(pipeline: Pipeline) -> None:
    begun = pipeline.drop("a.jpg", JPEG + b"1")
    pipeline.collect(begun)
    pipeline.look(pipeline.plan(begun)[1])
    pipeline.store.put("uploads/parts/a.jpg", JPEG + b"2")
    pipeline.publish(begun)
    assert pipeline.store.get("uploads/parts/a.jpg") == JPEG + b"2"


def upload(pipeline: Pipeline, **files: bytes) -> BeginOutput:
    uploads = pipeline.uploads
    batch = uploads.open("parts", "user-1")
    named = {name.replace("_", "."): body for name, body in files.items()}
    announced = [NewFile(name=name, size_bytes=len(body)) for name, body in named.items()]
    for file in uploads.add_files("parts", batch.id, announced):
        pipeline.store.put(file.key, named[file.name])
    uploads.complete("parts", batch.id)
    return pipeline.begin(collection="parts", batch=batch.id)


def test_what_arrived_with_other_bytes_than_announced_is_refused(pipeline: Pipeline) -> None:
    right, wrong, large = JPEG + b"right", JPEG + b"wrong", a_zip(a_jpg=JPEG + b"in a zip")
    digest = hashlib.sha256(right).hexdigest()
    files = {"right.jpg": right, "wrong.jpg": wrong, "large.zip": large, "labels.json": wrong}
    uploads = pipeline.uploads
    batch = uploads.open("parts", "user-1")
    announced = [NewFile(name=name, size_bytes=len(body), sha256=digest) for name, body in files.items()]
    for file in uploads.add_files("parts", batch.id, announced):
        pipeline.store.put(file.key, files[file.name])  # As by parts, whose sum S3 does not check.
    uploads.complete("parts", batch.id)
    output = pipeline.run(pipeline.begin(collection="parts", batch=batch.id))
    lines = pipeline.ledger(output.batch)
    assert {name: line.error.error if line.error else line.status for name, line in lines.items()} == {
        "right.jpg": "added",
        "wrong.jpg": "DigestMismatchError",
        "large.zip/a.jpg": "added",
        "labels.json": "LabelFileError",
    }
    assert "upload it again" in lines["wrong.jpg"].error.message
    assert "other bytes than were announced" in lines["labels.json"].error.message


def test_an_uploaded_batch_is_one_run_however_often_it_is_started(pipeline: Pipeline) -> None:
    begun = upload(pipeline, a_jpg=JPEG + b"1", b_zip=a_zip(c_jpg=JPEG + b"2", d_jpg=JPEG + b"3"), v_mp4=b"video")
    batch = begun.run.subject.removeprefix("parts.")
    again = pipeline.begin(collection="parts", batch=batch)
    assert (again.decision, again.run) == ("skip", begun.run)
    output = pipeline.run(begun)
    assert output.counts == {"added": 3, "video": 1}
    assert sorted(name for names in pipeline.items().values() for name in names) == [
        "a.jpg",
        "b.zip/c.jpg",
        "b.zip/d.jpg",
    ]
    assert list(pipeline.store.list("incoming/")) == []
    assert list(pipeline.store.list("uploads/")) == ["uploads/parts/v.mp4"], "videos have runs of their own"
    assert pipeline.begin(collection="parts", batch=batch).decision == "skip"
    log = CatalogLog("parts", pipeline.store, pipeline.records)
    assert [change.by for change in log.after(0)] == ["user-1"]


def test_the_job_is_divided_among_children_and_the_state_stays_small(pipeline: Pipeline) -> None:
    begun = upload(pipeline, z_zip=a_zip(**{f"{number}_jpg": JPEG + bytes([number]) for number in range(8)}))
    collected = pipeline.collect(begun)
    plan, job = pipeline.plan(begun)
    assert (collected.items, collected.shards, job.shards, plan.array_size) == (8, 3, 3, 3)
    assert (plan.queue, plan.tolerates_failed_job, job.added_by) == ("uploads", True, "user-1")
    assert len(collected.model_dump_json()) + len(plan.model_dump_json()) < 2000
    pipeline.look(job)
    assert not pipeline.plan(begun)[0].analyze, "every shard has its results"


def test_lost_shards_fail_the_run_and_retry_does_only_them(pipeline: Pipeline) -> None:
    begun = upload(pipeline, **{f"{number}_jpg": JPEG + bytes([number]) for number in range(6)})
    pipeline.collect(begun)
    pipeline.look(pipeline.plan(begun)[1], shards=[0])
    with pytest.raises(TooManyFailedItemsError, match="3 of 6 files were lost"):
        pipeline.publish(begun)
    batch = pipeline.uploads.get("parts", begun.run.subject.removeprefix("parts."))
    assert (batch.state, batch.counts, len(pipeline.items())) == ("failed", {"added": 3, "refused": 3}, 3)
    record = pipeline.records.runs.get("upload", begun.run.id)
    fault = FailInput(
        run=begun.run, stage="catalog", error="TooManyFailedItemsError", execution_arn=record.execution_arn
    )
    fail_run(fault, pipeline.records, lambda *_: None, pipeline.workflow)
    pipeline.running.clear()

    pipeline.uploads.retry("parts", batch.id)
    again = pipeline.begin(collection="parts", batch=batch.id, force=True)
    assert (again.decision, again.run.attempt) == ("run", 2)
    collected = pipeline.collect(again)
    assert collected.items == 3
    pipeline.look(pipeline.plan(again)[1])
    assert pipeline.publish(again).counts == {"added": 6}
    assert len(pipeline.items()) == 6
    batch = pipeline.uploads.get("parts", batch.id)
    assert (batch.state, len(batch.runs)) == ("done", 2)


def test_a_publish_that_died_on_its_way_is_repeated_without_harm(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = upload(pipeline, **{f"{number}_jpg": JPEG + bytes([number]) for number in range(4)})
    pipeline.collect(begun)
    pipeline.look(pipeline.plan(begun)[1])
    with monkeypatch.context() as killed:
        killed.setattr(Records, "batches", property(lambda self: 1 / 0))
        with pytest.raises(ZeroDivisionError):
            pipeline.publish(begun)
    for _ in range(2):
        assert pipeline.publish(begun).counts == {"added": 4}
    assert len(list(CatalogLog("parts", pipeline.store, pipeline.records).after(0))) == 1


@pytest.mark.parametrize("before", ["collect", "plan", "look", "publish"])
def test_a_collection_that_is_deleted_during_its_run_ends_it_cleanly(pipeline: Pipeline, before: str) -> None:
    begun = upload(pipeline, a_jpg=JPEG)
    steps: dict[str, Callable[[], object]] = {
        "collect": lambda: pipeline.collect(begun),
        "plan": lambda: pipeline.plan(begun),
        "look": lambda: pipeline.look(pipeline.plan(begun)[1]) if pipeline.collect(begun).shards else None,
        "publish": lambda: pipeline.publish(begun),
    }
    for name, step in steps.items():
        if name == before:
            collection = pipeline.records.collections.get("parts")
            pipeline.records.collections.put(collection.model_copy(update={"deleting": True}))
        output = step()
    assert isinstance(output, CatalogOutput)
    assert "deleted" in str(output.ended)
    pipeline.finish(begun, pipeline.collect(begun))
    record = pipeline.records.runs.get("upload", begun.run.id)
    assert (record.status, ["deleted" in sentence for sentence in record.degraded]) == ("SUCCEEDED", [True])
    batch = pipeline.records.batches.get("parts", output.batch)
    assert batch.state == ("failed" if before != "collect" else "running")
    assert list(pipeline.store.list("collections/parts/batches/parts/look/")) == []


def test_images_are_read_in_place_and_never_moved(pipeline: Pipeline) -> None:
    aws.s3().create_bucket(Bucket="photos", CreateBucketConfiguration={"LocationConstraint": "ap-northeast-2"})
    theirs = S3Store("photos")
    for name in ("2026/a.jpg", "2026/b.jpg", "2026/notes.txt", "other.jpg"):
        theirs.put(name, JPEG + name.encode())
    pipeline.settings = Settings(intake=IntakeSettings(buckets=["photos"]))
    batch = pipeline.uploads.add_references("parts", "user-1", ["s3://photos/2026/"])
    output = pipeline.run(pipeline.begin(collection="parts", batch=batch.id))
    assert output.counts == {"added": 2, "refused": 1}
    assert len(list(theirs.list(""))) == 4
    assert list(pipeline.store.list("collections/parts/originals/")) == []

    again = pipeline.uploads.look_again("parts", "user-1", ["resnet50"])
    assert pipeline.run(pipeline.begin(collection="parts", batch=again.id)).counts == {"looked": 2}


def test_a_bucket_that_may_not_be_read_any_more_is_named_in_the_ledger(pipeline: Pipeline) -> None:
    pipeline.settings = Settings(intake=IntakeSettings(buckets=["photos"]))
    batch = pipeline.uploads.add_references("parts", "user-1", ["s3://photos/2026/"])
    pipeline.settings = Settings()
    assert pipeline.run(pipeline.begin(collection="parts", batch=batch.id)).counts == {"refused": 1}
    (line,) = pipeline.ledger(batch.id).values()
    assert (line.name, line.error.error) == ("s3://photos/2026/", "BucketNotAllowedError")


def test_a_failed_comparison_is_noted_and_the_next_batch_makes_up_for_it(pipeline: Pipeline) -> None:
    begun = pipeline.drop("a.jpg", JPEG + b"1")
    collected = pipeline.collect(begun)
    pipeline.look(pipeline.plan(begun)[1])
    first = pipeline.publish(begun)
    pipeline.finish(begun, collected)  # The job that compares has died.
    record = pipeline.records.runs.get("upload", begun.run.id)
    assert (record.status, ["not compared" in sentence for sentence in record.degraded]) == ("SUCCEEDED", [True])
    assert not pipeline.records.batches.get("parts", first.batch).compared

    second = pipeline.begin(object=pipeline.put("b.jpg", JPEG + b"2"))
    collected = pipeline.collect(second)
    pipeline.look(pipeline.plan(second)[1])
    output = pipeline.publish(second)
    assert pipeline.compare(output).compared == 2
    assert all(batch.compared for batch in pipeline.records.batches.of_collection("parts"))
    pipeline.finish(second, collected)
    assert pipeline.records.runs.get("upload", second.run.id).counts["compare"]["compared"] == 2


@pytest.mark.parametrize("how", ["deleting", "gone"])
def test_nothing_is_compared_in_a_collection_that_was_deleted(pipeline: Pipeline, how: str) -> None:
    begun = pipeline.drop("a.jpg", JPEG)
    pipeline.collect(begun)
    pipeline.look(pipeline.plan(begun)[1])
    output = pipeline.publish(begun)
    collections = pipeline.records.collections
    if how == "deleting":
        collections.put(collections.get("parts").model_copy(update={"deleting": True}))
    else:
        for record in ("ABOUT", "CATALOG"):
            collections.table.delete("COLLECTION#parts", record)
    assert "deleted" in str(pipeline.compare(output).ended)


def test_looking_again_uploads_nothing_and_replaces_what_the_model_said(pipeline: Pipeline) -> None:
    pipeline.run(pipeline.drop("a.jpg", JPEG))
    batch = pipeline.uploads.look_again("parts", "user-1", ["resnet50"])
    begun = pipeline.begin(collection="parts", batch=batch.id)
    pipeline.collect(begun)
    job = pipeline.plan(begun)[1]
    assert (job.relook, job.models) == (True, ["resnet50"])
    pipeline.look(job)
    pipeline.publish(begun)
    *_, last = CatalogLog("parts", pipeline.store, pipeline.records).after(0)
    assert (last.body.kind, last.body.model) == ("set_predictions", "resnet50@1")
    assert list(pipeline.ledger(batch.id)) == ["a.jpg"], "the ledger has the name that the image came with"


def test_only_what_the_malware_scan_found_clean_is_listed(pipeline: Pipeline) -> None:
    begun = upload(pipeline, a_jpg=JPEG + b"1", b_jpg=JPEG + b"2", c_jpg=JPEG + b"3")
    keys_ = list(pipeline.store.list("incoming/"))

    def tag(key: str, value: str) -> None:
        tags: Any = {"TagSet": [{"Key": "GuardDutyMalwareScanStatus", "Value": value}]}
        aws.s3().put_object_tagging(Bucket=pipeline.store.bucket, Key=key, Tagging=tags)

    pipeline.settings = Settings(upload=UploadSettings(only_scanned=True))
    tag(keys_[0], "NO_THREATS_FOUND")
    tag(keys_[1], "THREATS_FOUND")
    with pytest.raises(ScanPendingError, match=r"c\.jpg"):
        pipeline.collect(begun)
    pipeline.settings = Settings(upload=UploadSettings(only_scanned=True), intake=IntakeSettings(scan_wait_s=0))
    output = pipeline.run(begun)
    assert output.counts == {"added": 1, "refused": 2}
    errors = {name: line.error.error for name, line in pipeline.ledger(output.batch).items() if line.error}
    assert errors == {"b.jpg": "MalwareFoundError", "c.jpg": "NotScannedError"}


def test_too_many_files_are_refused_by_name(pipeline: Pipeline) -> None:
    pipeline.settings = Settings(intake=IntakeSettings(max_batch_files=2))
    begun = pipeline.drop("b.zip", a_zip(**{f"{number}_jpg": JPEG for number in range(3)}))
    for number in range(3):
        pipeline.drop(f"c{number}.jpg", JPEG + bytes([number]))
    output = pipeline.run(begun)
    assert output.counts == {"added": 2, "refused": 2}
    errors = {name: line.error.error for name, line in pipeline.ledger(output.batch).items() if line.error}
    assert errors == {"b.zip": "ZipLimitError", "c2.jpg": "ZipLimitError"}


@pytest.mark.parametrize(("batch", "error"), [("none", BatchMissingError), ("open", BatchStateError)])
def test_a_batch_that_cannot_run_is_refused(pipeline: Pipeline, batch: str, error: type[Exception]) -> None:
    if batch == "open":
        batch = pipeline.uploads.open("parts", "user-1").id
    with pytest.raises(error):
        pipeline.begin(collection="parts", batch=batch)


def test_an_aborted_batch_is_skipped(pipeline: Pipeline) -> None:
    batch = pipeline.uploads.open("parts", "user-1")
    pipeline.uploads.abort("parts", batch.id)
    assert pipeline.begin(collection="parts", batch=batch.id).decision == "skip"
