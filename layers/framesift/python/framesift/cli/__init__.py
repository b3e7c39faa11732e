"""What a person types. `framesift --help` lists it."""

from __future__ import annotations

import sys

from rich.markup import escape

from framesift.cli.app import app
from framesift.cli.console import errors
from framesift.errors import FramesiftError


def main() -> None:
    """Run a command; an error that a person can act on is one line and an exit code."""
    try:
        app()
    except FramesiftError as error:
        errors.print(f"[red]framesift:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(error.exit_code)
