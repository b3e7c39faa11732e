"""What a run needs of this machine beyond Python: a Chromium and a Node, found or installed where we may."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from framesift.errors import ChromiumMissingError
from framesift.sources.browser import system_chromiums

# Playwright's own build comes from its maker's host, which may be out of reach: then it gives up soon.
INSTALL_TIMEOUT_S = 600


def ensure_chromium(say: Callable[[str], None]) -> None:
    """Find a Chromium, or install one where that needs nobody's leave.

    Root on a Debian gets the distribution's package, everybody else Playwright's own build in their home.

    Args:
        say: Reports to the user what is being installed.

    Raises:
        ChromiumMissingError: If there is none and none could be installed.
    """
    if _playwright_has_one() or system_chromiums():
        return
    for what, commands in _ways():
        say(f"No Chromium is here: installing {what}.")
        if _run_all(commands) and (_playwright_has_one() or system_chromiums()):
            return
    raise ChromiumMissingError(
        "No Chromium is here and none could be installed: `.venv/bin/playwright install --with-deps chromium`, or your "
        "system's chromium package (Debian: apt-get install chromium; macOS: brew install --cask chromium)."
    )


def _playwright_has_one() -> bool:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return Path(playwright.chromium.executable_path).exists()


def _ways() -> list[tuple[str, list[list[str]]]]:
    ways = []
    if shutil.which("apt-get") and os.geteuid() == 0:
        apt = ["apt-get", "-qq", "-o=Dpkg::Use-Pty=0"]
        install = [*apt, "install", "--yes", "--no-install-recommends", "chromium"]
        ways.append(("the system's package", [[*apt, "update"], install]))
    ways.append(("Playwright's build", [[sys.executable, "-m", "playwright", "install", "chromium"]]))
    return ways


def _run_all(commands: list[list[str]]) -> bool:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in commands:
        try:
            # The commands are those above, without a caller's text.
            subprocess.run(command, check=True, timeout=INSTALL_TIMEOUT_S, env=environment, stdout=subprocess.DEVNULL)  # noqa: S603
        except (OSError, subprocess.SubprocessError):
            return False
    return True
