"""Waiting for what another thread or process does: a condition with a deadline, never a pause of some length."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait_until(condition: Callable[[], object], within_s: float = 30.0) -> None:
    """Return once the condition holds.

    Raises:
        AssertionError: If it does not in time.
    """
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"it did not happen within {within_s:g} s"
        time.sleep(0.005)
