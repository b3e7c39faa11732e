"""What is kept of runs: how they went, their stages' outputs, progress and faults."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, Literal

from pydantic import Field

from framesift.contracts import Contract, Run
from framesift.table.records import Records, encode

Status = Literal["RUNNING", "SUCCEEDED", "FAILED"]


class RunRecord(Contract):
    """The record of a run."""

    source: str
    date: str
    subject: str | None = None
    status: Status
    attempt: int
    execution_arn: str
    categories: list[str]
    done: list[str] = Field([])
    started_at: datetime
    finished_at: datetime | None = None
    stage: str | None = None
    error: str | None = None
    cause: str | None = None
    failed_categories: list[str] = Field([])
    degraded: list[str] = Field([])
    counts: dict[str, Any] = Field({})

    @property
    def run(self) -> Run:
        """The run that this is the record of."""
        return Run(source=self.source, date=self.date, attempt=self.attempt, subject=self.subject)


class Fault(Contract):
    """Why a job's process gave up."""

    error: str
    message: str
    at: datetime


class RunRecords(Records):
    """What is kept of runs."""

    # --- runs ---

    def run(self, source: str, run_id: str) -> RunRecord | None:
        """The record of a run, by its `Run.id`."""
        found = self._get(f"RUN#{source}", run_id)
        return RunRecord.model_validate(_run_fields(found)) if found else None

    def runs(self, source: str, limit: int = 30) -> list[RunRecord]:
        """The newest runs of a source, newest first."""
        newest: list[RunRecord] = []
        # A day's uploads are not in the order of their time: a day is read as a whole.
        for _, day in groupby(self._runs(source), lambda record: record.date):
            newest += sorted(day, key=lambda record: record.started_at, reverse=True)
            if len(newest) >= limit:
                break
        return newest[:limit]

    def run_of(self, source: str, execution_arn: str) -> RunRecord | None:
        """The newest run of a source that an execution has claimed."""
        return next((record for record in self._runs(source) if record.execution_arn == execution_arn), None)

    def _runs(self, source: str) -> Iterator[RunRecord]:
        for record in self._read(f"RUN#{source}", newest_first=True, page_size=50):
            yield RunRecord.model_validate(_run_fields(record))

    def claim(self, record: RunRecord, replaces: RunRecord | None) -> bool:
        """Take a day's run for an execution.

        Args:
            record: The record as it is to be.
            replaces: The record as it was read; None where there was none.

        Returns:
            False if another execution was quicker.
        """
        if replaces is None:
            return self._put_run(record, "attribute_not_exists(pk)")
        return self._put_run(
            record,
            "execution_arn = :arn AND #status = :status",
            arn=replaces.execution_arn,
            status=replaces.status,
        )

    def end_run(self, record: RunRecord) -> bool:
        """Write how a run ended; False if another execution holds it by now, and nothing is written then."""
        return self._put_run(record, "execution_arn = :arn", arn=record.execution_arn)

    def _put_run(self, record: RunRecord, condition: str, **values: Any) -> bool:
        fields = record.model_dump(mode="json")
        fields["counts"] = json.dumps(fields["counts"])
        return self._put(f"RUN#{record.source}", record.run.id, fields, condition, **values)

    # --- stages ---

    def stage_output(self, run: Run, stage: str, scope: str) -> str | None:
        """What a stage gave when it was done, as JSON; None if it is not done."""
        found = self._get(f"RUN#{run.source}#{run.id}", f"{run.attempt}#{stage}#{scope}")
        return found["output"] if found else None

    def end_stage(self, run: Run, stage: str, scope: str, output: str) -> None:
        """Keep a stage's output (JSON) for a run that resumes."""
        self._put(
            f"RUN#{run.source}#{run.id}",
            f"{run.attempt}#{stage}#{scope}",
            {"output": output, "ended_at": datetime.now(UTC).isoformat()},
        )

    def stages(self, run: Run) -> dict[tuple[str, str], dict[str, Any]]:
        """The outputs of a run's stages that are done, by stage and scope."""
        outputs = {}
        for record in self._query(f"RUN#{run.source}#{run.id}"):
            attempt, stage, scope = record["sk"].split("#", 2)
            if int(attempt) == run.attempt:
                outputs[stage, scope] = json.loads(record["output"])
        return outputs

    def forget_stages(self, run: Run, categories: Iterable[str]) -> None:
        """Let a resumed run do a category's stages again."""
        for category in categories:
            for stage in ("collect", "curate"):
                self.forget_stage(run, stage, category)

    def forget_stage(self, run: Run, stage: str, scope: str) -> None:
        """Let one stage be done again, whatever came of it."""
        key = encode({"pk": f"RUN#{run.source}#{run.id}", "sk": f"{run.attempt}#{stage}#{scope}"})
        self._client.delete_item(TableName=self.name, Key=key)

    def report_progress(self, run: Run, stage: str, scope: str, done: int, total: int) -> None:
        """Say how far a stage is; call it about once a second, not for every item."""
        expires_at = int((datetime.now(UTC) + timedelta(days=1)).timestamp())
        record = {"done": done, "total": total, "expires_at": expires_at}
        self._put(f"PROGRESS#{run.source}#{run.id}", f"{stage}#{scope}", record)

    def progress(self, run: Run) -> dict[tuple[str, str], tuple[int, int]]:
        """How far a run's stages are: done and total, by stage and scope."""
        found = self._query(f"PROGRESS#{run.source}#{run.id}")
        progress = {}
        for record in found:
            stage, scope = record["sk"].split("#", 1)
            progress[stage, scope] = (int(record["done"]), int(record["total"]))
        return progress

    def put_fault(self, run: Run, stage: str, error: Exception) -> None:
        """Keep why a job's process gives up."""
        fault = Fault(error=type(error).__name__, message=str(error), at=datetime.now(UTC))
        self._put(f"FAULT#{run.source}#{run.id}", stage, fault.model_dump(mode="json"))

    def fault(self, run: Run, stage: str) -> Fault | None:
        """Why the last process of a stage's job gave up, whenever that was."""
        found = self._get(f"FAULT#{run.source}#{run.id}", stage)
        return Fault.model_validate(found) if found else None


def _run_fields(record: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **record,
        "attempt": int(record["attempt"]),
        "counts": json.loads(record.get("counts", "{}")),
    }
