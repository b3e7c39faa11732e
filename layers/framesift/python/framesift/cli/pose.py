"""`framesift pose …`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.filesize import decimal
from rich.progress import TaskID

from framesift.cli.console import count_of, errors, plain_text, print_error, safe_text, write_file
from framesift.cli.console import output as out
from framesift.cli.left_out import report_left_out
from framesift.cli.progress import frame_bars, sending
from framesift.cli.tables import Column, show_table
from framesift.errors import FramesiftError, get_exit_code
from framesift.settings.pose import DEFAULT_PRESET, PRESETS, PoseSettings, json_schema, load_pose_settings

if TYPE_CHECKING:
    from framesift.contracts import VideoEntry
    from framesift.pose.decode import VideoFacts
    from framesift.pose.segments import Source

app = typer.Typer(no_args_is_help=True, help="Extract poses from videos, draw and export them.")

# Errors that end a command have the exit codes of `framesift.errors`.
_EXIT_SOME_FAILED = 1
_EXIT_INTERRUPTED = 130


class ExportFormat(StrEnum):
    """The formats that `export` writes."""

    COCO17 = "coco17"
    OPENPOSE = "openpose"
    PARQUET = "parquet"
    PICKLE_GZIP = "pickle-gzip"


Preset = Annotated[str, typer.Option(help=f"Settings to start from: {', '.join(PRESETS)}.")]
Config = Annotated[Path | None, typer.Option(help="A JSON file of settings; `framesift pose config` writes one.")]
Output = Annotated[Path, typer.Option("-o", "--output", help="Where to write.")]
Bucket = Annotated[str | None, typer.Option(help="Upload to this bucket.")]
Prefix = Annotated[str | None, typer.Option(help="The keys' prefix in the bucket.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Process finished videos again.")]


@app.command()
def extract(
    source: Annotated[Path, typer.Argument(metavar="VIDEO_OR_FOLDER", help="A video, or a folder of videos.")],
    output: Output,
    preset: Preset = DEFAULT_PRESET,
    config: Config = None,
    fps: Annotated[float | None, typer.Option(help="Frames per second to process.")] = None,
    max_frames: Annotated[int | None, typer.Option(help="The most frames of a video to process.")] = None,
    min_confidence: Annotated[float | None, typer.Option(help="Leave out frames of lower mean visibility.")] = None,
    people: Annotated[int | None, typer.Option(help="The most people to follow.")] = None,
    engine: Annotated[str | None, typer.Option(help="mediapipe, or batched (faster on many videos).")] = None,
    model: Annotated[str | None, typer.Option(help="lite, full or heavy; full needs no download from Google.")] = None,
    smoothing: Annotated[str | None, typer.Option(help="none, one_euro or savitzky_golay.")] = None,
    max_gap: Annotated[float | None, typer.Option(help="Interpolate over gaps of up to this many seconds.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes; the default is one per core.")] = None,
    s3_bucket: Bucket = None,
    s3_prefix: Prefix = None,
    skip_upload: Annotated[bool, typer.Option("--skip-upload", help="Extract only.")] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show what would be processed."),
    ] = False,
    overwrite: Overwrite = False,
) -> None:
    """Find the people in videos, write a pose sequence for each, and upload them if a bucket is given.

    Only `--model full`, as in the preset `production`, works without Google's model storage: its weights come with a
    package on PyPI. `lite` (presets development and fast) and `heavy` (high_accuracy) are downloaded from there once.
    """
    with _reporting_errors():
        settings = load_pose_settings(
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
                out.print(safe_text(f"would upload to s3://{settings.s3.bucket}/{settings.s3.prefix}/"), soft_wrap=True)
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
    """Upload a folder's sequences and manifest to S3; files that are there already are skipped."""
    options = {
        "s3.bucket": s3_bucket,
        "s3.prefix": s3_prefix,
        "s3.max_workers": max_workers,
        "s3.overwrite": overwrite or None,
    }
    with _reporting_errors():
        _upload(folder, load_pose_settings(config=config, options=options))


@app.command()
def config(
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The file; printed by default.")] = None,
    preset: Preset = DEFAULT_PRESET,
    schema: Annotated[bool, typer.Option("--schema", help="The file's JSON Schema instead.")] = False,
) -> None:
    """Write a preset as a JSON file to edit."""
    with _reporting_errors():
        content = json_schema() if schema else load_pose_settings(preset).model_dump(mode="json")
        text = json.dumps(content, indent=2) + "\n"
        if output is None:
            sys.stdout.write(text)
        else:
            write_file(output, text.encode())


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

    with _reporting_errors():
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
            out.print(plain_text(target), soft_wrap=True, markup=False, highlight=False)


@app.command()
def overlay(
    sequence: Annotated[Path, typer.Argument(help="A sequence, from `extract`.")],
    video: Annotated[Path, typer.Option(help="The video that it was extracted from.")],
    output: Output,
    only_people: Annotated[bool, typer.Option("--only-people", help="Leave out frames without a person.")] = False,
) -> None:
    """Draw the skeletons on the whole video."""
    from framesift.pose.overlay import write_overlay
    from framesift.pose.sequence import read_sequence

    with _reporting_errors():
        written = write_overlay(read_sequence(sequence), video, output, whole=not only_people)
        out.print(f"{plain_text(output)}: {written} frames", soft_wrap=True, markup=False, highlight=False)


def _extract(source: Path, output: Path, settings: PoseSettings, *, dry_run: bool) -> int:
    """Extract, show progress and a table; returns the exit code."""
    from framesift.pose.extract import extract as extract_videos
    from framesift.pose.extract import find_videos, pending

    report_left_out(source, settings.video.extensions, takes_links=True)
    sources = find_videos(source, settings)
    todo = pending(sources, output, settings)
    if len(todo) < len(sources):
        out.print(
            f"{len(sources) - len(todo)} of {len(sources)} videos are done already (--overwrite does them again)."
        )
    if dry_run:
        return preview(todo, settings)
    with _extracting(len(todo), settings) as callbacks:
        manifest = extract_videos(todo, output, settings, **callbacks)
    entries = [manifest.videos[video.name] for video in todo]
    _show_entries(entries)
    failed = [entry for entry in entries if entry.status == "failed"]
    for entry in failed:
        print_error(f"{entry.error}: {entry.message}")
    if failed and len(failed) == len(sources):
        return get_exit_code(failed[0].error)
    return _EXIT_SOME_FAILED if failed else 0


def preview(todo: list[Source], settings: PoseSettings) -> int:
    """Show the frames, seconds and bytes that an extraction would process; returns the exit code."""
    from framesift.pose.extract import count_expected, probe_all

    rows, errors_found, totals = [], [], [0, 0.0, 0]
    for video, facts in sorted(probe_all(todo, settings), key=lambda pair: pair[0].name):
        if isinstance(facts, FramesiftError):
            errors_found.append(facts)
            rows.append((video.name, "-", "-", "-", type(facts).__name__))
            continue
        frames = count_expected(facts, settings)
        totals = [totals[0] + frames, totals[1] + facts.length_s, totals[2] + facts.size_bytes]
        rows.append(
            (video.name, str(facts.frame_count), str(frames), f"{facts.length_s:.1f}", decimal(facts.size_bytes))
        )
    show_table(
        [
            Column("video", keep=True),
            Column("frames", align="right"),
            Column("to process", align="right", priority=2),
            Column("seconds", align="right"),
            Column("size", align="right"),
        ],
        rows,
    )
    errors.print(
        f"would process {count_of(int(totals[0]), 'frame')} of {count_of(len(rows) - len(errors_found), 'video')}: "
        f"{totals[1]:.1f} s, {decimal(int(totals[2]))}",
        highlight=False,
    )
    for error in errors_found:
        print_error(error)
    return _EXIT_SOME_FAILED if errors_found else 0


@contextmanager
def _extracting(videos: int, settings: PoseSettings) -> Iterator[dict[str, Any]]:
    """Show frames, speed and time left for each video and for all; gives the callbacks for `extract`."""
    from framesift.pose.extract import count_expected

    with frame_bars(errors) as bars:
        total = bars.add_task(f"0 of {count_of(videos, 'video')}", total=0)
        tasks: dict[str, TaskID] = {}
        expected = done = 0

        def on_facts(source: Source, facts: VideoFacts) -> None:
            nonlocal expected
            frames = count_expected(facts, settings)
            tasks[source.name] = bars.add_task(safe_text(source.name), total=frames, visible=False, start=False)
            expected += frames
            bars.update(total, total=expected)

        def on_frames(source: Source, count: int) -> None:
            task = tasks[source.name]
            bars.start_task(task)
            bars.update(task, advance=count, visible=True)
            bars.update(total, advance=count)

        def on_entry(entry: VideoEntry) -> None:
            nonlocal done
            done += 1
            if entry.source in tasks:
                bars.remove_task(tasks.pop(entry.source))
            bars.update(total, description=f"{done} of {count_of(videos, 'video')}")

        yield {"on_facts": on_facts, "on_frames": on_frames, "on_entry": on_entry}


def _show_entries(entries: list[VideoEntry]) -> None:
    rows = []
    for entry in entries:
        if entry.status == "done" and entry.frames:
            frames = entry.frames
            counts = [frames.stored, frames.read, frames.kept, frames.undecoded]
            size, ratio = decimal(entry.output_size_bytes), f"{entry.ratio or 0:.1%}"
            rows.append([entry.source, *map(str, counts), f"{entry.seconds:.1f}", size, ratio])
        else:
            rows.append([entry.source, "-", "-", "-", "-", "-", "-", str(entry.error)])
    show_table(
        [
            Column("video", keep=True),
            Column("frames", align="right"),
            Column("processed", align="right", priority=3),
            Column("kept", align="right", priority=4),
            Column("not decoded", align="right"),
            Column("took, s", align="right"),
            Column("size", align="right"),
            Column("ratio", align="right", priority=2),
        ],
        rows,
    )


def _upload(folder: Path, settings: PoseSettings) -> None:
    from framesift.pose.upload import files_to_upload
    from framesift.pose.upload import upload as upload_files

    with sending(files_to_upload(folder)) as (on_bytes, on_file):
        uploads = upload_files(folder, settings.s3, on_bytes, on_file)
    sent = sum(upload.status == "sent" for upload in uploads)
    target = safe_text(f"s3://{settings.s3.bucket}/{settings.s3.prefix}/")
    out.print(f"{count_of(sent, 'file')} sent to {target}, {len(uploads) - sent} were there.", soft_wrap=True)


@contextmanager
def _reporting_errors() -> Iterator[None]:
    """Print an error as one line and exit with its code."""
    try:
        yield
    except FramesiftError as error:
        print_error(error)
        raise typer.Exit(error.exit_code) from None
    except KeyboardInterrupt:
        errors.print("Interrupted: the videos that are done are in the manifest; run the command again for the others.")
        raise typer.Exit(_EXIT_INTERRUPTED) from None
