"""What every engine must do alike: the two real ones, and those that tests use in their place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from framesift.models import default_cache_dir, open_registry
from framesift.pose.decode import probe, read_frames
from framesift.pose.engine import PoseEngine, open_engine
from framesift.pose.frame import Frame
from framesift.pose.model import resolve_bundle
from framesift.pose.sequence import ModelFacts
from framesift.settings.pose import PoseSettings
from tests.unit.videos import AnybodyEngine, person_frames, write_video

from .test_tracking import DrawnFiguresEngine

REAL = ("mediapipe", "batched")
COUNTS = (7, 4)


@pytest.fixture(params=["anybody", "drawn", *(pytest.param(name, marks=pytest.mark.slow) for name in REAL)])
def engine(request: pytest.FixtureRequest) -> PoseEngine:
    if request.param == "anybody":
        return AnybodyEngine()
    if request.param == "drawn":
        return DrawnFiguresEngine()
    request.getfixturevalue("pose_model")
    settings = PoseSettings.model_validate({"landmarks": {"engine": request.param}})
    bundle = resolve_bundle(settings.landmarks.model, open_registry(default_cache_dir()))
    return open_engine(settings.landmarks, settings.performance, bundle)


@pytest.fixture
def streams(tmp_path: Path, astronaut: NDArray[np.uint8]) -> list[Iterator[Frame]]:
    limits, opened = PoseSettings().video, []
    for number, count in enumerate(COUNTS):
        path = write_video(tmp_path / f"{number}.mp4", person_frames(astronaut, count))
        opened.append(read_frames(path, probe(path, limits), limits))
    return opened


def test_each_frame_comes_back_once_in_its_stream_s_order(engine: PoseEngine, streams: list[Iterator[Frame]]) -> None:
    times: dict[int, list[float]] = {position: [] for position in range(len(COUNTS))}
    for position, frame, people in engine.follow(streams):
        times[position].append(float(frame.time))
        count = len(people.landmarks)
        assert people.landmarks.shape == (count, 33, 5)
        assert people.world.shape == (count, 33, 3)
        assert people.landmarks.dtype == people.world.dtype == np.float32
    assert times == {
        position: pytest.approx([number / 30 for number in range(count)]) for position, count in enumerate(COUNTS)
    }


def test_it_names_what_makes_the_landmarks(engine: PoseEngine) -> None:
    assert isinstance(engine.model, ModelFacts)
    assert all((engine.model.engine, engine.model.name, engine.model.sha256))
