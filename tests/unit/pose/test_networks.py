from pathlib import Path

import numpy as np

from framesift.pose.batched.networks import LANDMARKS_SIDE, Networks


def test_a_batch_that_is_filled_up_gives_what_its_crops_gave_before(pose_model: Path, astronaut):
    # Given three crops, for which a network is compiled.
    networks = Networks(pose_model, threads=1)
    shifted = [np.roll(astronaut, 40 * i, axis=1)[::2, ::2] for i in range(3)]
    crops = np.ascontiguousarray(shifted)
    assert crops.shape == (3, LANDMARKS_SIDE, LANDMARKS_SIDE, 3)
    three = [output.copy() for output in networks.landmarks(crops)]
    # When two of them come, then they are told apart and have their own results, without a third.
    two = networks.landmarks(crops[:2])
    assert [len(output) for output in two] == [2, 2, 2, 2]
    assert all(np.array_equal(a, b[:2]) for a, b in zip(two, three, strict=True))
    assert not np.array_equal(two[0][0], two[0][1])
    # And one alone, compiled for itself, agrees with them.
    alone = networks.landmarks(crops[:1])
    assert np.abs(alone[0][0, :33, :2] - three[0][0, :33, :2]).mean() < 1.0  # Pixels of 256.
    # And more than fit into a batch keep their order.
    many = networks.landmarks(np.concatenate([crops[:1]] * 8 + [crops[1:2]]))
    assert len(many[0]) == 9
    assert np.abs(many[0][8, :33, :2] - three[0][1, :33, :2]).mean() < 1.0
