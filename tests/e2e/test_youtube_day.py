"""YouTube's day on the embedded AWS: feeds, predictions, uploads of training images, a training, the gate."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

FRAMESIFT = [sys.executable, "-c", "from framesift.cli import main; main()"]
pytestmark = pytest.mark.slow


class Up:
    """A machine that is up, and what a person does with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / ".framesift"

    def settings(self) -> dict[str, str]:
        lines = shlex.split((self.data / "stand-ins.env").read_text())
        return dict(line.split("=", 1) for line in lines)

    def command(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*FRAMESIFT, *arguments],
            cwd=self.folder,
            env={**os.environ, "COLUMNS": "200", **settings},
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )

    def project(self, name: str) -> dict[str, Any]:
        kept = (self.data / "standins" / "customvision").glob("*/project.json")
        found = [json.loads(path.read_text()) for path in kept]
        return next(each for each in found if each["name"] == name)

    def tell_azure(self, **how: Any) -> None:
        url = self.settings()["FRAMESIFT_CUSTOM_VISION__TRAINING_ENDPOINT"]
        urllib.request.urlopen(urllib.request.Request(f"{url}/control", json.dumps(how).encode()), timeout=10).close()

    def record(self) -> dict[str, Any]:
        return json.loads(self.command("status", "youtube", "--json").stdout)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    folder = tmp_path_factory.mktemp("youtube")
    options = ["--clips", "45", "--api-port", "0", "--no-schedules"]
    command = [*FRAMESIFT, "local", "up", *options]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        try:
            for line in process.stdout or ():
                if "another terminal" in line:
                    break
            yield Up(folder)
        finally:
            process.terminate()
            process.wait(30)


def test_before_the_first_day_a_dry_run_says_what_is_known(machine: Up) -> None:
    ran = machine.command("run", "youtube", "--dry-run")
    assert ran.returncode == 0, ran.stderr
    assert "It was never requested" in ran.stdout
    assert "none was collected yet" in ran.stdout
    assert "Tags to make: person, logo." in ran.stdout
    assert "compared with stable" in ran.stdout
    assert machine.project("candidate")["tags"] == {}
    assert "has not been run yet" in machine.command("status", "youtube").stderr


def test_a_day_predicts_trains_and_lets_the_better_predict(machine: Up) -> None:
    ran = machine.command("run", "youtube")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    counts = machine.record()["counts"]
    (popular,) = counts["predict"]["categories"]
    assert popular["items"] == 45
    assert popular["confident"]["person"] > 10
    assert counts["train"]["outcome"] == "training"
    b = machine.project("candidate")
    assert counts["train"]["uploaded"] == len(b["images"]) > 15
    (iteration,) = b["iterations"].values()
    assert counts["gate"]["outcome"] == "published"
    assert iteration["publish_name"] == counts["gate"]["publish_name"]
    assert iteration["publish_name"] in machine.command("detector", "status").stdout


def test_a_second_run_of_the_day_does_nothing_and_a_stage_alone_sends_nothing_again(machine: Up) -> None:
    assert "is done" in machine.command("run", "youtube").stdout
    dry = machine.command("run", "youtube", "--force", "--dry-run").stdout
    assert "45 videos, 45 thumbnails to fetch" in dry
    assert "0 new images to upload" in dry
    before = machine.project("candidate")["images"]
    again = machine.command("stage", "train", "--source", "youtube")
    assert again.returncode == 0, again.stderr
    output = json.loads(again.stdout)
    assert (output["uploaded"], output["known"], output["outcome"]) == (0, len(before), "nothing_changed")
    assert machine.project("candidate")["images"] == before


def test_a_person_reviews_and_what_was_accepted_is_trained_on(machine: Up) -> None:
    waiting = json.loads(machine.command("review", "list", "--json").stdout)
    assert waiting
    for review in waiting:
        verdict = "accept" if review["detection"]["probability"] > 0.5 else "reject"
        assert machine.command("review", verdict, review["id"]).returncode == 0
    assert json.loads(machine.command("review", "list", "--json").stdout) == []
    before = len(machine.project("candidate")["images"])
    preview = json.loads(machine.command("stage", "train", "--dry-run").stdout)
    assert len(machine.project("candidate")["images"]) == before
    trained = json.loads(machine.command("stage", "train", "--source", "youtube").stdout)
    assert len(machine.project("candidate")["images"]) == before + preview["uploaded"] > before
    for count in ("uploaded", "known", "waiting", "refused", "outcome"):
        assert trained[count] == preview[count]


def test_rollback_brings_the_former_back_and_the_next_prediction_uses_it(machine: Up) -> None:
    back = machine.command("detector", "rollback")
    assert "stable predicts again" in back.stdout
    predicted = machine.command("stage", "predict", "--source", "youtube")
    assert json.loads(predicted.stdout)["detector"].endswith("/stable")


def test_the_rescue_takes_the_project_out(machine: Up) -> None:
    b = machine.project("candidate")
    out = machine.folder / "rescue"
    ran = machine.command("detector", "export", "--project", b["id"], "--to", str(out), **machine.settings())
    assert ran.returncode == 0, ran.stderr
    coco = json.loads((out / "annotations.json").read_text())
    assert len(coco["images"]) == len(b["images"])
    assert len(coco["annotations"]) == sum(len(each["regions"]) for each in b["images"].values())


def test_the_tags_can_be_checked_alone(machine: Up) -> None:
    assert "detects exactly: person, logo" in machine.command("detector", "check").stdout
