"""Uploads on a real bucket and table (moto): what starts a run, what is to be done, what is published."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonschema
import pytest

from framesift import aws, keys
from framesift.contracts import (
    BeginInput,
    BeginOutput,
    Finding,
    FinishInput,
    FrameCounts,
    PoseJob,
    PosesOutput,
    Run,
    StageInput,
    Upload,
    UploadedObject,
    UploadsInput,
    UploadsOutput,
    VideoEntry,
)
from framesift.errors import (
    InvalidCollectionError,
    InvalidStartError,
    NoUploadsError,
    TooManyFailedItemsError,
    VideoLostError,
)
from framesift.pipeline.begin import begin_run
from framesift.pipeline.finish import fail_run, finish_run
from framesift.pipeline.upload.collect import collect_uploads
from framesift.pipeline.upload.plan import plan_poses
from framesift.pipeline.upload.poses import failed_entry, pose_settings
from framesift.pipeline.upload.publish import publish_poses
from framesift.pose.manifest import json_schema
from framesift.settings import AnalysisSettings, Settings, UploadSettings
from framesift.storage import S3Store, read_lines
from framesift.table import Failure, Records
from framesift.workflow import Workflow

WORKFLOW = Workflow("arn:aws:states:ap-northeast-2:123456789012:stateMachine:framesift-test")

NOON = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
RUN = Run(source="upload", date="2026-11-20", attempt=1, subject="dance")
RECORDED = pose_settings(UploadSettings()).recorded()
KEY = "uploads/dance/내 영상 🎬 100% +1.mp4"
DROPPED = {"key": KEY, "etag": "e1", "size": 9, "sequencer": "006A", "version-id": "v1"}


@pytest.fixture
def begin(records: Records) -> Callable[..., BeginOutput]:
    def call(start: dict[str, Any], arn: str = "arn:1", running: tuple[str, ...] = ()) -> BeginOutput:
        request = BeginInput(start={"source": "upload", **start}, execution_arn=arn, started_at=NOON)
        return begin_run(request, Settings(), records, lambda other: other in running)

    return call


def end(records: Records, run: Run, status: str = "SUCCEEDED") -> None:
    record = records.runs.get("upload", run.id)
    assert record is not None
    failure = Failure(stage="analyze", error="X")
    failed = dict.fromkeys(record.scopes, failure) if status == "FAILED" else {}
    assert records.runs.end(record.end(at=NOON, done=[] if failed else record.scopes, failures=failed))


def entry(upload: Upload, sha256: str = "a" * 64, kept: int = 30) -> VideoEntry:
    return VideoEntry(
        source=upload.name,
        sha256=sha256,
        status="done",
        output=f"{sha256}.pose.parquet",
        settings=RECORDED,
        frames=FrameCounts(kept, kept, 0, 0, 0),
        source_size_bytes=upload.size_bytes,
        output_size_bytes=1,
    )


def uploads_of(store: S3Store, run: Run = RUN) -> dict[str, Upload]:
    return {each.name: each for each in read_lines(store, keys.manifest(run, "dance", "collected"), Upload)}


def collect(store: S3Store, records: Records, run: Run = RUN, **written: str) -> UploadsOutput:
    made = UploadedObject(**written) if written else None
    return collect_uploads(UploadsInput(run=run, scope="dance", object=made), Settings(), store, records)


def attempt(number: int) -> Run:
    return RUN.model_copy(update={"attempt": number})


# --- what starts a run ---


def test_each_object_has_a_run_of_its_own(begin: Callable[..., BeginOutput], records: Records) -> None:
    dropped = [{**DROPPED, "key": f"uploads/dance/{number}.mp4"} for number in range(20)]
    begun = [begin({"object": each}, arn=f"arn:{number}") for number, each in enumerate(dropped)]

    assert [each.decision for each in begun] == ["run"] * 20
    assert len({each.run.id for each in begun}) == 20
    assert {each.run.date for each in begun} == {"2026-11-20"}
    (work,) = begun[3].work
    assert isinstance(work, UploadsInput)
    assert work.object == UploadedObject(key="uploads/dance/3.mp4", etag="e1", sequencer="006A", version_id="v1")
    assert begun[3].scopes == ["dance"]
    assert len(records.runs.newest("upload")) == 20
    assert records.runs.of_execution("arn:7").run == begun[7].run


@pytest.mark.parametrize("ended", [False, True])
def test_an_event_that_comes_twice_does_nothing_twice(
    begin: Callable[..., BeginOutput], records: Records, ended: bool
) -> None:
    first = begin({"object": DROPPED, "scheduled_at": "2026-11-20T14:59:59Z"})
    if ended:
        end(records, first.run)
    # Redelivered after midnight: the event still says when it was.
    second = begin({"object": DROPPED, "scheduled_at": "2026-11-20T14:59:59Z"}, arn="arn:2", running=("arn:1",))
    assert (second.decision, second.run) == ("skip", first.run)


def test_the_same_key_written_again_is_another_run(begin: Callable[..., BeginOutput]) -> None:
    first, second = (
        begin({"object": DROPPED}),
        begin({"object": {**DROPPED, "sequencer": "006B", "version-id": "v2"}}, arn="arn:2"),
    )
    assert second.decision == "run"
    assert first.run.id != second.run.id


def test_a_failed_upload_is_taken_up_by_another_delivery(begin: Callable[..., BeginOutput], records: Records) -> None:
    first = begin({"object": DROPPED})
    end(records, first.run, "FAILED")
    again = begin({"object": DROPPED}, arn="arn:2")
    assert (again.decision, again.run) == ("run", first.run)


def test_a_collection_is_looked_at_anew_each_time(begin: Callable[..., BeginOutput], records: Records) -> None:
    first = begin({"collection": "dance"})
    assert begin({"collection": "dance"}, arn="arn:2", running=("arn:1",)).decision == "skip"
    end(records, first.run)
    assert begin({"collection": "dance", "only_if_failed": True}, arn="arn:2").decision == "skip"
    second = begin({"collection": "dance"}, arn="arn:2")
    assert (second.decision, second.run.attempt) == ("run", 2)
    assert keys.run_prefix(second.run) == "runs/upload/2026-11-20/dance.2"


def test_a_folder_starts_nothing(begin: Callable[..., BeginOutput], records: Records) -> None:
    assert begin({"object": {"key": "uploads/dance/"}}).decision == "skip"
    assert records.runs.newest("upload") == []


@pytest.mark.parametrize(
    ("start", "error", "said"),
    [
        ({}, InvalidStartError, "one of them"),
        ({"collection": "dance", "object": DROPPED}, InvalidStartError, "one of them"),
        ({"collection": "dance", "categories": ["dance"]}, InvalidStartError, "one of them"),
        ({"source": "tiktok", "collection": "dance"}, InvalidStartError, "for uploads"),
        ({"object": {"key": "uploads/a.mp4"}}, InvalidCollectionError, "uploads/NAME/"),
        ({"object": {"key": "collections/dance/a.mp4"}}, InvalidCollectionError, "no collection"),
        ({"collection": ""}, InvalidCollectionError, "''"),
        ({"collection": "v1.0"}, InvalidCollectionError, "'v1.0'"),
        ({"collection": "a/b"}, InvalidCollectionError, "'a/b'"),
        ({"collection": "🎬"}, InvalidCollectionError, "letters"),
        ({"collection": "x" * 101}, InvalidCollectionError, "100 bytes"),
    ],
)
def test_what_cannot_be_a_run_is_refused(
    begin: Callable[..., BeginOutput], start: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        begin(start)


# --- what is to be done ---


def test_what_is_no_video_is_named_and_the_videos_go_on(store: S3Store, records: Records) -> None:
    for name in ("a b.mp4", "sub/춤 🎬+1%.MOV", "photo.jpg", "old.zip", "notes.txt", "empty.mp4"):
        store.put(f"uploads/dance/{name}", b"" if name == "empty.mp4" else name.encode())
    store.put("uploads/dance/", b"")  # The console's folder.
    store.put("uploads/dancers/other.mp4", b"other")

    collected = collect(store, records)

    found = uploads_of(store)
    assert {name: each.finding for name, each in found.items()} == {
        "a b.mp4": Finding.VIDEO,
        "sub/춤 🎬+1%.MOV": Finding.VIDEO,
        "photo.jpg": Finding.NOT_A_VIDEO,
        "old.zip": Finding.NOT_A_VIDEO,
        "notes.txt": Finding.NOT_A_VIDEO,
        "empty.mp4": Finding.UNUSABLE,
    }
    assert "taken in by a run of their own" in found["old.zip"].error.message
    assert found["empty.mp4"].error.error == "EmptyVideoError"
    assert (collected.seen, collected.items, collected.not_videos, collected.failed_items) == (6, 2, 3, 1)


def test_one_object_is_all_that_its_run_looks_at(store: S3Store, records: Records) -> None:
    store.put(KEY, b"one")
    store.put("uploads/dance/other.mp4", b"two")
    collect(store, records, key=KEY, etag=store.describe(KEY).etag)
    assert list(uploads_of(store)) == ["내 영상 🎬 100% +1.mp4"]


def test_what_was_overwritten_or_deleted_since_is_left_to_its_own_run(store: S3Store, records: Records) -> None:
    store.put(KEY, b"new")
    assert collect(store, records, key=KEY, etag="of the former").items == 0
    assert [each.finding for each in uploads_of(store).values()] == [Finding.REPLACED]
    gone = collect(store, records, attempt(2), key="uploads/dance/gone.mp4", etag="e")
    assert (gone.status, gone.seen) == ("done", 0)


@pytest.mark.parametrize("names", [[], ["empty.mp4"]])
def test_nothing_usable_is_a_failure(store: S3Store, records: Records, names: list[str]) -> None:
    for name in names:
        store.put(f"uploads/dance/{name}", b"")
    with pytest.raises(NoUploadsError, match="uploads/dance/"):
        collect(store, records)


def test_too_large_a_video_is_refused_unread(store: S3Store, records: Records) -> None:
    store.put("uploads/dance/a.mp4", b"12345")
    settings = Settings(upload=UploadSettings(max_size_bytes=4))
    with pytest.raises(NoUploadsError, match="5 bytes"):
        collect_uploads(UploadsInput(run=RUN, scope="dance"), settings, store, records)
    assert records.videos.get("dance", "a.mp4").entry.error == "VideoLimitError"
    assert not store.exists("uploads/dance/a.mp4"), "what is never used must not be paid for"


def test_nothing_else_that_is_refused_is_deleted(store: S3Store, records: Records) -> None:
    store.put("uploads/dance/empty.mp4", b"")
    with pytest.raises(NoUploadsError):
        collect(store, records)
    assert store.exists("uploads/dance/empty.mp4")


def test_images_in_a_collection_that_is_started_as_a_whole_get_a_run_of_their_own(
    store: S3Store, records: Records
) -> None:
    store.put("uploads/dance/photo.jpg", b"1")
    assert (collect(store, records).items, records.inboxes.get("dance").is_awaited) == (0, True)
    assert store.exists("uploads/dance/photo.jpg")


def test_too_large_a_video_is_kept_where_the_settings_say_so(store: S3Store, records: Records) -> None:
    store.put("uploads/dance/a.mp4", b"12345")
    settings = Settings(upload=UploadSettings(max_size_bytes=4, delete_too_large=False))
    with pytest.raises(NoUploadsError):
        collect_uploads(UploadsInput(run=RUN, scope="dance"), settings, store, records)
    assert store.exists("uploads/dance/a.mp4")


def test_what_replaced_too_large_a_video_meanwhile_is_not_deleted(store: S3Store, records: Records) -> None:
    store.put("uploads/dance/a.mp4", b"12345")
    refused = store.describe("uploads/dance/a.mp4")
    store.put("uploads/dance/a.mp4", b"123")
    assert not store.delete_unchanged("uploads/dance/a.mp4", refused.etag)
    assert not store.delete_unchanged("uploads/dance/gone.mp4", refused.etag)
    assert store.get("uploads/dance/a.mp4") == b"123"


def test_what_is_done_is_known_until_it_is_overwritten(store: S3Store, records: Records) -> None:
    store.put(KEY, b"one")
    collect(store, records)
    (upload,) = uploads_of(store).values()
    records.videos.put("dance", upload, entry(upload))

    assert collect(store, records, attempt(2)).known == 1
    store.put(KEY, b"two")
    assert collect(store, records, attempt(3)).items == 1


def test_other_settings_make_a_video_undone(store: S3Store, records: Records) -> None:
    store.put(KEY, b"one")
    collect(store, records)
    (upload,) = uploads_of(store).values()
    records.videos.put("dance", upload, entry(upload))
    settings = Settings(upload=UploadSettings(preset="fast"))
    again = collect_uploads(UploadsInput(run=attempt(2), scope="dance"), settings, store, records)
    assert again.items == 1


def test_the_same_bytes_under_another_name_are_known_by_the_digest_that_s3_checked(
    store: S3Store, records: Records
) -> None:
    for name in ("a.mp4", "copy.mp4"):
        aws.s3().put_object(Bucket=store.bucket, Key=f"uploads/dance/{name}", Body=b"same", ChecksumAlgorithm="SHA256")
    first = Upload(
        key="uploads/dance/a.mp4", name="a.mp4", etag="e", size_bytes=4, modified_at=NOON, finding=Finding.VIDEO
    )
    digest = store.describe("uploads/dance/a.mp4").sha256
    records.videos.put_sequence("dance", entry(first, sha256=str(digest)))

    assert collect(store, records).known == 2
    copy = records.videos.get("dance", "copy.mp4").entry
    assert (copy.source, copy.output) == ("copy.mp4", f"{digest}.pose.parquet")


def test_an_object_of_parts_has_no_digest_that_says_what_is_in_it(store: S3Store) -> None:
    client, part = aws.s3(), b"x" * (5 << 20)
    made = client.create_multipart_upload(Bucket=store.bucket, Key=KEY, ChecksumAlgorithm="SHA256")
    parts = []
    for number in (1, 2):
        sent = client.upload_part(
            Bucket=store.bucket,
            Key=KEY,
            UploadId=made["UploadId"],
            PartNumber=number,
            Body=part,
            ChecksumAlgorithm="SHA256",
        )
        parts.append({"ETag": sent["ETag"], "PartNumber": number, "ChecksumSHA256": sent["ChecksumSHA256"]})
    client.complete_multipart_upload(
        Bucket=store.bucket, Key=KEY, UploadId=made["UploadId"], MultipartUpload={"Parts": parts}
    )
    assert store.describe(KEY).sha256 is None


# --- the plan ---


def test_the_job_has_a_child_a_video_that_is_not_done(store: S3Store, records: Records) -> None:
    for number in range(3):
        store.put(f"uploads/dance/{number}.mp4", str(number).encode())
    collect(store, records)
    done = uploads_of(store)["1.mp4"]
    records.videos.put("dance", done, entry(done))

    plan = plan_poses(StageInput(run=RUN, scopes=["dance"]), Settings(), store, records)

    job = PoseJob.model_validate_json(store.get(plan.job_spec_uri.removeprefix(f"s3://{store.bucket}/")))
    assert [each.name for each in job.videos] == ["0.mp4", "2.mp4"]
    assert (plan.array_size, job.array_size, plan.items, plan.compute, plan.analyze) == (2, 2, 2, "cpu", True)
    assert job.kind == "poses"
    assert job.settings["landmarks"]["model"] == "full"


def test_there_is_no_job_where_all_is_done(store: S3Store, records: Records) -> None:
    store.put(KEY, b"one")
    collect(store, records)
    (upload,) = uploads_of(store).values()
    records.videos.put("dance", upload, entry(upload))
    plan = plan_poses(StageInput(run=RUN, scopes=["dance"]), Settings(), store, records)
    assert (plan.analyze, plan.array_size) == (False, 1)


@pytest.mark.parametrize(
    ("settings", "array_size", "compute"),
    [
        ({"upload": {"array_videos": 2}}, 3, "cpu"),
        ({"upload": {"array_videos": 5}}, 1, "cpu"),
        ({"analysis": {"compute": "gpu"}}, 5, "gpu"),
    ],
)
def test_settings_decide_how_many_children_and_where(
    store: S3Store, records: Records, settings: dict[str, Any], array_size: int, compute: str
) -> None:
    for number in range(5):
        store.put(f"uploads/dance/{number}.mp4", b"v")
    collect(store, records)
    plan = plan_poses(StageInput(run=RUN, scopes=["dance"]), Settings(**settings), store, records)
    assert (plan.array_size, plan.compute) == (array_size, compute)


@pytest.mark.parametrize("name", ["timeout_s", "gpu_timeout_s", "attempt_timeout_s"])
def test_a_job_over_videos_has_time_limits_of_its_own(store: S3Store, records: Records, name: str) -> None:
    store.put(KEY, b"one")
    collect(store, records)
    settings = Settings(upload=UploadSettings(**{name: 4_242}), analysis=AnalysisSettings(**{name: 777}))
    plan = plan_poses(StageInput(run=RUN, scopes=["dance"]), settings, store, records)
    assert getattr(plan, name) == 4_242


# --- what is published ---


@pytest.fixture
def day(store: S3Store, records: Records, begin: Callable[..., BeginOutput]) -> Callable[[int], dict[str, Upload]]:
    """A run of some videos that were collected."""

    def make(videos: int) -> dict[str, Upload]:
        for number in range(videos):
            store.put(f"uploads/dance/{number}.mp4", str(number).encode())
        assert begin({"collection": "dance"}).run == RUN
        collect(store, records)
        return uploads_of(store)

    return make


def publish(store: S3Store, records: Records, run: Run = RUN) -> PosesOutput:
    return publish_poses(StageInput(run=run, scopes=["dance"]), Settings(), store, records)


def manifest_of(store: S3Store) -> dict[str, Any]:
    return json.loads(store.get("collections/dance/poses/manifests/2026-11-20/dance.json"))


def test_the_manifest_is_what_a_folder_would_have(day: Any, store: S3Store, records: Records) -> None:
    for upload in day(6).values():
        fault = VideoLostError("x")
        bad = failed_entry(upload, item_error(fault), RECORDED)
        records.videos.put("dance", upload, bad if upload.name == "5.mp4" else entry(upload))

    output = publish(store, records)

    manifest = manifest_of(store)
    jsonschema.validate(manifest, json_schema())
    assert list(manifest["videos"]) == [f"{number}.mp4" for number in range(6)]
    assert (manifest["totals"]["done"], manifest["totals"]["failed"]) == (5, 1)
    assert (output.done, output.failed, output.frames_kept) == (5, 1, 150)

    ended = finish(output, store, records)
    assert (ended["status"], ended["done"], ended["counts"]["poses"]["done"]) == ("SUCCEEDED", ["dance"], 5)
    assert "1 of 6 videos failed" in ended["degraded"][0]


def item_error(error: Exception) -> Any:
    from framesift.contracts import ItemError

    return ItemError(stage="analyze", error=type(error).__name__, message=str(error))


def finish(output: PosesOutput, store: S3Store, records: Records) -> dict[str, Any]:
    collected = UploadsOutput.model_validate_json(records.stages.output(RUN, "collect", "dance"))
    request = FinishInput(
        run=RUN,
        scopes=["dance"],
        collected=[collected.model_dump(mode="json")],
        planned_compute="cpu",
        analyzed_on="cpu",
        execution_arn="arn:1",
    )
    finish_run(request, store, records, lambda *_: None, WORKFLOW)
    return records.runs.get("upload", RUN.id).model_dump(mode="json")


def test_too_many_failures_fail_the_run_and_are_in_the_manifest(day: Any, store: S3Store, records: Records) -> None:
    first, second = day(2).values()
    records.videos.put("dance", first, entry(first))
    with pytest.raises(TooManyFailedItemsError, match=r"1 of 2 videos failed.*1\.mp4 was lost"):
        publish(store, records)
    assert records.videos.get("dance", second.name).entry.error == "VideoLostError"
    assert manifest_of(store)["totals"]["failed"] == 1


def test_a_sequence_with_other_settings_does_not_hide_that_a_video_was_lost(
    day: Any, store: S3Store, records: Records
) -> None:
    (upload,) = day(1).values()
    records.videos.put("dance", upload, entry(upload).model_copy(update={"settings": {"other": 1}}))
    with pytest.raises(TooManyFailedItemsError, match="was lost"):
        publish(store, records)


def test_what_the_job_died_of_is_said_of_the_videos_that_it_lost(day: Any, store: S3Store, records: Records) -> None:
    day(1)
    records.stages.put_fault(RUN, "analyze", RuntimeError("no networks are available"))
    record = records.runs.get("upload", RUN.id)
    assert records.runs.end(record.model_copy(update={"started_at": datetime.now(UTC) - timedelta(minutes=1)}))
    with pytest.raises(TooManyFailedItemsError, match="no networks are available"):
        publish(store, records)


def test_a_video_that_was_overwritten_meanwhile_counts_for_its_own_run(
    day: Any, store: S3Store, records: Records
) -> None:
    (upload,) = day(1).values()
    later = upload.model_copy(update={"etag": "newer", "modified_at": upload.modified_at + timedelta(minutes=1)})
    assert records.videos.put("dance", later, entry(later))
    assert not records.videos.put("dance", upload, entry(upload)), "the older one must not win"
    output = publish(store, records)
    assert (output.done, output.failed, output.replaced) == (0, 0, 1)
    assert manifest_of(store)["videos"] == {}, "what replaced it is in its own run's manifest"


def test_an_upload_costs_the_same_in_a_collection_of_any_size(
    begin: Callable[..., BeginOutput], store: S3Store, records: Records, on_aws: Callable[..., None]
) -> None:
    written_bytes: list[int] = []
    reads: list[int] = []

    def count(params: dict[str, Any], **_: Any) -> None:
        if "manifests/" in params["url_path"]:
            written_bytes.append(params["body"].getbuffer().nbytes)

    on_aws(aws.s3(), "before-call.s3.PutObject", count)
    on_aws(aws.dynamodb(), "after-call.dynamodb.Query", lambda parsed, **_: reads.append(parsed["Count"]))
    for number in range(60):
        key = f"uploads/dance/{number:02}.mp4"
        store.put(key, b"v")
        start = {"key": key, "etag": store.describe(key).etag, "sequencer": str(number)}
        run = begin({"object": start}, arn=f"arn:{number}").run
        collect(store, records, run, **start)
        (upload,) = uploads_of(store, run).values()
        records.videos.put("dance", upload, entry(upload))
        publish(store, records, run)

    assert len(written_bytes) == 60
    assert len(set(written_bytes)) == 1, "each manifest holds its own run's video"
    assert reads == [], "and no other video's record is read"
    assert len(list(store.list("collections/dance/poses/manifests/2026-11-20/dance."))) == 60
    assert len(records.videos.all("dance")) == 60


def test_a_collection_that_is_run_again_leaves_the_first_runs_manifest(
    begin: Callable[..., BeginOutput], day: Any, store: S3Store, records: Records
) -> None:
    first, second = day(2).values()
    for upload in (first, second):
        records.videos.put("dance", upload, entry(upload))
    publish(store, records)
    end(records, RUN)
    store.put("uploads/dance/2.mp4", b"2")
    again = begin({"collection": "dance"}, arn="arn:2").run
    collect(store, records, again)
    third = uploads_of(store, again)["2.mp4"]
    records.videos.put("dance", third, entry(third))

    output = publish(store, records, again)

    assert output.manifest_key == "collections/dance/poses/manifests/2026-11-20/dance.2.json"
    assert len(json.loads(store.get(output.manifest_key))["videos"]) == 3
    assert len(manifest_of(store)["videos"]) == 2


def test_a_failed_run_says_how_to_take_it_up_in_a_subject_that_sns_takes(
    begin: Callable[..., BeginOutput], records: Records
) -> None:
    from framesift.contracts import FailInput

    begun = begin({"object": {**DROPPED, "key": "uploads/춤/a.mp4"}})
    letters: list[tuple[str, str]] = []
    request = FailInput(run=begun.run, stage="publish", error="E", cause="c", execution_arn="arn:1")
    fail_run(request, records, lambda *letter: letters.append(letter), WORKFLOW)
    assert "framesift run upload --collection '춤'" in letters[0][1]
    # Cut off without a word: the run is found by its execution.
    assert records.runs.of_execution("arn:1").status == "FAILED"


# --- with the malware scan ---

SCANNED = Settings(upload=UploadSettings(only_scanned=True))


def tag(store: S3Store, key: str, status: str) -> None:
    tags: Any = {"TagSet": [{"Key": "GuardDutyMalwareScanStatus", "Value": status}]}
    aws.s3().put_object_tagging(Bucket=store.bucket, Key=key, Tagging=tags)


def test_of_a_collection_only_what_was_found_clean_goes_on(store: S3Store, records: Records) -> None:
    for name in ("clean", "bad", "unscanned"):
        store.put(f"uploads/dance/{name}.mp4", name.encode())
    tag(store, "uploads/dance/clean.mp4", "NO_THREATS_FOUND")
    tag(store, "uploads/dance/bad.mp4", "THREATS_FOUND")
    collected = collect_uploads(UploadsInput(run=RUN, scope="dance"), SCANNED, store, records)
    found = uploads_of(store)
    assert (collected.items, found["clean.mp4"].finding) == (1, Finding.VIDEO)
    assert found["bad.mp4"].error.error == "MalwareFoundError"
    assert found["unscanned.mp4"].error.error == "NotScannedError"
    assert store.exists("uploads/dance/bad.mp4"), "what is done with malware is the operator's decision"


def test_what_its_scan_started_is_clean_though_the_tag_may_be_late(store: S3Store, records: Records) -> None:
    store.put(KEY, b"one")
    made = UploadedObject(key=KEY, etag=store.describe(KEY).etag, scan_result="NO_THREATS_FOUND")
    collected = collect_uploads(UploadsInput(run=RUN, scope="dance", object=made), SCANNED, store, records)
    assert collected.items == 1


def test_a_start_by_hand_is_not_taken_on_trust(store: S3Store, records: Records) -> None:
    store.put(KEY, b"one")
    with pytest.raises(NoUploadsError, match="not found clean"):
        collect_uploads(UploadsInput(run=RUN, scope="dance", object=UploadedObject(key=KEY)), SCANNED, store, records)
