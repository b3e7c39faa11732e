"""The reference engine: MediaPipe's PoseLandmarker in video mode, one instance a stream."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from types import ModuleType
from typing import Any

import numpy as np

from framesift.pose.frame import Frame
from framesift.pose.model import Bundle
from framesift.pose.people import People
from framesift.pose.sequence import ModelFacts
from framesift.pose.tflite import bundle_without_mask
from framesift.settings.pose import LandmarkSettings


@contextmanager
def _without_plotting() -> Iterator[None]:
    """Keep matplotlib from being loaded: mediapipe has it for one drawing helper, and it takes as long as the rest."""
    if "matplotlib" in sys.modules:
        yield
        return
    package, pyplot = ModuleType("matplotlib"), ModuleType("matplotlib.pyplot")
    package.pyplot = pyplot  # type: ignore[attr-defined]
    sys.modules |= {"matplotlib": package, "matplotlib.pyplot": pyplot}
    try:
        yield
    finally:
        del sys.modules["matplotlib"], sys.modules["matplotlib.pyplot"]


with _without_plotting():
    from mediapipe.tasks.python import BaseOptions
    from mediapipe.tasks.python.vision import PoseLandmarker, PoseLandmarkerOptions, RunningMode
    from mediapipe.tasks.python.vision.core.image import Image, ImageFormat

# MediaPipe 1.x leaks memory with each frame (its issue 6351); a new instance frees it. Its tracking starts over,
# so this is far above what a usual clip has: half an hour at 30 FPS.
_FRAMES_AN_INSTANCE = 54_000


class MediaPipeEngine:
    """See `PoseEngine`.

    Args:
        settings: See `LandmarkSettings`.
        bundle: The networks.
    """

    def __init__(self, settings: LandmarkSettings, bundle: Bundle) -> None:
        self._settings = settings
        self._content = bundle_without_mask(bundle.path)
        self._model = ModelFacts(
            engine="mediapipe",
            runtime=f"mediapipe {version('mediapipe')}",
            name=bundle.name,
            version=bundle.version,
            sha256=bundle.sha256,
        )

    @property
    def model(self) -> ModelFacts:
        """See `PoseEngine.model`."""
        return self._model

    def follow(self, streams: Sequence[Iterable[Frame]]) -> Iterator[tuple[int, Frame, People]]:
        """See `PoseEngine.follow`; streams are followed one after the other."""
        for position, stream in enumerate(streams):
            for frame, people in self._follow(stream):
                yield position, frame, people

    def _follow(self, frames: Iterable[Frame]) -> Iterator[tuple[Frame, People]]:
        landmarker, seen, last_ms = self._landmarker(), 0, -1
        try:
            for frame in frames:
                if seen == _FRAMES_AN_INSTANCE:
                    landmarker.close()
                    landmarker, seen, last_ms = self._landmarker(), 0, -1
                # MediaPipe takes whole milliseconds that rise.
                last_ms = max(last_ms + 1, round(frame.time * 1000))
                image = Image(ImageFormat.SRGB, frame.rgb())
                yield frame, _people(landmarker.detect_for_video(image, last_ms), self._settings.people)
                seen += 1
        finally:
            landmarker.close()

    def _landmarker(self) -> Any:
        options = PoseLandmarkerOptions(
            base_options=BaseOptions(model_asset_buffer=self._content),
            running_mode=RunningMode.VIDEO,
            num_poses=self._settings.people,
            min_pose_detection_confidence=self._settings.min_detection_confidence,
            min_pose_presence_confidence=self._settings.min_presence_confidence,
            min_tracking_confidence=self._settings.min_tracking_confidence,
        )
        return PoseLandmarker.create_from_options(options)


def _people(result: Any, count: int) -> People:
    people = People.nobody(count)
    if not result.pose_landmarks:
        return people
    found = np.array(
        [[(p.x, p.y, p.z, p.visibility, p.presence) for p in person] for person in result.pose_landmarks], np.float32
    )
    world = np.array([[(p.x, p.y, p.z) for p in person] for person in result.pose_world_landmarks], np.float32)
    people.landmarks[: len(found)] = found
    people.world[: len(world)] = world
    return people
