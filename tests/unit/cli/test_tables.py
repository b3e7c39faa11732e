"""What is printed fits the terminal, is whole in a pipe, and cannot command the terminal."""

from __future__ import annotations

import doctest
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from framesift.cli import console, tables
from framesift.cli.console import plain_text, print_error, safe_text
from framesift.cli.tables import Cell, Column, show_table

ID = "2026-11-20.popular.dQw4w9WgXcQ.0"
COLUMNS = (Column("id", keep=True), Column("title"), Column("licence", priority=0), Column("views", align="right"))


@contextmanager
def terminal(width: int) -> Iterator[io.StringIO]:
    """A terminal of that width."""
    written = io.StringIO()
    with pytest.MonkeyPatch.context() as patched:
        screen = Console(file=written, force_terminal=True, width=width, color_system=None, legacy_windows=False)
        patched.setattr(tables, "output", screen)
        yield written


def shown(width: int, *rows: tuple[str | Cell, ...]) -> list[str]:
    with terminal(width) as written:
        show_table(COLUMNS, rows)
    return written.getvalue().splitlines()


def test_a_wide_terminal_shows_everything() -> None:
    head, row = shown(120, (ID, "춤추는 고양이", "MIT", "1,234"))
    assert head.split() == ["id", "title", "licence", "views"]
    assert row.split() == [ID, "춤추는", "고양이", "MIT", "1,234"]


def test_a_narrow_terminal_loses_the_least_important_column_and_no_id() -> None:
    head, row = shown(54, (ID, "a title that is much too long for this", "Apache-2.0", "1,234"))
    assert head.split() == ["id", "title", "views"]
    assert row.startswith(ID)
    assert "…" in row
    assert max(len(head), len(row.rstrip())) <= 54


def test_a_column_that_is_empty_goes_before_others() -> None:
    head, row = shown(54, (ID, "", "MIT", "1,234"))
    assert head.split() == ["id", "licence", "views"]
    assert row.split() == [ID, "MIT", "1,234"]


def test_where_there_is_nothing_a_person_reads_a_sentence_and_a_pipe_the_headings(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with terminal(80) as written:
        show_table(COLUMNS, [], if_empty="No clip [yet].")
    assert written.getvalue() == "No clip [yet].\n"
    show_table(COLUMNS, [], if_empty="No clip [yet].")
    assert capsys.readouterr().out == "id\ttitle\tlicence\tviews\n"


def test_an_id_wider_than_the_terminal_stays_whole() -> None:
    head, row = shown(20, (ID, "title", "MIT", "1"))
    assert (head.strip(), row.strip()) == ("id", ID)


def test_a_pipe_gets_every_column_whole(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(COLUMNS, [(ID, "long " * 60, Cell("MIT", "red"), "1"), ("b", "[/x]\ta\nb", "", "2")])
    first, second, third = capsys.readouterr().out.splitlines()
    assert first.split("\t") == ["id", "title", "licence", "views"]
    assert second.split("\t") == [ID, "long " * 60, "MIT", "1"]
    assert third.split("\t") == ["b", "[/x] a b", "", "2"]


@pytest.mark.parametrize(
    ("text", "visible"),
    [
        ("\x1b[2J\x1b]0;owned\x07", "\\x1b[2J\\x1b]0;owned\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("a\u202egpj.exe", "a\\u202egpj.exe"),
        ("two\nlines\r\tand\u2028more", "two lines  and more"),
        (os.fsdecode(b"caf\xe9.mp4"), "caf\\xe9.mp4"),
        ("\ud800", "\\ud800"),
        ("춤 👩\u200d🎤 \u0627\u0644", "춤 👩\u200d🎤 \u0627\u0644"),
    ],
)
def test_text_from_outside_cannot_command_the_terminal(text: str, visible: str) -> None:
    assert plain_text(text) == visible


@given(st.text())
def test_any_text_can_be_printed_with_markup(text: str) -> None:
    written = io.StringIO()
    Console(file=written, width=10_000, color_system=None).print(f"[red]{safe_text(text)}[/]", highlight=False)
    assert Text.from_markup(f"[red]{safe_text(text)}[/]").plain == plain_text(text)
    assert "\x1b" not in written.getvalue()
    written.getvalue().encode()


def test_an_error_with_markup_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_error("There is no video [/x]\x1b[31m\nat all.")
    assert capsys.readouterr().err == "framesift: There is no video [/x]\\x1b[31m at all.\n"


def test_the_examples_run() -> None:
    assert doctest.testmod(console).failed == 0
    assert "framesift.cli.console" in sys.modules
