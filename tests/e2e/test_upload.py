"""Videos that are dropped into the embedded AWS's bucket, as `framesift local up` runs it: each one starts its run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import jsonschema
import pytest

from framesift.errors import ModelError
from framesift.models import default_cache_dir, open_registry
from framesift.pose.manifest import json_schema
from framesift.pose.sequence import read_sequence
from framesift_local.standins.sample_video import write_sample_video
from tests.waiting import wait_until

FRAMESIFT = [sys.executable, "-c", "from framesift.cli import main; main()"]
KOREAN = "여름 댄스/내 영상 🎬 100% +1.mp4"
# Each test takes up where the one before has left the machine.
pytestmark = pytest.mark.slow


class Up:
    """A machine that is up, and what a person does with it."""

    def __init__(self, folder: Path, process: subprocess.Popen[str]) -> None:
        self.folder = folder
        self.process = process
        self.address = json.loads((folder / ".framesift" / "embedded.json").read_text())
        self.bucket = self.address["outputs"]["BucketName"]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(120)

    def client(self, service: str) -> Any:
        return boto3.client(service, endpoint_url=self.address["endpoint"], region_name=self.address["region"])

    def drop(self, key: str, body: bytes) -> None:
        self.client("s3").put_object(Bucket=self.bucket, Key=f"uploads/{key}", Body=body)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "COLUMNS": "200"}
        return subprocess.run(
            [*FRAMESIFT, *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def runs(self, collection: str) -> list[dict[str, Any]]:
        found = json.loads(self.command("runs", "upload", "--limit", "100", "--json").stdout)
        return [each for each in found if each["scopes"] == [collection]]

    def ended(self, collection: str, count: int) -> list[dict[str, Any]]:
        """The collection's runs once there are so many and none is at work."""

        def probe() -> list[dict[str, Any]]:
            found = self.runs(collection)
            return found if len(found) == count and all(each["status"] != "RUNNING" for each in found) else []

        return wait_until(probe, within_s=240, every_s=0.3)

    def executions(self) -> list[dict[str, Any]]:
        machine = self.address["outputs"]["StateMachineArn"]
        pages = self.client("stepfunctions").get_paginator("list_executions").paginate(stateMachineArn=machine)
        return [each for page in pages for each in page["executions"]]

    def jobs(self) -> list[str]:
        return [path.name for path in (self.folder / ".framesift" / "logs").glob("batch-extract-*")]

    def poses(self, collection: str) -> Path:
        return self.folder / ".framesift" / "s3" / self.bucket / "collections" / collection / "poses"

    def manifest(self, collection: str) -> dict[str, Any]:
        """What all runs' manifests say of a collection's videos; the newest run's word counts."""
        videos: dict[str, Any] = {}
        for path in sorted(
            (self.poses(collection) / "manifests").rglob("*.json"), key=lambda path: path.stat().st_mtime
        ):
            manifest = json.loads(path.read_text("utf-8"))
            jsonschema.validate(manifest, json_schema())
            videos |= manifest["videos"]
        return videos


@contextmanager
def up(folder: Path, fps: int) -> Iterator[Up]:
    # Few frames make a quick test, and one broken video of three is tolerated.
    environment = {
        **os.environ,
        "FRAMESIFT_UPLOAD__TARGET_FPS": str(fps),
        "FRAMESIFT_RUN__TOLERATED_FAILED_SHARE": "0.5",
        "PYTHONUNBUFFERED": "1",
    }
    options = ["local", "up", "--clips=1", "--api-port=0", "--no-schedules"]
    with subprocess.Popen(
        [*FRAMESIFT, *options], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            for line in process.stdout or ():
                if "another terminal" in line:
                    break
            yield Up(folder, process)
        finally:
            process.terminate()
            process.wait(120)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    try:
        open_registry(default_cache_dir(), public=True).resolve("pose-full")
    except ModelError as error:
        pytest.skip(f"the pose networks are not available: {error}")
    with up(tmp_path_factory.mktemp("upload"), fps=10) as started:
        yield started


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Callable[[float], bytes]:
    folder = tmp_path_factory.mktemp("videos")

    def make(seconds: float) -> bytes:
        path = folder / f"{seconds}.mp4"
        write_sample_video(path, seconds)
        return path.read_bytes()

    return make


def test_videos_dropped_at_once_are_all_done_and_a_broken_one_costs_itself(machine: Up, video: Any) -> None:
    machine.drop("dance/", b"")
    machine.drop("dance/a.mp4", video(1.0))
    machine.drop(f"dance/{KOREAN}", video(1.2))
    machine.drop("dance/broken.mp4", video(1.4)[:3000])
    machine.drop("dance/notes.mp4", b"these are notes, not a video\n" * 20)
    machine.drop("dance/photo.jpg", b"\xff\xd8\xff")

    ended = machine.ended("dance", 5)

    videos = machine.manifest("dance")
    assert {name: entry["error"] for name, entry in videos.items()} == {
        "a.mp4": None,
        KOREAN: None,
        "broken.mp4": "NotAVideoError",
        "notes.mp4": "NotAVideoError",
    }
    for name, count in (("a.mp4", 11), (KOREAN, 13)):  # With that nearest to the last point of the grid.
        sequence = read_sequence(machine.poses("dance") / videos[name]["output"])
        assert len(sequence.pts) == count
        assert sequence.video.sha256 == videos[name]["sha256"]
    errors = sorted(each["error"] or "" for each in ended)
    assert errors == ["", "", "", "TooManyFailedItemsError", "TooManyFailedItemsError"]
    ledger = machine.command("collection", "ledger", "dance", "--json").stdout.splitlines()
    (line,) = [json.loads(each) for each in ledger]
    assert (line["name"], line["status"], line["error"]["error"]) == ("photo.jpg", "refused", "NotAnImageError")


def test_a_person_sees_what_became_of_it(machine: Up) -> None:
    listed = machine.runs("dance")
    assert len(listed) == 5
    run_id = next(each["run_id"] for each in listed if each["status"] == "SUCCEEDED")
    shown = machine.command("status", "upload", run_id).stdout
    assert "내 영상" in shown
    assert "11 of 11" in shown


def test_an_event_that_comes_twice_and_the_same_bytes_again_extract_nothing(machine: Up, video: Any) -> None:
    jobs, started = machine.jobs(), len(machine.executions())
    before = {each["run_id"] for each in machine.runs("dance")}
    machine.drop("dance/a.mp4", video(1.0))
    ended = machine.ended("dance", 6)
    event = {
        "source": "upload",
        "object": json.loads(
            next(
                machine.client("stepfunctions").describe_execution(executionArn=each["execution_arn"])["input"]
                for each in ended
                if each["run_id"] not in before
            )
        )["object"],
    }
    arn = machine.client("stepfunctions").start_execution(
        stateMachineArn=machine.address["outputs"]["StateMachineArn"], name="again", input=json.dumps(event)
    )["executionArn"]
    describe = machine.client("stepfunctions").describe_execution
    wait_until(lambda: describe(executionArn=arn)["status"] != "RUNNING", within_s=240, every_s=0.3)

    assert json.loads(describe(executionArn=arn)["output"])["decision"] == "skip"
    assert len(machine.runs("dance")) == 6
    assert machine.jobs() == jobs
    assert len(machine.executions()) == started + 2


def test_other_bytes_under_a_name_are_done_again(machine: Up, video: Any) -> None:
    before = machine.manifest("dance")["a.mp4"]
    machine.drop("dance/a.mp4", video(0.8))
    machine.ended("dance", 7)
    after = machine.manifest("dance")["a.mp4"]
    assert (after["status"], after["frames"]["kept"]) == ("done", 9)
    assert after["sha256"] != before["sha256"]


def test_a_command_sends_what_is_not_there_and_that_starts_runs(machine: Up, video: Any) -> None:
    folder = machine.folder / "mine"
    (folder / "sub").mkdir(parents=True)
    for name, seconds in (("0.mp4", 1.0), ("sub/1.mp4", 1.1), ("2.mp4", 6.0)):
        (folder / name).write_bytes(video(seconds))

    sent = machine.command("upload", str(folder), "--collection", "여름 춤")
    assert "3 sent to uploads/여름 춤/, 0 were there" in sent.stdout, sent.stderr
    assert {each["status"] for each in machine.ended("여름 춤", 3)} == {"SUCCEEDED"}
    assert sorted(machine.manifest("여름 춤")) == ["0.mp4", "2.mp4", "sub/1.mp4"]

    again = machine.command("upload", str(folder), "--collection", "여름 춤")
    assert "0 sent" in again.stdout
    assert len(machine.runs("여름 춤")) == 3


def test_a_look_at_a_collection_finds_nothing_to_do(machine: Up) -> None:
    jobs = machine.jobs()
    ran = machine.command("run", "upload", "--collection", "여름 춤")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "videos done: 3, of them known before: 3" in ran.stdout
    assert machine.jobs() == jobs


@pytest.mark.parametrize(
    ("collection", "exit_code", "said"), [("nowhere", 65, "NoUploadsError"), ("a.b", 65, "cannot be called")]
)
def test_a_collection_that_cannot_be_is_refused(machine: Up, collection: str, exit_code: int, said: str) -> None:
    ran = machine.command("run", "upload", "--collection", collection)
    assert ran.returncode == exit_code
    assert said in ran.stdout + ran.stderr


@pytest.fixture(scope="module")
def restarted(machine: Up) -> Iterator[Up]:
    """The same machine with other settings: every video is undone."""
    machine.stop()
    with up(machine.folder, fps=5) as started:
        yield started


def test_a_child_that_is_killed_costs_its_video_and_the_next_look_does_only_that(restarted: Up) -> None:
    watching = subprocess.Popen(
        [*FRAMESIFT, "run", "upload", "--collection", "여름 춤"],
        cwd=restarted.folder,
        stdout=subprocess.PIPE,
        text=True,
    )
    os.kill(wait_until(lambda: job_of_child("1"), within_s=60, every_s=0.3), signal.SIGKILL)
    said, _ = watching.communicate(timeout=240)

    assert watching.returncode == 0, said
    assert "1 of 3 videos failed" in said
    videos = restarted.manifest("여름 춤")
    (lost,) = [name for name, entry in videos.items() if entry["error"]]
    assert videos[lost]["error"] == "VideoLostError"
    assert {entry["settings"]["video"]["target_fps"] for entry in videos.values()} == {5}

    jobs = set(restarted.jobs())
    again = restarted.command("run", "upload", "--collection", "여름 춤")
    assert again.returncode == 0, again.stdout + again.stderr
    assert restarted.manifest("여름 춤")[lost]["status"] == "done"
    assert len(set(restarted.jobs()) - jobs) == 1, "one video, no array"


def job_of_child(index: str) -> int | None:
    """The process of an array's child that is at work."""
    for folder in Path("/proc").iterdir():
        try:
            command, environment = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()
        except OSError:
            continue
        if b"containers.vision.main" in command and f"AWS_BATCH_JOB_ARRAY_INDEX={index}\0".encode() in environment:
            return int(folder.name)
    return None
