from dataclasses import dataclass
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framesift.pose.selection import round_half_down, select


@dataclass(frozen=True)
class Tick:
    time: Fraction


def ticks(rate: Fraction, count: int) -> list[Tick]:
    return [Tick(i / rate) for i in range(count)]


NTSC = Fraction(30000, 1001)
FILM = Fraction(24000, 1001)


def test_no_frames_give_no_frames():
    assert list(select([], 30.0)) == []


@pytest.mark.parametrize(
    ("rate", "target_fps", "seconds", "kept"),
    [
        (Fraction(30), None, 10, 300),
        (Fraction(30), 30.0, 10, 300),
        (Fraction(30), 15.0, 10, 150),
        (Fraction(30), 60.0, 10, 300),
        (Fraction(25), 24.0, 10, 240),
        (NTSC, 30.0, 3600, 107892),
        (NTSC, 15.0, 3600, 54000),
        (FILM, 30.0, 600, 14385),
        (FILM, 12.0, 600, 7200),
        (Fraction(60), 15.0, 10, 150),
    ],
)
def test_a_steady_video_keeps_one_frame_for_each_point_of_the_grid(rate, target_fps, seconds, kept):
    frames = ticks(rate, int(rate * seconds))
    assert len(list(select(frames, target_fps))) == pytest.approx(kept, abs=1)


def test_an_integer_step_would_drift_where_we_do_not():
    # Given an hour at 29.97 FPS, sampled at 15.
    kept = list(select(ticks(NTSC, 107892), 15.0))
    # Then the last kept frame is the one of its time, not of a count of steps.
    assert abs(kept[-1].time - Fraction(len(kept) - 1, 15)) <= Fraction(1, 30)


def test_times_rounded_to_milliseconds_do_not_shake_the_choice():
    frames = [Tick(Fraction(round(1000 * i / 30), 1000)) for i in range(300)]
    kept = [round(frame.time * 30) for frame in select(frames, 15.0)]
    assert kept[:150] == list(range(0, 300, 2))


def test_a_still_stretch_of_a_variable_rate_is_not_filled_with_copies():
    frames = [Tick(Fraction(0)), Tick(Fraction(1, 30)), Tick(Fraction(5)), Tick(Fraction(151, 30))]
    assert [frame.time for frame in select(frames, 30.0)] == [frame.time for frame in frames]


@given(
    gaps=st.lists(st.integers(1, 400), max_size=200),
    target_fps=st.sampled_from([1.0, 12.5, 15.0, 23.976, 29.97, 30.0, 60.0]),
)
def test_what_is_kept_rises_is_never_doubled_and_never_denser_than_asked(gaps, target_fps):
    time, frames = Fraction(0), [Tick(Fraction(0))]
    for gap in gaps:
        time += Fraction(gap, 1000)
        frames.append(Tick(time))
    kept = list(select(frames, target_fps))
    assert kept == sorted(set(kept), key=lambda tick: tick.time)
    points = [round_half_down(tick.time * Fraction(target_fps)) for tick in kept]
    assert len(points) == len(set(points))
    # Every frame is represented: the kept one of its point is at least as near to it.
    for tick in frames:
        position = tick.time * Fraction(target_fps)
        nearest = kept[points.index(round_half_down(position))]
        assert abs(nearest.time * Fraction(target_fps) - round_half_down(position)) <= abs(
            position - round_half_down(position)
        )
