"""How the benchmarks time and report: interleaved rounds, medians, ratios of one run, and what it ran on."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from framesift.vision.onnx_session import cpu_flags, usable_cores

RESULTS = Path(__file__).with_name("results")
_TELLING_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")


def interleaved(ways: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Time every way once a round, after one untimed round: the median seconds of each.

    What else the machine does then falls on all of them alike.
    """
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            if number:
                seconds[name].append(time.perf_counter() - started)
    return {name: statistics.median(values) for name, values in seconds.items()}


def machine(libraries: Sequence[str]) -> list[str]:
    """Lines that say when, where and with what a benchmark ran."""
    flags = ", ".join(flag for flag in _TELLING_FLAGS if flag in cpu_flags()) or platform.machine()
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return [
        f"- {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, Python {platform.python_version()}, {platform.system()}",
        f"- {usable_cores()} cores with {flags}; load at the end: {load} (over 1, 5, 15 minutes)",
        "- " + ", ".join(f"{library} {version(library)}" for library in libraries),
    ]


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table: the first column is text, the others are numbers."""
    rule = ["---", *("---:" for _ in header[1:])]
    return ["| " + " | ".join(row) + " |" for row in (header, rule, *rows)]


def report(name: str, lines: Sequence[str]) -> None:
    """Print a report and keep it in `benchmarks/results/`."""
    text = "\n".join(lines) + "\n"
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(text, encoding="utf-8")
    print(text)
