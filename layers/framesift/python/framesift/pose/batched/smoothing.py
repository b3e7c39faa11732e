"""MediaPipe's smoothing of a single person: visibility by a low pass, positions by the One Euro filter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_VISIBILITY_ALPHA = 0.1
_FIRST_FREQUENCY_HZ = 30.0
_DERIVATIVE_CUTOFF_HZ = 1.0
_MIN_SCALE = 1e-6

Array = NDArray[np.float64]


@dataclass
class _OneEuro:
    """The One Euro filter on an array, with speeds relative to the object's size (Casiez, Roussel, Vogel 2012)."""

    min_cutoff_hz: float
    beta: float
    _raw: Array | None = None
    _value: Array | None = None
    _speed: Array | None = None
    _last_s: float | None = None
    _frequency_hz: float = _FIRST_FREQUENCY_HZ

    def apply(self, value: Array, time_s: float, scale: float) -> Array:
        if scale < _MIN_SCALE:
            return value
        if self._last_s is not None and time_s > self._last_s:
            self._frequency_hz = 1 / (time_s - self._last_s)
        self._last_s = time_s
        if self._raw is None or self._value is None or self._speed is None:
            self._raw, self._value, self._speed = value, value, np.zeros_like(value)
            return value
        speed = (value - self._raw) / scale * self._frequency_hz
        self._speed = _mixed(speed, self._speed, self._alpha(np.asarray(_DERIVATIVE_CUTOFF_HZ)))
        cutoff = self.min_cutoff_hz + self.beta * np.abs(self._speed)
        self._raw, self._value = value, _mixed(value, self._value, self._alpha(cutoff))
        return self._value

    def _alpha(self, cutoff_hz: Array) -> Array:
        return 1 / (1 + self._frequency_hz / (2 * np.pi * cutoff_hz))


def _mixed(new: Array, old: Array, alpha: Array) -> Array:
    return alpha * new + (1 - alpha) * old


class Smoother:
    """Smooths one person over time; use a new one after the person was lost."""

    def __init__(self) -> None:
        self._image = _OneEuro(min_cutoff_hz=0.05, beta=80.0)
        self._world = _OneEuro(min_cutoff_hz=0.1, beta=40.0)
        self._visibility: Array | None = None

    def apply(self, landmarks: Array, world: Array, time_s: float, side: float, size: Array) -> tuple[Array, Array]:
        """Smooth one frame.

        Args:
            landmarks: (33, 5), as `skeleton.CHANNELS`.
            world: (33, 3) metres.
            time_s: Seconds, rising.
            side: Of the region in the next frame, pixels.
            size: (2,) width and height of the image, pixels.

        Returns:
            The same, smoothed.
        """
        pixels = np.array([size[0], size[1], size[0]])  # z is in shares of the width.
        smooth = landmarks.copy()
        smooth[:, :3] = self._image.apply(landmarks[:, :3] * pixels, time_s, side) / pixels
        visibility = landmarks[:, 3]
        if self._visibility is not None:
            visibility = _mixed(visibility, self._visibility, np.asarray(_VISIBILITY_ALPHA))
        self._visibility = smooth[:, 3] = visibility
        extent = float((world[:, :2].max(axis=0) - world[:, :2].min(axis=0)).mean())
        return smooth, self._world.apply(world, time_s, extent)
