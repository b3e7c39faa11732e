"""Collections: which there are, what is in them, and their pose sequences under the videos' names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from framesift import keys
from framesift.cli.batches import add_commands
from framesift.cli.connection import Connection, StackOption, connect_to_read
from framesift.cli.console import count_of, output, print_text, safe_text, show_time
from framesift.cli.tables import Cell, Column, show_table
from framesift.errors import NotFoundError
from framesift.names import unique_names
from framesift.pose.manifest import Manifest, write_pose_manifest
from framesift.table import VideoRecord

app = typer.Typer(no_args_is_help=True)
add_commands(app)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="As `framesift collection list` shows it.")]
JsonOption = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]
_SUFFIX = ".pose.parquet"


@app.command("list")
def list_collections(json_: JsonOption = False, stack: StackOption = "") -> None:
    """List the collections, the one with the newest upload first."""
    connection = connect_to_read(stack)
    names = connection.store.folders(keys.collections_prefix())
    found = [(name, connection.records.videos.all(name)) for name in names]
    found = [(name, videos) for name, videos in found if videos]
    found.sort(key=lambda pair: max(video.modified_at for video in pair[1].values()), reverse=True)
    if json_:
        counts = [{"name": name, "videos": len(videos), "done": _done(videos)} for name, videos in found]
        output.print_json(json.dumps(counts))
        return
    show_table(
        (
            Column("collection", keep=True),
            Column("videos", priority=3, align="right"),
            Column("done", priority=2, align="right"),
            Column("failed", priority=1, align="right"),
            Column("newest upload", priority=0, min_width=16),
        ),
        [
            (
                name,
                str(len(videos)),
                str(_done(videos)),
                str(len(videos) - _done(videos)),
                show_time(max(video.modified_at for video in videos.values())),
            )
            for name, videos in found
        ],
    )


@app.command()
def show(name: NameArgument, json_: JsonOption = False, stack: StackOption = "") -> None:
    """Show what became of a collection's videos, the newest first."""
    videos = _newest_first(connect_to_read(stack), name)
    if json_:
        output.print_json(json.dumps([video.model_dump(mode="json") for video in videos]))
        return
    show_table(
        (
            Column("video", keep=True),
            Column("frames with people", priority=2, align="right"),
            Column("seconds", priority=1, align="right"),
            Column("kB", priority=0, align="right"),
            Column("error", priority=3, min_width=20),
        ),
        [_row(video) for video in videos],
    )


@app.command()
def download(
    name: NameArgument,
    to: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FOLDER", help="By default the collection's name.")
    ] = None,
    stack: StackOption = "",
) -> None:
    """Download a collection's pose sequences under their videos' names, with a manifest."""
    connection = connect_to_read(stack)
    videos = [video for video in _newest_first(connection, name) if video.entry.output]
    folder = to or Path(unique_names([name])[0])
    folder.mkdir(parents=True, exist_ok=True)
    names = unique_names(video.name.replace("/", " - ") for video in videos)
    entries = {}
    for video, file_name in zip(videos, names, strict=True):
        path = folder / f"{file_name}{_SUFFIX}"
        connection.store.download(f"{keys.poses_prefix(name)}{video.entry.output}", path)
        entries[video.name] = video.entry.model_copy(update={"output": path.name})
    write_pose_manifest(folder, Manifest(videos=entries))
    print_text(f"{count_of(len(videos), 'pose sequence')} in {folder}, with manifest.json.")


@app.command()
def delete(
    name: NameArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    stack: StackOption = "",
) -> None:
    """Delete a collection's pose sequences, manifests and records; the uploaded videos stay."""
    connection = connect_to_read(stack)
    videos = _newest_first(connection, name)
    if not yes and not typer.confirm(
        f"Delete the pose sequences of {count_of(len(videos), 'video')} of {safe_text(name)}?"
    ):
        raise typer.Abort
    # In this order a sequence that is recorded is there, and a command that was cut off finds the collection again.
    connection.records.videos.delete_sequences(name)
    connection.store.delete(list(connection.store.list(keys.poses_prefix(name))))
    connection.records.videos.delete(name)
    print_text(f"The collection {name} is deleted; its videos stay below {keys.uploads_prefix(name)}.")


def _newest_first(connection: Connection, name: str) -> list[VideoRecord]:
    videos = connection.records.videos.all(name)
    if not videos:
        raise NotFoundError(f"There is no collection {name!r}: `framesift collection list` lists them.")
    return sorted(videos.values(), key=lambda video: video.modified_at, reverse=True)


def _done(videos: Mapping[str, VideoRecord]) -> int:
    return sum(video.entry.status == "done" for video in videos.values())


def _row(video: VideoRecord) -> tuple[str | Cell, ...]:
    entry = video.entry
    frames = f"{entry.frames.kept} of {entry.frames.read}" if entry.frames else "–"
    length = f"{entry.duration_s:.1f}" if entry.duration_s is not None else "–"
    error = Cell(f"{entry.error}: {entry.message or ''}", "red") if entry.error else ""
    return (video.name, frames, length, f"{entry.output_size_bytes / 1e3:.0f}" if entry.output else "–", error)
