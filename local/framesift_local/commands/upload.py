"""`framesift local run upload`: a video of our own is dropped, and what its arrival starts is watched."""

from __future__ import annotations

import time
from pathlib import Path

from framesift import keys
from framesift.cli.connection import DATA_DIR, Connection
from framesift.cli.console import output, print_text
from framesift.cli.report import write_report
from framesift.cli.runs import watch_execution
from framesift.cli.uploads import send_videos
from framesift.errors import EmbeddedAwsDownError
from framesift.pipeline.upload.branch import UPLOAD
from framesift.pipeline.upload.poses import pose_settings
from framesift.settings import load_settings
from framesift.table import Runs

COLLECTION = "demo"
_VIDEO = "swaying.mp4"
_START_LIMIT_S = 60.0


def drop_and_watch(connection: Connection, *, goes_on: bool) -> None:
    """Upload a video, watch the run that it starts, and say where its poses are and how to see them.

    Args:
        connection: Where the run takes place.
        goes_on: Whether the run outlives this process.

    Raises:
        ModelMissingError: The pose networks are neither here nor to be had.
        EmbeddedAwsDownError: The video's arrival started nothing.
    """
    from framesift.pose.model import resolve_bundle
    from framesift_local.standins.sample_video import write_sample_video

    video = DATA_DIR / "videos" / _VIDEO
    with output.status("Making a video, and looking for the pose networks …"):
        resolve_bundle(pose_settings(load_settings().upload).landmarks.model)
        if not video.exists():
            write_sample_video(video)
    before = {record.execution_arn for record in connection.records.runs.newest(UPLOAD.source)}
    (sent,) = send_videos(connection, COLLECTION, [video], force=True)
    print_text(f"{video} was uploaded to s3://{connection.bucket}/{sent.key}")
    record = watch_execution(connection, _started(connection.records.runs, before), goes_on=goes_on)
    _say_how_to_see(connection, video)
    print_text(f"The collection's report: {write_report(connection, record).resolve()}")


def _started(runs: Runs, before: set[str]) -> str:
    """The execution that the arrival has started."""
    until = time.monotonic() + _START_LIMIT_S
    while time.monotonic() < until:
        for record in runs.newest(UPLOAD.source, 1):
            if record.execution_arn not in before:
                return record.execution_arn
        time.sleep(0.2)
    raise EmbeddedAwsDownError(
        f"The video's arrival started no run within {_START_LIMIT_S:.0f} s: see {DATA_DIR}/logs."
    )


def _say_how_to_see(connection: Connection, video: Path) -> None:
    record = connection.records.videos.get(COLLECTION, _VIDEO)
    if record is None or record.entry.output is None:
        return
    sequence = DATA_DIR / "s3" / connection.bucket / keys.poses_prefix(COLLECTION) / record.entry.output
    output.print(
        f"\nThe poses are in {sequence}\nTo see them on the video:\n"
        f"  framesift pose overlay {sequence} --video {video} -o overlay.mp4",
        highlight=False,
        soft_wrap=True,
    )
