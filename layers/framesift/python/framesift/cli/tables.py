"""Tables: for a person at a terminal they fit its width, for a program they are TSV."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from rich.cells import cell_len
from rich.text import Text

from framesift.cli.console import output, plain_text

_GAP_CELLS = 2


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: Its heading.
        keep: Whether it is always shown whole: an id, which another command takes.
        priority: At a narrow terminal, columns with the lowest priority are left out first.
        align: Where its cells stand.
        min_width: It is cut to this width at least, in terminal cells.
    """

    name: str
    keep: bool = False
    priority: int = 1
    align: Literal["left", "right"] = "left"
    min_width: int = 8


@dataclass(frozen=True)
class Cell:
    """A cell with a style of its own, such as `red`."""

    text: str
    style: str = ""


def show_table(
    columns: Sequence[Column], rows: Iterable[Sequence[str | Cell]], *, if_empty: str = "Nothing to show."
) -> None:
    """Print a table to stdout; text from outside needs no escaping.

    At a terminal, the least important columns are left out where there is not enough width for all, and long cells are
    cut, but for columns with `keep`. Into a pipe or file it goes as TSV with a line of headings: every column, whole.

    Args:
        columns: The columns, from left to right.
        rows: A cell for each column.
        if_empty: What a person reads where there is no row.
    """
    cells = [[_cell(value) for value in row] for row in rows]
    if output.is_terminal:
        if cells:
            _print_grid(columns, cells)
        else:
            output.print(plain_text(if_empty), style="dim", highlight=False, soft_wrap=True, markup=False)
        return
    lines = [[column.name for column in columns], *([cell.text for cell in row] for row in cells)]
    for line in lines:
        output.file.write("\t".join(line) + "\n")


def _cell(value: str | Cell) -> Cell:
    cell = value if isinstance(value, Cell) else Cell(value)
    return Cell(plain_text(cell.text), cell.style)


def _print_grid(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> None:
    widths = [
        max([cell_len(column.name), *(cell_len(row[place].text) for row in rows)])
        for place, column in enumerate(columns)
    ]
    empty = {place for place in range(len(columns)) if rows and not any(row[place].text for row in rows)}
    fitted = _fit(columns, widths, output.width, empty)
    head = [Cell(column.name, "dim") for column in columns]
    for line in (head, *rows):
        parts = [_aligned(line[place], columns[place], width) for place, width in fitted.items()]
        text = Text(" " * _GAP_CELLS).join(parts)
        text.rstrip()
        # Where even the ids are wider than the terminal, it breaks their lines, and nothing is cut.
        output.print(text, soft_wrap=True, highlight=False)


def _aligned(cell: Cell, column: Column, width: int) -> Text:
    text = Text(cell.text, style=cell.style)
    text.truncate(width, overflow="ellipsis")
    text.align(column.align, width)
    return text


def _fit(columns: Sequence[Column], widths: Sequence[int], available: int, empty: Collection[int]) -> dict[int, int]:
    """The places of the columns that are shown, from left to right, with their widths."""
    least = [
        width if column.keep else min(width, column.min_width) for column, width in zip(columns, widths, strict=True)
    ]
    shown = dict(enumerate(widths))
    optional = (place for place in shown if not columns[place].keep)
    # One that has nothing to show goes first.
    for place in sorted(optional, key=lambda place: (place not in empty, columns[place].priority, -place)):
        if sum(least[each] + _GAP_CELLS for each in shown) <= available:
            break
        del shown[place]
    excess = sum(width + _GAP_CELLS for width in shown.values()) - available
    while excess > 0:
        widest = max(shown, key=lambda place: shown[place] - least[place])
        if shown[widest] == least[widest]:
            break
        shown[widest] -= 1
        excess -= 1
    return shown
