"""`framesift doctor`: checks what a stack or this machine needs before it is needed, and says what to do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated

import typer

from framesift.cli.checks import Check
from framesift.cli.checks.machine import check_machine
from framesift.cli.checks.stack import check_stack
from framesift.cli.connection import DATA_DIR, StackOption
from framesift.cli.console import output, safe_text

_COLOURS = {"ok": "green", "warning": "yellow", "fault": "red"}


def doctor(
    stack: StackOption = "",
    json_: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """Check a deployed stack (with --stack), else what a local run needs. Exit code 69 if anything is at fault."""
    checks = list(check_stack(stack) if stack else check_machine(DATA_DIR))
    if json_:
        output.print_json(json.dumps([check.model_dump() for check in checks]))
    else:
        _print(checks)
    if any(check.status == "fault" for check in checks):
        raise typer.Exit(69)


def _print(checks: Sequence[Check]) -> None:
    width = max(len(check.name) for check in checks)
    for check in checks:
        advice = f" {check.advice}" if check.advice else ""
        output.print(
            f"[{_COLOURS[check.status]}]{check.status:<8}[/]{check.name:<{width}}  {safe_text(check.found + advice)}",
            highlight=False,
            soft_wrap=True,
        )
