"""Trackers: of a training as it goes, and of an evaluation."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from framesift.errors import ExtraMissingError, TrackingUnreachableError
from framesift.training.tracking.spool import RunLog, begin_run
from framesift.training.tracking.store import WEIGHTS, TrackingStore, describe_weights

if TYPE_CHECKING:
    from framesift.training.evaluate import Evaluation
    from framesift.training.recipe import Recipe
    from framesift.training.types import Outcome, Progress

_SEND_EVERY_S: Final = 30.0
_WAIT_S: Final = 300.0
_WEIGHT_SUFFIXES: Final = {".onnx", ".pt", ".safetensors"}


class MlflowTracker:
    """Records a training; see `training.types.Tracker`. A server that is away never stops it.

    Args:
        store: Where runs go.
        experiment: The experiment that the run belongs to.

    Attributes:
        faults: Why the run was not sent, each time: the server is away, or MLflow is not installed.
    """

    def __init__(self, store: TrackingStore, experiment: str) -> None:
        self.faults: list[str] = []
        self._store, self._experiment = store, experiment
        self._log: RunLog | None = None
        self._next_s = 0.0

    def start(self, recipe: Recipe, data_digest: str) -> None:
        """See `Tracker.start`."""
        params = _flatten(recipe.model_dump(mode="json"))
        tags = {"framesift.data": data_digest, "framesift.recipe": recipe.digest}
        key = f"{recipe.digest[:16]}-{data_digest[:16]}"
        self._log = begin_run(self._store.spool, self._experiment, recipe.name, params, tags, key)
        self._send()

    def log(self, progress: Progress) -> None:
        """See `Tracker.log`."""
        metrics = {**progress.metrics, "epoch": progress.epoch, "elapsed_s": progress.elapsed_s}
        self._run.log_metrics(_finite(metrics), progress.step)
        if time.monotonic() >= self._next_s:
            self._send()

    def finish(self, outcome: Outcome) -> None:
        """See `Tracker.finish`."""
        self._run.log_metrics(_finite(outcome.metrics))
        log_files(self._run, outcome.files)
        self._run.end("FINISHED")
        self._send()

    def fail(self, error: BaseException) -> None:
        """See `Tracker.fail`."""
        self._run.log_tags({"framesift.error": f"{type(error).__name__}: {error}"[:5000]})
        self._run.end("FAILED")
        self._send()

    @property
    def _run(self) -> RunLog:
        if self._log is None:
            raise RuntimeError("start was not called")
        return self._log

    def _send(self) -> None:
        self._next_s = time.monotonic() + _SEND_EVERY_S
        try:
            self._store.send()
        except (TrackingUnreachableError, ExtraMissingError) as error:
            self.faults.append(str(error))
            self._next_s = time.monotonic() + _WAIT_S


def record_evaluation(spool: Path, evaluation: Evaluation, files: Sequence[Path]) -> None:
    """Record an evaluation as a run of the experiment `evaluation`, for `TrackingStore.send`.

    Args:
        spool: The store's folder of runs that are not sent yet.
        evaluation: What the model reached.
        files: Its report, and its figures.
    """
    log = begin_run(
        spool,
        "evaluation",
        f"{evaluation.model} on {evaluation.data.name}",
        {"model": evaluation.model, "data": evaluation.data.name, "images": len(evaluation.data.images)},
        {"framesift.data": evaluation.data.digest, "framesift.task": evaluation.task},
    )
    log.log_metrics(evaluation.metrics)
    log_files(log, files)
    log.end("FINISHED")


def log_files(log: RunLog, files: Sequence[Path]) -> None:
    """Record files; weights go to a folder of their own, with their digest."""
    for file in files:
        is_weights = file.suffix in _WEIGHT_SUFFIXES
        log.log_file(file, WEIGHTS if is_weights else "")
        if is_weights:
            log.log_tags(describe_weights(file))


def _finite(metrics: Mapping[str, float]) -> dict[str, float]:
    return {name: float(value) for name, value in metrics.items() if math.isfinite(value)}


def _flatten(values: object, name: str = "") -> dict[str, object]:
    if isinstance(values, dict):
        flat: dict[str, object] = {}
        for key, value in values.items():
            flat |= _flatten(value, f"{name}.{key}" if name else str(key))
        return flat
    return {name: values}
