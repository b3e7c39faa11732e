"""Reads videos: facts first, then frames with their presentation times, under limits.

Files come from strangers. Only containers of `_CONTAINERS` are opened, only by the `file` protocol, so that nothing in
a file can name another file or an address; frames larger than the limit are refused before they are decoded. A
decoder can still crash or hang: `framesift.pose.workers` runs this in processes of its own.

A decoder returns frames in the order in which they are shown. That order is always kept; what the container says about
times is used as far as it agrees with it, see `Timing`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from itertools import chain, dropwhile, pairwise, tee
from pathlib import Path
from typing import Any, TypeVar

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
from framesift.pose.files import readable
from framesift.pose.frame import Frame
from framesift.settings.pose import VideoSettings

# FFmpeg's demuxers that hold their media themselves; its playlists (hls, dash, concat, …) are not among them.
_CONTAINERS = "mov,matroska,avi,mpegts,mpeg,flv,asf,ogg"
_PLAYLIST_SIGNS = (b"#EXTM3U", b"ffconcat", b"[playlist]", b"<MPD", b"<smil", b"<asx", b"<ASX", b"<playlist")
_SNIFFED_BYTES = 1024

_REFUSED_SIZE = re.compile(r"Picture size (\d+x\d+)")

_VP8 = ("vp8", "libvpx")
_VP8_SHOWN = 0x10  # In a packet's first byte (RFC 6386, section 9.1).

# A video that lacks more than this share of its announced length, and this many seconds, was cut off.
_TOLERATED_MISSING_SHARE = 0.05
_TOLERATED_MISSING_S = 0.5

T = TypeVar("T")


class Timing(StrEnum):
    """Which of a container's time stamps are the times at which frames are shown.

    `PTS`: Those of presentation, throughout.
    `DTS`: Those of decoding. AVI and ASF store nothing else; what FFmpeg then gives as times of presentation is a guess
        that ignores B-frames. A decoder that reorders frames returns one for each packet it takes in, so a frame's time
        is that packet's.
    `ORDER`: Those of presentation where they rise. Some are missing or fall, as in files put together from several:
        such frames follow the one before by the average frame's duration. Seeking by time is not possible.
    """

    PTS = "pts"
    DTS = "dts"
    ORDER = "order"


@dataclass(frozen=True)
class VideoFacts:
    """What is known about a video before its landmarks.

    Attributes:
        name: The file's name.
        size_bytes: The file's size.
        sha256: The file's digest.
        container: FFmpeg's name of the container.
        codec: FFmpeg's name of the codec.
        width: Of the image as it is shown, after rotation, pixels.
        height: Likewise.
        rotation_deg: By how much the stored image is turned, counter-clockwise, to be shown: 0, 90, 180 or 270.
        frame_rate: Average frames per second according to the container; 0 where it does not say.
        duration_s: The stream's length according to the container; `None` where it does not say.
        time_base: Seconds of one tick of `pts`, such as "1/90000".
        first_pts: The first frame's time stamp, ticks.
        frame_count: Frames that the file stores, counted without decoding them; 0 in sequences of older versions.
        timing: Which time stamps are used.
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
    frame_count: int = 0
    timing: str = Timing.PTS

    @property
    def length_s(self) -> float:
        """Seconds: `duration_s`, or what the frames take at the average rate where the container does not say."""
        return self.duration_s if self.duration_s is not None else self.frame_count / (self.frame_rate or 30)


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
    """Read a video's facts and check them against the limits; reads the whole file and decodes one frame.

    Raises:
        VideoError: One of its leaves, with the reason.
    """
    sha256 = file_sha256(path)
    size_bytes = path.stat().st_size
    if size_bytes > limits.max_size_bytes:
        raise VideoLimitError(f"{path.name} has {size_bytes} bytes, more than video.max_size_bytes allows.")
    with _open(path, limits) as container:
        stream = _video_stream(container, path, limits)
        first = next(_decoded(container, stream, path, limits), None)
        if first is None:
            raise EmptyVideoError(f"{path.name} holds no frame that can be decoded: it is empty or damaged.")
        rotation_deg = round(first.rotation / 90) * 90 % 360
        width, height = first.width, first.height
        if rotation_deg % 180:
            width, height = height, width
        duration_s = _announced_duration_s(container, stream)
        if duration_s is not None and duration_s > limits.max_duration_s:
            raise VideoLimitError(f"{path.name} lasts {duration_s:.0f} s, more than video.max_duration_s allows.")
        survey = _survey(path, limits)
        return VideoFacts(
            name=readable(path.name),
            size_bytes=size_bytes,
            sha256=sha256,
            container=container.format.name,
            codec=stream.codec_context.name,
            width=width,
            height=height,
            rotation_deg=rotation_deg,
            frame_rate=float(stream.average_rate or survey.frame_rate or 0),
            duration_s=duration_s,
            time_base=str(stream.time_base),
            first_pts=_stamp(first, survey.timing) or 0,
            frame_count=survey.frame_count,
            timing=survey.timing,
        )


@dataclass(frozen=True)
class _Survey:
    """What a file's packets say of its frames."""

    frame_count: int
    frame_rate: float | None
    timing: Timing


def _survey(path: Path, limits: VideoSettings) -> _Survey:
    """Count the frames that a file stores, and find out which of its time stamps can be trusted, without decoding."""
    with _open(path, limits) as container:
        stream = _video_stream(container, path, limits)
        stamps = [
            (packet.pts, packet.dts)
            for packet in _packets(container, stream, path)
            if packet.size and not packet.is_discard and not _is_hidden(packet, stream)
        ]
        tick = float(stream.time_base)
    count = len(stamps)
    whole = [(pts, dts) for pts, dts in stamps if pts is not None and dts is not None]
    if len(whole) < count or any(after[1] <= before[1] for before, after in pairwise(whole)):
        return _Survey(count, None, Timing.ORDER)
    frame_rate = (count - 1) / ((whole[-1][1] - whole[0][1]) * tick) if count > 1 else None
    # Times of presentation that differ from those of decoding and yet never change the order were made up from them.
    guessed = any(pts != dts for pts, dts in whole) and all(b[0] >= a[0] for a, b in pairwise(whole))
    return _Survey(count, frame_rate, Timing.DTS if guessed else Timing.PTS)


def _is_hidden(packet: Any, stream: Any) -> bool:
    """Whether a packet holds a frame that is only referred to and never shown: VP8 stores these by themselves."""
    return stream.codec_context.name in _VP8 and not bytes(packet)[0] & _VP8_SHOWN


def read_frames(
    path: Path, facts: VideoFacts, limits: VideoSettings, *, start_s: Fraction = Fraction(0)
) -> Iterator[Frame]:
    """Decode a video from `start_s` on, in order of presentation, on this thread.

    Packets that cannot be decoded are skipped. Times rise; a frame without a time, or with one that does not rise, is
    shown after the one before it for the average frame's duration, or half-way to the next frame if that is sooner.

    Args:
        path: The video.
        facts: From `probe`.
        limits: See `VideoSettings`.
        start_s: Seconds since the first frame; earlier frames are decoded where that is needed, and not returned.

    Raises:
        VideoError: One of its leaves, with the reason.
    """
    with _open(path, limits) as container:
        stream = _video_stream(container, path, limits)
        tick, timing = Fraction(facts.time_base), Timing(facts.timing)
        start_pts = facts.first_pts + int(start_s / tick)
        seeks = start_s > 0 and timing is Timing.PTS
        if seeks:
            # To the last keyframe before; of the frames from there to the start, those that others need are decoded.
            container.seek(start_pts, stream=stream, backward=True)
        images = _decoded(container, stream, path, limits, start_pts if seeks else None)
        stamped: Iterator[tuple[Any, int | None]] = ((image, _stamp(image, timing)) for image in images)
        if seeks:  # A frame without a time cannot be placed before the first one with a time.
            stamped = dropwhile(lambda pair: pair[1] is None, stamped)
        step = max(1, round(1 / (facts.frame_rate or 30) / tick))
        timed = set_times(stamped, facts.first_pts, step)
        yield from _checked(timed, facts, limits, start_s)


def set_times(stamped: Iterable[tuple[T, int | None]], first: int, step: int) -> Iterator[tuple[T, int]]:
    """Give each frame a time that rises.

    Args:
        stamped: Frames in order of presentation, each with its time in ticks, or `None`.
        first: The first frame's time where it has none, ticks.
        step: The average frame's duration, at least 1 tick.

    Yields:
        (the frame, its time in ticks); one ahead of the input by a frame.

    Example:
        >>> list(set_times([("a", 0), ("b", None), ("c", 80), ("d", 80), ("e", 120), ("f", 20)], 0, 40))
        [('a', 0), ('b', 40), ('c', 80), ('d', 100), ('e', 120), ('f', 160)]
    """
    last: int | None = None
    here, ahead = tee(stamped)
    next(ahead, None)
    for (frame, ticks), (_, after) in zip(here, chain(ahead, [(None, None)]), strict=False):
        if last is None:
            last = first if ticks is None else ticks
        elif ticks is not None and ticks > last:
            last = ticks
        else:
            last += max(1, step if after is None or after <= last else min(step, (after - last) // 2))
        yield frame, last


def _stamp(image: Any, timing: Timing) -> int | None:
    """A frame's time stamp, ticks."""
    stamp: int | None = image.dts if timing is Timing.DTS else image.pts
    return stamp


def _checked(
    timed: Iterator[tuple[Any, int]], facts: VideoFacts, limits: VideoSettings, start_s: Fraction
) -> Iterator[Frame]:
    shown = (facts.width, facts.height)
    stored = shown[::-1] if facts.rotation_deg % 180 else shown
    end, converter, tick = Fraction(0), VideoReformatter(), Fraction(facts.time_base)
    for image, pts in timed:
        if (image.width, image.height) != stored:
            raise ResolutionChangedError(
                f"{facts.name} changes from {stored[0]}x{stored[1]} to {image.width}x{image.height} pixels "
                "on its way: split it there."
            )
        time = (pts - facts.first_pts) * tick
        if time > limits.max_duration_s:
            raise VideoLimitError(
                f"{facts.name} lasts longer than the {limits.max_duration_s:.0f} s of video.max_duration_s."
            )
        end = time + (image.duration or 0) * tick
        if time >= start_s:
            yield Frame(time, pts, image, facts.rotation_deg, converter)
    _check_whole(facts, float(end))


def _check_whole(facts: VideoFacts, end_s: float) -> None:
    if facts.duration_s is None:
        return
    missing_s = facts.duration_s - end_s
    if missing_s > max(_TOLERATED_MISSING_S, _TOLERATED_MISSING_SHARE * facts.duration_s):
        raise TruncatedVideoError(
            f"{facts.name} ends after {end_s:.1f} of {facts.duration_s:.1f} s: the file is truncated, copy it again."
        )


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
        **_limiting(limits),  # Also holds while FFmpeg decodes to find out what the streams are.
    }
    try:
        return av.open(f"file:{path.absolute()}", options=options)
    except (av.FFmpegError, ValueError) as error:
        raise NotAVideoError(
            f"{path.name} is not a video that can be read (or is cut off at its index): {_cause(error)}."
        ) from error


def _video_stream(container: Any, path: Path, limits: VideoSettings) -> Any:
    if not container.streams.video:
        raise NotAVideoError(f"{path.name} has no image, only sound or text.")
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
    context.options = _limiting(limits)
    context.thread_count = 1
    return stream


def _announced_duration_s(container: Any, stream: Any) -> float | None:
    """The image's length according to the header; a container's own length counts sound too."""
    if stream.duration is not None:
        return float(stream.duration * stream.time_base)
    if container.duration is not None and len(container.streams) == 1:
        return float((container.duration - (container.start_time or 0)) / av.time_base)
    return None


def _packets(container: Any, stream: Any, path: Path) -> Iterator[Any]:
    try:
        yield from container.demux(stream)
    except av.FFmpegError as error:
        raise TruncatedVideoError(f"{path.name} breaks off: {_cause(error)}.") from error


def _decoded(
    container: Any, stream: Any, path: Path, limits: VideoSettings, start_pts: int | None = None
) -> Iterator[Any]:
    """FFmpeg's frames in order of presentation; packets that cannot be decoded are skipped.

    Before `start_pts` frames are missing that no other frame refers to.
    """
    for packet in _packets(container, stream, path):
        early = start_pts is not None and packet.pts is not None and packet.pts < start_pts
        stream.codec_context.skip_frame = "NONREF" if early else "DEFAULT"
        try:
            yield from packet.decode()
        except av.FFmpegError as error:
            if size := _refused_size(packet, limits):
                raise VideoLimitError(
                    f"{path.name} has a frame of {size} pixels, more than video.max_pixels or FFmpeg allows."
                ) from error
            if not isinstance(error, av.InvalidDataError):
                raise TruncatedVideoError(f"{path.name} breaks off: {_cause(error)}.") from error


def _refused_size(packet: Any, limits: VideoSettings) -> str | None:
    """The size of a packet's frame if that is why it was not decoded: FFmpeg reports it in its log alone."""
    context = av.CodecContext.create(packet.stream.codec_context.name, "r")
    context.extradata, context.options = packet.stream.codec_context.extradata, _limiting(limits)
    level, skip = av.logging.get_level(), av.logging.get_skip_repeated()
    av.logging.set_level(av.logging.ERROR)
    av.logging.set_skip_repeated(False)
    try:
        with av.logging.Capture() as log, suppress(av.FFmpegError):
            context.decode(packet)
    finally:
        av.logging.set_level(level)
        av.logging.set_skip_repeated(skip)
    found = (_REFUSED_SIZE.search(message) for _, _, message in log)
    return next((match[1] for match in found if match), None)


def _limiting(limits: VideoSettings) -> dict[str, str]:
    return {"max_pixels": str(limits.max_pixels)}


def _cause(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).rstrip(".")
