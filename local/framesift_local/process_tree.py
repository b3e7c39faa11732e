"""Processes with all their descendants: measured, signalled, and bound to the life of their parent."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

PR_SET_PDEATHSIG = 1
"""Linux `prctl(2)`: the signal that a process gets when its parent dies."""


def die_with_parent() -> None:
    """Ask Linux to kill this process when its parent dies; nothing happens on other systems."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _process_table() -> dict[int, tuple[int, int]]:
    """Return {pid: (parent's pid, bytes of memory of its own)}.

    On Linux shared pages do not count: a browser's processes share most of theirs.
    """
    if not Path("/proc/self/statm").exists():
        listing = subprocess.run(
            ["/bin/ps", "-axo", "pid=,ppid=,rss="], capture_output=True, text=True, check=False
        ).stdout
        rows = (tuple(map(int, line.split())) for line in listing.splitlines())
        return {pid: (parent, rss_kib * 1024) for pid, parent, rss_kib in rows}
    page_bytes = os.sysconf("SC_PAGE_SIZE")
    table = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            _, resident, shared = (folder / "statm").read_text().split()[:3]
        except (OSError, ValueError):  # It ended while we looked.
            continue
        table[int(folder.name)] = (parent, (int(resident) - int(shared)) * page_bytes)
    return table


def _tree(pid: int, table: Mapping[int, tuple[int, int]]) -> list[int]:
    """Return a process and its descendants, parents first."""
    found = [pid]
    for parent in found:
        found.extend(child for child, (its_parent, _) in table.items() if its_parent == parent)
    return found


def memory_bytes(pid: int) -> int:
    """Return the memory of a process and its descendants; 0 when it has ended."""
    table = _process_table()
    return sum(table[member][1] for member in _tree(pid, table) if member in table)


def kill_tree(pid: int, signal_number: int = signal.SIGKILL) -> None:
    """Signal a process and all its descendants; those that ended already are passed over."""
    for member in _tree(pid, _process_table()):
        try:
            os.kill(member, signal_number)
        except ProcessLookupError:
            continue
