"""Upload videos to a collection, and show their results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from framesift import keys
from framesift.cli.connection import Connection, StackOption, connect, connect_to_read
from framesift.cli.console import count_of, errors, output, safe_text
from framesift.cli.left_out import report_left_out
from framesift.cli.pose import preview
from framesift.cli.progress import sending
from framesift.cli.tables import Cell, Column, show_table
from framesift.contracts import VideoEntry
from framesift.errors import EmbeddedAwsDownError, NoVideosError
from framesift.names import check_collection
from framesift.pipeline.upload.poses import pose_settings
from framesift.settings import load_settings
from framesift.settings.pose import VideoSettings
from framesift.storage.transfer import Sender, Sent
from framesift.table import RunRecord

_ROWS = 20


def upload(
    files: Annotated[list[Path], typer.Argument(metavar="VIDEO_OR_FOLDER...", help="Videos, or folders of them.")],
    collection: Annotated[str, typer.Option(help="Their collection.")],
    force: Annotated[bool, typer.Option(help="Send files that exist already, too.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show the frames, seconds and bytes of each video; nothing is sent.")
    ] = False,
    stack: StackOption = "",
) -> None:
    """Upload videos to a collection: each upload starts its own run."""
    if dry_run:
        raise typer.Exit(_preview(check_collection(collection), files, stack, force=force))
    sent = send_videos(connect(stack), check_collection(collection), files, force=force)
    new = sum(each.status == "sent" for each in sent)
    output.print(
        f"{new} sent to {safe_text(keys.uploads_prefix(collection))}, {len(sent) - new} were there. "
        "`framesift runs upload` lists their runs.",
        highlight=False,
        soft_wrap=True,
    )


def _preview(collection: str, files: list[Path], stack: str, *, force: bool) -> int:
    from framesift.pose.segments import Source

    prefix = keys.uploads_prefix(collection)
    pairs = [pair for file in files for pair in _keys(file, collection)]
    try:
        sender = Sender(connect_to_read(stack).bucket, overwrite=force)
        new = [pair for pair in pairs if not sender.is_there(*pair)]
    except EmbeddedAwsDownError:  # Nothing runs, so nothing was sent.
        new = pairs
    videos = [Source(path, key.removeprefix(prefix)) for path, key in new]
    exit_code = preview(videos, pose_settings(load_settings().upload))
    if there := len(pairs) - len(new):
        errors.print(f"{count_of(there, 'video')} already there; --force sends them again", highlight=False)
    return exit_code


def send_videos(connection: Connection, collection: str, files: list[Path], *, force: bool) -> list[Sent]:
    """Send videos, large ones in parts, and none that exist already.

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
    report_left_out(path, extensions, takes_links=True)
    found = sorted(file for file in path.rglob("*") if file.suffix.lower() in extensions and file.is_file())
    if not found:
        raise NoVideosError(f"{path} is no video, and no folder that holds one ({', '.join(extensions)}).")
    return [(file, f"{prefix}{file.relative_to(path).as_posix()}") for file in found]


def show_poses(connection: Connection, record: RunRecord) -> None:
    """Print a run's counts, and the results of its collection's videos."""
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
    show_table(
        (
            Column("video", keep=True),
            Column("frames with people", priority=2, align="right"),
            Column("sequence or error", priority=3),
        ),
        [_row(name, video.entry) for name, video in videos[:_ROWS]],
    )
    more = f"; {len(videos) - _ROWS} more" if len(videos) > _ROWS else ""
    output.print(
        f"[dim]in s3://{connection.bucket}/{safe_text(keys.poses_prefix(collection))}, with manifest.json{more}[/]",
        soft_wrap=True,
    )


def _row(name: str, entry: VideoEntry) -> tuple[str | Cell, ...]:
    if entry.frames:
        return (name, f"{entry.frames.kept} of {entry.frames.read}", entry.output or "")
    return (name, Cell("–", "red"), Cell(f"{entry.error}: {entry.message or ''}", "red"))
