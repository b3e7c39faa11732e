"""How much memory there is, and that work in flight stays within its budget."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from framesift.vision.memory import MemoryBudget, available_bytes
from tests.waiting import wait_until


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    (tmp_path / "meminfo").write_text("MemTotal: 99 kB\nMemFree: 9 kB\nMemAvailable:    2097152 kB\n")
    (tmp_path / "memory").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("v2", "v1", "function_mb", "wanted_mb"),
    [
        ("max\n", None, None, 2048),
        ("1073741824\n", None, None, 1024),
        (None, "536870912\n", None, 512),
        (None, "9223372036854771712\n", None, 2048),
        ("1073741824\n", None, "768", 768),
        ("max\n", None, "many", 2048),
    ],
)
def test_the_smallest_limit_counts(
    v2: str | None,
    v1: str | None,
    function_mb: str | None,
    wanted_mb: int,
    machine: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", raising=False)
    if function_mb:
        monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", function_mb)
    if v2:
        (machine / "memory.max").write_text(v2)
    if v1:
        (machine / "memory/memory.limit_in_bytes").write_text(v1)
    assert available_bytes(machine, machine / "meminfo") == wanted_mb << 20


def test_a_machine_without_linuxs_files_has_its_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", raising=False)
    assert available_bytes(tmp_path, tmp_path / "nothing") > 1 << 28


def test_what_is_in_flight_stays_within_the_budget() -> None:
    budget, lock = MemoryBudget(100), threading.Lock()
    held, most = 0, 0

    def work(size: int) -> None:
        nonlocal held, most
        with budget.reserve(size):
            with lock:
                held += size
                most = max(most, held)
            time.sleep(0.002)
            with lock:
                held -= size

    threads = [threading.Thread(target=work, args=(size,)) for size in [10, 90, 40, 60, 30, 100] * 8]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert held == 0
    assert 60 < most <= 100


def test_what_is_larger_than_the_budget_runs_alone() -> None:
    budget = MemoryBudget(100)
    with budget.reserve(1_000):
        waiting = threading.Thread(target=lambda: budget.reserve(1).__enter__(), daemon=True)
        waiting.start()
        wait_until(lambda: budget.waiting == 1)
    waiting.join(20)
    assert not waiting.is_alive()


def test_the_large_are_not_overtaken_by_the_small() -> None:
    budget, order = MemoryBudget(100), []

    def work(name: str, size: int) -> None:
        with budget.reserve(size):
            order.append(name)

    with budget.reserve(60):
        large = threading.Thread(target=work, args=("large", 80))
        large.start()
        wait_until(lambda: budget.waiting == 1)
        small = threading.Thread(target=work, args=("small", 10))
        small.start()
        wait_until(lambda: budget.waiting == 2)
        assert order == []
    large.join(20)
    small.join(20)
    assert order == ["large", "small"]
