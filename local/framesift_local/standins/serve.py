"""Runs a stand-in in a process of its own, and prints the settings that lead the same code to it."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable

from framesift.errors import FramesiftError
from framesift_local.standins.service import Loopback


def serve(stand_in: Loopback, settings: Callable[[], dict[str, str]]) -> int:
    """Serve until interrupted; return the exit code.

    Args:
        stand_in: The stand-in, not started yet.
        settings: Returns the settings, once the stand-in listens; they are printed as one line of JSON.
    """
    try:
        with stand_in:
            sys.stdout.write(json.dumps(settings()) + "\n")
            sys.stdout.flush()
            threading.Event().wait()
    except FramesiftError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        return 0
    return 0
