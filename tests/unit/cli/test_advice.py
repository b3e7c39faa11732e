"""Every command that a message or a page recommends exists, with its options; the harmless ones are run."""

from __future__ import annotations

import ast
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from framesift.cli.app import load_app
from framesift.table import Records
from tests.unit.cli.conftest import framesift

ROOT = Path(__file__).parents[3]
_BACKTICKS = re.compile(r"`(?:\$ )?(?:\.venv/bin/)?(framesift [^`]+)`")
_CODE_LINE = re.compile(r"^(?:\$ )?(?:\.venv/bin/)?(framesift [^#\n]+)", re.MULTILINE)
_MAKE = re.compile(r"\bmake ([a-z]+)(?![\w-])")
# What a value stands for where a message fills it in.
_FILLED_IN = "X"
# Commands that only read; the rest is checked as far as its words and options.
_HARMLESS = (
    "detector status",
    "models list",
    "pose config",
    "review list",
    "runs",
    "status",
    "--help",
)


def texts_of(path: Path) -> Iterator[str]:
    """A page; of code, each string with X for what is filled in."""
    text = path.read_text("utf-8")
    if path.suffix == ".md":
        yield text
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else _FILLED_IN for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def sources() -> Iterator[Path]:
    yield from ROOT.glob("*.md")
    yield from (ROOT / "docs").rglob("*.md")
    for folder in ("layers/framesift/python", "local", "containers", "functions", "cdk"):
        yield from (ROOT / folder).rglob("*.py")


def recommended() -> list[str]:
    """Each recommended command, without `framesift`."""
    found = set()
    for path in sources():
        for text in texts_of(path):
            commands = _BACKTICKS.findall(text)
            if path.suffix == ".md":
                commands += [line for block in text.split("```")[1::2] for line in _CODE_LINE.findall(block)]
            found |= {" ".join(command.split()).removeprefix("framesift ") for command in commands}
    return sorted(found)


def words_of(command: str) -> list[str]:
    """The words of a command, without what stands for more of it."""
    first, *_ = re.split(r"[|;&]", command)
    return [word.removesuffix("…") or _FILLED_IN for word in shlex.split(first) if word not in ("\\", "…)")]


def fault_of(words: list[str]) -> str | None:
    """Why a command line cannot be understood; None if it can. Nothing is run."""
    command: Any = typer.main.get_command(load_app())
    while words and hasattr(command, "commands") and not words[0].startswith("-"):
        name = words[0]
        try:
            _, command, words = command.resolve_command(command.context_class(command, info_name=command.name), words)
        except Exception:  # noqa: BLE001 - typer carries its own copy of click's errors
            return None if name == _FILLED_IN else f"there is no command {name}"
    # An option at the end of a sentence has no value: `framesift pose config --preset`.
    options = {name: option for option in command.params for name in option.opts if name.startswith("-")}
    if words and words[-1] in options and not getattr(options[words[-1]], "is_flag", True):
        words = [*words, _FILLED_IN]
    context = command.context_class(command, info_name=command.name)
    try:
        _, left, _ = command.make_parser(context).parse_args(words)
    except Exception as error:  # noqa: BLE001 - typer carries its own copy of click's errors
        return str(getattr(error, "message", error)) or type(error).__name__
    return f"{' '.join(left)} is too much" if left else None


def test_there_is_advice_to_check() -> None:
    assert {"models fetch X", "models add", "run upload --collection NAME", "local up"} <= set(recommended())


@pytest.mark.parametrize("command", recommended())
def test_each_recommended_command_exists_with_its_options(command: str) -> None:
    assert fault_of(words_of(command)) is None


@pytest.mark.parametrize("command", ["models fetched X", "runs --sorce X", "models list extra", "nothing"])
def test_the_check_finds_what_does_not_exist(command: str) -> None:
    assert fault_of(words_of(command))


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize("command", [each for each in recommended() if each.startswith(_HARMLESS)])
def test_what_only_reads_runs_and_ends_in_one_line(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)  # A command may write a file here.
    words = ["tiktok" if word == _FILLED_IN else word for word in words_of(command)]
    if words[-1] == "--preset":
        words.append("fast")
    code, shown = framesift(*words), capsys.readouterr()
    assert code in (0, 65), shown.err
    assert code == 0 or re.fullmatch(r"framesift: \w+Error: [^\n]+\n", shown.err)


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize("source", ["tiktok", "youtube", "upload"])
def test_a_source_without_a_run_says_how_to_start_one(
    source: str, records: Records, capsys: pytest.CaptureFixture[str]
) -> None:
    assert framesift("status", source) == 65
    (command,) = _BACKTICKS.findall(capsys.readouterr().err)
    assert fault_of(words_of(command.removeprefix("framesift "))) is None
    assert ("--collection" in command) == (source == "upload"), "an upload has no run without a collection"


def test_each_recommended_target_of_make_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    pages = [path for path in sources() if path.suffix == ".md"]
    named = {
        target
        for page in pages
        for code in re.findall(r"`([^`\n]+)`|^(make [^\n]*)", page.read_text("utf-8"), re.MULTILINE)
        for target in _MAKE.findall("".join(code))
    }
    assert named
    assert named <= targets


def test_the_advice_to_install_an_extra_is_for_this_python() -> None:
    from framesift.errors import ExtraMissingError

    message = str(ExtraMissingError.for_module("Training", "torch", "torch"))
    assert message == (
        f"Training needs torch, which is not installed: run `{sys.executable} -m pip install 'framesift[torch]'`."
    )
