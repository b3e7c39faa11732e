"""Noise, cut out of one sheet that is made once, and quick arithmetic with planes and pictures."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
"""(height, width) float32."""
Colours = NDArray[np.float32]
"""(height, width, 3) float32 RGB, 0 to 255."""
Rng = np.random.Generator

_SHEET_VALUES = 1 << 21


@lru_cache(maxsize=1)
def _sheet() -> NDArray[np.float32]:
    """Normal noise, the same in every process: mean 0, standard deviation 1."""
    return np.random.default_rng(7).standard_normal(_SHEET_VALUES, dtype=np.float32)


def cut_noise(random: Rng, *shape: int) -> Plane:
    """White noise of a shape: mean 0, standard deviation 1; a view that is not to be written to."""
    size = int(np.prod(shape))
    start = int(random.integers(_SHEET_VALUES - size))
    return _sheet()[start : start + size].reshape(shape)


def stretch_noise(random: Rng, height: int, width: int, across: float, down: float | None = None) -> Plane:
    """Soft noise whose grains are `across` × `down` pixels: (height, width), standard deviation below 1."""
    rows = min(height, max(2, round(height / (down or across)) + 1))
    columns = min(width, max(2, round(width / across) + 1))
    return resize(cut_noise(random, rows, columns), height, width, cv2.INTER_CUBIC)


def draw_clouds(random: Rng, height: int, width: int, grain: float) -> Plane:
    """Noise of three octaves, the largest grains `grain` pixels: (height, width), standard deviation about 1."""
    # The finest grains decide how many pixels are needed.
    step = max(1.0, grain / 7.1 / 3)
    rows, columns = max(2, round(height / step)), max(2, round(width / step))
    clouds = stretch_noise(random, rows, columns, grain / step)
    for octave, strength in ((2.7, 0.55), (7.1, 0.3)):
        clouds += np.float32(strength) * stretch_noise(random, rows, columns, grain / step / octave)
    return resize(clouds, height, width, cv2.INTER_LINEAR)


def resize(plane: Plane, height: int, width: int, how: int) -> Plane:
    """Resize a plane: (height, width)."""
    return np.asarray(cv2.resize(plane, (width, height), interpolation=how), np.float32)


def multiply(colours: Colours, plane: Plane) -> None:
    """Multiply each channel by a plane, in place: faster than NumPy's broadcasting over three channels."""
    cv2.multiply(colours, cv2.merge((plane, plane, plane)), dst=colours)


def mix(below: Colours, above: Colours, share: Plane) -> Colours:
    """Lay one picture over another, where `share` is 1 the upper one alone: (height, width, 3)."""
    return np.asarray(cv2.blendLinear(below, above, 1 - share, share), np.float32)
