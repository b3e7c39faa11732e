"""Chromium, which runs hostile pages, never sees the function's credentials or settings."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from framesift.settings import CrawlSettings
from framesift.sources.browser import open_browser


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_no_process_of_chromium_has_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "canary-7f3a"
    for name in ("AWS_SESSION_TOKEN", "AWS_SECRET_ACCESS_KEY", "FRAMESIFT_YOUTUBE__API_KEY", "HTTPS_PROXY_PASSWORD"):
        monkeypatch.setenv(name, secret)

    async def environments() -> list[bytes]:
        async with open_browser(CrawlSettings()) as browser:
            page = await browser.new_page()
            assert await page.evaluate("1 + 1") == 2
            with subprocess.Popen(["ps", "-eo", "pid=,args="], stdout=subprocess.PIPE, text=True) as ps:
                listed = ps.communicate()[0].splitlines()
            pids = [line.split()[0] for line in listed if "chrom" in line and _is_below(int(line.split()[0]))]
            return [Path(f"/proc/{pid}/environ").read_bytes() for pid in pids]

    found = asyncio.run(environments())
    assert len(found) >= 2, "the browser, and a process for its page"
    assert not [environment for environment in found if secret.encode() in environment or b"AWS_" in environment]


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
