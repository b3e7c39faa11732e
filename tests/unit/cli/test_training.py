"""`framesift training`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from framesift.models import BucketOrigin
from framesift.storage import S3Store
from framesift.training.tracking.spool import list_runs
from tests.unit.cli.conftest import framesift
from tests.unit.training.colours import BLUE, RED, coco, detector
from tests.unit.training.mlflow_server import free_port

pytestmark = pytest.mark.usefixtures("stack", "_here")


@pytest.fixture
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports and runs are kept below the working folder."""
    monkeypatch.chdir(tmp_path)


def test_a_model_of_the_bucket_is_evaluated_on_a_coco_file(
    store: S3Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    added = detector(tmp_path)
    BucketOrigin(store).push(added.card, added.data)
    data = coco(tmp_path, [{"file_name": "a.png", "boxes": [("red", RED), ("blue", BLUE)]}])
    folder, cache = tmp_path / "report", tmp_path / "cache"
    assert framesift("training", "evaluate", "halves/1", str(data), "-o", str(folder), "--cache", str(cache)) == 0
    assert "map_50\t1.0000" in capsys.readouterr().out
    assert json.loads((folder / "figures.json").read_text())["metrics"]["map"] == pytest.approx(1)
    assert "halves@1" in (folder / "report.html").read_text()
    assert framesift("training", "runs") == 0
    run_id, name, status, _, figures = capsys.readouterr().out.splitlines()[1].split("\t")
    assert (name, status, figures) == ("halves@1 on labels.json", "finished", "map 1.000, map_50 1.000")
    assert framesift("training", "weights", run_id) == 65
    assert "WeightsMissingError" in capsys.readouterr().err
    assert framesift("training", "send") == 0
    assert framesift("training", "rollback", "halves") == 65
    assert "NothingToRollBackError" in capsys.readouterr().err


def test_an_evaluation_ends_well_where_the_tracking_server_is_away(
    store: S3Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    added = detector(tmp_path)
    BucketOrigin(store).push(added.card, added.data)
    data = coco(tmp_path, [{"file_name": "a.png", "boxes": [("red", RED)]}])
    away = f"http://127.0.0.1:{free_port()}"
    assert framesift("training", "evaluate", "halves/1", str(data), "--tracking", away, "--cache", "cache") == 0
    assert "framesift training send" in capsys.readouterr().err
    assert len(list_runs(tmp_path / ".framesift" / "training" / "spool")) == 1
    assert framesift("training", "send", "--tracking", away) == 75


def test_the_page_of_runs_needs_mlflows_full_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert framesift("training", "ui") == 69
    assert "pip install mlflow" in capsys.readouterr().err
    assert framesift("training", "ui", "--tracking", "https://mlflow.example.invalid") == 0
    assert "https://mlflow.example.invalid" in capsys.readouterr().out


def test_a_challenger_that_knows_less_may_not_take_over(
    store: S3Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, tags in (("old", ("background", "red", "blue")), ("new", ("background", "red", "green"))):
        added = detector(tmp_path, tags)
        card = added.card.model_copy(update={"name": name})
        BucketOrigin(store).push(card, added.data)
    data = str(coco(tmp_path, [{"file_name": f"{n}.png", "boxes": [("red", RED), ("blue", BLUE)]} for n in range(3)]))
    assert framesift("training", "compare", "new/1", "old/1", data, "--cache", "cache") == 1
    found = capsys.readouterr().out
    assert "mean of all\t1.000\t0.500\t-0.500\t-0.500" in found
    assert "The champion stays: of blue" in found
    assert framesift("training", "compare", "old/1", "new/1", data, "--cache", "cache") == 0


def test_slices_need_a_collection(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = coco(tmp_path, [{"file_name": "a.png", "boxes": [("red", RED)]}])
    assert framesift("training", "evaluate", "halves/1", str(data), "--slice", "tag:night") == 65
    assert "SlicesError" in capsys.readouterr().err
