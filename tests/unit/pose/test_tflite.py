import zipfile
from pathlib import Path

import numpy as np
import pytest

from framesift.pose.mediapipe_engine import Image, ImageFormat, PoseLandmarker, PoseLandmarkerOptions
from framesift.pose.tflite import LANDMARKS_NETWORK, bundle_without_mask, read_network, without_mask, write_network
from tests.unit.videos import person_frames


@pytest.fixture(scope="module")
def network(pose_model: Path) -> bytes:
    with zipfile.ZipFile(pose_model) as bundle:
        return bundle.read(LANDMARKS_NETWORK)


def landmarks(content: bytes, frames: list[np.ndarray], people: int) -> list[list[list[float]]]:
    from mediapipe.tasks.python import BaseOptions
    from mediapipe.tasks.python.vision import RunningMode

    options = PoseLandmarkerOptions(
        base_options=BaseOptions(model_asset_buffer=content), running_mode=RunningMode.VIDEO, num_poses=people
    )
    with PoseLandmarker.create_from_options(options) as landmarker:
        results = [landmarker.detect_for_video(Image(ImageFormat.SRGB, f), 33 * i) for i, f in enumerate(frames)]
    return [
        [[p.x, p.y, p.z, p.visibility, p.presence] for person in found for p in person]
        for result in results
        for found in (result.pose_landmarks, result.pose_world_landmarks)
    ]


@pytest.mark.parametrize("people", [1, 3])
def test_landmarks_are_the_same_to_the_bit_without_the_mask(pose_model, astronaut, people):
    # Given a person who turns up after two empty frames, so that both networks have their say.
    frames = [np.zeros((240, 320, 3), np.uint8)] * 2 + person_frames(astronaut, 10)
    whole = landmarks(pose_model.read_bytes(), frames, people)
    assert landmarks(bundle_without_mask(pose_model), frames, people) == whole
    assert len(whole[-1]) == 33


def test_the_layers_of_the_mask_are_gone_and_no_others(network):
    before, after = read_network(network).subgraphs[0], read_network(without_mask(network)).subgraphs[0]
    assert len(before.operators) == 332
    assert len(after.operators) == 286
    assert [list(after.tensors[t].shape) for t in after.outputs] == [
        [1, 195],
        [1, 1],
        [1, 1],
        [1, 64, 64, 39],
        [1, 117],
    ]


def test_a_network_without_a_mask_stays_as_it_is(network):
    pruned = without_mask(network)
    assert without_mask(pruned) == pruned
    model = read_network(network)
    model.subgraphs.append(model.subgraphs[0])
    unknown = write_network(model)
    assert without_mask(unknown) == unknown
