"""Chooses frames by when they are shown, never by counting them.

The target rate lays a grid over the video, from its first frame on. For each point of the grid the frame that is
shown nearest to it is kept, once: so a 29.97 FPS video sampled at 30 keeps each of its frames, at 15 every second one,
and nothing drifts over hours. Frames keep their own times.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Protocol, TypeVar


class Timed(Protocol):
    """What has a presentation time."""

    @property
    def time(self) -> Fraction:
        """Seconds since the video's first frame."""
        ...


T = TypeVar("T", bound=Timed)


def select(frames: Iterable[T], target_fps: float | None) -> Iterator[T]:
    """Keep the frames nearest to the points of a grid of `target_fps`.

    Args:
        frames: In order of presentation, times rising.
        target_fps: Frames a second; `None` keeps all.

    Yields:
        The kept frames. Of two that are equally near, the earlier.
    """
    if target_fps is None:
        yield from frames
        return
    rate = Fraction(target_fps)
    best: T | None = None
    best_point, best_distance = -1, Fraction(0)
    for frame in frames:
        position = frame.time * rate
        point = round_half_down(position)
        distance = abs(position - point)
        if best is not None and point != best_point:
            yield best
            best = None
        if best is None or distance < best_distance:
            best, best_point, best_distance = frame, point, distance
    if best is not None:
        yield best


def round_half_down(value: Fraction) -> int:
    """The nearest integer; of two equally near ones the lower."""
    return -((1 - 2 * value) // 2)  # ceil(value - 1/2), exactly.
