"""Ctrl-C in the midst of `framesift local run`, as a terminal sends it: to the whole group of processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import wait_until

COMMAND = [sys.executable, "-c", "from framesift.cli import main; main()", "local", "run", "--clips", "20"]
pytestmark = pytest.mark.slow


def test_ctrl_c_says_in_one_sentence_what_goes_on_and_how_to_come_back(tmp_path: Path) -> None:
    # Given a run whose crawlers are at work.
    process = subprocess.Popen(
        COMMAND,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Tests that a script runs in the background inherit that it is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    logs = tmp_path / ".framesift" / "logs"
    try:
        wait_until(lambda: process.poll() is not None or any(logs.glob("*CrawlCategory*")), 300)
        # When a person interrupts it, then one line says so, and nothing of what broke off is shown.
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 130
    assert said == "The run stops with the embedded AWS; the same command takes it up again.\n"
