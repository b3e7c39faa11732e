"""Waiting for what another thread or process does: a condition with a deadline, never a pause of some length."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def wait_until(condition: Callable[[], Found | None], within_s: float = 30.0, every_s: float = 0.005) -> Found:
    """Return the condition's value once it is true.

    Raises:
        AssertionError: If it does not become true in time.
    """
    deadline = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"it did not happen within {within_s:g} s"
        time.sleep(every_s)
    return found
