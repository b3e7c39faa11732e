"""A stage's work is done once: a run that resumes gets what it gave then."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from framesift.contracts import Contract, Run
from framesift.table import Table

Output = TypeVar("Output", bound=Contract)

# The scope of a stage that works on all categories at once is their names, joined by this.
SCOPE_SEPARATOR = "."

REPORT_INTERVAL_S = 0.5


class Progress:
    """Says how far a stage is, to whoever watches: a few times a second at most, however often it is called.

    Args:
        table: Where it is said.
        run: The run.
        stage: The stage's name.
        scope: The category, or all of them, joined.
    """

    def __init__(self, table: Table, run: Run, stage: str, scope: str) -> None:
        self._table, self._run, self._stage, self._scope = table, run, stage, scope
        self._last_s = 0.0

    def __call__(self, done: int, total: int) -> None:
        """Say that `done` of `total` are done."""
        if time.monotonic() - self._last_s >= REPORT_INTERVAL_S:
            self._table.report_progress(self._run, self._stage, self._scope, done, total)
            self._last_s = time.monotonic()


def once(
    table: Table, run: Run, stage: str, categories: list[str], model: type[Output], work: Callable[[], Output]
) -> Output:
    """Do a stage's work, unless an earlier try of the run has done it.

    Args:
        table: Where outputs are kept.
        run: The run.
        stage: The stage's name.
        categories: The categories that the work covers: they are part of what is remembered.
        model: The output's contract.
        work: The work; its writes must be safe to repeat, since a process can die before its output is kept.

    Returns:
        The work's output, from now or from then.
    """
    scope = SCOPE_SEPARATOR.join(categories)
    kept = table.stage_output(run, stage, scope)
    if kept is not None:
        return model.model_validate_json(kept)
    output = work()
    table.end_stage(run, stage, scope, output.model_dump_json())
    return output
