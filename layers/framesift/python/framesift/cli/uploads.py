"""Put videos into a collection, and show what became of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table as Grid

from framesift import keys
from framesift.cli.connection import Connection, StackOption, connect
from framesift.cli.console import output
from framesift.cli.progress import sending
from framesift.errors import NoVideosError
from framesift.pipeline.upload.branch import check_collection
from framesift.pose.presets import VideoSettings
from framesift.table import RunRecord
from framesift.transfer import Sender, Sent

_ROWS = 20


def upload(
    files: Annotated[list[Path], typer.Argument(metavar="VIDEO_OR_FOLDER...", help="Videos, or folders of them.")],
    collection: Annotated[str, typer.Option(help="The collection that they belong to.")],
    force: Annotated[bool, typer.Option(help="Send what is there already, too.")] = False,
    stack: StackOption = "",
) -> None:
    """Put videos into a collection: each one that arrives starts its run by itself."""
    sent = send_videos(connect(stack), check_collection(collection), files, force=force)
    new = sum(each.status == "sent" for each in sent)
    output.print(
        f"{new} sent to {keys.uploads_prefix(collection)}, {len(sent) - new} were there. "
        "`framesift runs upload` lists their runs.",
        highlight=False,
        soft_wrap=True,
    )


def send_videos(connection: Connection, collection: str, files: list[Path], *, force: bool) -> list[Sent]:
    """Send videos, in parts where they are large, and nothing that is there.

    Raises:
        NoVideosError: If a path does not exist, or a folder holds no video.
        UploadError: One of its leaves.
    """
    pairs = [pair for path in files for pair in _keys(path, collection)]
    with sending([path for path, _ in pairs]) as (on_bytes, on_file):
        sender = Sender(connection.bucket, overwrite=force, on_bytes=on_bytes, on_file=on_file)
        sender.check_bucket()
        return sender.send_all(pairs)


def _keys(path: Path, collection: str) -> list[tuple[Path, str]]:
    """Each video with its key: a file by its name, a folder's by their paths in it."""
    prefix = keys.uploads_prefix(collection)
    if path.is_file():
        return [(path, f"{prefix}{path.name}")]
    extensions = VideoSettings().extensions
    found = sorted(file for file in path.rglob("*") if file.suffix.lower() in extensions and file.is_file())
    if not found:
        raise NoVideosError(f"{path} is no video, and no folder that holds one ({', '.join(extensions)}).")
    return [(file, f"{prefix}{file.relative_to(path).as_posix()}") for file in found]


def show_poses(connection: Connection, record: RunRecord) -> None:
    """Print what a run found in a collection, and what became of the collection's videos."""
    (collection,) = record.scopes
    counts, poses = record.counts.get(collection, {}), record.counts.get("poses", {})
    output.print(
        f"Uploads: {counts.get('seen', 0)}; videos done: {poses.get('done', 0)}, "
        f"of them known before: {counts.get('known', 0)}, failed: {poses.get('failed', 0)}; "
        f"of other kinds: {counts.get('not_videos', 0)}",
        highlight=False,
        soft_wrap=True,
    )
    videos = sorted(connection.records.videos.all(collection).items())
    grid = Grid(box=None, pad_edge=False)
    for column in (f"{collection}: video", "frames with people", "sequence"):
        grid.add_column(column, header_style="dim", overflow="fold")
    for name, video in videos[:_ROWS]:
        entry = video.entry
        if entry.frames:
            grid.add_row(escape(name), f"{entry.frames.kept} of {entry.frames.read}", entry.output)
        else:
            grid.add_row(escape(name), "[red]–[/]", f"[red]{entry.error}[/]: {escape(entry.message or '')}")
    output.print(grid)
    more = f"; {len(videos) - _ROWS} more" if len(videos) > _ROWS else ""
    output.print(
        f"[dim]in s3://{connection.bucket}/{keys.poses_prefix(collection)}, with manifest.json{more}[/]", soft_wrap=True
    )
