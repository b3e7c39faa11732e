import numpy as np

from framesift.pose.segments import stitch
from framesift.pose.slots import Slots


def box(x, y, size=1.0):
    return [x, y, x + size, y + size]


def test_people_keep_their_slots_when_their_order_changes():
    slots = Slots(2)
    assert slots.assign(np.array([box(0, 0), box(5, 5)])) == [0, 1]
    assert slots.assign(np.array([box(5.1, 5), box(0.1, 0)])) == [1, 0]
    assert slots.assign(np.array([box(5.2, 5)])) == [1]
    assert slots.assign(np.array([box(5.3, 5), box(0.2, 0)])) == [1, 0]


def test_a_newcomer_takes_the_free_slot():
    slots = Slots(3)
    slots.assign(np.array([box(0, 0), box(5, 5)]))
    assert slots.assign(np.array([box(9, 0), box(5, 5), box(0, 0)])) == [2, 1, 0]


def test_nobody():
    assert Slots(2).assign(np.empty((0, 4))) == []


def test_stitching_keeps_people_in_their_slots():
    def part(first, second, frames=3):
        landmarks = np.zeros((frames, 2, 33, 5), np.float32)
        landmarks[:, 0, :, 0], landmarks[:, 1, :, 0] = first, second
        return landmarks, landmarks[..., :3].copy()

    landmarks, world = stitch([part(0.2, 0.8), part(0.79, 0.21), part(0.2, 0.8)])
    assert np.allclose(landmarks[:, 0, 0, 0], [0.2] * 3 + [0.21] * 3 + [0.2] * 3)
    assert np.allclose(world[:, 1, 0, 0], [0.8] * 3 + [0.79] * 3 + [0.8] * 3)


def test_stitching_pieces_without_frames():
    empty = np.empty((0, 1, 33, 5), np.float32), np.empty((0, 1, 33, 3), np.float32)
    one = np.ones((2, 1, 33, 5), np.float32), np.ones((2, 1, 33, 3), np.float32)
    assert len(stitch([empty, one, empty])[0]) == 2
