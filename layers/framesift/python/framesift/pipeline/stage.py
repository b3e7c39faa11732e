"""What every stage shares: its work is done once, its progress can be watched, and its outcome is one log line."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from framesift.contracts import Contract, Run
from framesift.log import logger
from framesift.table import Stages
from framesift.table.stages import SCOPE_SEPARATOR

Output = TypeVar("Output", bound=Contract)
Result = TypeVar("Result")

REPORT_INTERVAL_S = 0.5


class Progress:
    """Reports how far a stage is: a few times a second at most, however often it is called.

    Args:
        stages: Where it is recorded.
        run: The run.
        stage: The stage's name.
        scope: The category, or all of them, joined.
    """

    def __init__(self, stages: Stages, run: Run, stage: str, scope: str) -> None:
        self._stages, self._run, self._stage, self._scope = stages, run, stage, scope
        self._last_s = 0.0

    def __call__(self, done: int, total: int) -> None:
        """Report that `done` of `total` are done."""
        if time.monotonic() - self._last_s >= REPORT_INTERVAL_S:
            self._stages.report_progress(self._run, self._stage, self._scope, done, total)
            self._last_s = time.monotonic()


def run_once(
    stages: Stages, run: Run, stage: str, scopes: Sequence[str], model: type[Output], work: Callable[[], Output]
) -> Output:
    """Do a stage's work, unless an earlier try of the run has done it.

    Args:
        stages: Where outputs are kept.
        run: The run.
        stage: The stage's name.
        scopes: What the work covers, which is part of what is remembered.
        model: The output's contract.
        work: The work; its writes must be safe to repeat, since a process can die before its output is kept.

    Returns:
        The work's output, from now or from then.
    """
    scope = join_scopes(scopes)
    kept = stages.output(run, stage, scope)
    if kept is not None:
        logger.info("stage done before", extra=_fields(run, stage, scope))
        return model.model_validate_json(kept)

    def work_and_keep() -> Output:
        output = work()
        stages.end(run, stage, scope, output.model_dump_json())
        return output

    return log_outcome(run, stage, scopes, work_and_keep, count_numbers)


def log_outcome(
    run: Run,
    stage: str,
    scopes: Sequence[str],
    work: Callable[[], Result],
    count: Callable[[Result], Mapping[str, int]],
) -> Result:
    """Do a stage's work and write how it ended as one log line: run, stage, scope, counts and seconds, or the error.

    Args:
        run: The run.
        stage: The stage's name.
        scopes: What the work covers.
        work: The work. Where it returns None, it was a part of the stage, and another process does the rest.
        count: The counts of what the work returned.
    """
    started_s = time.monotonic()
    fields = _fields(run, stage, join_scopes(scopes))
    try:
        result = work()
    except Exception as error:
        fields |= {"seconds": _seconds_since(started_s), "error": type(error).__name__, "cause": str(error)}
        logger.warning("stage failed", extra=fields)
        raise
    fields |= {"seconds": _seconds_since(started_s), "counts": dict(count(result))}
    logger.info("part of stage done" if result is None else "stage done", extra=fields)
    return result


def join_scopes(scopes: Sequence[str]) -> str:
    """The scope of a stage that covers all of these."""
    return SCOPE_SEPARATOR.join(scopes)


def count_numbers(output: Contract | None) -> dict[str, int]:
    """An output's own counts: its whole numbers, and the lengths of its lists."""
    values = dict(output or {})
    numbers = {name: value for name, value in values.items() if isinstance(value, int) and not isinstance(value, bool)}
    return numbers | {name: len(value) for name, value in values.items() if isinstance(value, list)}


def _fields(run: Run, stage: str, scope: str) -> dict[str, object]:
    return {"source": run.source, "run": run.id, "attempt": run.attempt, "stage": stage, "scope": scope}


def _seconds_since(started_s: float) -> float:
    return round(time.monotonic() - started_s, 3)
