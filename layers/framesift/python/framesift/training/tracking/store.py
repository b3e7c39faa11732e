"""MLflow's store: sends runs there, keeps versions of models and their aliases, and gets weights back."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from framesift.errors import (
    ExtraMissingError,
    NothingToRollBackError,
    TrackedRunMissingError,
    TrackingUnreachableError,
    WeightsDamagedError,
    WeightsMissingError,
)
from framesift.names import safe_name
from framesift.training.tracking.spool import SENT, list_runs, read_events

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

CHAMPION: Final = "champion"
CHALLENGER: Final = "challenger"
WEIGHTS: Final = "weights"
"""The folder of weights among a run's files."""
_KEY_TAG: Final = "framesift.key"
_DIGEST_TAG: Final = "framesift.sha256"
_FILE_TAG: Final = "framesift.file"
_REPLACED_TAG: Final = "framesift.replaced"
_TIMEOUT_S: Final = 5
_UNFIT = re.compile(r"[^\w.\- :/]")
_BATCH: Final = 1000  # What MLflow takes at once.
_MAX_VALUE: Final = 6000


@dataclass(frozen=True)
class ModelVersion:
    """A version of a model.

    Attributes:
        name: The model's name.
        version: Its number.
        run_id: The run that made it.
        sha256: Of its weights.
    """

    name: str
    version: str
    run_id: str
    sha256: str


class TrackingStore:
    """MLflow at an address.

    Args:
        uri: `https://…` of a server, or a database such as `sqlite:///mlflow.db`; empty: a local store.
        folder: Of the local store, and of the spool.

    Raises:
        ExtraMissingError: MLflow is not installed.
    """

    def __init__(self, uri: str, folder: Path) -> None:
        self.folder = folder.resolve()
        self.uri = uri or f"sqlite:///{self.folder / 'mlflow.db'}"
        self._opened: MlflowClient | None = None

    @property
    def spool(self) -> Path:
        """The folder of runs that are not sent yet."""
        return self.folder / "spool"

    @property
    def is_remote(self) -> bool:
        """Whether it is a server."""
        return self.uri.startswith(("http://", "https://"))

    def send(self) -> int:
        """Send what the spool has; a run that is sent whole leaves it.

        Returns:
            How many runs were sent whole.

        Raises:
            TrackingUnreachableError: The server does not answer; the spool keeps what was not sent.
        """
        sent = 0
        for run in list_runs(self.spool):
            with self._calling() as client:
                sent += _send_run(client, run, "" if self.is_remote else (self.folder / "artifacts").as_uri())
        return sent

    def find_run(self, wanted: str) -> str:
        """Find a run.

        Args:
            wanted: A run's id; or an experiment's name or id: its newest finished run with weights.

        Raises:
            TrackedRunMissingError: There is none.
            TrackingUnreachableError: The server does not answer.
        """
        from mlflow.exceptions import MlflowException

        with self._calling() as client:
            try:
                return str(client.get_run(wanted).info.run_id)
            except MlflowException as error:
                _pass_missing(error)
            try:
                experiment = client.get_experiment_by_name(wanted) or client.get_experiment(wanted)
            except MlflowException as error:
                _pass_missing(error)
                experiment = None
            runs = experiment and client.search_runs(
                [experiment.experiment_id],
                f"attributes.status = 'FINISHED' AND tags.`{_DIGEST_TAG}` != ''",
                max_results=1,
                order_by=["attributes.start_time DESC"],
            )
        if not runs:
            raise TrackedRunMissingError(
                f"{self.uri} has no run {wanted!r}, and no experiment of that name with weights: `framesift training "
                "runs` lists them."
            )
        return str(runs[0].info.run_id)

    def fetch_weights(self, wanted: str, to: Path) -> Path:
        """Fetch a run's weights; what is there already, with the right digest, is not fetched again.

        Args:
            wanted: As for `find_run`.
            to: The folder for the file.

        Raises:
            TrackedRunMissingError: There is no such run.
            WeightsMissingError: The run has no weights.
            WeightsDamagedError: What the store has is not what was recorded.
            TrackingUnreachableError: The server does not answer.
        """
        run_id = self.find_run(wanted)
        with self._calling() as client:
            tags = client.get_run(run_id).data.tags
            if _DIGEST_TAG not in tags or _FILE_TAG not in tags:
                raise WeightsMissingError(f"The run {run_id} has no weights: it broke off, or it was an evaluation.")
            digest, path = tags[_DIGEST_TAG], to / Path(tags[_FILE_TAG]).name
            if path.exists() and digest_file(path) == digest:
                return path
            to.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=to) as scratch:
                fetched = Path(client.download_artifacts(run_id, f"{WEIGHTS}/{path.name}", scratch))
                if digest_file(fetched) != digest:
                    raise WeightsDamagedError(
                        f"The weights of the run {run_id} are not those that were recorded (sha256 {digest}): train "
                        "again, or restore the store."
                    )
                fetched.replace(path)
        return path

    def register(self, name: str, run_id: str) -> ModelVersion:
        """Make a run's weights a version of a model, its challenger.

        Raises:
            WeightsMissingError: The run has no weights.
        """
        from mlflow.exceptions import MlflowException

        with self._calling() as client:
            run = client.get_run(run_id)
            if _DIGEST_TAG not in run.data.tags:
                raise WeightsMissingError(f"The run {run_id} has no weights: it broke off, or it was an evaluation.")
            try:
                client.create_registered_model(name)
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
            made = client.create_model_version(
                name,
                source=f"{run.info.artifact_uri}/{WEIGHTS}",
                run_id=run_id,
                tags={_DIGEST_TAG: run.data.tags[_DIGEST_TAG]},
            )
            client.set_registered_model_alias(name, CHALLENGER, made.version)
            return _to_version(made)

    def find_version(self, name: str, alias: str) -> ModelVersion | None:
        """The version of a model that an alias names; None: there is none."""
        from mlflow.exceptions import MlflowException

        with self._calling() as client:
            try:
                return _to_version(client.get_model_version_by_alias(name, alias))
            except MlflowException as error:
                _pass_missing(error)
                return None

    def promote(self, challenger: ModelVersion) -> None:
        """Make a version the champion; the former one is remembered for `roll_back`."""
        former = self.find_version(challenger.name, CHAMPION)
        with self._calling() as client:
            if former is not None and former.version != challenger.version:
                client.set_model_version_tag(challenger.name, challenger.version, _REPLACED_TAG, former.version)
            client.set_registered_model_alias(challenger.name, CHAMPION, challenger.version)
            now = self.find_version(challenger.name, CHALLENGER)
            if now is not None and now.version == challenger.version:
                client.delete_registered_model_alias(challenger.name, CHALLENGER)

    def roll_back(self, name: str) -> ModelVersion:
        """Make the former champion the champion again; a second time undoes the first.

        Raises:
            NothingToRollBackError: There was none before.
        """
        now = self.find_version(name, CHAMPION)
        with self._calling() as client:
            tags = client.get_model_version(name, now.version).tags if now is not None else {}
            if now is None or _REPLACED_TAG not in tags:
                raise NothingToRollBackError(f"{name} had no champion before: there is nothing to roll back to.")
            back = _to_version(client.get_model_version(name, tags[_REPLACED_TAG]))
        self.promote(back)
        return back

    def list_runs(self, count: int = 50) -> list[Run]:
        """The newest runs of all experiments."""
        with self._calling() as client:
            ids = [experiment.experiment_id for experiment in client.search_experiments()]
            return list(client.search_runs(ids, max_results=count, order_by=["attributes.start_time DESC"]))

    @contextmanager
    def _calling(self) -> Iterator[MlflowClient]:
        """MLflow's client; that the server does not answer becomes an error of ours."""
        client = self._open()
        from mlflow.exceptions import MlflowException

        try:
            yield client
        except MlflowException as error:
            if self.is_remote and error.error_code in {"INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE"}:
                raise TrackingUnreachableError(f"{self.uri} does not answer: {error}") from None
            raise

    def _open(self) -> MlflowClient:
        if self.is_remote:
            self._check_health()
        if self._opened is None:
            # MLflow waits for minutes by default, and asks for analytics.
            os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
            os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
            os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
            try:
                from mlflow import MlflowClient
            except ModuleNotFoundError as error:
                raise ExtraMissingError.for_module("Tracking", error.name, "tracking") from None
            self.folder.mkdir(parents=True, exist_ok=True)
            self._opened = MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)
        return self._opened

    def _check_health(self) -> None:
        try:
            with urllib.request.urlopen(f"{self.uri.rstrip('/')}/health", timeout=_TIMEOUT_S):  # noqa: S310 - http only.
                return
        except (urllib.error.URLError, OSError) as error:
            raise TrackingUnreachableError(
                f"The tracking server {self.uri} does not answer ({error}). What was recorded waits in {self.spool}, "
                "and `framesift training send` sends it."
            ) from None


def digest_file(path: Path) -> str:
    """The sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def describe_weights(path: Path) -> dict[str, str]:
    """The tags by which a run's weights are found and checked."""
    return {_DIGEST_TAG: digest_file(path), _FILE_TAG: path.name}


def _send_run(client: MlflowClient, folder: Path, artifacts: str) -> bool:
    """Send what is new of a run; True: it is over, and sent whole."""
    events = read_events(folder)
    if not events:
        return False
    state = folder / SENT
    sent: dict[str, Any] = json.loads(state.read_text("utf-8")) if state.exists() else {"events": 0}
    if "run_id" not in sent:
        sent["run_id"] = _create_run(client, folder.name, events[0], artifacts)
    over = False
    for number, event in enumerate(events):
        over = over or event["kind"] == "end"
        if number >= sent["events"]:
            _send_event(client, sent["run_id"], event, folder)
            sent["events"] = number + 1
            _write(state, sent)
    if over:
        shutil.rmtree(folder)
    return over


def _create_run(client: MlflowClient, key: str, begin: dict[str, Any], artifacts: str) -> str:
    """Create the run on the server, unless it is there and goes on."""
    found = client.get_experiment_by_name(begin["experiment"])
    folder = artifacts and f"{artifacts}/{safe_name(begin['experiment'])}"
    experiment_id = found.experiment_id if found else client.create_experiment(begin["experiment"], folder)
    goes_on = f"tags.`{_KEY_TAG}` = '{key}' AND attributes.status = 'RUNNING'"
    known = client.search_runs([experiment_id], goes_on, max_results=1)
    if known:
        return str(known[0].info.run_id)
    run = client.create_run(
        experiment_id, start_time=begin["at_ms"], tags={**begin["tags"], _KEY_TAG: key}, run_name=begin["name"]
    )
    return str(run.info.run_id)


def _send_event(client: MlflowClient, run_id: str, event: dict[str, Any], folder: Path) -> None:
    from mlflow.entities import Metric, Param, RunTag

    match event["kind"]:
        case "begin":
            client.log_batch(
                run_id, params=[Param(_fit(name), value[:6000]) for name, value in event["params"].items()]
            )
        case "metrics":
            metrics = [
                Metric(_fit(name), value, event["at_ms"], event["step"]) for name, value in event["metrics"].items()
            ]
            for start in range(0, len(metrics), _BATCH):
                client.log_batch(run_id, metrics=metrics[start : start + _BATCH])
        case "tags":
            client.log_batch(run_id, tags=[RunTag(name, value) for name, value in event["tags"].items()])
        case "file":
            client.log_artifact(run_id, str(folder / event["path"]), event["folder"] or None)
        case "end":
            client.set_terminated(run_id, event["status"], event["at_ms"])


def _write(path: Path, state: dict[str, Any]) -> None:
    scratch = path.with_suffix(".part")
    scratch.write_text(json.dumps(state), encoding="utf-8")
    scratch.replace(path)


def _fit(name: str) -> str:
    """A name as MLflow takes it."""
    return _UNFIT.sub("_", name)[:250]


def _pass_missing(error: Any) -> None:
    """Raise an error again unless it says that something is not there."""
    if error.error_code not in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
        raise error


def _to_version(found: Any) -> ModelVersion:
    return ModelVersion(found.name, str(found.version), str(found.run_id), found.tags.get(_DIGEST_TAG, ""))
