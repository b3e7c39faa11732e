"""Processes that hostile bytes may hang, crash or fill: the call fails by name, and the next one works."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from framesift.errors import NotAnImageError
from framesift.sandbox import Sandbox, SandboxKilledError
from tests.waiting import wait_until

FUNCTIONS = "tests.unit.sandbox_functions"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(FUNCTIONS, timeout_s=20, memory_limit_bytes=1 << 30, workers=2) as made:
        yield made


@pytest.fixture
def hasty() -> Iterator[Sandbox]:
    with Sandbox(FUNCTIONS, timeout_s=1.5, memory_limit_bytes=1 << 30, workers=1) as made:
        yield made


@pytest.mark.parametrize("size", [0, 1, 5_000_000])
def test_bytes_go_in_and_come_back(sandbox: Sandbox, size: int) -> None:
    assert bytes(sandbox.call("double", bytes(size)).data) == bytes(2 * size)


def test_one_process_serves_many_calls_and_never_more_than_allowed(sandbox: Sandbox) -> None:
    with ThreadPoolExecutor(8) as pool:
        pids = {reply.fields["pid"] for reply in pool.map(lambda _: sandbox.call("double", b"x"), range(100))}
    assert 1 <= len(pids) <= 2
    assert os.getpid() not in pids


def test_our_errors_come_through_and_the_process_stays(sandbox: Sandbox) -> None:
    pid = sandbox.call("double").fields["pid"]
    with pytest.raises(NotAnImageError, match="as 한국어"):
        sandbox.call("refuse", why="as 한국어")
    assert sandbox.call("double").fields["pid"] == pid


def test_a_defect_of_ours_comes_with_its_traceback(sandbox: Sandbox) -> None:
    with pytest.raises(RuntimeError, match="ZeroDivisionError: a defect"):
        sandbox.call("fail")


def test_what_hangs_is_killed_and_the_next_call_works(hasty: Sandbox) -> None:
    with pytest.raises(SandboxKilledError, match=r"longer than 1\.5 s"):
        hasty.call("hang")
    assert bytes(hasty.call("double", b"x").data) == b"xx"


def test_what_crashes_its_process_fails_alone(sandbox: Sandbox) -> None:
    with ThreadPoolExecutor(4) as pool:
        good = [pool.submit(sandbox.call, "double", b"x") for _ in range(20)]
        with pytest.raises(SandboxKilledError, match="SIGSEGV"):
            sandbox.call("crash")
        assert all(bytes(call.result().data) == b"xx" for call in good)


@pytest.mark.skipif(sys.platform != "linux", reason="macOS enforces no limit on memory")
def test_what_wants_too_much_memory_is_named(sandbox: Sandbox) -> None:
    with pytest.raises(SandboxKilledError, match="more memory than 1,024 MiB"):
        sandbox.call("allocate", size_bytes=1 << 31)
    assert sandbox.call("allocate", size_bytes=1 << 20).fields["size"] == 1 << 20


def test_a_process_that_was_killed_while_idle_is_replaced(sandbox: Sandbox) -> None:
    for _ in range(2):
        pid = sandbox.call("double").fields["pid"]
        os.kill(pid, 9)
        wait_until(lambda pid=pid: not _runs(pid))
    with_new = [bytes(sandbox.call("double", b"x").data) for _ in range(3)]
    assert with_new == [b"xx"] * 3


def test_it_has_no_credentials_and_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_SESSION_TOKEN", "FRAMESIFT_YOUTUBE__API_KEY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "secret")
    with Sandbox(FUNCTIONS, timeout_s=20, memory_limit_bytes=1 << 30, workers=1) as made:
        inside = made.call("environment").fields
    assert "secret" not in inside.values()
    assert not [name for name in inside if name.startswith(("AWS_", "FRAMESIFT_"))]


def test_it_writes_no_files(sandbox: Sandbox, tmp_path: Path) -> None:
    assert not sandbox.call("write", path=str(tmp_path / "file")).fields["written"]
    assert (tmp_path / "file").read_bytes() == b""


def test_no_process_outlives_a_parent_that_was_killed() -> None:
    program = (
        "import os, signal\n"
        "from framesift.sandbox import Sandbox\n"
        f"sandbox = Sandbox({FUNCTIONS!r}, timeout_s=20, memory_limit_bytes=1 << 30, workers=1)\n"
        "print(sandbox.call('double').fields['pid'], flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    pid = int(done.stdout)
    wait_until(lambda: not _runs(pid))


def _runs(pid: int) -> bool:
    """Whether a process runs; one that ended and waits to be noticed does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
