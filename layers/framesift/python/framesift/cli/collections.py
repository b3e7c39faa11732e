"""Collections: which there are, what is in them, and their pose sequences under the videos' names.

The commands about images are in `batches` (how they come in) and `catalog` (what is known about them).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from framesift import keys
from framesift.cli import batches, catalog, catalog_versions, maps, samples, transfers
from framesift.cli.connection import Connection, StackOption, connect_to_read
from framesift.cli.console import count_of, output, print_text, safe_text, show_time
from framesift.cli.tables import Cell, Column, show_table
from framesift.errors import NotFoundError
from framesift.names import unique_names
from framesift.pose.manifest import Manifest, write_pose_manifest
from framesift.table import Collection, VideoRecord

app = typer.Typer(no_args_is_help=True)
batches.add_commands(app)
catalog.add_commands(app)
catalog_versions.add_commands(app)
transfers.add_commands(app)
maps.add_commands(app)
samples.add_commands(app)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="As `framesift collection list` shows it.")]
JsonOption = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]
_SUFFIX = ".pose.parquet"


@app.command("list")
def list_collections(json_: JsonOption = False, stack: StackOption = "") -> None:
    """List the collections, the one that something came into last first."""
    connection = connect_to_read(stack)
    names = {*connection.store.folders(keys.collections_prefix()), *connection.records.collections.ids()}
    found = [row for name in sorted(names) if (row := _summarize(connection, name))]
    found.sort(key=lambda row: row.newest, reverse=True)
    if json_:
        output.print_json(
            json.dumps(
                [{"name": row.name, "images": row.images, "videos": row.videos, "done": row.done} for row in found]
            )
        )
        return
    show_table(
        (
            Column("collection", keep=True),
            Column("images", priority=4, align="right"),
            Column("videos", priority=3, align="right"),
            Column("failed videos", priority=1, align="right"),
            Column("newest upload", priority=0, min_width=16),
        ),
        [
            (
                row.name,
                str(row.images),
                str(row.videos),
                str(row.videos - row.done),
                show_time(row.newest),
            )
            for row in found
        ],
        if_empty="There is no collection yet: `framesift collection add NAME FOLDER` makes one.",
    )


@app.command()
def show(name: NameArgument, json_: JsonOption = False, stack: StackOption = "") -> None:
    """Show what a collection is and has, and what became of its videos, the newest first."""
    connection = connect_to_read(stack)
    about = connection.records.collections.find(name)
    videos = _newest_first(connection, name) if about is None else _sort(connection.records.videos.all(name))
    listed = [video.model_dump(mode="json") for video in videos]
    if about is None:
        if json_:
            output.print_json(json.dumps(listed))
            return
    else:
        images = _count_images_of(connection, name)
        if json_:
            described = about.model_dump(mode="json")
            output.print_json(json.dumps({"about": described, "images": images, "videos": listed}))
            return
        _show_about(connection, about, images, len(videos))
    if videos or about is None:
        _show_videos(videos)


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
    query: Annotated[
        str | None, typer.Option(help="Delete only the images that this query finds, and keep the collection.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    stack: StackOption = "",
) -> None:
    """Delete a collection with all that is kept of it, or some of its images, for good.

    Of a collection that has only videos, the uploaded ones stay.
    """
    connection = connect_to_read(stack)
    if query is not None:
        _delete_images(connection, name, query, yes=yes)
    elif connection.records.collections.find(name):
        _delete_all(connection, name, yes=yes)
    else:
        _delete_sequences(connection, name, yes=yes)


def _delete_images(connection: Connection, name: str, query: str, *, yes: bool) -> None:
    opened = catalog.open_connected(name, connection)
    with catalog.pointing_at(query):
        count = opened.count(query)
        _confirm(f"Delete {count_of(count, 'image')} of {name} for good?", yes=yes)
        count = opened.remove(query)
    print_text(f"{count_of(count, 'image')} deleted from {name}.")


def _delete_all(connection: Connection, name: str, *, yes: bool) -> None:
    from framesift.catalog.deletion import delete_collection

    images, videos = _count_images_of(connection, name), len(connection.records.videos.all(name))
    _confirm(f"Delete {name} with {count_of(images, 'image')} and {count_of(videos, 'video')} for good?", yes=yes)
    if delete_collection(name, "", connection.store, connection.records):
        print_text(f"The collection {name} is deleted.")
    else:
        print_text(f"A run still works on {name}: it is deleted by itself within the hour after that has ended.")


def _delete_sequences(connection: Connection, name: str, *, yes: bool) -> None:
    videos = _newest_first(connection, name)
    _confirm(f"Delete the pose sequences of {count_of(len(videos), 'video')} of {name}?", yes=yes)
    # In this order a sequence that is recorded is there, and a command that was cut off finds the collection again.
    connection.records.videos.delete_sequences(name)
    connection.store.delete(list(connection.store.list(keys.poses_prefix(name))))
    connection.records.videos.delete(name)
    print_text(f"The collection {name} is deleted; its videos stay below {keys.uploads_prefix(name)}.")


def _confirm(question: str, *, yes: bool) -> None:
    if not yes and not typer.confirm(safe_text(question)):
        raise typer.Abort


@dataclass(frozen=True)
class _Summary:
    """A line of the list of collections."""

    name: str
    images: int
    videos: int
    done: int
    newest: datetime


def _summarize(connection: Connection, name: str) -> _Summary | None:
    """What a collection has; None: nothing is known by that name."""
    records = connection.records
    videos, about = records.videos.all(name), records.collections.find(name)
    batch = next(records.batches.of_collection(name), None)
    times = [video.modified_at for video in videos.values()]
    times += [each.created_at for each in (about, batch) if each]
    if not times:
        return None
    return _Summary(name, _count_images_of(connection, name), len(videos), _done(videos), max(times))


def _count_images_of(connection: Connection, name: str) -> int:
    """How many images a collection has, without fetching its catalog where nothing changed since the snapshot."""
    about = connection.records.collections.find(name)
    if about is None or about.deleting:
        return 0
    snapshot = connection.records.collections.pointer(name).snapshot
    opened = catalog.open_connected(name, connection)
    return snapshot.count if snapshot and opened.log.head() == snapshot.number else opened.count()


def _show_about(connection: Connection, about: Collection, images: int, videos: int) -> None:
    batch = next(connection.records.batches.of_collection(about.id), None)
    facts = {
        "description": about.description,
        "owner": about.owner,
        "visible to": about.department if about.visibility == "department" else about.visibility,
        "models": ", ".join(about.models),
        "made": show_time(about.created_at),
        "state": "is being deleted" if about.deleting else "",
        "images": str(images),
        "videos": str(videos) if videos else "",
        "newest batch": f"{batch.id} ({batch.state})" if batch else "",
    }
    show_table(
        (Column("of", priority=1), Column(about.id, keep=True)),
        [(fact, text) for fact, text in facts.items() if text],
    )


def _show_videos(videos: Sequence[VideoRecord]) -> None:
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


def _newest_first(connection: Connection, name: str) -> list[VideoRecord]:
    videos = connection.records.videos.all(name)
    if not videos:
        raise NotFoundError(f"There is no collection {name!r}: `framesift collection list` lists them.")
    return _sort(videos)


def _sort(videos: Mapping[str, VideoRecord]) -> list[VideoRecord]:
    return sorted(videos.values(), key=lambda video: video.modified_at, reverse=True)


def _done(videos: Mapping[str, VideoRecord]) -> int:
    return sum(video.entry.status == "done" for video in videos.values())


def _row(video: VideoRecord) -> tuple[str | Cell, ...]:
    entry = video.entry
    frames = f"{entry.frames.kept} of {entry.frames.read}" if entry.frames else "–"
    length = f"{entry.duration_s:.1f}" if entry.duration_s is not None else "–"
    error = Cell(f"{entry.error}: {entry.message or ''}", "red") if entry.error else ""
    return (video.name, frames, length, f"{entry.output_size_bytes / 1e3:.0f}" if entry.output else "–", error)
