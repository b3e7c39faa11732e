"""YouTube's day on the embedded AWS: feeds, predictions, uploads of training images, a training, the gate.

A day is one story: each of the module's fixtures takes one step of it, from the state that the step before left, and
keeps what was seen. So any test runs alone, and in any order.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from subprocess import CompletedProcess
from typing import Any, NamedTuple

import pytest

from tests.e2e.machine import Machine

pytestmark = pytest.mark.slow


class DetectorMachine(Machine):
    """A machine whose Custom Vision can be looked into."""

    def project(self, name: str) -> dict[str, Any]:
        kept = (self.data / "standins" / "customvision").glob("*/project.json")
        found = [json.loads(path.read_text()) for path in kept]
        return dict(next(each for each in found if each["name"] == name))

    def images(self) -> dict[str, Any]:
        """The training images of the candidate."""
        return dict(self.project("candidate")["images"])


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DetectorMachine]:
    with DetectorMachine(tmp_path_factory.mktemp("youtube"), clips=45) as started:
        yield started


class Unstarted(NamedTuple):
    """What is seen before the first day."""

    dry_run: CompletedProcess[str]
    tags: dict[str, Any]
    status: CompletedProcess[str]


@pytest.fixture(scope="module")
def unstarted(machine: DetectorMachine) -> Unstarted:
    dry_run = machine.command("run", "youtube", "--dry-run")
    return Unstarted(dry_run, machine.project("candidate")["tags"], machine.command("status", "youtube"))


class Day(NamedTuple):
    """What is seen after the first day, and after a second run of it."""

    ran: CompletedProcess[str]
    counts: dict[str, Any]
    candidate: dict[str, Any]
    detector: str
    second: CompletedProcess[str]
    forced_dry_run: CompletedProcess[str]
    trained_again: CompletedProcess[str]
    images_after: dict[str, Any]


@pytest.fixture(scope="module")
def day(machine: DetectorMachine, unstarted: Unstarted) -> Day:
    ran = machine.command("run", "youtube")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return Day(
        ran,
        machine.record("youtube")["counts"],
        machine.project("candidate"),
        machine.command("detector", "status").stdout,
        machine.command("run", "youtube"),
        machine.command("run", "youtube", "--force", "--dry-run"),
        machine.command("stage", "train", "--source", "youtube"),
        machine.images(),
    )


class Review(NamedTuple):
    """What is seen when every prediction that waited has its verdict."""

    waiting: list[dict[str, Any]]
    verdicts: list[CompletedProcess[str]]
    left: list[dict[str, Any]]
    preview: dict[str, Any]
    images_after_preview: int
    trained: dict[str, Any]
    images_after: int


@pytest.fixture(scope="module")
def review(machine: DetectorMachine, day: Day) -> Review:
    waiting = json.loads(machine.command("review", "list", "--json").stdout)
    verdicts = [
        machine.command("review", "accept" if each["detection"]["probability"] > 0.5 else "reject", each["id"])
        for each in waiting
    ]
    return Review(
        waiting,
        verdicts,
        json.loads(machine.command("review", "list", "--json").stdout),
        json.loads(machine.command("stage", "train", "--dry-run").stdout),
        len(machine.images()),
        json.loads(machine.command("stage", "train", "--source", "youtube").stdout),
        len(machine.images()),
    )


def test_before_the_first_day_a_dry_run_says_what_is_known(unstarted: Unstarted) -> None:
    ran = unstarted.dry_run
    assert ran.returncode == 0, ran.stderr
    assert "It was never requested" in ran.stdout
    assert "none was collected yet" in ran.stdout
    assert "Tags to make: person, logo." in ran.stdout
    assert "compared with stable" in ran.stdout
    assert unstarted.tags == {}
    assert "has not been run yet" in unstarted.status.stderr


def test_a_day_predicts_trains_and_lets_the_better_predict(day: Day) -> None:
    (popular,) = day.counts["predict"]["categories"]
    assert popular["items"] == 45
    assert popular["confident"]["person"] > 10
    assert day.counts["train"]["outcome"] == "training"
    assert day.counts["train"]["uploaded"] == len(day.candidate["images"]) > 15
    (iteration,) = day.candidate["iterations"].values()
    assert day.counts["gate"]["outcome"] == "published"
    assert iteration["publish_name"] == day.counts["gate"]["publish_name"]
    assert iteration["publish_name"] in day.detector


def test_a_second_run_of_the_day_does_nothing_and_a_stage_alone_sends_nothing_again(day: Day) -> None:
    assert "is done" in day.second.stdout
    assert "45 videos, 45 thumbnails to fetch" in day.forced_dry_run.stdout
    assert "0 new images to upload" in day.forced_dry_run.stdout
    assert day.trained_again.returncode == 0, day.trained_again.stderr
    output = json.loads(day.trained_again.stdout)
    sent = day.candidate["images"]
    assert (output["uploaded"], output["known"], output["outcome"]) == (0, len(sent), "nothing_changed")
    assert day.images_after == sent


def test_a_person_reviews_and_what_was_accepted_is_trained_on(day: Day, review: Review) -> None:
    assert review.waiting
    assert [each.returncode for each in review.verdicts] == [0] * len(review.waiting)
    assert review.left == []
    assert review.images_after_preview == len(day.images_after)
    assert review.images_after == len(day.images_after) + review.preview["uploaded"] > len(day.images_after)
    for count in ("uploaded", "known", "waiting", "refused", "outcome"):
        assert review.trained[count] == review.preview[count]


@pytest.mark.usefixtures("review")
def test_rollback_brings_the_former_back_and_the_next_prediction_uses_it(machine: DetectorMachine) -> None:
    back = machine.command("detector", "rollback")
    assert "stable predicts again" in back.stdout
    predicted = machine.command("stage", "predict", "--source", "youtube")
    assert json.loads(predicted.stdout)["detector"].endswith("/stable")


@pytest.mark.usefixtures("review")
def test_the_rescue_takes_the_project_out(machine: DetectorMachine) -> None:
    candidate = machine.project("candidate")
    out = machine.folder / "rescue"
    command = ["detector", "export", "--project", candidate["id"], "--to", str(out)]
    ran = machine.command(*command, **machine.stand_ins())
    assert ran.returncode == 0, ran.stderr
    coco = json.loads((out / "annotations.json").read_text())
    assert len(coco["images"]) == len(candidate["images"])
    assert len(coco["annotations"]) == sum(len(each["regions"]) for each in candidate["images"].values())


@pytest.mark.usefixtures("day")
def test_the_tags_can_be_checked_alone(machine: DetectorMachine) -> None:
    assert "detects exactly: person, logo" in machine.command("detector", "check").stdout
