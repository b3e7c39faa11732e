"""Videos that are dropped into the embedded AWS's bucket, as `framesift local up` runs it: each one starts its run."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from framesift.errors import ModelError
from framesift.models import default_cache_dir, open_registry
from framesift.pose.manifest import json_schema
from framesift.pose.sequence import read_sequence
from framesift_local.standins.sample_video import write_sample_video
from tests.e2e.machine import Machine
from tests.waiting import wait_until

KOREAN = "여름 댄스/내 영상 🎬 100% +1.mp4"
MADE_FPS, OTHER_FPS = 10, 5
# The tests share a machine and what was dropped or sent once; what a test changes is its own.
pytestmark = pytest.mark.slow


class VideoMachine(Machine):
    """A machine into whose bucket videos are dropped."""

    def ended(self, collection: str, count: int) -> list[dict[str, Any]]:
        """The collection's runs once there are so many and none is at work."""

        def probe() -> list[dict[str, Any]]:
            found = self.upload_runs(collection)
            return found if len(found) == count and all(each["status"] != "RUNNING" for each in found) else []

        return wait_until(probe, within_s=240, every_s=0.3)

    def jobs(self) -> set[str]:
        return {path.name for path in (self.data / "logs").glob("batch-extract-*")}

    def poses(self, collection: str) -> Path:
        return self.file(f"collections/{collection}/poses")

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


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VideoMachine]:
    try:
        open_registry(default_cache_dir(), public=True).resolve("pose-full")
    except ModelError as error:
        pytest.skip(f"the pose networks are not available: {error}")
    # Few frames make a quick test, and one broken video of three is tolerated.
    settings = {"FRAMESIFT_UPLOAD__TARGET_FPS": str(MADE_FPS), "FRAMESIFT_RUN__TOLERATED_FAILED_SHARE": "0.5"}
    with VideoMachine(tmp_path_factory.mktemp("upload"), **settings) as started:
        yield started


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Callable[[float], bytes]:
    folder = tmp_path_factory.mktemp("videos")

    def make(seconds: float) -> bytes:
        path = folder / f"{seconds}.mp4"
        write_sample_video(path, seconds)
        return path.read_bytes()

    return make


@pytest.fixture(scope="module")
def dropped(machine: VideoMachine, video: Any) -> list[dict[str, Any]]:
    """The runs of what was dropped into `dance` at once: two videos, two broken ones, and an image."""
    machine.drop("dance/", b"")
    machine.drop("dance/a.mp4", video(1.0))
    machine.drop(f"dance/{KOREAN}", video(1.2))
    machine.drop("dance/broken.mp4", video(1.4)[:3000])
    machine.drop("dance/notes.mp4", b"these are notes, not a video\n" * 20)
    machine.drop("dance/photo.jpg", b"\xff\xd8\xff")
    return machine.ended("dance", 5)


def test_videos_dropped_at_once_are_all_done_and_a_broken_one_costs_itself(
    machine: VideoMachine, dropped: list[dict[str, Any]]
) -> None:
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
    errors = sorted(each["error"] or "" for each in dropped)
    assert errors == ["", "", "", "TooManyFailedItemsError", "TooManyFailedItemsError"]
    ledger = machine.command("collection", "ledger", "dance", "--json").stdout.splitlines()
    (line,) = [json.loads(each) for each in ledger]
    assert (line["name"], line["status"], line["error"]["error"]) == ("photo.jpg", "refused", "NotAnImageError")


def test_a_person_sees_what_became_of_it(machine: VideoMachine, dropped: list[dict[str, Any]]) -> None:
    run_id = next(each["run_id"] for each in dropped if not each["error"])
    (line,) = [line for line in machine.command("status", "upload", run_id).stdout.splitlines() if "내 영상" in line]
    assert "13 of 13" in line


def test_an_event_that_comes_twice_and_the_same_bytes_again_extract_nothing(machine: VideoMachine, video: Any) -> None:
    machine.drop("twice/a.mp4", video(1.0))
    machine.ended("twice", 1)
    jobs, executions = machine.jobs(), {each["executionArn"] for each in machine.executions()}
    machine.drop("twice/a.mp4", video(1.0))
    machine.ended("twice", 2)
    (arn,) = {each["executionArn"] for each in machine.executions()} - executions
    event = json.loads(machine.client("stepfunctions").describe_execution(executionArn=arn)["input"])

    again = machine.run(source="upload", object=event["object"])

    assert json.loads(again["output"])["decision"] == "skip"
    assert len(machine.upload_runs("twice")) == 2
    assert machine.jobs() == jobs


def test_other_bytes_under_a_name_are_done_again(machine: VideoMachine, video: Any) -> None:
    machine.drop("changed/a.mp4", video(1.0))
    machine.ended("changed", 1)
    before = machine.manifest("changed")["a.mp4"]
    machine.drop("changed/a.mp4", video(0.8))
    machine.ended("changed", 2)
    after = machine.manifest("changed")["a.mp4"]
    assert (after["status"], after["frames"]["kept"]) == ("done", 9)
    assert after["sha256"] != before["sha256"]


@pytest.fixture(scope="module")
def sent(machine: VideoMachine, video: Any) -> Path:
    """A folder of three videos that a command sent into the collection `여름 춤`."""
    folder = machine.folder / "mine"
    (folder / "sub").mkdir(parents=True)
    for name, seconds in (("0.mp4", 1.0), ("sub/1.mp4", 1.1), ("2.mp4", 6.0)):
        (folder / name).write_bytes(video(seconds))
    sent = machine.command("upload", str(folder), "--collection", "여름 춤")
    assert "3 sent to uploads/여름 춤/, 0 were there" in sent.stdout, sent.stderr
    assert {each["status"] for each in machine.ended("여름 춤", 3)} == {"SUCCEEDED"}
    return folder


def test_a_command_sends_what_is_not_there(machine: VideoMachine, sent: Path) -> None:
    assert sorted(machine.manifest("여름 춤")) == ["0.mp4", "2.mp4", "sub/1.mp4"]
    runs = len(machine.upload_runs("여름 춤"))
    again = machine.command("upload", str(sent), "--collection", "여름 춤")
    assert "0 sent" in again.stdout
    (sent / "new.mp4").write_bytes((sent / "0.mp4").read_bytes() + bytes(8))
    dry = machine.command("upload", str(sent), "--collection", "여름 춤", "--dry-run")
    (sent / "new.mp4").unlink()
    assert [line.split("\t")[0] for line in dry.stdout.splitlines()[1:]] == ["new.mp4"]
    assert "3 videos already there; --force sends them again" in dry.stderr
    assert len(machine.upload_runs("여름 춤")) == runs


def test_a_look_at_a_collection_finds_nothing_to_do(machine: VideoMachine, video: Any) -> None:
    machine.drop("looked at/a.mp4", video(1.0))
    machine.ended("looked at", 1)
    jobs = machine.jobs()
    ran = machine.command("run", "upload", "--collection", "looked at")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "videos done: 1, of them known before: 1" in ran.stdout
    assert machine.jobs() == jobs


@pytest.mark.parametrize(
    ("collection", "exit_code", "said"), [("nowhere", 65, "NoUploadsError"), ("a.b", 65, "cannot be called")]
)
def test_a_collection_that_cannot_be_is_refused(
    machine: VideoMachine, collection: str, exit_code: int, said: str
) -> None:
    ran = machine.command("run", "upload", "--collection", collection)
    assert ran.returncode == exit_code
    assert said in ran.stdout + ran.stderr


@pytest.fixture
def other_settings(machine: VideoMachine) -> Iterator[None]:
    """The machine with other settings, by which every video is undone."""
    made = dict(machine.settings)
    machine.stop()
    machine.settings["FRAMESIFT_UPLOAD__TARGET_FPS"] = str(OTHER_FPS)
    machine.start()
    yield
    machine.stop()
    machine.settings = made
    machine.start()


@pytest.mark.usefixtures("sent", "other_settings")
def test_a_child_that_is_killed_costs_its_video_and_the_next_look_does_only_that(machine: VideoMachine) -> None:
    watching = machine.command_in_background("run", "upload", "--collection", "여름 춤")
    os.kill(wait_until(lambda: job_of_child("1"), within_s=60, every_s=0.3), signal.SIGKILL)
    said, _ = watching.communicate(timeout=240)

    assert watching.returncode == 0, said
    assert "1 of 3 videos failed" in said
    videos = machine.manifest("여름 춤")
    (lost,) = [name for name, entry in videos.items() if entry["error"]]
    assert videos[lost]["error"] == "VideoLostError"
    assert {entry["settings"]["video"]["target_fps"] for entry in videos.values()} == {OTHER_FPS}

    jobs = machine.jobs()
    again = machine.command("run", "upload", "--collection", "여름 춤")
    assert again.returncode == 0, again.stdout + again.stderr
    assert machine.manifest("여름 춤")[lost]["status"] == "done"
    assert len(machine.jobs() - jobs) == 1, "one video, no array"


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
