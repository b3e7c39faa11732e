"""From a recipe to a file that jobs open, told to a person and a tracker."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from framesift.cli.app import load_app
from framesift.contracts import Annotation
from framesift.errors import CheckpointMismatchError, ClassMissingError, LabelsMissingError
from framesift.models import ModelCard
from framesift.training.data.checks import CheckReport
from framesift.training.data.labelled import find_in_collection
from framesift.training.recipe import FolderData, NetworkOptions, Recipe, Schedule
from framesift.training.run import Listener, train_recipe
from framesift.training.tracking.store import TrackingStore
from framesift.training.types import Outcome
from tests.unit.training.test_data import write_coco

BOXES = [[(1, 4, 2, 10, 8), (2, 20, 5, 12, 12)]] * 4


@pytest.fixture
def recipe(tmp_path) -> Recipe:
    for split in ("train", "val", "test"):
        write_coco(tmp_path / "set", split, BOXES)
    return Recipe(
        name="tiny",
        version="7",
        task="detector",
        licence="CC0-1.0",
        data=FolderData(kind="folder", path=str(tmp_path / "set")),
        network=NetworkOptions(width=64, height=32),
        schedule=Schedule(epochs=1, batch=2, validate_epochs=1),
    )


class Notes:
    """A tracker that keeps what it is told."""

    def __init__(self):
        self.told = []

    def start(self, recipe, data_digest):
        self.told.append(("start", recipe.name, len(data_digest)))

    def log(self, progress):
        self.told.append(("log", *progress.metrics))

    def finish(self, outcome):
        self.told.append(("finish", type(outcome) is Outcome))

    def fail(self, error):
        self.told.append(("fail", type(error)))


def test_a_recipe_becomes_a_file_with_its_card(recipe, tmp_path):
    reports: list[CheckReport] = []
    notes, folder = Notes(), tmp_path / "run"
    outcome = train_recipe(recipe, folder, tracker=notes, listener=Listener(on_checked=reports.append))
    assert set(outcome.metrics) == {"val/map_50", "val/map", "test/map_50", "test/map"}
    assert [path.name for path in outcome.files] == ["model.onnx", "card.json", "curve.jsonl"]
    document = json.loads((folder / "card.json").read_text())
    card = ModelCard.model_validate(document)
    assert (card.label, card.licence, card.detector.tags) == ("tiny@7", "CC0-1.0", ("bolt", "nut"))
    assert document["training"]["steps"] == 2
    assert document["training"]["recipe"]["data"]["kind"] == "folder"
    assert notes.told == [("start", "tiny", 64), ("log", "val/map_50", "val/map"), ("finish", True)]
    assert reports[0].counts["train"] == {"images": 4, "bolt": 4, "nut": 4}
    assert json.loads((folder / "checks.json").read_text())["counts"] == reports[0].counts


def test_a_folder_with_a_training_is_not_begun_anew_but_gone_on_with(recipe, tmp_path):
    folder = tmp_path / "run"
    train_recipe(recipe, folder)
    with pytest.raises(CheckpointMismatchError, match="--resume"):
        train_recipe(recipe, folder)
    longer = recipe.model_copy(update={"schedule": recipe.schedule.model_copy(update={"epochs": 2.0})})
    train_recipe(longer, folder, resume=True)
    assert json.loads((folder / "card.json").read_text())["training"]["steps"] == 4


def test_a_tracker_is_told_of_a_failure(recipe, tmp_path):
    class Interrupted(BaseException):
        pass

    def interrupt(_progress):
        raise Interrupted

    notes = Notes()
    with pytest.raises(Interrupted):
        train_recipe(recipe, tmp_path / "run", tracker=notes, listener=Listener(on_progress=interrupt))
    assert notes.told[-1] == ("fail", Interrupted)


def test_data_is_checked_before_anything_is_trained(recipe, tmp_path):
    data = recipe.data.model_copy(update={"classes": ("bolt", "screw")})
    with pytest.raises(ClassMissingError, match="screw"):
        train_recipe(recipe.model_copy(update={"data": data}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_items_of_a_collection(catalog_items):
    labelled, other = catalog_items
    sources = find_in_collection([labelled, other], lambda item: item.id.encode())
    (source,) = sources.images
    assert (source.image_id, source.split, source.read()) == (labelled.id, "val", labelled.id.encode())
    assert sources.unlabelled == [other.id]
    with pytest.raises(LabelsMissingError, match="None of the 1 items"):
        find_in_collection([other], lambda item: b"")


@pytest.fixture
def catalog_items():
    from datetime import UTC, datetime

    from framesift.contracts import CatalogItem

    facts = {"names": ["a.png"], "content_type": "image/png", "size_bytes": 1, "width": 4, "height": 4}
    items = [CatalogItem(id=digit * 32, sha256=digit * 64, added_at=datetime.now(UTC), **facts) for digit in "12"]
    annotated = items[0].model_copy(update={"annotations": [Annotation(label="dog")], "tags": ["split:val"]})
    return annotated, items[1]


def test_the_command(recipe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "tiny.json"
    path.write_text(recipe.model_dump_json())
    folder = tmp_path / "run"
    shown = CliRunner().invoke(load_app(), ["train", str(path), "--folder", str(folder), "--workers", "0"])
    assert shown.exit_code == 0, shown.output
    assert "train: 4 images (4 bolt, 4 nut)" in shown.output
    assert "test/map_50" in shown.output
    assert str(folder / "model.onnx") in shown.output
    store = TrackingStore("", tmp_path / ".framesift" / "training")
    (run,) = store.list_runs()
    assert run.info.status == "FINISHED"
    weights = store.fetch_weights(run.info.run_id, tmp_path / "fetched")
    assert weights.read_bytes() == (folder / "model.onnx").read_bytes()


def test_the_command_knows_the_included_recipes():
    shown = CliRunner().invoke(load_app(), ["train", "parts"])
    assert "parts-detector" in str(shown.exception)
