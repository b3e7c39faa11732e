"""Chromium, which runs hostile pages, never sees the function's credentials or settings."""

from __future__ import annotations

import asyncio
import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

from framesift.settings import CrawlSettings
from framesift.sources.browser import open_browser

_PR_GET_DUMPABLE = 3


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_no_process_of_chromium_has_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "canary-7f3a"
    for name in ("AWS_SESSION_TOKEN", "AWS_SECRET_ACCESS_KEY", "FRAMESIFT_YOUTUBE__API_KEY", "HTTPS_PROXY_PASSWORD"):
        monkeypatch.setenv(name, secret)

    async def environments() -> list[bytes]:
        async with open_browser(CrawlSettings()) as browser:
            page = await browser.new_page()
            assert await page.evaluate("1 + 1") == 2
            pids = [pid for pid, command in _processes() if "chrom" in command and _is_below(pid)]
            return [Path(f"/proc/{pid}/environ").read_bytes() for pid in pids]

    found = asyncio.run(environments())
    assert len(found) >= 2, "the browser, and a process for its page"
    assert not [pid for pid, command in _processes() if "chrom" in command and _is_below(pid)], "it is left behind"
    assert not [environment for environment in found if secret.encode() in environment or b"AWS_" in environment]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_playwrights_driver_has_not_our_environment_and_cannot_read_it(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "canary-51bd"
    monkeypatch.setenv("AWS_SESSION_TOKEN", secret)

    async def look() -> tuple[list[bytes], int]:
        async with open_browser(CrawlSettings()):
            drivers = [pid for pid, command in _processes() if "run-driver" in command and _is_below(pid)]
            is_dumpable = ctypes.CDLL(None).prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0)
            return [Path(f"/proc/{pid}/environ").read_bytes() for pid in drivers], is_dumpable

    drivers, is_dumpable = asyncio.run(look())
    assert len(drivers) == 1
    assert secret.encode() not in drivers[0]
    assert b"AWS_" not in drivers[0]
    assert is_dumpable == 0, "a process of the same user reads the environment of a dumpable one below /proc"
    assert os.environ["AWS_SESSION_TOKEN"] == secret, "this process goes on with its own"


def _processes() -> list[tuple[int, str]]:
    """The ids and command lines of all processes."""
    with subprocess.Popen(["ps", "-ww", "-eo", "pid=,args="], stdout=subprocess.PIPE, text=True) as ps:
        lines = [line.strip().partition(" ") for line in ps.communicate()[0].splitlines()]
    return [(int(pid), command) for pid, _, command in lines]


def _is_below(pid: int) -> bool:
    """Whether a process was started by this one, by whichever way."""
    while pid > 1:
        if pid == os.getpid():
            return True
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return False
    return False
