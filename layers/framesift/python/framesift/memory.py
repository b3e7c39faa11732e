"""How much memory this process may use, and a budget for work that needs much of it at a time."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_IMAGE_SHARE = 0.25
_making = threading.Lock()  # Two budgets would be twice the memory.


def available_bytes(cgroup: Path = _CGROUP, meminfo: Path = Path("/proc/meminfo")) -> int:
    """The memory that there is for this process: the least of what the platform, the container and the machine allow.

    Args:
        cgroup: Where the container's limits are (cgroup v2, else v1).
        meminfo: Where Linux reports what is free.
    """
    bounds = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    with suppress(KeyError, ValueError):
        bounds.append(int(os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]) << 20)
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):  # `max` stands for no limit.
            bounds.append(int((cgroup / name).read_text()))
    with suppress(OSError, ValueError, StopIteration):
        lines = meminfo.read_text().splitlines()
        bounds.append(int(next(line for line in lines if line.startswith("MemAvailable:")).split()[1]) << 10)
    return min(bounds)


class MemoryBudget:
    """A semaphore that counts bytes: who would exceed the budget waits for those before.

    First come, first served, so that large requests are not overtaken for ever. One that is larger than the whole
    budget runs alone.

    Args:
        size_bytes: The budget.

    Example:
        >>> budget = MemoryBudget(1 << 30)
        >>> with budget.reserve(300 << 20):
        ...     pass
    """

    def __init__(self, size_bytes: int) -> None:
        self._size_bytes = size_bytes
        self._free_bytes = size_bytes
        self._changed = threading.Condition()
        self._queue: deque[object] = deque()

    @property
    def waiting(self) -> int:
        """How many requests wait for their turn."""
        return len(self._queue)

    @contextmanager
    def reserve(self, size_bytes: int) -> Iterator[None]:
        """Hold some bytes of the budget, as soon as they are free."""
        wanted, ticket = min(size_bytes, self._size_bytes), object()
        with self._changed:
            self._queue.append(ticket)
            try:
                self._changed.wait_for(lambda: self._queue[0] is ticket and wanted <= self._free_bytes)
                self._free_bytes -= wanted
            finally:
                self._queue.remove(ticket)
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._free_bytes += wanted
                self._changed.notify_all()


def image_budget_bytes() -> int:
    """How much memory pixels that are being decoded may take: a quarter of what there is."""
    return int(available_bytes() * _IMAGE_SHARE)


def image_budget() -> MemoryBudget:
    """This process's budget for pixels that are being decoded, the same for all threads."""
    with _making:
        return _image_budget()


@cache
def _image_budget() -> MemoryBudget:
    return MemoryBudget(image_budget_bytes())
