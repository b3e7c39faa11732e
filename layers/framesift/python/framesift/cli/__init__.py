"""The command line: `framesift --help` lists the commands."""

from __future__ import annotations

import sys

_INTERRUPTED_EXIT_CODE = 130  # 128 and SIGINT's number, as shells have it.


def main() -> None:
    """Run a command; an error that a person can act on is one line and an exit code."""
    try:  # What the commands import takes a second, and several on a busy machine.
        from framesift.cli.app import load_app
        from framesift.cli.entry import run_command

        run_command(load_app())
    except KeyboardInterrupt:  # Typer itself handles it in a command, but not while it makes the commands.
        sys.stderr.write("framesift: interrupted before anything was run.\n")
        sys.exit(_INTERRUPTED_EXIT_CODE)
