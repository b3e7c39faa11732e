"""Draws a sequence on its video."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from framesift.errors import SequencesDifferError
from framesift.pose.decode import probe, read_frames
from framesift.pose.files import atomic_path
from framesift.pose.presets import VideoSettings
from framesift.pose.sequence import PoseSequence
from framesift.pose.skeleton import BONES, VISIBILITY

# RGB, a colour a person, those told apart best first (Okabe and Ito's palette for all eyes).
_COLOURS = ((86, 180, 233), (230, 159, 0), (0, 158, 115), (204, 121, 167), (240, 228, 66), (213, 94, 0))
_DRAWN_FROM = 0.5  # Visibility from which a bone is drawn whole; below, thin.
_TICK = Fraction(1, 90_000)


def draw(picture: NDArray[np.uint8], people: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Draw people on a picture.

    Args:
        picture: (H, W, 3) uint8 RGB; not changed.
        people: (P, 33, 5), as `skeleton.CHANNELS`; NaN in empty slots.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    drawn = picture.copy()
    height, width = drawn.shape[:2]
    unit = max(1, round(min(height, width) / 240))
    for slot, points in enumerate(people):
        if np.isnan(points[0, 0]):
            continue
        colour = _COLOURS[slot % len(_COLOURS)]
        xy = (points[:, :2].astype(np.float64) * (width, height)).round().clip(-9999, 9999).astype(int)
        sure = points[:, VISIBILITY] >= _DRAWN_FROM
        for a, b in BONES:
            thickness = 2 * unit if sure[a] and sure[b] else unit
            cv2.line(drawn, xy[a].tolist(), xy[b].tolist(), colour, thickness, cv2.LINE_AA)
        for point in xy[sure]:
            cv2.circle(drawn, point.tolist(), 2 * unit, (255, 255, 255), -1, cv2.LINE_AA)
    return drawn


def write_overlay(sequence: PoseSequence, video: Path, path: Path) -> int:
    """Write the frames of a sequence, each with its people, at their own times as H.264 in MP4.

    Returns:
        Frames written.

    Raises:
        SequencesDifferError: The video is not the one that the sequence was made of.
        VideoError: The video cannot be read.
    """
    limits = VideoSettings(target_fps=None)
    facts = probe(video, limits)
    if facts.sha256 != sequence.video.sha256:
        raise SequencesDifferError(f"{video} is not the video that the sequence was made of ({sequence.video.name}).")
    row_of = {int(pts): row for row, pts in enumerate(sequence.pts)}
    written = 0
    with atomic_path(path) as scratch, av.open(str(scratch), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height = facts.width // 2 * 2, facts.height // 2 * 2  # 4:2:0 needs even sides.
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = _TICK
        for frame in read_frames(video, facts, limits):
            if frame.pts not in row_of:
                continue
            drawn = draw(frame.rgb(), sequence.landmarks[row_of[frame.pts]])
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(drawn[: stream.height, : stream.width]), "rgb24")
            picture.pts, picture.time_base = round(frame.time / _TICK), _TICK
            container.mux(stream.encode(picture))
            written += 1
        container.mux(stream.encode())
    return written
