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
from framesift.pose.sequence import PoseSequence
from framesift.pose.skeleton import BONES, CHANNELS, LANDMARK_COUNT, VISIBILITY
from framesift.settings.pose import VideoSettings

# RGB, a colour for each person, the most distinct first (Okabe and Ito's palette, safe for colour-blind viewers).
_COLOURS = ((86, 180, 233), (230, 159, 0), (0, 158, 115), (204, 121, 167), (240, 228, 66), (213, 94, 0))
_DRAWN_FROM = 0.5  # Visibility from which a bone is drawn thick.
_TICK = Fraction(1, 90_000)
_SAME_TIME_S = 1e-4


def draw(image: NDArray[np.uint8], people: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Draw people on an image.

    Args:
        image: (H, W, 3) uint8 RGB; not changed.
        people: (P, 33, 5), as `skeleton.CHANNELS`; NaN in empty slots.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    drawn = image.copy()
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


def write_overlay(sequence: PoseSequence, video: Path, path: Path, *, whole: bool = True) -> int:
    """Write a video with its people drawn on it, each frame at its own time, as H.264 in MP4.

    A frame that sampling left out is drawn with the people of the nearest processed one.

    Args:
        sequence: The people.
        video: The video that the sequence was extracted from.
        path: The file to write.
        whole: All frames; else only those of the sequence.

    Returns:
        Frames written.

    Raises:
        SequencesDifferError: The sequence was extracted from another video.
        VideoError: The video cannot be read.
    """
    limits = VideoSettings(target_fps=None)
    facts = probe(video, limits)
    if facts.sha256 != sequence.video.sha256:
        raise SequencesDifferError(
            f"{video} is not the video that the sequence was extracted from ({sequence.video.name})."
        )
    processed = set(sequence.pts.tolist())
    written = 0
    with atomic_path(path) as scratch, av.open(str(scratch), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height = facts.width // 2 * 2, facts.height // 2 * 2  # 4:2:0 needs even sides.
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = _TICK
        for frame in read_frames(video, facts, limits):
            if not whole and frame.pts not in processed:
                continue
            drawn = draw(frame.rgb(), people_at(sequence, float(frame.time)))
            image = av.VideoFrame.from_ndarray(np.ascontiguousarray(drawn[: stream.height, : stream.width]), "rgb24")
            image.pts, image.time_base = round(frame.time / _TICK), _TICK
            container.mux(stream.encode(image))
            written += 1
        container.mux(stream.encode())
    return written


def people_at(sequence: PoseSequence, time_s: float) -> NDArray[np.floating]:
    """Return the people (P, 33, 5) of the processed frame that stands for a time; nobody where there is none.

    Args:
        sequence: The people.
        time_s: Seconds since the video's first frame.
    """
    fps = sequence.settings.get("video", {}).get("target_fps")
    reach_s = max(_SAME_TIME_S, 0.5 / fps if fps else 0.0)
    row = int(np.abs(sequence.time_s - time_s).argmin()) if len(sequence.time_s) else 0
    if not len(sequence.time_s) or abs(sequence.time_s[row] - time_s) > reach_s:
        return np.empty((0, LANDMARK_COUNT, len(CHANNELS)))
    people: NDArray[np.floating] = sequence.landmarks[row]
    return people
