"""The command line: `framesift --help` lists the commands."""

from __future__ import annotations

import sys

from framesift.cli.app import load_app
from framesift.cli.console import print_error
from framesift.errors import FramesiftError


def main() -> None:
    """Run a command; an error that a person can act on is one line and an exit code."""
    try:
        load_app()()
    except FramesiftError as error:
        print_error(error)
        sys.exit(error.exit_code)
