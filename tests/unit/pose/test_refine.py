from dataclasses import replace

import numpy as np
import pytest

from framesift.pose.refine import fill_gaps, one_euro, refine, savitzky_golay
from framesift.settings.pose import RefinementSettings
from tests.unit.videos import make_sequence


def sequence_with_gap(length: int):
    sequence = make_sequence(frames=40, people=1)
    sequence.landmarks[:] = np.linspace(0, 1, 40, dtype=np.float32)[:, None, None, None]
    sequence.world[:] = sequence.landmarks[..., :3]
    sequence.landmarks[10 : 10 + length] = np.nan
    sequence.world[10 : 10 + length] = np.nan
    return sequence


def test_a_short_gap_is_filled_in_a_straight_line_over_time():
    filled = fill_gaps(sequence_with_gap(5), max_gap_s=0.5)
    assert filled.landmarks[:, 0, 0, 0] == pytest.approx(np.linspace(0, 1, 40), abs=1e-6)
    assert np.flatnonzero(filled.filled[:, 0]).tolist() == [10, 11, 12, 13, 14]


def test_a_long_gap_and_the_ends_stay_empty():
    sequence = sequence_with_gap(20)
    sequence.landmarks[:3] = np.nan
    filled = fill_gaps(sequence, max_gap_s=0.5)
    assert not filled.filled.any()
    assert np.isnan(filled.landmarks[[0, 1, 2, *range(10, 30)]]).all()


def test_uneven_times_decide_what_is_between():
    sequence = sequence_with_gap(1)
    time_s = sequence.time_s.copy()
    time_s[10] = time_s[9] + 0.75 * (time_s[11] - time_s[9])
    filled = fill_gaps(replace(sequence, time_s=time_s), 0.5).landmarks[:, 0, 0, 0]
    assert filled[10] == pytest.approx(filled[9] + 0.75 * (filled[11] - filled[9]))


def test_one_euro_calms_noise_at_rest_and_follows_a_move():
    rng = np.random.default_rng(0)
    time_s = np.arange(300) / 30
    still = 0.5 + rng.normal(0, 0.01, (300, 1))
    assert one_euro(still, time_s, 1.0, 0.5)[50:].std() < 0.6 * still[50:].std()
    move = (time_s[:, None] > 5).astype(float)
    assert one_euro(move, time_s, 1.0, 5.0)[155, 0] > 0.9


def test_savitzky_golay_keeps_parabolas_and_calms_noise():
    time_s = np.arange(60.0)
    parabola = (time_s**2 - 3 * time_s)[:, None]
    assert savitzky_golay(parabola, 7, 2) == pytest.approx(parabola)
    noise = np.random.default_rng(0).normal(size=(500, 3))
    assert savitzky_golay(noise, 9, 2).std() < 0.7 * noise.std()


@pytest.mark.parametrize("frames", [1, 2, 3, 4])
def test_short_runs_survive(frames):
    values = np.random.default_rng(0).normal(size=(frames, 33, 3))
    assert savitzky_golay(values, 7, 2).shape == values.shape
    assert one_euro(values, np.arange(frames) / 30, 1.0, 0.5).shape == values.shape


@pytest.mark.parametrize("smoothing", ["one_euro", "savitzky_golay"])
def test_steps_are_recorded_in_order_and_do_not_reach_across_gaps(smoothing):
    sequence = sequence_with_gap(20)
    refined = refine(sequence, RefinementSettings(max_gap_s=0.2, smoothing=smoothing))
    assert [step["step"] for step in refined.refinement] == ["fill_gaps", smoothing]
    assert np.array_equal(refined.present, sequence.present)
    # The first frame after the gap begins anew.
    if smoothing == "one_euro":
        assert refined.landmarks[30, 0, 0, 0] == sequence.landmarks[30, 0, 0, 0]
    assert np.array_equal(refined.landmarks[..., 3:], sequence.landmarks[..., 3:], equal_nan=True)


def test_nothing_asked_nothing_done():
    sequence = make_sequence()
    assert refine(sequence, RefinementSettings()) is sequence
