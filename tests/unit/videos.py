"""Videos that the tests make themselves: a moving photograph of a person, or a drawing without one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from framesift.contracts import FrameCounts
from framesift.errors import FramesiftError
from framesift.pose import segments
from framesift.pose.decode import VideoFacts, probe
from framesift.pose.extract import assemble
from framesift.pose.frame import Frame
from framesift.pose.people import People
from framesift.pose.segments import Segment, Source
from framesift.pose.sequence import ModelFacts, PoseSequence
from framesift.settings.pose import PoseSettings


@pytest.fixture(scope="session")
def astronaut() -> NDArray[np.uint8]:
    """A photograph of a person, (512, 512, 3) uint8 RGB; it comes with scikit-image."""
    from skimage import data

    return np.asarray(data.astronaut(), np.uint8)


def person_frames(photo: NDArray[np.uint8], count: int, *, width: int = 320, height: int = 240) -> list[Any]:
    """The photograph swaying over a plain background: (height, width, 3) uint8 RGB each."""
    import cv2

    frames = []
    side = photo.shape[0]
    for i in range(count):
        matrix = cv2.getRotationMatrix2D((side / 2, side / 2), 6 * np.sin(i / 9), height / side)
        matrix[:, 2] += [width / 2 - side / 2 + 20 * np.sin(i / 12), height / 2 - side / 2]
        frames.append(cv2.warpAffine(photo, matrix, (width, height), borderValue=(90, 110, 130)))
    return frames


def drawn_frames(count: int, *, width: int = 64, height: int = 48) -> list[Any]:
    """A bright square that moves by two pixels a frame over grey."""
    frames = []
    for i in range(count):
        frame = np.full((height, width, 3), 60, np.uint8)
        x = (2 * i) % (width - 8)
        frame[16:24, x : x + 8] = 250
        frames.append(frame)
    return frames


def write_video(
    path: Path,
    frames: Iterable[NDArray[np.uint8]],
    *,
    rate: Fraction = Fraction(30),
    times: Sequence[Fraction] | None = None,
    codec: str = "libx264",
    rotation_deg: int = 0,
) -> Path:
    """Encode frames; `times` gives each frame's presentation time in seconds where `rate` does not."""
    options = {"preset": "ultrafast"} if codec == "libx264" else {}
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, options=options)
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        if rotation_deg:
            stream.set_display_rotation(rotation_deg)
        _write_frames(container, stream, frames, rate, times)
    return path


def _write_frames(
    container: Any,
    stream: Any,
    frames: Iterable[NDArray[np.uint8]],
    rate: Fraction,
    times: Sequence[Fraction] | None,
) -> None:
    tick = Fraction(1, 90000) if times else 1 / rate
    stream.codec_context.time_base = tick
    for i, array in enumerate(frames):
        if i == 0:
            stream.height, stream.width = array.shape[:2]
        frame = av.VideoFrame.from_ndarray(array, "rgb24")
        frame.pts = round(times[i] / tick) if times else i
        frame.time_base = tick
        container.mux(stream.encode(frame))
    container.mux(stream.encode())


def encode_video(
    path: Path,
    frames: Iterable[NDArray[np.uint8]],
    codec: str,
    *,
    rate: Fraction = Fraction(25),
    times: Sequence[Fraction] | None = None,
    **options: str,
) -> Path:
    """Encode frames by any codec with options of its own, in the first format of pixels that it takes."""
    with _own_priority(), av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, options=options)
        formats = [each.name for each in stream.codec_context.codec.video_formats or []]
        stream.pix_fmt = next(
            (name for name in ("yuvj420p", "yuv420p") if name in formats), (formats or ["yuv420p"])[0]
        )
        _write_frames(container, stream, frames, rate, times)
    return path


@contextlib.contextmanager
def _own_priority() -> Iterator[None]:
    """Give this thread its scheduling back: as root, SVT-AV1 makes it real-time, and with it all that it starts."""
    if not hasattr(os, "sched_getscheduler"):
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, parameters)


class AnybodyEngine:
    """Finds the same person in every frame, and needs no networks."""

    model = ModelFacts("none", "none", "none", "0", "0" * 64)

    def follow(self, streams: Sequence[Iterable[Frame]]) -> Iterator[tuple[int, Frame, People]]:
        for position, stream in enumerate(streams):
            for frame in stream:
                yield position, frame, People(np.ones((1, 33, 5), np.float32), np.ones((1, 33, 3), np.float32))


@pytest.fixture
def follow_anybody() -> Callable[[Path, PoseSettings], PoseSequence]:
    """Reads a whole video with `AnybodyEngine`."""

    def follow(path: Path, settings: PoseSettings) -> PoseSequence:
        segment = Segment(Source(path, path.name), probe(path, settings.video))
        found = segments.follow([segment], AnybodyEngine(), settings)
        assert not isinstance(found[0], FramesiftError), found[0]
        return assemble(found, settings)

    return follow


@pytest.fixture
def person_video(tmp_path: Path, astronaut: NDArray[np.uint8]) -> Path:
    """Two seconds of the swaying photograph, 320x240 at 30 FPS."""
    return write_video(tmp_path / "person.mp4", person_frames(astronaut, 60))


def make_sequence(frames: int = 40, people: int = 2, *, dtype: str = "float32", seed: int = 0) -> PoseSequence:
    """A sequence of made-up people at 29.97 FPS; the second is missing in the first ten frames."""
    rng = np.random.default_rng(seed)
    landmarks = rng.random((frames, people, 33, 5)).astype(dtype)
    landmarks[..., 3:] = 0.9
    world = rng.normal(size=(frames, people, 33, 3)).astype(dtype)
    if people > 1:
        landmarks[:10, 1], world[:10, 1] = np.nan, np.nan
    facts = VideoFacts("a.mp4", 12345, "0" * 64, "mov", "h264", 640, 480, 0, 29.97, frames / 29.97, "1/30000", 0)
    return PoseSequence(
        landmarks=landmarks,
        world=world,
        source_frame=2 * np.arange(frames) + 5,
        pts=np.arange(frames) * 1001,
        time_s=np.arange(frames) * 1001 / 30000,
        filled=np.zeros((frames, people), bool),
        video=facts,
        model=ModelFacts("mediapipe", "mediapipe 1.2.2", "pose-full", "0.10.21", "1" * 64),
        settings={"video": {"target_fps": 30.0}},
        counts=FrameCounts(frames, frames, 0, 0, 0),
    )
