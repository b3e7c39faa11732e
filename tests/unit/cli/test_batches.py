"""The commands about a collection's batches, against a stack on moto; the e2e tests run whole batches."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from framesift import aws, keys
from framesift.catalog.ledger import LedgerLine, LedgerWriter
from framesift.cli import batches as cli_batches
from framesift.contracts import FileRef, ItemError
from framesift.storage import S3Store
from framesift.table import BatchRecord, Records
from tests.unit.cli.conftest import framesift

AT = datetime(2026, 11, 21, tzinfo=UTC)
OLD, NEW = "20261120-120000-aaaaaaaa", "20261121-120000-bbbbbbbb"
BROKEN = ItemError(stage="look", error="NotAnImageError", message="A damaged JPEG image.")


@pytest.fixture
def machine(stack: str) -> str:
    """The stack's state machine."""
    role = "arn:aws:iam::123456789012:role/any"
    made = aws.stepfunctions().create_state_machine(name="framesift", definition="{}", roleArn=role)
    return str(made["stateMachineArn"])


@pytest.fixture
def parts(machine: str, store: S3Store, records: Records) -> None:
    """A collection with two batches; of the newer one a file failed."""
    records.collections.ensure("parts")
    for batch_id, counts in ((OLD, {"added": 1}), (NEW, {"skipped": 2, "labels": 1, "refused": 1, "added": 1200})):
        records.batches.create(
            BatchRecord(
                collection="parts",
                id=batch_id,
                kind="upload",
                state="done",
                by="mina",
                date="2026-11-21",
                created_at=AT,
                files=2,
                counts=counts,
                published="before",
            )
        )
        with LedgerWriter(store, keys.ledger("parts", batch_id)) as ledger:
            ledger.add(LedgerLine(name="여름/바다.jpg", status="added", item="0" * 32, at=AT))
            ledger.add(LedgerLine(name="photos.zip/__MACOSX/._a.jpg", status="skipped", at=AT))
            if batch_id == NEW:
                file = FileRef(name="[red]broken.jpg", key="incoming/parts/1", size_bytes=4)
                ledger.add(LedgerLine(name=file.name, status="refused", error=BROKEN, at=AT, file=file))


def started(machine: str) -> list[dict[str, str]]:
    """What executions were started with."""
    listed = aws.stepfunctions().list_executions(stateMachineArn=machine)["executions"]
    found = (aws.stepfunctions().describe_execution(executionArn=each["executionArn"]) for each in listed)
    return [json.loads(each["input"]) for each in found]


def test_batches_are_listed_the_newest_first(parts: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert framesift("collection", "batches", "parts") == 0
    shown = capsys.readouterr().out
    assert shown.index(NEW) < shown.index(OLD)
    assert "1,200 added, 1 label file, 1 refused, 2 skipped" in shown
    assert framesift("collection", "batches", "parts", "--json") == 0
    assert [batch["id"] for batch in json.loads(capsys.readouterr().out)] == [NEW, OLD]


def test_the_ledger_names_each_file_and_why(parts: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert framesift("collection", "ledger", "parts") == 0
    shown = capsys.readouterr().out
    assert "여름/바다.jpg" in shown
    assert "[red]broken.jpg" in shown
    assert "A damaged JPEG image." in shown
    assert "photos.zip/__MACOSX/._a.jpg\tskipped\tNo image and no labels" in shown
    assert framesift("collection", "ledger", "parts", NEW, "--status", "refused", "--json") == 0
    (line,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert (line["name"], line["error"]["error"], "file" in line) == ("[red]broken.jpg", "NotAnImageError", False)
    assert framesift("collection", "ledger", "parts", OLD, "--status", "refused", "--json") == 0
    assert capsys.readouterr().out == ""


def test_only_what_failed_is_tried_again(
    parts: None, machine: str, records: Records, capsys: pytest.CaptureFixture[str]
) -> None:
    assert framesift("collection", "retry", "parts", OLD, "--no-wait") == 65
    assert "Nothing of batch" in capsys.readouterr().err
    assert framesift("collection", "retry", "parts", NEW, "--no-wait") == 0
    assert [(each["batch"], each["force"]) for each in started(machine)] == [(NEW, True)]
    assert records.batches.get("parts", NEW).state == "running"


def test_a_collection_is_looked_at_again_by_the_models_that_are_named(
    parts: None, machine: str, records: Records, capsys: pytest.CaptureFixture[str]
) -> None:
    assert framesift("collection", "look", "parts", "--model", "resnet50", "--model", "screws@2", "--no-wait") == 0
    batch = next(records.batches.of_collection("parts"))
    assert (batch.kind, batch.models) == ("relook", ["resnet50", "screws@2"])
    assert [each["batch"] for each in started(machine)] == [batch.id]
    assert f"Batch {batch.id} of parts is under way." in capsys.readouterr().out
    assert framesift("collection", "look", "nothing", "--no-wait") != 0
    assert "no collection nothing" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("empty", "There is no file in"),
        ("missing", "There is no"),
        ("s3://theirs/2026/", "not from theirs: list it in FRAMESIFT_INTAKE__BUCKETS"),
    ],
)
def test_what_cannot_be_added_is_refused_before_anything_starts(
    machine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], source: str, message: str
) -> None:
    (tmp_path / "empty").mkdir()
    named = source if source.startswith("s3:") else str(tmp_path / source)
    assert framesift("collection", "add", "parts", named) == 65
    assert message in capsys.readouterr().err.replace("\n", " ")
    assert started(machine) == []


@pytest.mark.parametrize(("counts", "code"), [({"refused": 1}, 65), ({"refused": 1, "added": 2}, 0)])
def test_a_batch_of_which_nothing_was_taken_has_failed(
    parts: None,
    records: Records,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    counts: dict[str, int],
    code: int,
) -> None:
    def end(*_: object) -> None:
        batch = records.batches.get("parts", NEW)
        assert batch
        records.batches.change(batch, state="done", counts=counts)

    monkeypatch.setattr(cli_batches, "watch", end)
    assert framesift("collection", "retry", "parts", NEW) == code
    told = capsys.readouterr()
    assert "  A damaged JPEG image." in told.out
    assert ("None of the 1 file could be taken" in told.err) == bool(code)


def test_what_owners_should_know_of_files_that_were_taken_is_said(
    parts: None, store: S3Store, capsys: pytest.CaptureFixture[str]
) -> None:
    with LedgerWriter(store, keys.ledger("parts", OLD)) as ledger:
        ledger.add(LedgerLine(name="scan.tif", status="added", item="0" * 32, note="It has several pages.", at=AT))
    assert framesift("collection", "ledger", "parts", OLD) == 0
    assert "scan.tif\tadded\tIt has several pages." in capsys.readouterr().out
