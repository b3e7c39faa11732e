"""The report of a collection: stills of each video with its people drawn on them, and confidence over time."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from framesift import keys
from framesift.errors import FramesiftError
from framesift.reports.figures import Figure
from framesift.reports.images import embed_image
from framesift.reports.page import render
from framesift.storage import Store
from framesift.table import Records, VideoRecord

if TYPE_CHECKING:
    from framesift.contracts import VideoEntry
from framesift.pose.sequence import PoseSequence

MAX_VIDEOS = 30
_STILLS = 3
_STILL_SIDE = 400
CHART_WIDTH, CHART_HEIGHT = 600, 80
_CHART_POINTS = 300


@dataclass(frozen=True)
class Shown:
    """A video of the report.

    Attributes:
        name: Its name in the collection.
        entry: What became of it.
        stills: Frames with people drawn on them; none where the video is gone.
        points: The confidence over time as an SVG polyline's points.
        people: How many people are followed.
    """

    name: str
    entry: VideoEntry
    stills: Sequence[str] = ()
    points: str = ""
    people: int = 0


def poses_report(collection: str, store: Store, records: Records) -> str:
    """A collection as one HTML page.

    Args:
        collection: The collection's name.
        store: Its videos and sequences.
        records: What became of its videos.

    Returns:
        The page, with everything in it.
    """
    videos = sorted(records.videos.all(collection).values(), key=lambda video: video.modified_at, reverse=True)
    entries = [video.entry for video in videos]
    done = [entry for entry in entries if entry.status == "done"]
    figures = [
        Figure("videos", len(entries)),
        Figure("done", len(done)),
        Figure("failed", len(entries) - len(done)),
        Figure("frames with people", sum(entry.frames.kept for entry in done if entry.frames)),
        Figure("seconds of video", round(sum(entry.duration_s or 0 for entry in done))),
        Figure("seconds of work", round(sum(entry.seconds for entry in entries))),
    ]
    return render(
        "poses.html",
        collection=collection,
        figures=figures,
        videos=[_show(video, collection, store) for video in videos[:MAX_VIDEOS]],
        more=max(0, len(videos) - MAX_VIDEOS),
        width=CHART_WIDTH,
        height=CHART_HEIGHT,
    )


def _show(video: VideoRecord, collection: str, store: Store) -> Shown:
    if video.entry.output is None:
        return Shown(video.name, video.entry)
    from framesift.pose.sequence import read_sequence

    with TemporaryDirectory() as scratch:
        path = Path(scratch) / "sequence"
        try:
            store.download(f"{keys.poses_prefix(collection)}{video.entry.output}", path)
            sequence = read_sequence(path)
        except FramesiftError:
            return Shown(video.name, video.entry)
        stills = _draw_stills(
            f"{keys.uploads_prefix(collection)}{video.name}", sequence, store, Path(scratch) / "video"
        )
    return Shown(video.name, video.entry, stills, chart_points(sequence), int(sequence.landmarks.shape[1]))


def chart_points(sequence: PoseSequence) -> str:
    """The confidence over time as an SVG polyline's points; the chart's full height is 1."""
    confidence, time_s = sequence.confidence(), sequence.time_s
    if not len(time_s):
        return ""
    step = max(1, len(time_s) // _CHART_POINTS)
    length_s = float(time_s[-1]) or 1.0
    return " ".join(
        f"{time / length_s * CHART_WIDTH:.1f},{(1 - value) * CHART_HEIGHT:.1f}"
        for time, value in zip(time_s[::step].tolist(), confidence[::step].tolist(), strict=True)
    )


def _draw_stills(key: str, sequence: PoseSequence, store: Store, path: Path) -> list[str]:
    """Frames at equal distances, with people drawn on them; none where the video is not the sequence's any more."""
    from PIL import Image

    from framesift.pose.decode import file_sha256, read_frames
    from framesift.pose.overlay import draw, people_at
    from framesift.settings.pose import VideoSettings

    stills: list[str] = []
    try:
        store.download(key, path)
        if file_sha256(path) != sequence.video.sha256:
            return []
        for number in range(_STILLS):
            row = (2 * number + 1) * len(sequence.time_s) // (2 * _STILLS)
            start_s = Fraction(float(sequence.time_s[row])) - Fraction(1, 1000)
            limits = VideoSettings(target_fps=None)
            frame = next(read_frames(path, sequence.video, limits, start_s=max(Fraction(0), start_s)))
            drawn = Image.fromarray(draw(frame.rgb(), people_at(sequence, float(frame.time))))
            encoded = io.BytesIO()
            drawn.save(encoded, "PNG", compress_level=1)
            stills.append(embed_image(encoded.getvalue(), _STILL_SIDE))
    except (FramesiftError, StopIteration):
        return stills
    return stills
