"""Our workflow against the limits of Lambda and Step Functions, with its real functions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from PIL import Image

from framesift import aws, keys
from framesift.contracts import (
    AnalysisSummary,
    Clip,
    CrawlOutput,
    Finding,
    FrameCounts,
    Media,
    Run,
    Upload,
    UploadsOutput,
    VideoEntry,
)
from framesift.pipeline.upload.poses import pose_settings
from framesift.settings import load_settings
from framesift.storage import S3Store, write_json, write_manifest
from framesift.table import Records
from tests.integration.embedded.conftest import Running

MAX_STATE_BYTES = 256 * 1024
MAX_EVENTS = 25_000
STARTS = 3
pytestmark = pytest.mark.slow


def history(aws: Running, arn: str) -> list[dict[str, Any]]:
    pages = aws.client("stepfunctions").get_paginator("get_execution_history").paginate(executionArn=arn)
    return [event for page in pages for event in page["events"]]


def details(event: dict[str, Any]) -> dict[str, Any]:
    return next((value for name, value in event.items() if name.endswith("EventDetails")), {})


def start(aws: Running, number: int) -> str:
    # An object that was deleted meanwhile: every step runs, and the job has nothing to do.
    dropped = {"key": f"uploads/dance/{number}.mp4", "etag": "e", "sequencer": f"{number:04}"}
    start = json.dumps({"source": "upload", "object": dropped})
    machine = aws.outputs["StateMachineArn"]
    return aws.client("stepfunctions").start_execution(stateMachineArn=machine, input=start)["executionArn"]


@pytest.fixture(scope="module")
def histories(crowded: Running) -> list[list[dict[str, Any]]]:
    """Of executions that were started at once, where each function takes one event at a time."""
    first = start(crowded, STARTS)  # The functions' workers are started by it, so the others only wait for each other.
    crowded.wait_for(lambda: crowded.ended(first), 240)
    arns = [start(crowded, number) for number in range(STARTS)]
    ended = [crowded.wait_for(lambda arn=arn: crowded.ended(arn), 240) for arn in arns]
    assert [(each["status"], each.get("error")) for each in ended] == [("SUCCEEDED", None)] * STARTS
    return [history(crowded, arn) for arn in arns]


def test_throttled_functions_are_tried_again_until_each_run_succeeds(histories: list[list[dict[str, Any]]]) -> None:
    errors = [details(event).get("error", "") for events in histories for event in events]
    throttled = [error for error in errors if "TooManyRequestsException" in error]
    assert throttled, "no function was throttled, so this shows nothing"


def test_a_run_is_far_from_the_limits_of_step_functions(histories: list[list[dict[str, Any]]]) -> None:
    for events in histories:
        sizes = [len(str(details(event).get(name, "")).encode()) for event in events for name in ("input", "output")]
        assert max(sizes) < MAX_STATE_BYTES / 32
        assert len(events) < MAX_EVENTS / 100


# --- the largest day, and the largest collection ---

CATEGORIES = ["main", "dance", "challenge", "food", "tts"]
ITEMS = 2_000
VIDEOS = 10_000
YESTERDAY = (datetime.now(ZoneInfo("Asia/Seoul")) - timedelta(days=1)).date().isoformat()
LARGE_DAY = (datetime.now(ZoneInfo("Asia/Seoul")) - timedelta(days=3)).date().isoformat()
"""The other tests of this machine, which may run before, make no run of it."""


@dataclass(frozen=True)
class Account:
    """The embedded AWS as our own code sees it."""

    running: Running
    store: S3Store
    records: Records

    def run(self, start: dict[str, Any], timeout_s: float) -> list[dict[str, Any]]:
        """The history of an execution that succeeded."""
        arn = self.running.client("stepfunctions").start_execution(
            stateMachineArn=self.running.outputs["StateMachineArn"], input=json.dumps(start)
        )["executionArn"]
        ended = self.running.wait_for(lambda: self.running.ended(arn), timeout_s)
        assert ended["status"] == "SUCCEEDED", (ended.get("error"), ended.get("cause"))
        return history(self.running, arn)


@pytest.fixture
def account(crowded: Running, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    monkeypatch.setenv("AWS_ENDPOINT_URL", crowded.endpoint)
    aws.forget_clients()
    yield Account(crowded, S3Store(crowded.outputs["BucketName"]), Records(crowded.outputs["TableName"]))
    aws.forget_clients()


def measure(events: list[dict[str, Any]]) -> tuple[int, int]:
    """The bytes of the largest state, and the number of events."""
    sizes = [len(str(details(event).get(name, "")).encode()) for event in events for name in ("input", "output")]
    return max(sizes), len(events)


def collected_day(account: Account, run: Run) -> None:
    """Leave what the collect and analyze stages of a large day leave; only what may be listed has an image."""
    image = BytesIO()
    Image.new("RGB", (64, 96), "orange").save(image, "JPEG")
    for category in CATEGORIES:
        clips = []
        for number in range(ITEMS):
            item_id = f"{category}{number:04}"
            key = keys.media(run, category, item_id, "jpg")
            media = Media(key=key, sha256="0" * 64, content_type="image/jpeg", size_bytes=9, width=64, height=96)
            clips.append(
                Clip(
                    source="tiktok",
                    category=category,
                    id=item_id,
                    url=f"https://www.tiktok.com/@a/video/{item_id}",
                    title="춤추는 고양이가 오늘도 춤을 춥니다",
                    views=9_000_000 - number,
                    collected_at=datetime.now(UTC),
                    media=media,
                )
            )
            if number < 10:
                account.store.put(key, image.getvalue(), "image/jpeg")
        for stage in ("collected", "analyzed"):
            write_manifest(account.store, keys.manifest(run, category, stage), clips)
        key = keys.manifest(run, category, "collected")
        output = CrawlOutput(scope=category, manifest_key=key, seen=9 * ITEMS, items=ITEMS, fetched=ITEMS)
        account.records.stages.end(run, "collect", category, output.model_dump_json())
    etags = [account.store.describe(keys.manifest(run, category, "collected")).etag for category in CATEGORIES]
    summary = AnalysisSummary(
        items=ITEMS * 5,
        failed_items=0,
        duplicates=0,
        duplicates_by_method={},
        not_judged=0,
        embedder="pdq",
        embedder_why="",
        device="cpu",
        history_items=0,
        seconds=1,
        collected_digest=hashlib.sha256("\n".join(etags).encode()).hexdigest(),
    )
    write_json(account.store, keys.analysis_summary(run, CATEGORIES), summary)


def test_the_largest_day_stays_far_from_the_limits(account: Account) -> None:
    run = Run(source="tiktok", date=LARGE_DAY, attempt=1)
    collected_day(account, run)

    events = account.run({"source": "tiktok", "date": LARGE_DAY}, 400)

    state_bytes, count = measure(events)
    print(f"{ITEMS} items x {len(CATEGORIES)}: {state_bytes} bytes, {count} events")  # noqa: T201 - the figure of the docs
    record = account.records.runs.get("tiktok", LARGE_DAY)
    assert (record.status, sorted(record.done)) == ("SUCCEEDED", sorted(CATEGORIES))
    curated = account.records.stages.outputs(run)
    assert [curated["curate", category]["items"] for category in CATEGORIES] == [ITEMS] * 5
    assert state_bytes < MAX_STATE_BYTES / 16
    assert count < MAX_EVENTS / 50


def test_the_largest_collection_stays_far_from_the_limits(account: Account) -> None:
    run = Run(source="upload", date=YESTERDAY, attempt=1, subject="many")
    recorded = pose_settings(load_settings().upload).recorded()
    uploads = []
    for number in range(VIDEOS):
        name = f"{number:05} 내 영상.mp4"
        uploads.append(
            Upload(
                key=f"uploads/many/{name}",
                name=name,
                etag="e",
                size_bytes=9,
                modified_at=datetime.now(UTC),
                finding=Finding.VIDEO,
            )
        )
    write_manifest(account.store, keys.manifest(run, "many", "collected"), uploads)
    output = UploadsOutput(
        scope="many", manifest_key=keys.manifest(run, "many", "collected"), seen=VIDEOS, items=VIDEOS
    )
    account.records.stages.end(run, "collect", "many", output.model_dump_json())
    # As after a job of 10,000 children, which is one state of the workflow however many they are.
    # The first is recorded as the job does it, and the others are copies: to put each by itself takes a minute.
    account.records.videos.put("many", uploads[0], done(uploads[0], recorded))
    table = account.records.videos.table
    (first,) = table.query("VIDEO#many")
    table.put_many(
        {**first, "sk": upload.name, "video": first["video"].replace(uploads[0].name, upload.name)}
        for upload in uploads[1:]
    )

    events = account.run({"source": "upload", "collection": "many", "date": YESTERDAY}, 400)

    state_bytes, count = measure(events)
    print(f"{VIDEOS} videos: {state_bytes} bytes, {count} events")  # noqa: T201 - the figure of the docs
    manifest = json.loads(account.store.get(keys.poses_manifest(run, "many")))
    assert manifest["totals"]["done"] == VIDEOS
    assert state_bytes < MAX_STATE_BYTES / 16
    assert count < MAX_EVENTS / 50


def done(upload: Upload, recorded: dict[str, Any]) -> VideoEntry:
    return VideoEntry(
        source=upload.name, sha256="a" * 64, status="done", output="a.pose.parquet", settings=recorded,
        frames=FrameCounts(30, 30, 0, 0, 0), source_size_bytes=9, output_size_bytes=9,
    )  # fmt: skip
