"""What `framesift local …` says to a person."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import NoReturn, cast

import pytest

from framesift_local.aws.embedded import EmbeddedAws
from framesift_local.commands.app import describe_ways_to_look, keep_current, say_how_to_find_commands
from framesift_local.machine import Machine
from framesift_local.outside import choose_services
from framesift_local.standins.service import Answer, Fault, Request, StandIn
from tests.unit.cli.conftest import framesift


class Site(StandIn):
    """A stand-in that takes every order."""

    def answer(self, request: Request) -> Answer:
        return Answer.of(request.json())


@pytest.mark.parametrize("fault", [Fault.DROP, Fault.SLOW])
def test_a_stand_in_that_does_not_answer_ends_nothing(monkeypatch: pytest.MonkeyPatch, fault: Fault) -> None:
    monkeypatch.setattr("framesift_local.machine._CONTROL_TIMEOUT_S", 0.2)
    with Site() as site:
        started = Machine(cast("EmbeddedAws", None), choose_services({}, [], ["tiktok"]), site.url, 10, {})
        site.misbehave(fault, requests=1, delay_s=1.0)
        keep_current(started)
        keep_current(started)
        assert site.requests == [("POST", "/control")] * 2


def test_where_a_shell_does_not_find_commands_a_line_makes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given an environment whose folder has a blank, and a shell that knows nothing of it.
    commands = tmp_path / "my folder" / "bin"
    commands.mkdir(parents=True)
    (commands / "framesift").write_text("#!/bin/sh\necho found\n")
    (commands / "framesift").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(commands / "python"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    say_how_to_find_commands()
    # When its line is copied, then the shell finds the command; and where it does, nothing is said.
    _, _, line = capsys.readouterr().out.strip().partition(": ")
    assert subprocess.check_output(["sh", "-c", f"{line}; framesift"], text=True) == "found\n"
    monkeypatch.setenv("PATH", f"{commands}:/usr/bin:/bin")
    say_how_to_find_commands()
    assert capsys.readouterr().out == ""


def test_each_source_is_seen_again_by_commands_that_show_it() -> None:
    assert "`framesift status`" in describe_ways_to_look("tiktok")
    youtube = describe_ways_to_look("youtube")
    assert "`framesift status youtube`" in youtube
    assert "`framesift report youtube`" in youtube
    assert "top10" not in youtube, "it has no lists"


@pytest.mark.parametrize("command", ["run", "up"])
def test_ctrl_c_while_its_parts_are_imported_says_so_too(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Interrupted(ModuleType):
        def __getattr__(self, name: str) -> NoReturn:
            raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "framesift_local.machine", Interrupted("framesift_local.machine"))
    assert framesift("local", command) == 130
    assert "nothing was run" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["run", "up"])
def test_ctrl_c_while_it_starts_says_that_nothing_was_run(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object, **__: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("framesift_local.machine.machine", interrupt)
    assert framesift("local", command) == 130
    assert "nothing was run" in capsys.readouterr().err
