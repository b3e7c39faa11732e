"""Exports and imports on the command line: by a job of the real container's entry point, and in the process itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest

from containers.vision.main import main as run_job
from framesift import aws
from framesift.contracts import Annotation
from framesift.errors import EmbeddedAwsDownError
from framesift.opened import OpenCollection
from framesift.storage import S3Store
from framesift.table import Records
from framesift.workflow import Workflow
from tests.unit.cli import test_catalog
from tests.unit.cli.conftest import framesift
from tests.unit.cli.test_catalog import BLUR, BOLT, NUT

parts = test_catalog.parts


@pytest.fixture
def jobs(parts: OpenCollection, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Runs each job when it is started, as Batch would; the exit codes."""
    aws.stepfunctions().create_state_machine(
        name="framesift", definition="{}", roleArn="arn:aws:iam::123456789012:role/any"
    )
    codes: list[int] = []
    start = Workflow.start_job

    def start_and_run(self: Workflow, job_spec_uri: str, name: str) -> str:
        arn = start(self, job_spec_uri, name)
        codes.append(run_job(job_spec_uri))
        return arn

    monkeypatch.setattr(Workflow, "start_job", start_and_run)
    return codes


@pytest.fixture(params=["job", "local", "nothing up"])
def way(request: pytest.FixtureRequest, jobs: list[int], monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Options that make a command work by a job, or in this process."""
    if request.param == "nothing up":

        def refuse(stack: str) -> None:
            raise EmbeddedAwsDownError("Nothing runs here.")

        monkeypatch.setattr("framesift.cli.jobs.connect", refuse)
    yield ["--local"] if request.param == "local" else []
    assert bool(jobs) == (request.param == "job"), "a job has done it, where one was asked for"


def test_an_export_is_a_file_that_its_format_reads(
    way: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "out" / "parts.jsonl"
    exported = ["collection", "export", "parts", *way]
    assert framesift(*exported, "label:*", "--format", "jsonl", "-o", str(path)) == 0
    assert "2 items" in capsys.readouterr().out
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert {row["id"] for row in rows} == {BOLT.id, NUT.id}
    path = tmp_path / "parts.zip"
    assert framesift(*exported, "--format", "coco", "--no-images", "--class", "nut", "-o", str(path), "--json") == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["items"], summary["classes"], summary["left_out"]) == (3, ["nut"], 1)
    assert ZipFile(path).namelist() == ["annotations/instances_train.json"]
    assert framesift(*exported, "--query", "width>=wide") == 65
    assert "^" in capsys.readouterr().err


def test_an_export_that_cannot_be_made_says_why(
    jobs: list[int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "parts.parquet"
    assert framesift(
        "collection", "export", "parts", "--format", "parquet", "--vectors", "m@1", "-o", str(path)
    ) == 65  # fmt: skip
    assert "no vectors" in capsys.readouterr().err
    assert not path.exists()
    assert jobs == [65]


def test_the_same_command_fetches_what_another_one_has_begun(
    jobs: list[int], records: Records, store: S3Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["collection", "export", "parts", "--format", "jsonl", "-o", str(tmp_path / "a.jsonl")]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Workflow, "start_job", lambda *_: "arn")
        assert framesift(*command, "--no-wait") == 0
    assert "under way" in capsys.readouterr().out
    (begun,) = records.exports.of_collection("parts")
    failed = records.exports.change(begun, state="failed", error="it was stopped")
    assert failed is not None
    assert framesift(*command) == 0
    (done,) = records.exports.of_collection("parts")
    assert (done.id, done.state, done.starts) == (begun.id, "done", 2)
    assert framesift(*command) == 0, "what is done is not taken up again: the collection may have changed"
    assert len(list(records.exports.of_collection("parts"))) == 2
    assert jobs == [0, 0]


def test_labels_come_in_from_a_file(
    way: list[str], parts: OpenCollection, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("name,label,left,top,width,height\nbolt.jpg,scratch,0.1,0.2,0.3,0.4\n너트.jpg,,,,,\nx.jpg,a,,,,\n")
    assert framesift("collection", "import", "parts", str(table), *way) == 0
    said = capsys.readouterr().out
    assert "2 items now have the labels of" in said
    assert "1 entry of" in said
    assert "'x.jpg': no item is called so." in said
    (annotation,) = parts.get(BOLT.id).annotations
    assert (annotation.label, annotation.box is not None) == ("scratch", True)
    assert parts.get(BLUR.id).annotations == []


def test_a_file_that_is_none_of_labels_is_refused(
    jobs: list[int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("what,is,this\n")
    assert framesift("collection", "import", "parts", str(table)) == 65
    assert "a column `label`" in capsys.readouterr().err
    assert jobs == [65]


def test_corrections_are_told_from_coco_by_their_beginning(
    jobs: list[int], parts: OpenCollection, tmp_path: Path
) -> None:
    value = {"choices": ["good"]}
    task = {"data": {"item": NUT.id}, "annotations": [{"result": [{"type": "choices", "value": value}]}]}
    path = tmp_path / "project.json"
    path.write_text(json.dumps([task]))
    assert framesift("collection", "import", "parts", str(path)) == 0
    assert parts.get(NUT.id).annotations == [Annotation(label="good", by="label-studio")]
    assert jobs == [0]
