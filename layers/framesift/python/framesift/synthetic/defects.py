"""What can be wrong with a part, done to its relief and its surface, and where it can be seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from framesift.synthetic.noise import Plane, Rng, draw_clouds
from framesift.synthetic.shapes import Grid, Relief


@dataclass
class Surface:
    """What lies on or shows through a part's surface.

    Attributes:
        bare: (height, width) float32, 0 to 1: how far the coating is scratched away.
        stain: (height, width) float32, 0 to 1: how far the surface is darkened.
        stain_colour: RGB, 0 to 1, that a full stain multiplies the surface by.
    """

    bare: Plane | None = None
    stain: Plane | None = None
    stain_colour: tuple[float, float, float] = (0.2, 0.15, 0.1)

    def cut(self, extent: tuple[slice, slice]) -> Surface:
        """The same of some rows and columns."""
        bare, stain = (None if plane is None else plane[extent] for plane in (self.bare, self.stain))
        return Surface(bare, stain, self.stain_colour)


def add_defect(
    defect: str, severity: float, random: Rng, grid: Grid, relief: Relief, surface: Surface
) -> NDArray[np.bool_]:
    """Do a defect (a key of `vocabulary.DEFECTS`, but not a wrong piece) to a part.

    Changes `relief` and `surface`.

    Returns:
        Where the defect can be seen: (height, width).
    """
    return _DEFECTS[defect](severity, random, grid, relief, surface)


def _choose_place(random: Rng, relief: Relief, depth: float) -> tuple[int, int]:
    """Choose a pixel at least `depth` units inside the part, or as deep as there is: (row, column)."""
    deep = min(depth, float(-relief.distance.min()) * 0.7)
    places = np.flatnonzero(relief.distance < -deep)
    row, column = divmod(int(places[random.integers(len(places))]), relief.distance.shape[1])
    return row, column


def _measure_from(grid: Grid, row: int, column: int) -> tuple[Plane, Plane]:
    """Pixels from a place, as (1, width) and (height, 1)."""
    height, width = grid.u.shape
    return np.arange(width, dtype=np.float32)[None] - column, np.arange(height, dtype=np.float32)[:, None] - row


def _blot(random: Rng, grid: Grid, row: int, column: int, radius_px: float, raggedness: float) -> Plane:
    """A ragged spot: (height, width), above 0 inside it, in pixels from its edge."""
    x, y = _measure_from(grid, row, column)
    turn, squeeze = random.uniform(0, np.pi), random.uniform(0.6, 1)
    cosine, sine = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    along, across = x * cosine + y * sine, (y * cosine - x * sine) / np.float32(squeeze)
    away = cv2.magnitude(along, across)
    ragged = draw_clouds(random, len(grid.u), len(grid.u[0]), max(9.0, radius_px * 1.3))
    return np.asarray(np.float32(radius_px) - away + ragged * np.float32(radius_px * raggedness), np.float32)


def _scratch(severity: float, random: Rng, grid: Grid, relief: Relief, surface: Surface) -> NDArray[np.bool_]:
    shape = grid.u.shape
    bare = np.zeros(shape, np.uint8)
    row, column = _choose_place(random, relief, 0.05)
    heading = random.uniform(0, 2 * np.pi)
    for _ in range(1 + int(random.random() < severity * 0.7) + int(random.random() < severity * 0.5)):
        length = grid.unit_px * (0.3 + 0.7 * severity) * random.uniform(0.6, 1.1)
        turns = heading + np.cumsum(random.normal(0, 0.06, 12))
        steps = np.stack([np.cos(turns), np.sin(turns)], axis=1) * (length / 12)
        start = np.array([column, row]) - steps.sum(axis=0) / 2 + random.normal(0, grid.unit_px * 0.05, 2)
        points = ((start + np.cumsum(steps, axis=0)) * 16).astype(np.int32)
        strength = int(150 + 105 * severity)
        cv2.polylines(bare, [points], False, strength, 1 + int(severity * 2.4), cv2.LINE_AA, 4)
        heading += random.normal(0, 0.12)
    line = bare.astype(np.float32) / np.float32(255)
    relief.height -= line * np.float32((1.2 + 2.5 * severity) / grid.unit_px)
    surface.bare = line
    return bare > 60


def _dent(severity: float, random: Rng, grid: Grid, relief: Relief, surface: Surface) -> NDArray[np.bool_]:
    del surface
    row, column = _choose_place(random, relief, 0.1)
    radius = grid.unit_px * (0.08 + 0.14 * severity) * random.uniform(0.8, 1.2)
    spot = _blot(random, grid, row, column, radius, 0.08)
    bowl = np.clip(spot / np.float32(radius), 0, 1)
    depth = np.float32(radius / grid.unit_px * (0.3 + 0.4 * severity))
    # The pressed material rises around the bowl.
    rim = np.exp(-np.square(spot / np.float32(radius * 0.22)))
    relief.height += depth * (np.float32(0.22) * rim - bowl * bowl * (3 - 2 * bowl))
    return spot > 0


def _hole(severity: float, random: Rng, grid: Grid, relief: Relief, surface: Surface) -> NDArray[np.bool_]:
    del surface
    row, column = _choose_place(random, relief, 0.08)
    radius = max(4.0, grid.unit_px * (0.04 + 0.1 * severity))
    spot = _blot(random, grid, row, column, radius, 0.22)
    before = relief.distance < 0
    relief.height -= np.clip(spot / 4 + 1, 0, 1) * np.float32(2.5 / grid.unit_px)
    relief.distance = np.maximum(relief.distance, spot / np.float32(grid.unit_px))
    return before & (spot > 0)


def _stain(severity: float, random: Rng, grid: Grid, relief: Relief, surface: Surface) -> NDArray[np.bool_]:
    row, column = _choose_place(random, relief, 0.05)
    radius = grid.unit_px * (0.12 + 0.28 * severity)
    spot = _blot(random, grid, row, column, radius, 0.22)
    colours = ((0.25, 0.18, 0.1), (0.12, 0.12, 0.14), (0.45, 0.3, 0.12), (0.35, 0.42, 0.3))
    surface.stain_colour = colours[int(random.integers(len(colours)))]
    soft = np.clip(spot / np.float32(radius * 0.18), 0, 1)
    surface.stain = soft * np.float32(0.5 + 0.45 * severity)
    return spot > 0


def _missing_piece(severity: float, random: Rng, grid: Grid, relief: Relief, surface: Surface) -> NDArray[np.bool_]:
    del surface
    # What breaks off lies at the outer edge: the farthest pixel in a random direction.
    inside = np.flatnonzero(relief.distance < -0.01)
    turn = random.uniform(0, 2 * np.pi)
    along = grid.u.ravel()[inside] * np.cos(turn) + grid.v.ravel()[inside] * np.sin(turn)
    row, column = divmod(int(inside[np.argmax(along)]), grid.u.shape[1])
    radius = grid.unit_px * (0.16 + 0.3 * severity)
    spot = _blot(random, grid, row, column, radius, 0.16)
    before = relief.distance < 0
    relief.distance = np.maximum(relief.distance, spot / np.float32(grid.unit_px))
    relief.height += np.clip(-spot / 5 - 1, -1, 0) * np.float32(1.5 / grid.unit_px)
    return before & (spot > 0)


_DEFECTS: dict[str, Callable[[float, Rng, Grid, Relief, Surface], NDArray[np.bool_]]] = {
    "scratch": _scratch,
    "dent": _dent,
    "hole": _hole,
    "stain": _stain,
    "missing piece": _missing_piece,
}
