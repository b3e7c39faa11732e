"""What a person types. `framesift --help` lists it."""

from __future__ import annotations

import sys

from framesift.cli.app import load_app
from framesift.cli.console import errors
from framesift.errors import FramesiftError


def main() -> None:
    """Run a command; an error that a person can act on is one line and an exit code."""
    try:
        load_app()()
    except FramesiftError as error:
        errors.print(f"[red]framesift:[/] {error}", highlight=False, soft_wrap=True)
        sys.exit(error.exit_code)
