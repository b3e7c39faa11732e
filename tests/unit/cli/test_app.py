"""The commands of the package, and those that another installed package adds."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import NoReturn

import pytest

import framesift
from framesift.cli.app import COMMANDS_GROUP, load_app
from tests.unit.cli.conftest import framesift as framesift_command


def test_the_local_commands_come_from_their_entry_point() -> None:
    (local,) = entry_points(group=COMMANDS_GROUP, name="local")
    group = next(group for group in load_app().registered_groups if group.name == "local")
    assert group.typer_instance is local.load()


def test_no_command_is_added_twice() -> None:
    names = [group.name for group in load_app().registered_groups]
    assert names == [group.name for group in load_app().registered_groups]
    assert len(names) == len(set(names))


def test_the_package_imports_nothing_of_its_stand_in() -> None:
    for path in Path(framesift.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.split(".")[0] == "framesift_local" for name in names), path


def test_help_starts_without_the_parts_that_take_seconds() -> None:
    heavy = "{'moto', 'numpy', 'cv2', 'torch', 'playwright'}"
    code = f"import sys; from framesift.cli.app import load_app; load_app(); assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_ctrl_c_while_the_commands_are_imported_is_one_line() -> None:
    code = (
        "import builtins, sys\n"
        "from framesift.cli import main\n"
        "real = builtins.__import__\n"
        "def interrupt(name, *rest, **more):\n"
        "    if name == 'typer': raise KeyboardInterrupt\n"
        "    return real(name, *rest, **more)\n"
        "builtins.__import__ = interrupt\n"
        "main()\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 130
    assert ended.stderr == "framesift: interrupted before anything was run.\n"


def test_ctrl_c_while_the_commands_are_made_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(_: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr("typer.main.get_command", interrupt)
    assert framesift_command("status") == 130
    assert capsys.readouterr().err == "framesift: interrupted before anything was run.\n"
