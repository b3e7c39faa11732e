"""Runs: what was wanted of a source and a date, which attempt made what, and what failed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby, islice
from typing import Any, Final, Literal

from pydantic import Field

from framesift.contracts import Contract, Run
from framesift.table.expiry import HISTORY_DAYS, expires_in
from framesift.table.table import Table

Status = Literal["RUNNING", "SUCCEEDED", "PARTIAL", "FAILED"]
INTERRUPTED: Final = "Interrupted"
"""The error of an execution that ended without a report."""
_PAGE_SIZE = 50


class Failure(Contract):
    """Why a category's last try failed."""

    stage: str
    error: str
    cause: str = ""


Trigger = Literal["schedule", "upload", "person"]
"""Who started an execution."""


class Execution(Contract):
    """One execution of a run, or one `framesift publish`, in the log that `framesift runs` shows."""

    action: Literal["run", "publish"] = Field("run", description="publish: the day's lists again, without a crawl.")
    source: str
    run_id: str
    attempt: int = Field(description="Of the run; of `publish` the number of the edition.")
    trigger: Trigger
    execution_arn: str = Field("", description="Of `publish` empty: it runs on a person's machine.")
    scopes: list[str] = Field(description="What it works on: categories, or the collection.")
    status: Status
    started_at: datetime
    finished_at: datetime | None = None
    error: str | None = None
    cause: str | None = None


class RunRecord(Contract):
    """The record of a run.

    `done`, `attempts` and `failures` are about the run's scopes: a source's categories, or an upload's collection.
    """

    source: str
    date: str
    subject: str | None = None
    collection: str | None = Field(None, description="Of `upload`: the collection.")
    batch: str | None = Field(None, description="Of `upload`: the batch of images; None: videos.")
    status: Status = Field(description="PARTIAL: what was started succeeded, and more is wanted of the day.")
    attempt: int
    editions: int = Field(
        0, description="The highest number of an edition so far; lists that are published again take one too."
    )
    execution_arn: str
    trigger: Trigger = Field("person", description="Who started the latest execution.")
    categories: list[str] = Field(description="What the latest execution works on.")
    wanted: list[str] = Field([], description="All that the run should have before it is SUCCEEDED.")
    done: list[str] = Field([])
    attempts: dict[str, int] = Field({}, description="Which attempt made each that is done; else the latest.")
    failures: dict[str, Failure] = Field({}, description="Why the last try of each failed.")
    started_at: datetime
    finished_at: datetime | None = None
    stage: str | None = None
    error: str | None = None
    cause: str | None = None
    failed_categories: list[str] = Field([])
    degraded: list[str] = Field([])
    counts: dict[str, Any] = Field({})
    stand_ins: list[str] = Field([], description="Outside services that were stand-ins; the others were the real ones.")
    notified: bool = Field(False, description="Whether people were notified of its failure.")

    @property
    def run(self) -> Run:
        """The latest attempt of the run that this is the record of."""
        return self.run_of_attempt(self.attempt)

    @property
    def next_edition(self) -> int:
        """The number of the next edition: no attempt and no publication has it."""
        return max(self.attempt, self.editions) + 1

    @property
    def scopes(self) -> list[str]:
        """What the latest execution works on: categories, or the collection."""
        return self.categories or ([self.collection] if self.collection else [])

    @property
    def execution(self) -> Execution:
        """The latest execution, as the log has it: how its own scopes ended, whatever else the day lacks."""
        own = {scope: why for scope, why in self.failures.items() if scope in self.scopes}
        error, cause = self.error, self.cause
        if own != self.failures:
            error = next((why.error for why in own.values()), None)
            cause = _join_causes(own) or None
        if self.status == "RUNNING":
            error = cause = None
        return Execution(
            source=self.source,
            run_id=self.run.id,
            attempt=self.attempt,
            trigger=self.trigger,
            execution_arn=self.execution_arn,
            scopes=self.scopes,
            status="RUNNING" if self.status == "RUNNING" else "FAILED" if error else "SUCCEEDED",
            started_at=self.started_at,
            finished_at=self.finished_at,
            error=error,
            cause=cause,
        )

    def run_of_attempt(self, attempt: int) -> Run:
        """The run's own attempt with that number."""
        return Run(source=self.source, date=self.date, attempt=attempt, subject=self.subject)

    def run_of(self, scope: str) -> Run:
        """The attempt that made a scope that is done: its files lie below that attempt's folder."""
        return self.run_of_attempt(self.attempts.get(scope, self.attempt))

    def unfinished(self, wanted: Sequence[str]) -> list[str]:
        """What of `wanted` has still to be made: never done, failed when it was last tried, or cut off."""
        interrupted = self.status == "RUNNING"
        return [
            scope
            for scope in wanted
            if scope not in self.done
            or scope in self.failures
            or (interrupted and scope in self.scopes and self.run_of(scope).attempt != self.attempt)
        ]

    def end(
        self,
        *,
        at: datetime,
        done: Sequence[str],
        failures: Mapping[str, Failure],
        fault: Failure | None = None,
        degraded: Sequence[str] = (),
        counts: Mapping[str, Any] | None = None,
    ) -> RunRecord:
        """The record after an execution has ended.

        What is recorded of scopes that the execution did not work on stays as it is.

        Args:
            at: When it ended.
            done: The scopes that it has made.
            failures: Why it failed, by scope.
            fault: Why it failed as a whole; else the first failure is the run's.
            degraded: What was done in a lesser way than the settings ask for, one sentence each.
            counts: Figures, by scope or kind.
        """
        still_failing = {scope: why for scope, why in self.failures.items() if scope not in done} | dict(failures)
        all_done = [*self.done, *(scope for scope in done if scope not in self.done)]
        missing = [scope for scope in self.wanted if scope not in all_done]
        status: Status = "FAILED" if still_failing else "PARTIAL" if missing else "SUCCEEDED"
        first = next(iter([*failures.values(), *still_failing.values()]), None)
        shown = fault or (first.model_copy(update={"cause": _join_causes(still_failing)}) if first else None)
        return self.model_copy(
            update={
                "status": status,
                "done": all_done,
                "attempts": self.attempts | dict.fromkeys(done, self.attempt),
                "failures": still_failing,
                "failed_categories": list(still_failing),
                "finished_at": at,
                "degraded": self._merge_degraded(degraded),
                "counts": {**self.counts, **(counts or {})},
                "stage": shown.stage if shown else None,
                "error": shown.error if shown else None,
                "cause": shown.cause if shown else None,
            }
        )

    def covers_all(self) -> bool:
        """Whether the latest execution works on all that is wanted: what it records then replaces what was before."""
        return set(self.scopes) >= set(self.wanted)

    def _merge_degraded(self, new: Sequence[str]) -> list[str]:
        """The execution's own sentences, and those of earlier ones about what it did not work on."""
        own = tuple(f"{scope}: " for scope in self.scopes)
        kept = [] if self.covers_all() else [each for each in self.degraded if not each.startswith(own)]
        return list(dict.fromkeys([*kept, *new]))


@dataclass(frozen=True)
class Runs:
    """Records of runs."""

    table: Table

    def get(self, source: str, run_id: str) -> RunRecord | None:
        """The record of a run, by its `Run.id`."""
        found = self.table.get(f"RUN#{source}", run_id)
        return _parse(found) if found else None

    def newest(self, source: str, limit: int = 30) -> list[RunRecord]:
        """The newest runs of a source, newest first."""
        newest: list[RunRecord] = []
        pages = self.table.query(f"RUN#{source}", newest_first=True, page_size=_PAGE_SIZE)
        # A day's uploads are not in the order of their time: a day is read as a whole.
        for _, day in groupby(map(_parse, pages), lambda record: record.date):
            newest += sorted(day, key=lambda record: record.started_at, reverse=True)
            if len(newest) >= limit:
                break
        return newest[:limit]

    def of_execution(self, execution_arn: str) -> RunRecord | None:
        """The record of the run that an execution has claimed, also where another one holds it by now."""
        found = self.table.get(f"EXECUTION#{execution_arn}", "run")
        return self.get(found["source"], found["run_id"]) if found else None

    def claim(self, record: RunRecord, replaces: RunRecord | None) -> bool:
        """Take a run for an execution.

        Args:
            record: The record as it is to be.
            replaces: The record as it was read; None where there was none.

        Returns:
            False if another execution was quicker.
        """
        # Written first, so that a run that is claimed can always be found by its execution.
        execution = {"source": record.source, "run_id": record.run.id, "expires_at": expires_in(HISTORY_DAYS)}
        self.table.put(f"EXECUTION#{record.execution_arn}", "run", execution)
        claimed = self._put(record, "attribute_not_exists(pk)") if replaces is None else self.update(record, replaces)
        if claimed:
            self._log(record)
            if replaces and replaces.status == "RUNNING" and replaces.execution_arn != record.execution_arn:
                self.log(replaces.execution.model_copy(update={"status": "FAILED", "error": INTERRUPTED}))
        return claimed

    def update(self, record: RunRecord, replaces: RunRecord) -> bool:
        """Change a record; False, and nothing is written, if it is not as it was read any more."""
        return self._put(
            record,
            "execution_arn = :arn AND #status = :status AND attempt = :attempt "
            "AND (editions = :editions OR attribute_not_exists(editions))",
            arn=replaces.execution_arn,
            status=replaces.status,
            attempt=replaces.attempt,
            editions=replaces.editions,
        )

    def end(self, record: RunRecord) -> bool:
        """Write how a run ended.

        Returns:
            False, and nothing is written, if another execution holds the run by now, or if its end is written already:
            whoever writes first decides.
        """
        condition = "execution_arn = :arn AND #status = :running"
        ended = self._put(record, condition, arn=record.execution_arn, running="RUNNING")
        if ended:
            self._log(record)
        return ended

    def executions(self, source: str, limit: int = 30) -> list[Execution]:
        """The newest executions of a source's runs, newest first.

        Of a run that was made before there was a log, its record tells of the latest execution.
        """
        found = self.table.query(f"EXECUTIONS#{source}", newest_first=True, page_size=min(limit, _PAGE_SIZE))
        logged = [Execution.model_validate_json(each["execution"]) for each in islice(found, limit)]
        known = {execution.execution_arn for execution in logged}
        unlogged = [record.execution for record in self.newest(source, limit) if record.execution_arn not in known]
        return sorted([*logged, *unlogged], key=lambda execution: execution.started_at, reverse=True)[:limit]

    def _log(self, record: RunRecord) -> None:
        """Keep what an execution does, or how it ended, after another one has taken the record."""
        self.log(record.execution)

    def log(self, execution: Execution) -> None:
        """Keep an execution in the log; writing it again replaces it."""
        key = f"{execution.started_at.astimezone(UTC).isoformat()}#{execution.execution_arn}"
        fields = {"execution": execution.model_dump_json(), "expires_at": expires_in(HISTORY_DAYS)}
        self.table.put(f"EXECUTIONS#{execution.source}", key, fields)

    def of_collection(self, collection: str) -> Iterator[RunRecord]:
        """The runs of uploads to a collection."""
        records = (_parse(record) for record in self.table.query("RUN#upload"))
        return (record for record in records if collection in (record.collection, *record.categories))

    def forget(self, record: RunRecord) -> None:
        """Delete a run's record, and the log of its executions."""
        for logged in self.table.query(f"EXECUTIONS#{record.source}"):
            execution = Execution.model_validate_json(logged["execution"])
            if execution.run_id == record.run.id:
                self.table.delete_all(f"EXECUTION#{execution.execution_arn}")
                self.table.delete(logged["pk"], logged["sk"])
        self.table.delete_all(f"EXECUTION#{record.execution_arn}")
        self.table.delete(f"RUN#{record.source}", record.run.id)

    def mark_notified(self, record: RunRecord) -> None:
        """Record that people know of a run's failure."""
        notified = record.model_copy(update={"notified": True})
        self._put(
            notified, "execution_arn = :arn AND #status = :status", arn=record.execution_arn, status=record.status
        )

    def _put(self, record: RunRecord, condition: str, **values: Any) -> bool:
        fields = record.model_dump(mode="json")
        fields["counts"] = json.dumps(fields["counts"])
        expires_at = expires_in(HISTORY_DAYS)
        return self.table.put(
            f"RUN#{record.source}", record.run.id, {**fields, "expires_at": expires_at}, condition, **values
        )


def _join_causes(failures: Mapping[str, Failure]) -> str:
    return "; ".join(f"{scope}: {why.cause}" for scope, why in failures.items())


def _parse(record: Mapping[str, Any]) -> RunRecord:
    attempts = {scope: int(attempt) for scope, attempt in record.get("attempts", {}).items()}
    numbers = {"attempt": int(record["attempt"]), "editions": int(record.get("editions", 0)), "attempts": attempts}
    return RunRecord.model_validate({**record, **numbers, "counts": json.loads(record.get("counts", "{}"))})
