"""`framesift training`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from framesift.models import BucketOrigin
from framesift.storage import S3Store
from tests.unit.cli.conftest import framesift
from tests.unit.training.colours import BLUE, RED, coco, detector

pytestmark = pytest.mark.usefixtures("stack")


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


def test_slices_need_a_collection(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = coco(tmp_path, [{"file_name": "a.png", "boxes": [("red", RED)]}])
    assert framesift("training", "evaluate", "halves/1", str(data), "--slice", "tag:night") == 65
    assert "SlicesError" in capsys.readouterr().err
