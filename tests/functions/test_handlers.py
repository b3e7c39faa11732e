"""Every entry point, run with events as the workflow sent them, on moto and the stand-ins.

The events are recordings of `framesift local run`, one file each in `fixtures/events`: `{function}.json`, or
`{function}.{case}.json`. Every function and every image that the workflow starts has at least one.
"""

from __future__ import annotations

import ast
import gzip
import json
import logging
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib import import_module
from io import BytesIO, StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from PIL import Image

from framesift import aws, keys
from framesift.catalog.log import CatalogLog
from framesift.contracts import (
    AnalysisSummary,
    Clip,
    FileRef,
    Finding,
    LookOutcome,
    Media,
    Run,
    Upload,
    UploadsOutput,
)
from framesift.log import logger
from framesift.settings import load_settings
from framesift.storage import S3Store, read_lines, write_manifest
from framesift.table import BatchRecord, ItemDay, Profile, Records, RunRecord
from framesift_local.standins.customvision import CustomVisionStandIn
from framesift_local.standins.customvision.account import RESOURCE_ID, Account, Training
from framesift_local.standins.customvision.server import PREDICTION_KEY, TRAINING_KEY
from framesift_local.standins.sample_video import write_sample_video
from framesift_local.standins.youtube import YoutubeStandIn
from framesift_local.standins.youtube.images import draw, encode
from framesift_local.standins.youtube.server import API_KEY

ROOT = Path(__file__).parents[2]
EVENTS = ROOT / "tests" / "fixtures" / "events"
AT = datetime(2026, 11, 22, tzinfo=UTC)
ENTRY_POINTS = {
    **{path.parent.name: f"functions.{path.parent.name}.handler" for path in ROOT.glob("functions/*/handler.py")},
    "crawl_category": "containers.crawler.handler",
    "vision": "containers.vision.main",
}
TAGS = ("person", "logo")


class World:
    """An account with a bucket and a table, and what a test prepares there for one event."""

    def __init__(self, store: S3Store, records: Records, request: pytest.FixtureRequest) -> None:
        self.store, self.records, self.fixture = store, records, request.getfixturevalue
        self.patch, self.folder = self.fixture("monkeypatch"), self.fixture("tmp_path")
        self.set(platform__bucket=store.bucket, platform__table=records.name, download__allow_loopback="true")

    def set(self, **variables: str) -> None:
        for name, value in variables.items():
            self.patch.setenv(f"FRAMESIFT_{name.upper()}", value)
        load_settings.cache_clear()

    def send(self, name: str, **changes: Any) -> Any:
        """Give an entry point the event of that name; `changes` are what only this account knows: identifiers."""
        event = json.loads((EVENTS / f"{name}.json").read_text("utf-8")) | changes
        function = name.split(".")[0]
        module = import_module(ENTRY_POINTS[function])
        if function == "vision":
            self.store.put("job.json", json.dumps(event).encode())
            return module.main(f"s3://{self.store.bucket}/job.json")
        context = SimpleNamespace(
            function_name=function,
            memory_limit_in_mb=512,
            invoked_function_arn=f"arn:aws:lambda:ap-northeast-2:123456789012:function:{function}",
            aws_request_id="52fdfc07-2182-154f-163f-5f0f9a621d72",
            get_remaining_time_in_millis=lambda: 600_000,
        )
        return json.loads(json.dumps(module.handler(event, context)))

    def begin(self, name: str = "begin_run") -> Run:
        return Run.model_validate(self.send(name)["run"])

    def record(self, run: Run) -> RunRecord:
        found = self.records.runs.get(run.source, run.id)
        assert found is not None
        return found


def run_of(event: str) -> Run:
    return Run.model_validate(json.loads((EVENTS / f"{event}.json").read_text("utf-8"))["run"])


def put_clips(world: World, run: Run, category: str, images: list[bytes], *stages: str) -> list[Clip]:
    """Write a category's images and manifests, as the stages before would have left them."""
    clips = []
    for number, image in enumerate(images):
        key = keys.media(run, category, f"{category}{number}", "jpg")
        world.store.put(key, image, "image/jpeg")
        with Image.open(BytesIO(image)) as opened:
            width, height = opened.size
        media = Media(
            key=key,
            sha256=f"{number:064x}",
            content_type="image/jpeg",
            size_bytes=len(image),
            width=width,
            height=height,
        )
        clips.append(
            Clip(
                source=run.source,
                category=category,
                id=f"{category}{number}",
                url=f"https://site.test/@a/video/{category}{number}",
                title="여름에 먹는 냉면",
                views=1_000_000 - number,
                collected_at=AT,
                media=media,
            )
        )
    for stage in stages:
        write_manifest(world.store, keys.manifest(run, category, stage), clips)
    return clips


def drawings(count: int) -> list[bytes]:
    return [encode(draw(number)[0], 320, 180) for number in range(count)]


# --- begin, finish, fail ---


def begins_a_day(world: World) -> None:
    output = world.send("begin_run")
    assert (output["decision"], output["goal"], output["collector"]) == ("run", "lists", "crawler")
    assert [work["scope"] for work in output["work"]] == ["main", "dance", "challenge", "food", "tts"]
    assert world.record(Run.model_validate(output["run"])).status == "RUNNING"


def begins_an_upload(world: World) -> None:
    output = world.send("begin_run.upload")
    assert (output["decision"], output["goal"], output["collector"]) == ("run", "poses", "uploads")
    assert output["run"] == run_of("collect_uploads").model_dump()


def begins_a_batch(world: World) -> None:
    job = make_look_batch(world)
    output = world.send("begin_run.batch")
    assert (output["decision"], output["goal"], output["collector"]) == ("run", "catalog", "uploads")
    assert output["run"] == job["run"]
    assert output["work"][0]["batch"] == job["batch"]


def fails_a_run_and_notifies(world: World) -> None:
    topic = aws.sns().create_topic(Name="failures")["TopicArn"]
    sqs = boto3.client("sqs")
    queue = sqs.create_queue(QueueName="inbox")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    aws.sns().subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    world.set(platform__failure_topic=topic)
    run = world.begin()
    world.send("fail_run")
    record = world.record(run)
    assert (record.status, record.stage, record.error) == ("FAILED", "analyze", "States.Timeout")
    [message] = sqs.receive_message(QueueUrl=queue)["Messages"]
    assert "tiktok" in json.loads(message["Body"])["Subject"]


# --- the lists ---


def crawls_a_category(world: World) -> None:
    from framesift_local.standins.clipsite import CATEGORIES, ClipSite

    with ClipSite(date=date(2026, 11, 22), cache_dir=world.folder, clips_per_category=20) as site:
        world.set(
            crawl__site_url=site.url,
            crawl__paths=json.dumps({category: f"/{category}" for category in CATEGORIES}),
            crawl__scroll_pause_s="[0.03, 0.08]",
        )
        output = world.send("crawl_category")
        popular = [id_ for id_, clip in site.catalogue().clips.items() if clip.views >= 100_000]
    items = read_lines(world.store, output["manifest_key"], Clip)
    assert (output["scope"], output["items"], output["failed_items"]) == ("dance", len(items), 0)
    assert {item.id for item in items} <= set(popular)
    assert items
    assert all(item.media and world.store.exists(item.media.key) for item in items)


def plans_a_vision_job(world: World) -> None:
    collect_a_feed(world)
    output = world.send("plan_analysis")
    assert (output["analyze"], output["items"], output["queue"]) == (True, 12, "daily")
    spec = json.loads(world.store.get(output["job_spec_uri"].removeprefix(f"s3://{world.store.bucket}/")))
    assert (spec["kind"], spec["bucket"], spec["table"]) == ("images", world.store.bucket, world.records.name)


def analyzes_images(world: World) -> None:
    run = run_of("vision.images")
    image, other = drawings(2)
    scopes = ["main", "dance", "challenge", "food", "tts"]
    for scope in scopes:
        put_clips(world, run, scope, [image, other][: 1 + (scope == "main")], "collected")
    world.set(duplicates__model="pdq", analysis__model_cache=str(world.folder))
    assert world.send("vision.images", bucket=world.store.bucket, table=world.records.name) == 0
    summary = AnalysisSummary.model_validate_json(world.store.get(keys.analysis_summary(run, scopes)))
    assert (summary.items, summary.embedder, summary.duplicates) == (6, "pdq", 4)


def curates_a_category(world: World) -> None:
    run = run_of("curate_category")
    put_clips(world, run, "dance", drawings(3), "analyzed")
    output = world.send("curate_category")
    assert (output["items"], output["ranked"], output["dropped"]) == (3, 3, {})
    curated = read_lines(world.store, output["manifest_key"], Clip)
    assert [clip.decision.rank for clip in curated if clip.decision] == [1, 2, 3]
    assert {clip.language.code for clip in curated if clip.language} == {"ko"}


def curate_a_day(world: World) -> Run:
    run = world.begin()
    for scope in world.record(run).scopes:
        put_clips(world, run, scope, drawings(1) * 11, "collected", "analyzed")
        world.send("curate_category", scope=scope)
    return run


def publishes_lists(world: World) -> None:
    run = curate_a_day(world)
    output = world.send("publish_lists")
    assert (output["edition"], len(output["lists"])) == (run.date, 5)
    for each in output["lists"]:
        assert json.loads(world.store.get(each["key"]))["count"] == each["count"] == 10


def archives_the_rest(world: World) -> None:
    run = curate_a_day(world)
    world.send("publish_lists")
    world.send("archive_run")
    assert len(list(world.store.list(f"residual/{run.date}/dance/media/"))) == 1


def finishes_a_day(world: World) -> None:
    run = curate_a_day(world)
    world.send("publish_lists")
    world.send("archive_run")
    world.set(duplicates__model="pdq", analysis__model_cache=str(world.folder))
    assert world.send("vision.images", bucket=world.store.bucket, table=world.records.name) == 0
    output = world.send("finish_run")
    record = world.record(run)
    assert (output["status"], output["failed_categories"], record.status) == ("SUCCEEDED", [], "SUCCEEDED")
    assert record.counts["dance"]["ranked"] == 10


# --- the detector ---


def collect_a_feed(world: World) -> Any:
    with YoutubeStandIn(date(2026, 11, 22), videos=12) as stand_in:
        world.set(youtube__api_url=stand_in.api_url, youtube__api_key=API_KEY)
        return world.send("collect_feed")


def collects_a_feed(world: World) -> None:
    output = collect_a_feed(world)
    items = read_lines(world.store, output["manifest_key"], Clip)
    assert (output["items"], output["failed_items"], len(items)) == (12, 0, 12)
    assert all(item.media and world.store.exists(item.media.key) for item in items)


class Azure:
    """Custom Vision as the settings find it: a serving project, and an empty candidate."""

    def __init__(self, world: World, stand_in: CustomVisionStandIn) -> None:
        self.serving = stand_in.account.make_project("A", TAGS, publish="stable")
        self.candidate = stand_in.account.make_project("B")
        world.set(
            custom_vision__training_endpoint=stand_in.url,
            custom_vision__training_key=TRAINING_KEY,
            custom_vision__prediction_endpoint=stand_in.url,
            custom_vision__prediction_key=PREDICTION_KEY,
            custom_vision__prediction_resource_id=RESOURCE_ID,
            custom_vision__serving_project=self.serving.id,
            custom_vision__candidate_project=self.candidate.id,
            custom_vision__requests_per_s="500",
            detection__tags=json.dumps({"person": 0.5, "logo": 0.5}),
            detection__review_from="0.45",
        )


def with_azure(check: Callable[[World, Azure], None]) -> Callable[[World], None]:
    def run(world: World) -> None:
        account = Account(world.folder / "customvision", training=Training(training_s=0))
        with CustomVisionStandIn(account) as stand_in:
            check(world, Azure(world, stand_in))

    run.__name__ = check.__name__
    return run


def predict_a_day(world: World) -> Any:
    put_clips(world, run_of("predict_items"), "popular", drawings(40), "collected", "analyzed")
    return world.send("predict_items")


def train_a_day(world: World) -> str:
    predict_a_day(world)
    trained = world.send("train_detector")
    assert trained["outcome"] == "training", trained
    return str(trained["iteration_id"])


@with_azure
def predicts(world: World, azure: Azure) -> None:
    output = predict_a_day(world)
    assert output["detector"].endswith("/stable")
    [popular] = output["categories"]
    assert (popular["items"], popular["failed_items"]) == (40, 0)
    assert popular["confident"]["person"] > 0


@with_azure
def uploads_and_trains(world: World, azure: Azure) -> None:
    iteration_id = train_a_day(world)
    assert list(azure.candidate.iterations) == [iteration_id]
    assert len(azure.candidate.images) > 15


@with_azure
def checks_a_training(world: World, azure: Azure) -> None:
    iteration_id = train_a_day(world)
    output = world.send("check_training", iteration_id=iteration_id)
    assert (output["status"], output["iteration_id"]) == ("completed", iteration_id)


@with_azure
def gates_an_iteration(world: World, azure: Azure) -> None:
    iteration_id = train_a_day(world)
    output = world.send("gate_iteration", iteration_id=iteration_id)
    assert (output["outcome"], output["iteration_id"]) == ("published", iteration_id)
    assert azure.candidate.iterations[iteration_id].publish_name == output["publish_name"]


# --- the poses ---


def put_video(world: World) -> Upload:
    """The video of the recorded run, in the bucket."""
    path = world.folder / "swaying.mp4"
    write_sample_video(path, 0.5)
    key = "uploads/demo/swaying.mp4"
    world.store.upload(path, key)
    stored = world.store.describe(key)
    assert stored is not None
    return Upload(**stored.model_dump(exclude={"sha256"}), name="swaying.mp4", finding=Finding.VIDEO)


def collect_the_video(world: World) -> Any:
    upload = put_video(world)
    return world.send("collect_uploads", object={"key": upload.key, "etag": upload.etag})


def collects_an_upload(world: World) -> None:
    output = collect_the_video(world)
    assert (output["scope"], output["seen"], output["items"]) == ("demo", 1, 1)


def plans_a_pose_job(world: World) -> None:
    collect_the_video(world)
    output = world.send("plan_analysis.upload")
    assert (output["analyze"], output["items"], output["queue"]) == (True, 1, "uploads")


def extracts_poses(world: World) -> None:
    world.fixture("pose_model")
    video = put_video(world).model_dump(mode="json")
    before = signal.getsignal(signal.SIGTERM)
    try:
        done = world.send("vision.poses", bucket=world.store.bucket, table=world.records.name, videos=[video])
    finally:
        signal.signal(signal.SIGTERM, before)
    assert done == 0
    recorded = world.records.videos.get("demo", "swaying.mp4")
    assert recorded is not None
    assert recorded.entry.status == "done"
    assert world.store.exists(keys.poses_prefix("demo") + str(recorded.entry.output))


def publishes_what_became_of_the_videos(world: World) -> None:
    from framesift.errors import TooManyFailedItemsError

    collect_the_video(world)
    # No job has recorded anything about the video: it is lost, which is more than a run tolerates.
    with pytest.raises(TooManyFailedItemsError, match=r"swaying\.mp4 was lost"):
        world.send("publish_poses")
    [key] = world.store.list(keys.poses_prefix("demo"))
    manifest = json.loads(world.store.get(key))
    assert manifest["videos"]["swaying.mp4"]["error"] == "VideoLostError"


def brings_a_batch_into_the_catalog(world: World) -> None:
    from framesift.catalog.ledger import read_ledger
    from framesift.errors import TooManyFailedItemsError

    run = Run.model_validate(json.loads((EVENTS / "update_catalog.json").read_text())["run"])
    batch = str(run.subject).removeprefix("demo.")
    created_at = datetime(2026, 11, 21, 15, 29, tzinfo=UTC)
    world.records.collections.ensure("demo")
    world.records.batches.create(
        BatchRecord(
            collection="demo", id=batch, kind="inbox", state="running", date="2026-11-22", created_at=created_at
        )
    )
    prefix = keys.look_prefix("demo", batch, "a")
    file = FileRef(name="a.jpg", key="uploads/demo/a.jpg", size_bytes=1)
    write_manifest(world.store, keys.look_shard(prefix, 0), [file])
    listed = UploadsOutput(scope="demo", batch=batch, shards_prefix=prefix, shards=1, items=1, seen=1)
    world.records.stages.end(run, "collect", "demo", listed.model_dump_json())
    # No job has looked at the shard: its file is lost, which is more than a run tolerates.
    with pytest.raises(TooManyFailedItemsError, match="1 of 1 files were lost"):
        world.send("update_catalog")
    (line,) = read_ledger(world.store, "demo", batch)
    assert (line.name, line.error.error if line.error else "") == ("a.jpg", "FileLostError")


def make_look_batch(world: World) -> dict[str, Any]:
    """Make the batch that a look job was recorded of; return the job's specification."""
    job: dict[str, Any] = json.loads((EVENTS / "vision.look.json").read_text("utf-8"))
    world.records.collections.ensure(job["collection"])
    batch = BatchRecord(
        collection=job["collection"],
        id=job["batch"],
        kind="inbox",
        state="running",
        date=job["run"]["date"],
        created_at=AT,
    )
    assert world.records.batches.create(batch)
    return job


def look_at_two_drawings(world: World) -> dict[str, Any]:
    """Run the job over an image, its smaller copy, and a file that is none."""
    job = make_look_batch(world)
    picture = draw(1)[0]
    files = []
    images = {"a.jpg": encode(picture, 640, 360), "b.jpg": encode(picture, 480, 270), "c.jpg": b"text"}
    for name, data in images.items():
        key = f"uploads/{job['collection']}/{name}"
        world.store.put(key, data)
        files.append(FileRef(name=name, key=key, size_bytes=len(data)))
    write_manifest(world.store, keys.look_shard(job["shards_prefix"], 0), files)
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert world.send("vision.look", bucket=world.store.bucket, table=world.records.name, shards=1) == 0
    finally:
        signal.signal(signal.SIGTERM, before)
    return job


def looks_at_images(world: World) -> None:
    job = look_at_two_drawings(world)
    lines = gzip.decompress(world.store.get(keys.look_results(job["shards_prefix"], 0))).splitlines()
    outcomes = [LookOutcome.model_validate_json(line) for line in lines]
    assert [outcome.status for outcome in outcomes] == ["added", "added", "refused"]
    for outcome in outcomes[:2]:
        assert outcome.item is not None
        assert world.store.exists(str(outcome.item.key))
        assert world.store.exists(keys.collection_thumbnail(job["collection"], outcome.item.id, 256))


def compares_images(world: World) -> None:
    job = look_at_two_drawings(world)
    listed = UploadsOutput(
        scope=job["collection"],
        batch=job["batch"],
        shards_prefix=job["shards_prefix"],
        shards=1,
        items=3,
        seen=3,
    )
    world.records.stages.end(Run.model_validate(job["run"]), "collect", job["collection"], listed.model_dump_json())
    published = world.send("update_catalog", run=job["run"], scopes=[job["collection"]])
    assert published["counts"] == {"added": 2, "refused": 1}
    assert world.store.exists(published["compare_spec_uri"].removeprefix(f"s3://{world.store.bucket}/"))
    assert world.send("vision.compare", bucket=world.store.bucket, table=world.records.name) == 0
    log = CatalogLog(job["collection"], world.store, world.records)
    *_, last = log.after(0)
    assert last.body.kind == "set_duplicates"
    assert len(list(log.rows(last))) == 1


# --- the API ---


def answers_a_list_that_is_not_there_yet(world: World) -> None:
    answer = world.send("serve_api.get_top10")
    assert answer["statusCode"] == 404
    assert "No list of 'dance' is published yet" in json.loads(answer["body"])["detail"]


def records_a_takedown(world: World) -> None:
    assert world.send("serve_api.post_takedown")["statusCode"] == 404, "a clip that was never collected"
    world.records.items.put_days([ItemDay(source="tiktok", id="7301", date="2026-11-22", category="dance", views=1)])
    assert world.send("serve_api.post_takedown")["statusCode"] == 200
    assert world.records.items.taken_down("tiktok") == {"7301": "the author asked for it"}


def makes_a_collection_once(world: World) -> None:
    user = "2f0b9d3e-6041-70aa-0b1c-6d7a3fEXAMPLE"
    world.records.people.create(Profile(user=user, email="kim@example.com", created_at=datetime.now(UTC)))
    first, second = (world.send("serve_collections.post_collection") for _ in range(2))
    assert (first["statusCode"], second["statusCode"]) == (201, 201)
    assert first["body"] == second["body"], "the same idempotency key"
    collection = world.records.collections.get("parts")
    assert (collection.name, collection.owner) == ("Parts of the pump", user)


def deletes_what_was_removed(world: World) -> None:
    from framesift.contracts import CatalogItem

    world.records.collections.ensure("demo")
    facts = {"names": ["a.png"], "content_type": "image/png", "size_bytes": 1, "width": 1, "height": 1, "added_at": AT}
    item = CatalogItem.model_validate({"id": "a" * 32, "sha256": "a" * 64, **facts})
    log = CatalogLog("demo", world.store, world.records)
    log.add_items([item], "ann")
    world.store.put(keys.collection_thumbnail("demo", item.id, 256), b"a thumbnail")
    log.remove_items([item.id], "ann")
    assert world.send("maintain_collections")["deletions_left"] == 0
    assert not world.store.exists(keys.collection_thumbnail("demo", item.id, 256))


@dataclass(frozen=True)
class Case:
    """What becomes of an event."""

    event: str
    check: Callable[[World], None]
    needs: tuple[Any, ...] = ()


CASES = [
    Case("begin_run", begins_a_day),
    Case("begin_run.upload", begins_an_upload),
    Case("begin_run.batch", begins_a_batch),
    Case("crawl_category", crawls_a_category, (pytest.mark.slow,)),
    Case("collect_feed", collects_a_feed),
    Case("collect_uploads", collects_an_upload),
    Case("plan_analysis", plans_a_vision_job),
    Case("plan_analysis.upload", plans_a_pose_job),
    Case("vision.images", analyzes_images),
    Case("vision.poses", extracts_poses, (pytest.mark.slow,)),
    Case("vision.look", looks_at_images),
    Case("vision.compare", compares_images),
    Case("curate_category", curates_a_category),
    Case("publish_lists", publishes_lists),
    Case("archive_run", archives_the_rest),
    Case("finish_run", finishes_a_day),
    Case("fail_run", fails_a_run_and_notifies),
    Case("predict_items", predicts),
    Case("train_detector", uploads_and_trains),
    Case("check_training", checks_a_training),
    Case("gate_iteration", gates_an_iteration),
    Case("publish_poses", publishes_what_became_of_the_videos),
    Case("update_catalog", brings_a_batch_into_the_catalog),
    Case("serve_api.get_top10", answers_a_list_that_is_not_there_yet),
    Case("serve_api.post_takedown", records_a_takedown),
    Case("serve_collections.post_collection", makes_a_collection_once),
    Case("maintain_collections", deletes_what_was_removed),
]


@pytest.fixture
def world(store: S3Store, records: Records, request: pytest.FixtureRequest) -> Iterator[World]:
    yield World(store, records, request)
    load_settings.cache_clear()


@pytest.fixture
def read_log() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Gives what is logged, as it would reach CloudWatch: JSON lines."""
    stream, level = StringIO(), logger.log_level
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logger.registered_formatter)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logger.setLevel(level)
    logger.removeHandler(handler)


# The stage whose work an entry point does, in a function or in a job.
STAGE_OF = {
    "crawl_category": "collect",
    "collect_feed": "collect",
    "collect_uploads": "collect",
    "vision.images": "analyze",
    "vision.poses": "analyze",
    "vision.look": "analyze",
    "vision.compare": "compare",
    "curate_category": "curate",
    "publish_lists": "publish",
    "archive_run": "archive",
    "predict_items": "predict",
    "train_detector": "train",
    "gate_iteration": "gate",
    "publish_poses": "poses",
    "update_catalog": "catalog",
}


@pytest.mark.parametrize("case", [pytest.param(case, id=case.event, marks=case.needs) for case in CASES])
def test_an_event_does_its_work_and_a_stage_logs_how_it_ended(
    case: Case, world: World, read_log: Callable[[], list[dict[str, Any]]]
) -> None:
    case.check(world)

    lines = [line for line in read_log() if line["message"] in {"stage done", "stage failed"}]
    assert STAGE_OF.get(case.event) in {*(line["stage"] for line in lines), None}
    for line in lines:
        assert {"source", "run", "attempt", "stage", "scope", "seconds"} <= set(line)
        if line["message"] == "stage done":
            assert all(isinstance(count, int) for count in line["counts"].values())
        else:
            assert line["error"].endswith("Error")
            assert line["cause"]


def test_every_entry_point_has_an_event_and_every_event_is_sent() -> None:
    recorded = {path.name.removesuffix(".json") for path in EVENTS.glob("*.json")}
    assert {case.event for case in CASES} == recorded
    assert {event.split(".")[0] for event in recorded} == set(ENTRY_POINTS)


@pytest.mark.parametrize("path", [*ROOT.glob("functions/*/handler.py"), *ROOT.glob("containers/*/handler.py")], ids=str)
def test_a_handler_is_short(path: Path) -> None:
    module = ast.parse(path.read_text("utf-8"))
    lines = {node.lineno for node in ast.walk(module) if isinstance(node, ast.stmt | ast.expr)}
    assert len(lines) <= 25
