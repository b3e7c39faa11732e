"""The loop: follow several streams in step, one batch of crops a step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from framesift.pose.batched import detector, landmarks, regions
from framesift.pose.batched.networks import LANDMARKS_SIDE, Networks
from framesift.pose.batched.smoothing import Smoother
from framesift.pose.frame import Frame, Planes
from framesift.pose.model import Bundle
from framesift.pose.people import People
from framesift.pose.sequence import ModelFacts
from framesift.pose.skeleton import LANDMARK_COUNT
from framesift.settings.pose import LandmarkSettings

Array = NDArray[np.float64]


@dataclass
class _Stream:
    """One stream, and what is remembered of it."""

    position: int
    frames: Iterator[Frame]
    smoother: Smoother = field(default_factory=Smoother)
    regions: Array = field(default_factory=lambda: np.empty((0, 4)))
    last_ms: int = -1
    frame: Frame = field(init=False)
    planes: Planes = field(init=False)

    def advance(self) -> bool:
        """Read the next frame; False at the end."""
        frame = next(self.frames, None)
        if frame is None:
            return False
        self.frame, self.planes = frame, frame.planes()
        # Whole milliseconds that rise, as MediaPipe takes them.
        self.last_ms = max(self.last_ms + 1, round(self.frame.time * 1000))
        return True


class BatchedEngine:
    """See `PoseEngine`.

    Args:
        settings: See `LandmarkSettings`.
        bundle: The networks.
        batch_size: Streams to follow in step.
        threads: For the networks.
    """

    def __init__(self, settings: LandmarkSettings, bundle: Bundle, batch_size: int, threads: int) -> None:
        self._settings = settings
        self._batch_size = batch_size
        self._networks = Networks(bundle.path, threads)
        self._model = ModelFacts(
            engine="batched",
            runtime=self._networks.runtime,
            name=bundle.name,
            version=bundle.version,
            sha256=bundle.sha256,
        )

    @property
    def model(self) -> ModelFacts:
        """See `PoseEngine.model`."""
        return self._model

    def follow(self, streams: Sequence[Iterable[Frame]]) -> Iterator[tuple[int, Frame, People]]:
        """See `PoseEngine.follow`; when a stream ends, the next one takes its place."""
        waiting = (_Stream(i, iter(frames)) for i, frames in enumerate(streams))
        active: list[_Stream] = []
        while True:
            active = [stream for stream in active if stream.advance()]
            while len(active) < self._batch_size and (stream := next(waiting, None)) is not None:
                if stream.advance():
                    active.append(stream)
            if not active:
                return
            for stream, people in zip(active, self._step(active), strict=True):
                yield stream.position, stream.frame, people

    def _step(self, streams: list[_Stream]) -> list[People]:
        """Find the people in each stream's present frame."""
        self._detect([stream for stream in streams if len(stream.regions) < self._settings.people])
        owners = [stream for stream in streams for _ in stream.regions]
        if not owners:
            return [self._lost(stream) for stream in streams]
        areas = np.concatenate([stream.regions for stream in streams])
        crops = np.empty((len(owners), LANDMARKS_SIDE, LANDMARKS_SIDE, 3), np.uint8)
        for owner, area, crop in zip(owners, areas, crops, strict=True):
            regions.cut(owner.planes, area, crop)
        raw, flag, heatmap, raw_world = self._networks.landmarks(crops)
        decoded, world = landmarks.decode(raw, heatmap), landmarks.project_world(raw_world, areas)
        present = flag > self._settings.min_presence_confidence
        people, start = [], 0
        for stream in streams:
            mine = np.arange(start, start := start + len(stream.regions))
            mine = mine[present[mine]]
            people.append(self._found(stream, decoded[mine], world[mine], areas[mine]))
        return people

    def _detect(self, streams: list[_Stream]) -> None:
        """Detect people whom these streams do not follow yet."""
        for stream in streams:
            boxes, scores = self._networks.detect(regions.letterbox(stream.planes))
            height, width = stream.planes.luma.shape
            points = detector.decode(boxes, scores, self._settings.min_detection_confidence)
            points = regions.unletterbox(points.reshape(-1, 2), width, height).reshape(-1, 4)
            found = regions.from_points(points[:, :2], points[:, 2:])
            joined = regions.associate(stream.regions, found, self._settings.min_tracking_confidence)
            stream.regions = joined[: self._settings.people]

    def _found(self, stream: _Stream, decoded: Array, world: Array, areas: Array) -> People:
        """Take in the people of one frame: the next regions, smoothing."""
        if not len(decoded):
            return self._lost(stream)
        height, width = stream.planes.luma.shape
        projected = landmarks.project(decoded, areas, width, height)
        ends = projected[:, [landmarks.CENTER, landmarks.SCALE], :2] * (width, height)
        stream.regions = regions.from_points(ends[:, 0], ends[:, 1])
        found = projected[:, :LANDMARK_COUNT]
        if self._settings.people == 1:  # MediaPipe smooths a single person only.
            smooth = stream.smoother.apply(
                found[0], world[0], stream.last_ms / 1000, float(stream.regions[0, 2]), np.array([width, height])
            )
            found, world = smooth[0][None], smooth[1][None]
        people = People.nobody(self._settings.people)
        people.landmarks[: len(found)], people.world[: len(found)] = found, world
        return people

    def _lost(self, stream: _Stream) -> People:
        stream.regions = np.empty((0, 4))
        stream.smoother = Smoother()
        return People.nobody(self._settings.people)
