"""A day's thumbnails in a folder, under names that a person can read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from framesift import keys
from framesift.cli.connection import Connection, StackOption, connect_to_read
from framesift.cli.console import count_of, print_text
from framesift.cli.runs import RunArgument, SourceArgument, find_run, lists_of
from framesift.contracts import Clip
from framesift.errors import NotFoundError
from framesift.names import safe_name, unique_names
from framesift.pipeline.branches import DEFAULT_SOURCE, branch_of
from framesift.storage import read_lines
from framesift.table import RunRecord


def thumbnails(
    source: SourceArgument = DEFAULT_SOURCE,
    run_id: RunArgument = None,
    to: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FOLDER", help="By default `thumbnails/` and the day.")
    ] = None,
    stack: StackOption = "",
) -> None:
    """Write a day's thumbnails into a folder, one folder a category, named by rank and title."""
    connection = connect_to_read(stack)
    record = find_run(connection, source, run_id)
    folder = to or Path("thumbnails") / f"{source} {record.date}"
    written = 0
    for category, named in _find(connection, record):
        target = folder / safe_name(category)
        target.mkdir(parents=True, exist_ok=True)
        texts = [text for text, _ in named]
        for name, (_, key) in zip(unique_names(texts), named, strict=True):
            connection.store.download(key, target / f"{name}{Path(key).suffix}")
        written += len(named)
    if not written:
        raise NotFoundError(f"{source} of {record.run.id} has no thumbnails: `framesift status {source}` shows why.")
    print_text(f"{count_of(written, 'thumbnail')} in {folder}")


def _find(connection: Connection, record: RunRecord) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Each category with its images: the name to write it under, and its key."""
    if branch_of(record.source).goal == "lists":
        for top in lists_of(connection, record):
            yield (
                top.category,
                [
                    (f"{item.rank:02d} {item.title}", keys.top_thumbnail(top.edition, top.category, item.id))
                    for item in top.items
                ],
            )
        return
    for category in record.done:
        key = keys.manifest(record.run_of(category), category, "collected")
        clips = read_lines(connection.store, key, Clip) if connection.store.exists(key) else []
        yield category, [(clip.title or clip.id, clip.media.key) for clip in clips if clip.media]
