"""`framesift pose …`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from framesift.errors import FramesiftError
from framesift.pose.presets import DEFAULT_PRESET, PRESETS, PoseSettings, json_schema, load_settings

app = typer.Typer(no_args_is_help=True, help="Videos in, pose sequences out.")
_console = Console()
_errors = Console(stderr=True)

# What a script can tell apart; errors have the exit codes of `framesift.errors`.
_EXIT_SOME_FAILED = 1
_EXIT_INTERRUPTED = 130


class ExportFormat(StrEnum):
    """What `export` writes."""

    COCO17 = "coco17"
    OPENPOSE = "openpose"
    PARQUET = "parquet"
    PICKLE_GZIP = "pickle-gzip"


Preset = Annotated[str, typer.Option(help=f"Settings to start from: {', '.join(PRESETS)}.")]
Config = Annotated[Path | None, typer.Option(help="A JSON file of settings; `framesift pose config` writes one.")]
Output = Annotated[Path, typer.Option("-o", "--output", help="Where to write.")]
Bucket = Annotated[str | None, typer.Option(help="Upload to this bucket.")]
Prefix = Annotated[str | None, typer.Option(help="The keys' prefix in the bucket.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Do again what is done.")]


@app.command()
def extract(
    source: Annotated[Path, typer.Argument(metavar="VIDEO_OR_FOLDER", help="A video, or a folder of videos.")],
    output: Output,
    preset: Preset = DEFAULT_PRESET,
    config: Config = None,
    fps: Annotated[float | None, typer.Option(help="Frames a second to look at.")] = None,
    max_frames: Annotated[int | None, typer.Option(help="Frames to look at in a video at most.")] = None,
    min_confidence: Annotated[float | None, typer.Option(help="Leave out frames under this visibility.")] = None,
    people: Annotated[int | None, typer.Option(help="People to follow at most.")] = None,
    engine: Annotated[str | None, typer.Option(help="mediapipe or batched.")] = None,
    model: Annotated[str | None, typer.Option(help="lite, full or heavy.")] = None,
    smoothing: Annotated[str | None, typer.Option(help="none, one_euro or savitzky_golay.")] = None,
    max_gap: Annotated[float | None, typer.Option(help="Fill gaps up to so many seconds.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes; default: one a core.")] = None,
    s3_bucket: Bucket = None,
    s3_prefix: Prefix = None,
    skip_upload: Annotated[bool, typer.Option("--skip-upload", help="Extract only.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    overwrite: Overwrite = False,
) -> None:
    """Find the people in videos, write a sequence for each, and upload them where a bucket is named."""
    with _told():
        settings = load_settings(
            preset,
            config,
            {
                "video.target_fps": fps,
                "video.max_frames": max_frames,
                "landmarks.min_confidence": min_confidence,
                "landmarks.people": people,
                "landmarks.engine": engine,
                "landmarks.model": model,
                "refinement.smoothing": smoothing,
                "refinement.max_gap_s": max_gap,
                "performance.workers": workers,
                "s3.bucket": s3_bucket,
                "s3.prefix": s3_prefix,
                "output.overwrite": overwrite or None,
            },
        )
        failed = _extract(source, output, settings, dry_run=dry_run)
        if settings.s3.bucket and not skip_upload:
            if dry_run:
                _console.print(f"would upload the sequences to s3://{settings.s3.bucket}/{settings.s3.prefix}/")
            else:
                _upload(output, settings)
        if failed:
            raise typer.Exit(failed)


@app.command()
def upload(
    folder: Annotated[Path, typer.Argument(help="A folder of sequences, from `extract`.")],
    s3_bucket: Annotated[str, typer.Option(help="The bucket.")],
    s3_prefix: Prefix = None,
    max_workers: Annotated[int | None, typer.Option(help="Concurrent transfers.")] = None,
    overwrite: Overwrite = False,
    config: Config = None,
) -> None:
    """Send a folder's sequences and manifest to S3; what is there already is passed over."""
    options = {
        "s3.bucket": s3_bucket,
        "s3.prefix": s3_prefix,
        "s3.max_workers": max_workers,
        "s3.overwrite": overwrite or None,
    }
    with _told():
        _upload(folder, load_settings(config=config, options=options))


@app.command()
def config(
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The file; default: print it.")] = None,
    preset: Preset = DEFAULT_PRESET,
    schema: Annotated[bool, typer.Option("--schema", help="The file's JSON Schema instead.")] = False,
) -> None:
    """Write a preset as a JSON file to change."""
    with _told():
        content = json_schema() if schema else load_settings(preset).model_dump(mode="json")
        text = json.dumps(content, indent=2) + "\n"
        if output is None:
            sys.stdout.write(text)
        else:
            output.parent.mkdir(parents=True, exist_ok=True)
            output.write_text(text, "utf-8")


@app.command()
def export(
    sequences: Annotated[Path, typer.Argument(help="A sequence, or a folder of them.")],
    to: Annotated[ExportFormat, typer.Option(help="The format.")],
    output: Output,
) -> None:
    """Write sequences in another format."""
    from framesift.pose.export import EXPORTS
    from framesift.pose.sequence import SUFFIX, read_sequence
    from framesift.pose.upload import files_to_upload

    with _told():
        write, ending = EXPORTS[to.value]
        files = (
            [path for path in files_to_upload(sequences) if path.name.endswith(SUFFIX)]
            if sequences.is_dir()
            else [sequences]
        )
        base = sequences if sequences.is_dir() else sequences.parent
        for path in files:
            target = output / (path.relative_to(base).as_posix().removesuffix(SUFFIX) + ending)
            write(read_sequence(path), target)
            _print(target)


@app.command()
def overlay(
    sequence: Annotated[Path, typer.Argument(help="A sequence, from `extract`.")],
    video: Annotated[Path, typer.Option(help="The video that it was made of.")],
    output: Output,
) -> None:
    """Draw the skeletons on the video."""
    from framesift.pose.overlay import write_overlay
    from framesift.pose.sequence import read_sequence

    with _told():
        written = write_overlay(read_sequence(sequence), video, output)
        _print(f"{output}: {written} frames")


def _extract(source: Path, output: Path, settings: PoseSettings, *, dry_run: bool) -> int:
    """Extract, show progress and a table; the exit code."""
    from framesift.pose.extract import extract as extract_videos
    from framesift.pose.extract import find_videos, pending

    sources = find_videos(source, settings)
    todo = pending(sources, output, settings)
    if len(todo) < len(sources):
        _console.print(
            f"{len(sources) - len(todo)} of {len(sources)} videos are done already (--overwrite does them again)."
        )
    if dry_run:
        for video in todo:
            _print(f"would extract {video.path} to {output / video.output}")
        return 0
    with Progress(TextColumn("videos"), BarColumn(), MofNCompleteColumn(), console=_errors, transient=True) as bar:
        task = bar.add_task("", total=len(todo))
        manifest = extract_videos(todo, output, settings, lambda _: bar.advance(task))
    entries = [manifest.videos[video.name] for video in todo]
    _print_table(entries)
    for entry in entries:
        if entry.status == "failed":
            _errors.print(_plain(f"{entry.error}: {entry.message}"), soft_wrap=True, markup=False, highlight=False)
    failed = [entry for entry in entries if entry.status == "failed"]
    if failed and len(failed) == len(sources):
        return _exit_code(str(failed[0].error))
    return _EXIT_SOME_FAILED if failed else 0


def _exit_code(error_name: str) -> int:
    from framesift import errors

    return int(getattr(errors, error_name).exit_code)


def _print_table(entries: list[Any]) -> None:
    table = Table("video", "looked at", "kept", "seconds", "size", "ratio")
    for entry in entries:
        name = Text(_plain(entry.source))
        if entry.status == "done":
            size, ratio = f"{entry.output_size_bytes / 1024:.0f} KiB", f"{entry.ratio:.1%}"
            table.add_row(name, str(entry.frames.read), str(entry.frames.kept), f"{entry.seconds:.1f}", size, ratio)
        else:
            table.add_row(name, "-", "-", "-", "-", str(entry.error))
    _console.print(table)


def _upload(folder: Path, settings: PoseSettings) -> None:
    from framesift.cli.progress import sending
    from framesift.pose.upload import files_to_upload
    from framesift.pose.upload import upload as upload_files

    with sending(files_to_upload(folder)) as (on_bytes, on_file):
        uploads = upload_files(folder, settings.s3, on_bytes, on_file)
    sent = sum(upload.status == "sent" for upload in uploads)
    _console.print(
        f"{sent} files sent to s3://{settings.s3.bucket}/{settings.s3.prefix}/, {len(uploads) - sent} were there."
    )


def _plain(text: object) -> str:
    from framesift.cli.console import plain_text

    return plain_text(text)


def _print(text: object) -> None:
    _console.print(_plain(text), soft_wrap=True, markup=False, highlight=False)


def _print_error(message: object) -> None:
    from framesift.cli.console import print_error

    print_error(message)


@contextmanager
def _told() -> Iterator[None]:
    """One line for what went wrong, and its exit code."""
    try:
        yield
    except FramesiftError as error:
        _print_error(error)
        raise typer.Exit(error.exit_code) from None
    except KeyboardInterrupt:
        _errors.print(
            "Interrupted: the videos that are done are in the manifest; run the command again for the others."
        )
        raise typer.Exit(_EXIT_INTERRUPTED) from None


if __name__ == "__main__":
    app()
