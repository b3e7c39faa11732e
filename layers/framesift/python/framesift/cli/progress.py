"""The progress of uploads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from framesift.cli.console import errors
from framesift.storage.transfer import Sent


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
    with Progress(*columns, console=errors, transient=True) as bar:
        task = bar.add_task("", total=sum(path.stat().st_size for path in files), count=f"0/{len(files)} files")
        done: list[Sent] = []

        def on_file(sent: Sent) -> None:
            done.append(sent)
            bar.update(task, count=f"{len(done)}/{len(files)} files")

        yield lambda count: bar.advance(task, count), on_file
