"""A run's stages: their outputs, how far they are, and why a job's process failed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from framesift.contracts import Contract, Run
from framesift.table.expiry import HISTORY_DAYS, PROGRESS_DAYS, expires_in
from framesift.table.table import Table

SCOPE_SEPARATOR: Final = "."
"""The scope of a stage that works on several categories at once is their names, joined by this."""

FRAMES: Final = "frames"
"""In a run's progress: how many frames of a video are done; the scope is the video's name."""


class Fault(Contract):
    """Why a job's process failed."""

    error: str
    message: str
    at: datetime


@dataclass(frozen=True)
class Stages:
    """Records of runs' stages."""

    table: Table

    def output(self, run: Run, stage: str, scope: str) -> str | None:
        """A finished stage's output as JSON; None if the stage is not done."""
        found = self.table.get(_stages(run), f"{run.attempt}#{stage}#{scope}")
        return found["output"] if found else None

    def outputs(self, run: Run) -> dict[tuple[str, str], dict[str, Any]]:
        """The outputs of a run's stages that are done, by stage and scope; those of this attempt."""
        outputs = {}
        for record in self.table.query(_stages(run)):
            attempt, stage, scope = record["sk"].split("#", 2)
            if int(attempt) == run.attempt:
                outputs[stage, scope] = json.loads(record["output"])
        return outputs

    def end(self, run: Run, stage: str, scope: str, output: str) -> None:
        """Keep a stage's output (JSON) for a run that resumes."""
        self.table.put(
            _stages(run),
            f"{run.attempt}#{stage}#{scope}",
            {"output": output, "ended_at": datetime.now(UTC).isoformat(), "expires_at": expires_in(HISTORY_DAYS)},
        )

    def forget(self, run: Run, stage: str, scope: str) -> None:
        """Let one stage be done again, whatever its output was."""
        self.table.delete(_stages(run), f"{run.attempt}#{stage}#{scope}")

    def forget_run(self, run: Run) -> None:
        """Delete all that is recorded of a run's stages."""
        self.table.delete_all(_stages(run))
        self.table.delete_all(f"PROGRESS#{run.source}#{run.id}")
        self.table.delete_all(f"FAULT#{run.source}#{run.id}")

    def forget_scopes(self, run: Run, names: Iterable[str]) -> None:
        """Let everything be done again that covers one of these categories, alone or together with others."""
        forgotten = set(names)
        for stage, scope in self.outputs(run):
            if forgotten & set(scope.split(SCOPE_SEPARATOR)):
                self.forget(run, stage, scope)

    def report_progress(self, run: Run, stage: str, scope: str, done: int, total: int) -> None:
        """Report how far a stage is; call it about once a second, not for every item."""
        record = {"done": done, "total": total, "attempt": run.attempt, "at": datetime.now(UTC).isoformat()}
        key = f"{stage}#{scope}"
        self.table.put(f"PROGRESS#{run.source}#{run.id}", key, {**record, "expires_at": expires_in(PROGRESS_DAYS)})

    def progress(self, run: Run, since: datetime) -> dict[tuple[str, str], tuple[int, int]]:
        """How far a run's stages are: done and total, by stage and scope.

        Args:
            run: The run.
            since: When its execution started: what an earlier one reported is left out.
        """
        progress = {}
        for record in self.table.query(f"PROGRESS#{run.source}#{run.id}"):
            reported_at = record.get("at")
            if reported_at and datetime.fromisoformat(reported_at) >= since:
                stage, scope = record["sk"].split("#", 1)
                progress[stage, scope] = (int(record["done"]), int(record["total"]))
        return progress

    def put_fault(self, run: Run, stage: str, error: Exception) -> None:
        """Record why a job's process failed."""
        fault = Fault(error=type(error).__name__, message=str(error), at=datetime.now(UTC))
        record = {**fault.model_dump(mode="json"), "expires_at": expires_in(HISTORY_DAYS)}
        self.table.put(f"FAULT#{run.source}#{run.id}", stage, record)

    def fault(self, run: Run, stage: str) -> Fault | None:
        """Why the last process of a stage's job failed, whenever that was."""
        found = self.table.get(f"FAULT#{run.source}#{run.id}", stage)
        return Fault.model_validate(found) if found else None


def _stages(run: Run) -> str:
    return f"RUN#{run.source}#{run.id}"
