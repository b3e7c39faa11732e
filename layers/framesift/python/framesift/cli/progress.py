"""The progress of uploads, and of videos' frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Column
from rich.text import Text

from framesift.cli.console import errors
from framesift.storage.transfer import Sent

_NAME_WIDTH = 30  # Cells of a video's name beside its bar.


@contextmanager
def sending(files: Sequence[Path]) -> Iterator[tuple[Callable[[int], None], Callable[[Sent], None]]]:
    """Show a bar of files and bytes; yields the callbacks that advance it: for bytes, and for files."""
    columns = (
        TextColumn("upload"),
        BarColumn(),
        TextColumn("{task.fields[count]}"),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    # Where it is no terminal, Rich would leave an empty line behind.
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task("", total=sum(path.stat().st_size for path in files), count=f"0/{len(files)} files")
        done: list[Sent] = []

        def on_file(sent: Sent) -> None:
            done.append(sent)
            bar.update(task, count=f"{len(done)}/{len(files)} files")

        yield lambda count: bar.advance(task, count), on_file


class _FramesColumn(ProgressColumn):
    """Frames done, of how many, and how fast."""

    def render(self, task: Task) -> Text:
        """See `ProgressColumn`."""
        speed = task.finished_speed or task.speed
        return Text(f"{task.completed:.0f}/{task.total or 0:.0f} frames" + (f", {speed:.0f}/s" if speed else ""))


def frame_bars(console: Console) -> Progress:
    """Return bars that show frames, frames per second and the time left, a line each; the bar takes what room is left.

    Args:
        console: Where they are shown.
    """
    return Progress(
        TextColumn("{task.description}", table_column=Column(no_wrap=True, max_width=_NAME_WIDTH)),
        BarColumn(bar_width=None),
        _FramesColumn(table_column=Column(no_wrap=True)),
        TimeRemainingColumn(table_column=Column(no_wrap=True)),
        console=console,
        transient=True,
    )
