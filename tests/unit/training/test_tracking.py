"""Trainings and evaluations are tracked in MLflow, and nothing is lost while its server is away."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from framesift.errors import (
    NothingToRollBackError,
    TrackedRunMissingError,
    TrackingUnreachableError,
    WeightsDamagedError,
    WeightsMissingError,
)
from framesift.training.tracking.spool import begin_run, list_runs
from framesift.training.tracking.store import CHALLENGER, CHAMPION, TrackingStore
from framesift.training.tracking.tracker import MlflowTracker, record_evaluation
from framesift.training.types import Outcome, Progress
from tests.unit.training.colours import BLUE, RED, coco, detector, opened
from tests.unit.training.mlflow_server import free_port, running_server

pytestmark = pytest.mark.slow


@dataclass
class Recipe:
    """What a tracker reads of a recipe."""

    name: str = "parts"
    digest: str = "1" * 64
    values: dict[str, Any] = field(default_factory=lambda: {"task": "detector", "schedule": {"epochs": 3}})

    def model_dump(self, *, mode: str) -> dict[str, Any]:
        assert mode == "json"
        return self.values


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a local store: making its tables takes seconds."""
    return tmp_path_factory.mktemp("store")


@pytest.fixture
def store(folder: Path) -> TrackingStore:
    return TrackingStore("", folder)


def train(
    store: TrackingStore, weights: Path, content: bytes = b"weights", *, experiment: str = "parts"
) -> MlflowTracker:
    """Track a small training."""
    weights.write_bytes(content)
    tracker = MlflowTracker(store, experiment)
    tracker.start(Recipe(digest=content.hex().ljust(64, "0")), "2" * 64)
    tracker.log(Progress(step=1, epoch=0.5, metrics={"loss": 2.0, "val/map_50": 0.25}, elapsed_s=3.0))
    tracker.log(Progress(step=2, epoch=1.0, metrics={"loss": float("nan"), "val/map_50": 0.5}, elapsed_s=6.0))
    tracker.finish(Outcome({"map_50": 0.75}, (weights,)))
    return tracker


def test_a_training_is_a_run_with_its_curve_its_figures_and_its_weights(store, tmp_path):
    train(store, tmp_path / "model.onnx")
    assert list_runs(store.spool) == []
    (run,) = [run for run in store.list_runs() if run.data.tags.get("framesift.file") == "model.onnx"]
    assert run.info.status == "FINISHED"
    assert run.data.params["schedule.epochs"] == "3"
    assert run.data.metrics["map_50"] == 0.75
    assert run.data.metrics["loss"] == 2.0
    fetched = store.fetch_weights(run.info.run_id, tmp_path / "by-id")
    assert fetched.read_bytes() == b"weights"
    assert store.fetch_weights("parts", tmp_path / "by-experiment").read_bytes() == b"weights"
    # What is there with the right digest is not fetched again, and what is damaged is.
    before = fetched.stat().st_mtime_ns
    assert store.fetch_weights(run.info.run_id, tmp_path / "by-id").stat().st_mtime_ns == before
    fetched.write_bytes(b"half")
    assert store.fetch_weights(run.info.run_id, tmp_path / "by-id").read_bytes() == b"weights"


def test_a_training_that_breaks_off_is_a_failed_run_without_weights(store):
    tracker = MlflowTracker(store, "broken")
    tracker.start(Recipe(digest="3" * 64), "2" * 64)
    tracker.fail(ValueError("the loss is NaN"))
    (run,) = [run for run in store.list_runs() if "framesift.error" in run.data.tags]
    assert run.info.status == "FAILED"
    assert "NaN" in run.data.tags["framesift.error"]
    with pytest.raises(WeightsMissingError):
        store.fetch_weights(run.info.run_id, store.folder)
    with pytest.raises(TrackedRunMissingError):
        store.fetch_weights("broken", store.folder)
    with pytest.raises(TrackedRunMissingError):
        store.fetch_weights("never", store.folder)


def test_a_training_that_goes_on_after_a_kill_is_the_same_run(store):
    for step in (1, 2):
        tracker = MlflowTracker(store, "resumed")
        tracker.start(Recipe(digest="4" * 64), "5" * 64)
        tracker.log(Progress(step=step, epoch=step, metrics={"loss": 1 / step}, elapsed_s=step))
        store.send()
    (run,) = [run for run in store.list_runs() if run.data.tags.get("framesift.data") == "5" * 64]
    assert run.data.metrics["loss"] == 0.5


def test_the_same_recipe_trained_again_is_another_run(store, tmp_path):
    for _ in range(2):
        train(store, tmp_path / "again.onnx", b"again", experiment="again")
    assert len([run for run in store.list_runs() if run.data.tags.get("framesift.file") == "again.onnx"]) == 2


def test_weights_that_are_not_what_was_recorded_are_refused(store, tmp_path):
    train(store, tmp_path / "damaged.onnx", b"as trained", experiment="damaged")
    (kept,) = (store.folder / "artifacts").rglob("damaged.onnx")
    kept.write_bytes(b"something else")
    with pytest.raises(WeightsDamagedError):
        store.fetch_weights("damaged", tmp_path / "to")
    assert not (tmp_path / "to" / "damaged.onnx").exists()


def test_a_champion_is_replaced_and_comes_back(store, tmp_path):
    versions = []
    for content in (b"first", b"second"):
        train(store, tmp_path / "model.onnx", content, experiment=f"series {content.decode()}")
        versions.append(store.register("series", store.find_run(f"series {content.decode()}")))
        assert store.find_version("series", CHALLENGER) == versions[-1]
        store.promote(versions[-1])
        assert store.find_version("series", CHALLENGER) is None
    first, second = versions
    assert store.find_version("series", CHAMPION) == second
    assert store.roll_back("series") == first
    assert store.find_version("series", CHAMPION) == first
    assert store.roll_back("series") == second
    assert second.sha256 != first.sha256
    with pytest.raises(NothingToRollBackError):
        store.roll_back("unknown")


def test_an_evaluation_is_a_run_with_its_report(store, tmp_path):
    from framesift.training.evaluate import evaluate_model
    from framesift.training.labelled import read_labelled_file

    data = read_labelled_file(coco(tmp_path, [{"file_name": "a.png", "boxes": [("red", RED), ("blue", BLUE)]}]))
    evaluation = evaluate_model(opened(detector(tmp_path), tmp_path), data, parts={"name:a*": ["a.png"]})
    report = tmp_path / "report.html"
    report.write_text("the report")
    record_evaluation(store.spool, evaluation, [report])
    assert store.send() == 1
    (run,) = [run for run in store.list_runs() if run.data.tags["framesift.data"] == data.digest]
    assert run.data.metrics["map"] == pytest.approx(1)
    assert run.data.metrics["slice/name:a_/map"] == pytest.approx(1)
    assert run.data.params["model"] == "halves@1"


def test_a_server_that_is_away_stops_nothing_and_gets_everything_later(tmp_path):
    port = free_port()
    store = TrackingStore(f"http://127.0.0.1:{port}", tmp_path / "here")
    tracker = train(store, tmp_path / "model.onnx")
    assert "does not answer" in tracker.faults[0]
    with pytest.raises(TrackingUnreachableError):
        store.send()
    begin_run(store.spool, "parts", "another", {}, {}).log_metrics({"loss": 1.0})
    with running_server(tmp_path / "server", port):
        assert store.send() == 1
        assert len(list_runs(store.spool)) == 1  # The one that is not over.
        assert store.fetch_weights("parts", tmp_path / "to").read_bytes() == b"weights"
        version = store.register("parts", store.find_run("parts"))
        store.promote(version)
        assert store.find_version("parts", CHAMPION) == version
        curve = {run.info.run_name: run.data.metrics for run in store.list_runs()}
        assert curve["parts"]["val/map_50"] == 0.5
        assert curve["another"]["loss"] == 1.0
