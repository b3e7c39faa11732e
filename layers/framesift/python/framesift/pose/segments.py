"""Cuts videos into segments, follows people through them, and stitches the pieces."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framesift.errors import FramesiftError
from framesift.pose.decode import Timing, VideoFacts, read_frames
from framesift.pose.engine import PoseEngine
from framesift.pose.frame import Frame
from framesift.pose.people import People
from framesift.pose.selection import select
from framesift.pose.sequence import SUFFIX, ModelFacts
from framesift.pose.skeleton import CHANNELS, LANDMARK_COUNT, WORLD_CHANNELS
from framesift.pose.tracking import Tracker, colour_distance, match
from framesift.settings.pose import PoseSettings

# Frames at the grid's points around a segment's start that decide what is kept there.
_WARM_UP_POINTS = 3


@dataclass(frozen=True)
class Source:
    """A video to process.

    Attributes:
        path: The file.
        name: Its path relative to the folder that was given; it names the output.
    """

    path: Path
    name: str

    @property
    def output(self) -> str:
        """The sequence's path relative to the output folder; the video's own suffix stays, so that none collide."""
        return self.name + SUFFIX


@dataclass(frozen=True)
class Segment:
    """A part of a video: all of it, or from `start_s` to before `end_s`."""

    source: Source
    facts: VideoFacts
    start_s: Fraction = Fraction(0)
    end_s: Fraction | None = None

    def holds(self, time_s: Fraction) -> bool:
        """Whether the frame of that time is one of the segment's."""
        return time_s >= self.start_s and (self.end_s is None or time_s < self.end_s)


@dataclass(frozen=True)
class SegmentPoses:
    """A segment's frames that were processed; arrays as in `PoseSequence`, NaN where nobody is.

    Attributes:
        colours: (P, 24) of each slot's person, see `tracking.torso_colours`; NaN where nobody has been.
        number: (F,) which of the segment's frames these are, from 0.
        decoded: Frames that were decoded, also those that sampling left out; `None` where reading ended early.
        seconds: What the work took.
    """

    segment: Segment
    colours: NDArray[np.float64]
    decoded: int | None
    landmarks: NDArray[np.float32]
    world: NDArray[np.float32]
    pts: NDArray[np.int64]
    number: NDArray[np.int64]
    time_s: NDArray[np.float64]
    model: ModelFacts
    seconds: float


def plan(
    sources: list[Source], facts: dict[str, VideoFacts], settings: PoseSettings, workers: int
) -> list[list[Segment]]:
    """Cut videos into tasks, the longest first.

    A video is cut only where there are too few for the workers, and then into equal segments no shorter than
    `performance.segment_s`. The batched engine takes several segments as one task.
    """
    streams = settings.performance.batch_size if settings.landmarks.engine == "batched" else 1
    wanted = max(1, math.ceil(workers * streams / max(1, len(sources))))
    segments = [segment for source in sources for segment in _cut(source, facts[source.name], settings, wanted)]
    segments.sort(key=_length_s, reverse=True)
    # In turns, so that tasks are of similar length.
    count = max(min(workers, len(segments)), math.ceil(len(segments) / streams))
    return [segments[i::count] for i in range(count)]


def _cut(source: Source, facts: VideoFacts, settings: PoseSettings, wanted: int) -> Iterator[Segment]:
    longest = math.floor((facts.duration_s or 0) / settings.performance.segment_s)
    divisible = settings.video.max_frames is None and facts.timing == Timing.PTS
    count = max(1, min(wanted, longest)) if divisible else 1
    length = Fraction(facts.duration_s or 0) / count
    for i in range(count):
        yield Segment(source, facts, i * length, (i + 1) * length if i + 1 < count else None)


def _length_s(segment: Segment) -> float:
    end_s = segment.facts.duration_s or 0 if segment.end_s is None else segment.end_s
    return float(end_s - segment.start_s)


def follow(
    segments: list[Segment],
    engine: PoseEngine,
    settings: PoseSettings,
    on_frame: Callable[[Source], None] = lambda _: None,
) -> list[SegmentPoses | FramesiftError]:
    """Find the people of several segments at once; a segment that cannot be read gives its error.

    Args:
        segments: Of one video or of several.
        engine: Finds the people of each frame.
        settings: See `PoseSettings`.
        on_frame: Is called for each frame that is done.
    """
    started_s = time.perf_counter()
    errors: dict[int, FramesiftError] = {}
    found = [_Found() for _ in segments]
    slots = settings.landmarks.people
    trackers = [Tracker(slots) for _ in segments]

    def guarded(position: int) -> Iterator[Frame]:
        try:
            yield from found[position].decoding(segments[position], settings)
        except FramesiftError as error:
            errors[position] = error

    for position, frame, people in engine.follow([guarded(i) for i in range(len(segments))]):
        tracked = people if slots == 1 else trackers[position].follow(people, frame.planes(), float(frame.time))
        if frame.time >= segments[position].start_s:  # Else it was for warming up.
            found[position].add(frame, tracked)
            on_frame(segments[position].source)
    seconds = (time.perf_counter() - started_s) / len(segments)
    return [
        errors[i] if i in errors else found[i].poses(segments[i], trackers[i].colours(), engine.model, seconds)
        for i in range(len(segments))
    ]


class _Found:
    """Gathers a segment's landmarks in one piece.

    Small arrays kept one by one, among images that come and go, would leave holes as large as images in the heap.
    """

    def __init__(self) -> None:
        self._landmarks, self._world = bytearray(), bytearray()
        self._pts: list[int] = []
        self._time_s: list[float] = []
        self._numbers: list[int] = []
        self._decoded, self._ended_early = 0, False

    def decoding(self, segment: Segment, settings: PoseSettings) -> Iterator[Frame]:
        """The segment's frames to process, after those before it that put the engine on track; counts what it reads."""
        fps, most = settings.video.target_fps, settings.video.max_frames
        warm_up_s = max(Fraction(settings.performance.warm_up_s), Fraction(_WARM_UP_POINTS) / Fraction(fps or 1000))
        start_s = max(Fraction(0), segment.start_s - warm_up_s) if segment.start_s else Fraction(0)
        frames = read_frames(segment.source.path, segment.facts, settings.video, start_s=start_s)
        for count, frame in enumerate(select(self._counted(frames, segment), fps)):
            if count == most:
                self._ended_early = True
                return
            if segment.end_s is not None and frame.time >= segment.end_s:
                return
            yield frame

    def _counted(self, frames: Iterator[Frame], segment: Segment) -> Iterator[Frame]:
        for frame in frames:
            if segment.holds(frame.time):
                yield replace(frame, number=self._decoded)
                self._decoded += 1
            else:
                yield frame

    def add(self, frame: Frame, people: People) -> None:
        self._landmarks += people.landmarks.tobytes()
        self._world += people.world.tobytes()
        self._pts.append(frame.pts)
        self._numbers.append(frame.number)
        self._time_s.append(float(frame.time))

    def poses(self, segment: Segment, colours: NDArray[np.float64], model: ModelFacts, seconds: float) -> SegmentPoses:
        shape = (len(self._pts), len(colours), LANDMARK_COUNT)
        return SegmentPoses(
            segment=segment,
            colours=colours,
            decoded=None if self._ended_early else self._decoded,
            landmarks=np.frombuffer(self._landmarks, np.float32).reshape(*shape, len(CHANNELS)),
            world=np.frombuffer(self._world, np.float32).reshape(*shape, len(WORLD_CHANNELS)),
            pts=np.array(self._pts, np.int64),
            number=np.array(self._numbers, np.int64),
            time_s=np.array(self._time_s, np.float64),
            model=model,
            seconds=seconds,
        )


def stitch(parts: list[SegmentPoses]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Join the landmarks and world landmarks of segments, in order; people keep their slots across the joints."""
    landmarks, world, colours = [parts[0].landmarks], [parts[0].world], parts[0].colours
    for part in parts[1:]:
        order = _slot_order(landmarks, colours, part)
        landmarks.append(part.landmarks[:, order])
        world.append(part.world[:, order])
        colours = np.where(np.isnan(part.colours[order]), colours, part.colours[order])
    return np.concatenate(landmarks), np.concatenate(world)


def _slot_order(
    before: list[NDArray[np.float32]], colours: NDArray[np.float64], after: SegmentPoses
) -> NDArray[np.intp]:
    """Which slot of `after` belongs where: the nearest pose and the most similar colours."""
    facts = after.segment.facts
    size = (facts.width, facts.height)
    ends = _edge([part for part in before if len(part)][-1:], size, last=True)
    starts = _edge([after.landmarks] if len(after.landmarks) else [], size, last=False)
    slots = len(colours)
    if ends is None or starts is None or slots == 1:
        return np.arange(slots)
    scale = np.linalg.norm(np.ptp(ends, axis=1), axis=1)[:, None]
    moved = np.linalg.norm(ends[:, None] - starts[None], axis=3).mean(axis=2) / scale
    cost = np.where(np.isnan(moved), 2.0, moved.clip(max=2.0)) + colour_distance(colours, after.colours)
    slot_of = match(cost)
    return np.array([slot_of[slot] for slot in range(slots)])


def _edge(parts: list[NDArray[np.float32]], size: tuple[int, int], *, last: bool) -> NDArray[np.float64] | None:
    """Each slot's pose (P, 33, 2) in pixels in the frame at a segment's end or start; `None` without a frame."""
    return parts[0][-1 if last else 0, :, :, :2].astype(np.float64) * size if parts else None
