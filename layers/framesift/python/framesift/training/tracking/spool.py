"""A run as a folder of events and files: what is tracked lies here first, and is sent when the server answers."""

from __future__ import annotations

import json
import shutil
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

EVENTS, SENT, FILES = "events.jsonl", "sent.json", "files"
Status = Literal["FINISHED", "FAILED"]


@dataclass(frozen=True)
class RunLog:
    """What is known of one run; each call is on disk when it returns.

    Attributes:
        folder: The run's folder in the spool.
    """

    folder: Path

    @property
    def key(self) -> str:
        """What tells the run apart, also on the server."""
        return self.folder.name

    def log_metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Record figures at a step."""
        self.append("metrics", metrics=dict(metrics), step=step, at_ms=_now_ms())

    def log_tags(self, tags: Mapping[str, str]) -> None:
        """Record tags; a later value replaces an earlier one."""
        self.append("tags", tags=dict(tags))

    def log_file(self, file: Path, folder: str = "") -> None:
        """Record a file; it is copied, so that it may change afterwards.

        Args:
            file: The file.
            folder: Where it lies among the run's files.
        """
        kept = self.folder / FILES / folder / file.name
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, kept)
        self.append("file", path=kept.relative_to(self.folder).as_posix(), folder=folder)

    def end(self, status: Status) -> None:
        """Record that the run is over."""
        self.append("end", status=status, at_ms=_now_ms())

    def append(self, kind: str, **values: Any) -> None:
        """Record an event."""
        with (self.folder / EVENTS).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"kind": kind, **values}) + "\n")


def begin_run(
    spool: Path, experiment: str, name: str, params: Mapping[str, object], tags: Mapping[str, str], key: str = ""
) -> RunLog:
    """Begin a run, or go on with the one of that key.

    Args:
        spool: The folder of all runs that are not sent yet.
        experiment: The experiment that it belongs to.
        name: Of the run, for people.
        params: What it was made with.
        tags: Digests and the like.
        key: Of a run that may go on after an interruption; empty: a new one.
    """
    log = RunLog(spool / (key or uuid.uuid4().hex))
    if not (log.folder / EVENTS).exists():
        log.folder.mkdir(parents=True, exist_ok=True)
        log.append(
            "begin",
            experiment=experiment,
            name=name,
            params={key: str(value) for key, value in params.items()},
            tags=dict(tags),
            at_ms=_now_ms(),
        )
    return log


def read_events(folder: Path) -> list[dict[str, Any]]:
    """The events of a run but for a last one that was cut off."""
    lines = (folder / EVENTS).read_text(encoding="utf-8").splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


def list_runs(spool: Path) -> list[Path]:
    """The folders of the runs that are not sent whole, oldest first."""
    found = [path.parent for path in spool.glob(f"*/{EVENTS}")]
    return sorted(found, key=lambda folder: (folder / EVENTS).stat().st_mtime)


def _now_ms() -> int:
    return int(time.time() * 1000)
