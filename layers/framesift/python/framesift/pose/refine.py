"""Optional steps after the landmarks: gap filling and smoothing, on real times."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framesift.pose.sequence import PoseSequence
from framesift.settings.pose import RefinementSettings

_DERIVATIVE_CUTOFF_HZ = 1.0

Array = NDArray[np.float64]


def refine(sequence: PoseSequence, settings: RefinementSettings) -> PoseSequence:
    """Fill gaps, then smooth, as the settings say; each step is recorded.

    Args:
        sequence: With all frames that were processed, also those without a person.
        settings: See `RefinementSettings`.
    """
    if settings.max_gap_s > 0:
        sequence = _with_step(fill_gaps(sequence, settings.max_gap_s), step="fill_gaps", max_gap_s=settings.max_gap_s)
    if settings.smoothing == "one_euro":
        cutoff, beta = settings.one_euro_min_cutoff_hz, settings.one_euro_beta
        smooth = _smoothed(sequence, lambda values, time_s: one_euro(values, time_s, cutoff, beta))
        return _with_step(smooth, step="one_euro", min_cutoff_hz=cutoff, beta=beta)
    if settings.smoothing == "savitzky_golay":
        window, order = settings.savitzky_golay_window, settings.savitzky_golay_order
        smooth = _smoothed(sequence, lambda values, _: savitzky_golay(values, window, order))
        return _with_step(smooth, step="savitzky_golay", window=window, order=order)
    return sequence


def fill_gaps(sequence: PoseSequence, max_gap_s: float) -> PoseSequence:
    """Interpolate linearly over the time that a person is missing, between two frames that show them.

    Args:
        sequence: With the empty frames in.
        max_gap_s: From the last frame with the person to the next one; longer gaps stay.
    """
    landmarks, world = sequence.landmarks.copy(), sequence.world.copy()
    filled = sequence.filled.copy()
    for person in range(landmarks.shape[1]):
        seen = np.flatnonzero(sequence.present[:, person])
        for before, after in itertools.pairwise(seen):
            times = sequence.time_s[before : after + 1]
            if after - before == 1 or times[-1] - times[0] > max_gap_s:
                continue
            share = ((times[1:-1] - times[0]) / (times[-1] - times[0]))[:, None, None]
            for values in (landmarks, world):
                start, end = values[before, person], values[after, person]
                values[before + 1 : after, person] = start + share * (end - start)
            filled[before + 1 : after, person] = True
    return replace(sequence, landmarks=landmarks, world=world, filled=filled)


def one_euro(values: Array, time_s: Array, min_cutoff_hz: float, beta: float) -> Array:
    """The One Euro filter (Casiez, Roussel, Vogel 2012): little lag when fast, little jitter at rest.

    Args:
        values: (F, …), one run of frames without a gap.
        time_s: (F,) rising.
        min_cutoff_hz: The cutoff at rest.
        beta: How much a speed of one unit a second raises the cutoff.
    """
    smooth = values.copy()
    speed = np.zeros_like(values[0])
    for i in range(1, len(values)):
        step_s = time_s[i] - time_s[i - 1]
        new_speed = (values[i] - values[i - 1]) / step_s
        speed = speed + _alpha(np.asarray(_DERIVATIVE_CUTOFF_HZ), step_s) * (new_speed - speed)
        alpha = _alpha(min_cutoff_hz + beta * np.abs(speed), step_s)
        smooth[i] = smooth[i - 1] + alpha * (values[i] - smooth[i - 1])
    return smooth


def savitzky_golay(values: Array, window: int, order: int) -> Array:
    """The Savitzky-Golay filter: each value becomes that of a polynomial fitted to the frames around it.

    Args:
        values: (F, …), one run of frames without a gap.
        window: Frames in the fit; shorter where the run is. At the run's ends the first and last fit go on.
        order: The polynomial's.
    """
    window = min(window, len(values))
    window -= 1 - window % 2
    if window <= order:
        return values
    half = window // 2
    powers = np.vander(np.arange(-half, half + 1), order + 1, increasing=True).astype(np.float64)
    # (window, window): row i gives the fitted polynomial's value at the window's frame i.
    fit = powers @ np.linalg.pinv(powers)
    windows = np.lib.stride_tricks.sliding_window_view(values, window, axis=0)
    return np.concatenate(
        [
            np.tensordot(fit[:half], values[:window], axes=1),
            np.tensordot(windows, fit[half], axes=([-1], [0])),
            np.tensordot(fit[half + 1 :], values[-window:], axes=1),
        ]
    )


def _smoothed(sequence: PoseSequence, smooth: Any) -> PoseSequence:
    """Apply a filter to positions (not to visibility and presence) of each run of frames of each person."""
    landmarks, world = sequence.landmarks.copy(), sequence.world.copy()
    for person in range(landmarks.shape[1]):
        for run in _runs(sequence.present[:, person]):
            time_s = sequence.time_s[run]
            landmarks[run, person, :, :3] = smooth(landmarks[run, person, :, :3].astype(np.float64), time_s)
            world[run, person] = smooth(world[run, person].astype(np.float64), time_s)
    return replace(sequence, landmarks=landmarks, world=world)


def _runs(present: NDArray[np.bool_]) -> list[slice]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], present, [False]]).astype(int)))
    return [slice(start, end) for start, end in edges.reshape(-1, 2)]


def _alpha(cutoff_hz: Array, step_s: float) -> Array:
    return 1 / (1 + 1 / (2 * np.pi * cutoff_hz * step_s))


def _with_step(sequence: PoseSequence, **step: Any) -> PoseSequence:
    return replace(sequence, refinement=[*sequence.refinement, step])
