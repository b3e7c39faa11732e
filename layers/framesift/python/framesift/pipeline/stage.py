"""A stage's work is done once: a run that resumes gets what it gave then."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from framesift.contracts import Contract, Run
from framesift.table import Table

Output = TypeVar("Output", bound=Contract)

# The scope of a stage that works on all categories at once is their names, joined by this.
SCOPE_SEPARATOR = "."


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
