"""Client-side rate limiting, and retries with exponential backoff."""

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
    """Limits the rate of calls from all threads.

    Args:
        per_second: Calls per second.
    """

    def __init__(self, per_second: float) -> None:
        self._interval_s = 1 / per_second
        self._next = time.monotonic()
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Block until the next call is allowed."""
        with self._lock:
            turn = max(self._next, time.monotonic())
            self._next = turn + self._interval_s
        time.sleep(max(0.0, turn - time.monotonic()))

    def hold(self, seconds: float) -> None:
        """Delay all calls, as the service requested."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)


def call_with_retries(
    call: Callable[[], Result], wait_hint_s: Callable[[Exception], float | None], *, patience_s: float
) -> Result:
    """Call until it succeeds, an error is final, or time runs out.

    Waits double from half a second to 16 seconds, with jitter, and are at least as long as the service requests.

    Args:
        call: The call.
        wait_hint_s: Returns for an error the shortest wait in seconds, or None if it is final.
        patience_s: How long to retry, seconds.

    Raises:
        Exception: The last error of the call.
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
