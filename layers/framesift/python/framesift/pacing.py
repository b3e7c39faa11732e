"""Calls to services that limit them: an even pace, and patience where a service is busy for a while."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")

_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 16.0


class Pacer:
    """Lets calls through at an even rate, whatever thread makes them.

    Args:
        per_second: Calls a second.
    """

    def __init__(self, per_second: float) -> None:
        self._interval_s = 1 / per_second
        self._next = time.monotonic()
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Wait for the caller's turn."""
        with self._lock:
            turn = max(self._next, time.monotonic())
            self._next = turn + self._interval_s
        time.sleep(max(0.0, turn - time.monotonic()))

    def hold(self, seconds: float) -> None:
        """Let nobody through for a while: the service said so."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)


def patiently(
    call: Callable[[], Result], wait_hint_s: Callable[[Exception], float | None], *, patience_s: float
) -> Result:
    """Call until it works, an error is final, or patience ends.

    Waits grow twofold from half a second to 16 seconds, with jitter, and are never shorter than what the service asks.

    Args:
        call: The call.
        wait_hint_s: Says of an error how long to wait at least, seconds; None: it is final.
        patience_s: How long to go on, seconds.

    Raises:
        Exception: What the call raised last.
    """
    deadline = time.monotonic() + patience_s
    wait_s = _FIRST_WAIT_S
    while True:
        try:
            return call()
        except Exception as error:
            hint_s = wait_hint_s(error)
            if hint_s is None:
                raise
            pause_s = max(hint_s, wait_s * random.uniform(0.5, 1.0))
            if time.monotonic() + pause_s > deadline:
                raise
        time.sleep(pause_s)
        wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
