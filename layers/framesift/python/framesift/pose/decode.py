"""Reads videos: facts first, then frames with their real presentation times, under limits.

Files come from strangers. Only containers of `_CONTAINERS` are opened, only by the `file` protocol, so that nothing in
a file can name another file or an address; pictures larger than the limit are refused before they are decoded. A
decoder can still crash or hang: `framesift.pose.workers` runs this in processes of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.video.reformatter import VideoReformatter

from framesift.errors import (
    EmptyVideoError,
    NotAVideoError,
    PlaylistRefusedError,
    ResolutionChangedError,
    TruncatedVideoError,
    VideoLimitError,
    VideoUnreadableError,
)
from framesift.pose.frame import Frame
from framesift.pose.presets import VideoSettings

# FFmpeg's demuxers that hold their media themselves; its playlists (hls, dash, concat, …) are not among them.
_CONTAINERS = "mov,matroska,avi,mpegts,mpeg,flv,asf,ogg"
_PLAYLIST_SIGNS = (b"#EXTM3U", b"ffconcat", b"[playlist]", b"<MPD", b"<smil", b"<asx", b"<ASX", b"<playlist")
_SNIFFED_BYTES = 1024

# A video that lacks more than this share of its announced length, and this many seconds, was cut off.
_TOLERATED_MISSING_SHARE = 0.05
_TOLERATED_MISSING_S = 0.5


@dataclass(frozen=True)
class VideoFacts:
    """What is known of a video before its landmarks.

    Attributes:
        name: The file's name.
        size_bytes: The file's size.
        sha256: The file's digest.
        container: FFmpeg's name of the container.
        codec: FFmpeg's name of the codec.
        width: Of the picture as it is shown, after rotation, pixels.
        height: Likewise.
        rotation_deg: By how much the stored picture is turned, counter-clockwise, to be shown: 0, 90, 180 or 270.
        frame_rate: Average frames a second, as the container says; 0 where it does not.
        duration_s: The stream's length, as the container says; `None` where it does not.
        time_base: Seconds of one tick of `pts`, such as "1/90000".
        first_pts: The first frame's presentation time, ticks.
    """

    name: str
    size_bytes: int
    sha256: str
    container: str
    codec: str
    width: int
    height: int
    rotation_deg: int
    frame_rate: float
    duration_s: float | None
    time_base: str
    first_pts: int


def file_sha256(path: Path) -> str:
    """The file's digest.

    Raises:
        VideoUnreadableError: The file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise VideoUnreadableError(f"{path} cannot be read ({error.strerror}): check its permissions.") from error


def probe(path: Path, limits: VideoSettings) -> VideoFacts:
    """Read a video's facts and check them against the limits; decodes one frame.

    Raises:
        VideoError: One of its leaves, with the reason.
    """
    sha256 = file_sha256(path)
    size_bytes = path.stat().st_size
    if size_bytes > limits.max_size_bytes:
        raise VideoLimitError(f"{path.name} has {size_bytes} bytes, more than video.max_size_bytes allows.")
    with _open(path, limits) as container:
        stream = _video_stream(container, path, limits)
        first = next(_decoded(container, stream, path), None)
        if first is None:
            raise EmptyVideoError(f"{path.name} holds no frame that can be decoded: it is empty or damaged.")
        rotation_deg = round(first.rotation / 90) * 90 % 360
        width, height = first.width, first.height
        if rotation_deg % 180:
            width, height = height, width
        duration_s = _announced_duration_s(container, stream)
        if duration_s is not None and duration_s > limits.max_duration_s:
            raise VideoLimitError(f"{path.name} lasts {duration_s:.0f} s, more than video.max_duration_s allows.")
        return VideoFacts(
            name=path.name,
            size_bytes=size_bytes,
            sha256=sha256,
            container=container.format.name,
            codec=stream.codec_context.name,
            width=width,
            height=height,
            rotation_deg=rotation_deg,
            frame_rate=float(stream.average_rate or 0),
            duration_s=duration_s,
            time_base=str(stream.time_base),
            first_pts=0 if first.pts is None else first.pts,
        )


def read_frames(
    path: Path, facts: VideoFacts, limits: VideoSettings, *, start_s: Fraction = Fraction(0)
) -> Iterator[Frame]:
    """Decode a video from `start_s` on, in order of presentation, on this thread.

    Packets that cannot be decoded are passed over; frames whose time does not rise are left out; a frame without a
    time follows the one before by the average frame's duration.

    Args:
        path: The video.
        facts: What `probe` said of it.
        limits: See `VideoSettings`.
        start_s: Seconds since the first frame; frames before are decoded where that is needed, and not given.

    Raises:
        VideoError: One of its leaves, with the reason.
    """
    with _open(path, limits) as container:
        stream = _video_stream(container, path, limits)
        stream.codec_context.thread_count = 1
        tick = Fraction(facts.time_base)
        clock = _Clock(facts.first_pts, tick, stream.average_rate)
        start_pts = facts.first_pts + int(start_s / tick)
        if start_s:
            # To the last keyframe before; of the frames from there to the start, those that others need are decoded.
            container.seek(start_pts, stream=stream, backward=True)
            clock.needs_times = True
        yield from _timed(_decoded(container, stream, path, start_pts), clock, facts, limits, start_s)


def _timed(
    pictures: Iterator[Any], clock: _Clock, facts: VideoFacts, limits: VideoSettings, start_s: Fraction
) -> Iterator[Frame]:
    shown = (facts.width, facts.height)
    stored = shown[::-1] if facts.rotation_deg % 180 else shown
    end, converter = Fraction(0), VideoReformatter()
    for picture in pictures:
        if (picture.width, picture.height) != stored:
            raise ResolutionChangedError(
                f"{facts.name} changes from {stored[0]}x{stored[1]} to {picture.width}x{picture.height} pixels "
                "on its way: split it there."
            )
        pts = clock.tell(picture.pts)
        if pts is None:
            continue
        time = clock.seconds(pts)
        if time > limits.max_duration_s:
            raise VideoLimitError(f"{facts.name} lasts longer than the {limits.max_duration_s:.0f} s that are allowed.")
        end = time + (picture.duration or 0) * clock.tick
        if time >= start_s:
            yield Frame(time, pts, picture, facts.rotation_deg, converter)
    _check_whole(facts, float(end))


def _check_whole(facts: VideoFacts, end_s: float) -> None:
    if facts.duration_s is None:
        return
    missing_s = facts.duration_s - end_s
    if missing_s > max(_TOLERATED_MISSING_S, _TOLERATED_MISSING_SHARE * facts.duration_s):
        raise TruncatedVideoError(
            f"{facts.name} ends after {end_s:.1f} of {facts.duration_s:.1f} s: the file is truncated, copy it again."
        )


class _Clock:
    """Gives each frame a rising presentation time, also where the container gives none."""

    def __init__(self, first_pts: int, tick: Fraction, rate: Fraction | None) -> None:
        self.tick = tick
        self.needs_times = False  # After a seek, a frame without a time cannot be placed.
        self._first = first_pts
        self._step = max(1, round(1 / (rate or Fraction(30)) / tick))
        self._last: int | None = None

    def tell(self, pts: int | None) -> int | None:
        """The frame's time in ticks, or `None` for a frame that is out of order."""
        if pts is None:
            if self._last is None and self.needs_times:
                return None
            pts = self._first if self._last is None else self._last + self._step
        if pts < self._first or (self._last is not None and pts <= self._last):
            return None
        self._last = pts
        return pts

    def seconds(self, pts: int) -> Fraction:
        return (pts - self._first) * self.tick


def _open(path: Path, limits: VideoSettings) -> Any:
    try:
        with path.open("rb") as file:
            head = file.read(_SNIFFED_BYTES)
    except OSError as error:
        raise VideoUnreadableError(f"{path} cannot be read ({error.strerror}): check its permissions.") from error
    if any(sign in head for sign in _PLAYLIST_SIGNS):
        raise PlaylistRefusedError(f"{path.name} is a playlist, not a video: give the video that it names.")
    options = {
        "protocol_whitelist": "file",
        "format_whitelist": _CONTAINERS,
        "max_pixels": str(limits.max_pixels),  # Also holds while FFmpeg decodes to find out what the streams are.
    }
    try:
        return av.open(f"file:{path.absolute()}", options=options)
    except (av.FFmpegError, ValueError) as error:
        raise NotAVideoError(
            f"{path.name} is not a video that can be read (or is cut off at its index): {_cause(error)}."
        ) from error


def _video_stream(container: Any, path: Path, limits: VideoSettings) -> Any:
    if not container.streams.video:
        raise NotAVideoError(f"{path.name} has no picture, only sound or text.")
    stream = container.streams.video[0]
    context = stream.codec_context
    if context is None:
        raise NotAVideoError(f"{path.name} uses a codec that FFmpeg does not know.")
    if context.width * context.height > limits.max_pixels:
        raise VideoLimitError(
            f"{path.name} has {context.width}x{context.height} pixels, more than video.max_pixels allows."
        )
    if stream.average_rate and stream.average_rate > limits.max_frame_rate:
        raise VideoLimitError(
            f"{path.name} has {float(stream.average_rate):.0f} frames/s, more than video.max_frame_rate allows."
        )
    context.options = {"max_pixels": str(limits.max_pixels)}
    return stream


def _announced_duration_s(container: Any, stream: Any) -> float | None:
    """The picture's length as the header says it; a container's own length counts sound too."""
    if stream.duration is not None:
        return float(stream.duration * stream.time_base)
    if container.duration is not None and len(container.streams) == 1:
        return float((container.duration - (container.start_time or 0)) / av.time_base)
    return None


def _decoded(container: Any, stream: Any, path: Path, start_pts: int | None = None) -> Iterator[Any]:
    """FFmpeg's frames in order of presentation; packets that cannot be decoded are passed over.

    Before `start_pts` frames are missing that no other frame refers to.
    """
    try:
        for packet in container.demux(stream):
            early = start_pts is not None and packet.pts is not None and packet.pts < start_pts
            stream.codec_context.skip_frame = "NONREF" if early else "DEFAULT"
            try:
                yield from packet.decode()
            except av.InvalidDataError:
                continue
    except av.FFmpegError as error:
        raise TruncatedVideoError(f"{path.name} breaks off: {_cause(error)}.") from error


def _cause(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).rstrip(".")
