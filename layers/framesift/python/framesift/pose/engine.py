"""The port between decoding and landmarks, and its two implementations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from framesift.pose.frame import Frame
from framesift.pose.model import Bundle
from framesift.pose.people import People
from framesift.pose.sequence import ModelFacts
from framesift.settings.pose import LandmarkSettings, PerformanceSettings


class PoseEngine(Protocol):
    """Finds and follows people.

    Two exist: `mediapipe_engine.MediaPipeEngine`, the reference, and `batched.engine.BatchedEngine`.
    """

    @property
    def model(self) -> ModelFacts:
        """What makes the landmarks."""
        ...

    def follow(self, streams: Sequence[Iterable[Frame]]) -> Iterator[tuple[int, Frame, People]]:
        """Follow people through several streams, each on its own.

        Args:
            streams: Frames in order of presentation; read as the engine needs them, never all at once.

        Yields:
            (the stream's position, the frame, who is in it); in order within a stream, in any order across streams.
        """
        ...


def open_engine(
    landmarks: LandmarkSettings, performance: PerformanceSettings, bundle: Bundle, threads: int = 1
) -> PoseEngine:
    """Make the engine that the settings name; imports only its libraries.

    Args:
        landmarks: See `LandmarkSettings`.
        performance: See `PerformanceSettings`.
        bundle: The networks.
        threads: For the networks.
    """
    if landmarks.engine == "batched":
        from framesift.pose.batched.engine import BatchedEngine

        return BatchedEngine(landmarks, bundle, performance.batch_size, threads)
    from framesift.pose.mediapipe_engine import MediaPipeEngine

    return MediaPipeEngine(landmarks, bundle)
