"""A stand-in that dies is started again where it was; one that dies again and again is given up in a sentence."""

from __future__ import annotations

import json
import os
import signal
import urllib.request
from pathlib import Path

import pytest

from framesift.errors import EmbeddedAwsDownError
from framesift_local.standins.process import StandInProcess
from tests.waiting import wait_until

DAY = "--date=2026-11-20"


def answers(process: StandInProcess) -> bool:
    url = json.loads(process.line)["FRAMESIFT_YOUTUBE__API_URL"]
    try:
        request = urllib.request.Request(f"{url}/videos?chart=mostPopular&regionCode=KR&key=stand-in-key")
        return bool(json.load(urllib.request.urlopen(request, timeout=5))["items"])
    except OSError:
        return False


def kill(process: StandInProcess) -> int:
    pid = process.pid
    os.kill(pid, signal.SIGKILL)
    return pid


def test_one_that_dies_is_started_again_where_it_was(tmp_path: Path) -> None:
    with StandInProcess("youtube", [DAY], tmp_path / "logs" / "youtube.log") as process:
        assert answers(process)
        killed = kill(process)
        wait_until(lambda: process.pid != killed and answers(process))
        process.check()


def test_one_that_dies_again_and_again_is_given_up(tmp_path: Path) -> None:
    with StandInProcess("youtube", [DAY], tmp_path / "youtube.log") as process:
        for _ in range(3):
            killed = kill(process)
            wait_until(lambda killed=killed: process.pid != killed or not is_up(process))
        with pytest.raises(EmbeddedAwsDownError, match="The stand-in youtube died 3 times in a row"):
            process.check()


def is_up(process: StandInProcess) -> bool:
    try:
        process.check()
    except EmbeddedAwsDownError:
        return False
    return True


def test_one_that_cannot_start_says_why(tmp_path: Path) -> None:
    with (
        pytest.raises(EmbeddedAwsDownError, match=r"The stand-in youtube did not start: .*invalid fromisoformat value"),
        StandInProcess("youtube", ["--date=tomorrow"], tmp_path / "youtube.log"),
    ):
        pass


def test_none_is_left_behind(tmp_path: Path) -> None:
    with StandInProcess("youtube", [DAY], tmp_path / "youtube.log") as process:
        pid = process.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
