"""The shapes of parts as reliefs: how far each pixel lies inside the outline, and how high the surface is there.

All lengths are in units of the part's radius, which is half of its longest side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from framesift.synthetic.noise import Plane, Rng


@dataclass(frozen=True)
class Grid:
    """The part's own coordinates for each pixel of its window.

    Attributes:
        u: (height, width) float32, along the part; the part lies between -1 and 1.
        v: (height, width) float32, across it.
        unit_px: Pixels in one unit.
    """

    u: Plane
    v: Plane
    unit_px: float


@dataclass
class Relief:
    """A part's form.

    Attributes:
        distance: (height, width) float32, signed distance from the outline, in units; negative inside.
        height: (height, width) float32, height above the ground, in units.
        grain: How the surface was worked: `brushed` along u, `turned` around the centre, or `plain`.
    """

    distance: Plane
    height: Plane
    grain: str = "plain"


def make_relief(shape: str, random: Rng, grid: Grid) -> Relief:
    """Make a part of a shape (a key of `vocabulary.SHAPES`), of random proportions."""
    return _SHAPES[shape](random, grid)


def _disc(grid: Grid, radius: float, u: float = 0, v: float = 0) -> Plane:
    return np.asarray(cv2.magnitude(grid.u - np.float32(u), grid.v - np.float32(v)), np.float32) - np.float32(radius)


def _box(u: Plane, v: Plane, half_u: float, half_v: float, corner: float = 0.0) -> Plane:
    a = np.abs(u) - np.float32(half_u - corner)
    b = np.abs(v) - np.float32(half_v - corner)
    outside = cv2.magnitude(np.maximum(a, 0), np.maximum(b, 0))
    return np.asarray(outside + np.minimum(np.maximum(a, b), 0) - np.float32(corner), np.float32)


def _polygon(grid: Grid, sides: int, inner_radius: float) -> Plane:
    """A regular polygon."""
    radius, angle = cv2.cartToPolar(grid.u, grid.v)
    sector = np.float32(2 * np.pi / sides)
    inside = np.mod(angle, sector) - sector / 2
    return np.asarray(radius * np.cos(inside) - np.float32(inner_radius), np.float32)


def _round_edge(distance: Plane, width: float) -> Plane:
    """The height of a surface that falls to the ground over `width`, in a quarter of a circle."""
    depth = np.clip(1 + distance / np.float32(width), 0, 1)
    return np.asarray(np.float32(width) * np.sqrt(1 - depth * depth), np.float32)


def _cylinder(v: Plane, radius: Plane | float) -> Plane:
    """The height of a round bar of a radius that may change along it."""
    return np.asarray(np.sqrt(np.maximum(np.square(np.asarray(radius, np.float32)) - v * v, 0)), np.float32)


def _thread(grid: Grid, radius: float, pitch: float, depth: float) -> Plane:
    """The radius along a threaded bar: (height, width)."""
    phase = grid.u / np.float32(pitch) + grid.v * np.float32(0.22 / radius)
    tooth = np.abs(np.mod(phase, 1) - np.float32(0.5)) * 2
    return np.asarray(np.float32(radius) - np.float32(depth) * np.clip(tooth * 1.4 - 0.2, 0, 1), np.float32)


def _draw_bolt(random: Rng, grid: Grid) -> Relief:
    radius, pitch = random.uniform(0.15, 0.22), random.uniform(0.06, 0.1)
    head_length, head_radius = random.uniform(0.22, 0.34), radius * random.uniform(1.6, 1.95)
    neck = -1 + head_length
    thread_start = neck + random.choice([0.05, 0.3, 0.6])
    bar = np.where(grid.u > thread_start, _thread(grid, radius, pitch, pitch * 0.45), np.float32(radius * 0.97))
    # The end is chamfered.
    bar = np.minimum(bar, np.float32(radius) + (np.float32(0.97) - grid.u))
    shank = np.maximum(np.abs(grid.v) - bar, np.abs(grid.u - (neck + 1) / 2) - (1 - neck) / 2)
    middle = -1 + head_length / 2
    head = _box(grid.u - np.float32(middle), grid.v, head_length / 2, head_radius, 0.02)
    # Three faces of the hexagon are seen, the middle one flat.
    faces = np.float32(head_radius * 0.87) - np.maximum(np.abs(grid.v) - np.float32(head_radius / 2), 0) * np.float32(
        0.9
    )
    faces -= np.square(np.maximum(np.float32(middle) - grid.u - np.float32(head_length * 0.15), 0)) * 3
    height = np.where(head < 0, faces, _cylinder(grid.v, bar))
    return Relief(np.minimum(shank, head), height + np.float32(0.2), "brushed")


def _draw_screw(random: Rng, grid: Grid) -> Relief:
    radius, pitch = random.uniform(0.14, 0.2), random.uniform(0.1, 0.16)
    head_radius, head_length = radius * random.uniform(2.0, 2.6), random.uniform(0.2, 0.3)
    along = grid.u + 1
    head = np.float32(head_radius) - np.maximum(along - np.float32(0.06), 0) * np.float32(
        (head_radius - radius * 0.7) / head_length
    )
    bar = _thread(grid, radius, pitch, pitch * 0.4)
    taper = np.clip((1 - grid.u) / np.float32(0.35), 0, 1)
    profile = np.where(along < head_length, np.maximum(head, radius * 0.7), bar * taper)
    distance = np.maximum(np.abs(grid.v) - profile, np.abs(grid.u) - 1)
    return Relief(distance, _cylinder(grid.v, profile) + np.float32(0.1), "plain")


def _draw_pin(random: Rng, grid: Grid) -> Relief:
    radius = random.uniform(0.14, 0.3)
    profile = np.float32(radius) - np.maximum(np.abs(grid.u) - np.float32(0.93), 0) * np.float32(1.1)
    for place in random.uniform(-0.75, 0.75, int(random.integers(0, 3))):
        groove = np.abs(grid.u - np.float32(place)) < random.uniform(0.025, 0.06)
        profile = np.where(groove, np.float32(radius * 0.86), profile)
    if random.random() < 0.5:
        flange = grid.u < -1 + random.uniform(0.08, 0.2)
        profile = np.where(flange, np.float32(radius * 1.5), profile)
    distance = np.maximum(np.abs(grid.v) - profile, np.abs(grid.u) - 1)
    return Relief(distance, _cylinder(grid.v, profile) + np.float32(0.1), "turned")


def _draw_nut(random: Rng, grid: Grid) -> Relief:
    hexagon = _polygon(grid, 6, 0.87)
    bore = _disc(grid, random.uniform(0.4, 0.55))
    height = np.float32(0.45) - np.square(np.maximum(_disc(grid, 0.78), 0)) * 4
    height = np.minimum(height, np.float32(0.36) + np.maximum(bore, 0) * np.float32(1.2))
    # The first turns of the thread show inside the bore.
    pitch = random.uniform(0.05, 0.07)
    inside = (
        np.float32(0.36) + bore * 2 + np.abs(np.mod(bore / np.float32(pitch), 1) - np.float32(0.5)) * np.float32(0.1)
    )
    distance = np.maximum(hexagon, -(bore + np.float32(pitch * 2)))
    height = np.where(bore < 0, inside, np.minimum(height, np.float32(0.36) + _round_edge(hexagon, 0.09)))
    return Relief(distance, height, "turned")


def _draw_washer(random: Rng, grid: Grid) -> Relief:
    inner = random.uniform(0.35, 0.62)
    ring = np.maximum(_disc(grid, 1.0), -_disc(grid, inner))
    if random.random() < 0.3:
        # A spring washer is cut through.
        slit = _box(grid.u - np.float32(1), grid.v + (grid.u - 1) * np.float32(0.3), 1.0, 0.035)
        ring = np.maximum(ring, -slit)
    return Relief(ring, np.float32(0.04) + _round_edge(ring, random.uniform(0.03, 0.1)), "turned")


def _draw_gear(random: Rng, grid: Grid) -> Relief:
    teeth = int(random.integers(12, 36))
    depth = 2.6 / teeth
    radius, angle = cv2.cartToPolar(grid.u, grid.v)
    phase = np.abs(np.mod(angle * np.float32(teeth / (2 * np.pi)), 1) - np.float32(0.5)) * 2
    edge = np.float32(1 - depth) + np.float32(depth) * np.clip((phase - 0.42) * 3.2 + 0.5, 0, 1)
    distance = np.maximum((radius - edge) * np.float32(0.8), -_disc(grid, random.uniform(0.13, 0.26)))
    if random.random() < 0.5:
        half = random.uniform(0.04, 0.06)
        distance = np.maximum(distance, -_box(grid.u - np.float32(0.2), grid.v, 0.14, half))
    height = np.float32(0.1) + _round_edge(distance, 0.05)
    rim, hub = 1 - depth - random.uniform(0.1, 0.18), random.uniform(0.34, 0.42)
    if random.random() < 0.7:
        web = np.maximum(_disc(grid, rim), -_disc(grid, hub))
        height = height - np.float32(0.09) * np.clip(-web / np.float32(0.04), 0, 1)
        spokes = int(random.choice([0, 0, 4, 5, 6]))
        for k in range(spokes):
            turn = 2 * np.pi * k / spokes
            at = (rim + hub) / 2
            hole = _disc(grid, (rim - hub) * 0.33, at * np.cos(turn), at * np.sin(turn))
            distance = np.maximum(distance, -hole)
    return Relief(distance, height, "turned")


def _draw_plate(random: Rng, grid: Grid) -> Relief:
    half = random.uniform(0.4, 0.75)
    distance = _box(grid.u, grid.v, 1, half, random.uniform(0.02, 0.2))
    columns, rows = int(random.integers(2, 5)), int(random.integers(1, 3))
    radius = random.uniform(0.06, 0.11)
    for u in np.linspace(-0.8, 0.8, columns):
        for v in np.linspace(-half + 0.2, half - 0.2, rows) if rows > 1 else (0.0,):
            distance = np.maximum(distance, -_disc(grid, radius, float(u), float(v)))
    height = np.float32(0.05) + _round_edge(distance, 0.025)
    if random.random() < 0.4:
        ridge = _box(grid.u, grid.v, 0.55, half * 0.35, 0.08)
        height = height + np.float32(0.05) * np.clip(-ridge / np.float32(0.06), 0, 1)
    return Relief(distance, height, "brushed")


def _draw_bracket(random: Rng, grid: Grid) -> Relief:
    width = random.uniform(0.3, 0.42)
    upright = _box(grid.u + np.float32(0.9 - width), grid.v, width, 0.9, 0.06)
    foot = _box(grid.u, grid.v - np.float32(0.9 - width), 0.9, width, 0.06)
    # The corner between the two is rounded.
    k = np.float32(0.18)
    blend = np.clip(np.float32(0.5) + (foot - upright) / (2 * k), 0, 1)
    distance = foot * (1 - blend) + upright * blend - k * blend * (1 - blend)
    radius, corner = random.uniform(0.09, 0.14), -0.9 + width
    for place in (-0.55, 0.1)[: int(random.integers(1, 3))]:
        distance = np.maximum(distance, -_disc(grid, radius, corner, place))
        distance = np.maximum(distance, -_disc(grid, radius, -place, -corner))
    height = np.float32(0.06) + _round_edge(distance, 0.03)
    # One leg is bent up.
    bend = random.uniform(-0.2, 0.1)
    height = height + np.clip(np.float32(bend) - grid.v, 0, 0.3) * np.float32(random.uniform(0.15, 0.5))
    return Relief(distance, height, "brushed")


def _draw_spring(random: Rng, grid: Grid) -> Relief:
    turns = int(random.integers(7, 14))
    pitch, radius = 1.9 / turns, random.uniform(0.28, 0.45)
    wire = min(pitch * random.uniform(0.24, 0.34), 0.09)
    slant = pitch / 2 / radius / 2
    distance = np.full_like(grid.u, 9)
    height = np.zeros_like(grid.u)
    body = np.abs(grid.v) - np.float32(radius)
    for side, phase in ((-1, 0.5), (1, 0.0)):
        place = grid.u / np.float32(pitch) + grid.v * np.float32(side * slant / pitch) + np.float32(phase)
        off = (np.abs(np.mod(place, 1) - np.float32(0.5))) * np.float32(pitch)
        strand = np.maximum(np.maximum(off - np.float32(wire), body - np.float32(wire * 0.4)), np.abs(grid.u) - 1)
        arch = np.sqrt(np.maximum(np.float32((radius + wire) ** 2) - grid.v * grid.v, 0)) * np.float32(side * 0.5)
        lift = arch + _cylinder(off, wire) + np.float32(radius)
        height = np.where(strand < 0, np.maximum(height, lift), height)
        distance = np.minimum(distance, strand)
    return Relief(distance, height, "plain")


def _draw_bearing(random: Rng, grid: Grid) -> Relief:
    balls = int(random.integers(7, 13))
    bore, inner = random.uniform(0.34, 0.42), random.uniform(0.52, 0.58)
    outer = random.uniform(0.78, 0.82)
    ring = np.maximum(_disc(grid, 1.0), -_disc(grid, bore))
    track = np.maximum(_disc(grid, outer), -_disc(grid, inner))
    height = np.float32(0.3) + _round_edge(ring, 0.06)
    height = np.where(
        track < 0, np.float32(0.12), height - np.float32(0.05) * np.clip(1 - track / np.float32(0.03), 0, 1)
    )
    middle, size = (inner + outer) / 2, (outer - inner) / 2
    radius, angle = cv2.cartToPolar(grid.u, grid.v)
    sector = np.float32(2 * np.pi / balls)
    turned = np.mod(angle, sector) - sector / 2
    away = np.square(radius * np.sin(turned)) + np.square(radius * np.cos(turned) - np.float32(middle))
    if random.random() < 0.3:
        # A shield covers the balls.
        height = np.where(track < 0, np.float32(0.24) + _round_edge(track, 0.03), height)
    else:
        ball = np.float32(0.1) + np.sqrt(np.maximum(np.float32(size * size) - away, 0))
        height = np.where(track < 0, np.maximum(height, ball), height)
    return Relief(ring, height, "turned")


def _draw_shaft(random: Rng, grid: Grid) -> Relief:
    steps = int(random.integers(3, 7))
    edges = np.concatenate([[-1.0], np.sort(random.uniform(-0.8, 0.8, steps - 1)), [1.0]])
    radii = random.uniform(0.12, 0.3, steps)
    profile = np.full_like(grid.u, radii[0])
    for number in range(1, steps):
        profile = np.where(grid.u > np.float32(edges[number]), np.float32(radii[number]), profile)
    # Both ends are chamfered.
    profile = profile - np.maximum(np.abs(grid.u) - np.float32(0.94), 0)
    keyway = _box(grid.u - np.float32(random.uniform(-0.5, 0.5)), grid.v, random.uniform(0.12, 0.25), 0.04, 0.04)
    distance = np.maximum(np.abs(grid.v) - profile, np.abs(grid.u) - 1)
    height = _cylinder(grid.v, profile) + np.float32(0.1)
    if random.random() < 0.5:
        height = height - np.float32(0.07) * np.clip(-keyway / np.float32(0.02), 0, 1)
    return Relief(distance, height, "plain")


def _draw_flange(random: Rng, grid: Grid) -> Relief:
    bore, hub = random.uniform(0.2, 0.32), random.uniform(0.42, 0.52)
    holes, circle, size = int(random.integers(4, 9)), random.uniform(0.72, 0.78), random.uniform(0.06, 0.1)
    distance = np.maximum(_disc(grid, 1.0), -_disc(grid, bore))
    for number in range(holes):
        turn = 2 * np.pi * number / holes
        distance = np.maximum(distance, -_disc(grid, size, circle * np.cos(turn), circle * np.sin(turn)))
    height = np.float32(0.08) + _round_edge(distance, 0.04)
    rise = np.float32(random.uniform(0.06, 0.16))
    height = height + rise * np.clip(-_disc(grid, hub) / np.float32(random.uniform(0.03, 0.1)), 0, 1)
    return Relief(distance, height, "turned")


def _draw_pulley(random: Rng, grid: Grid) -> Relief:
    distance = np.maximum(_disc(grid, 1.0), -_disc(grid, random.uniform(0.12, 0.2)))
    radius = cv2.magnitude(grid.u, grid.v)
    height = np.float32(0.1) + _round_edge(distance, 0.05)
    for place in random.uniform(0.55, 0.9, int(random.integers(1, 4))):
        off = np.abs(radius - np.float32(place)) / np.float32(random.uniform(0.03, 0.06))
        height = height - np.float32(0.07) * np.clip(1 - off, 0, 1)
    windows = int(random.choice([0, 3, 4, 5]))
    for number in range(windows):
        turn = 2 * np.pi * number / windows
        distance = np.maximum(distance, -_disc(grid, 0.13, 0.36 * np.cos(turn), 0.36 * np.sin(turn)))
    return Relief(distance, height, "turned")


def _segment(grid: Grid, start: tuple[float, float], end: tuple[float, float], radii: tuple[float, float]) -> Plane:
    """A bar with round ends, whose half width goes from one value to the other."""
    along_u, along_v = end[0] - start[0], end[1] - start[1]
    u, v = grid.u - np.float32(start[0]), grid.v - np.float32(start[1])
    share = np.clip((u * np.float32(along_u) + v * np.float32(along_v)) / np.float32(along_u**2 + along_v**2), 0, 1)
    away = cv2.magnitude(u - share * np.float32(along_u), v - share * np.float32(along_v))
    return np.asarray(away - (np.float32(radii[0]) + share * np.float32(radii[1] - radii[0])), np.float32)


def _draw_link(random: Rng, grid: Grid) -> Relief:
    big, small = random.uniform(0.26, 0.36), random.uniform(0.18, 0.26)
    bar = random.uniform(0.09, 0.15)
    left, right = (-1 + big, 0.0), (1 - small, 0.0)
    eyes = np.minimum(_disc(grid, big, *left), _disc(grid, small, *right))
    distance = np.minimum(eyes, _segment(grid, left, right, (bar * 1.5, bar)))
    height = np.float32(0.07) + _round_edge(distance, 0.04) + np.float32(0.06) * np.clip(-eyes / np.float32(0.03), 0, 1)
    for place, size in ((left, big * 0.55), (right, small * 0.5)):
        distance = np.maximum(distance, -_disc(grid, size, *place))
    return Relief(distance, np.asarray(height, np.float32), "brushed")


def _draw_lever(random: Rng, grid: Grid) -> Relief:
    hub, end = random.uniform(0.24, 0.32), random.uniform(0.13, 0.2)
    turn = random.uniform(1.4, 2.6)
    first, second = (-0.78, 0.3), (0.78 * -np.cos(turn), 0.3 - 0.95 * np.sin(turn))
    middle = (0.05, 0.3)
    arms = np.minimum(_segment(grid, middle, first, (0.13, 0.09)), _segment(grid, middle, second, (0.13, 0.09)))
    eyes = np.minimum(_disc(grid, hub, *middle), np.minimum(_disc(grid, end, *first), _disc(grid, end, *second)))
    distance = np.minimum(arms, eyes)
    height = np.float32(0.08) + _round_edge(distance, 0.05) + np.float32(0.07) * np.clip(-eyes / np.float32(0.04), 0, 1)
    for place, size in ((middle, hub * 0.5), (first, end * 0.5), (second, end * 0.5)):
        distance = np.maximum(distance, -_disc(grid, size, *place))
    return Relief(distance, np.asarray(height, np.float32), "plain")


def _draw_knob(random: Rng, grid: Grid) -> Relief:
    lobes, depth = int(random.integers(3, 9)), random.uniform(0.06, 0.16)
    radius, angle = cv2.cartToPolar(grid.u, grid.v)
    edge = np.float32(1 - depth) + np.float32(depth) * np.cos(angle * np.float32(lobes))
    distance = np.asarray((radius - edge) * np.float32(0.85), np.float32)
    dome = np.float32(0.35) * np.clip(1 - radius * radius * np.float32(0.7), 0, 1)
    height = np.float32(0.1) + _round_edge(distance, 0.14) + dome
    if random.random() < 0.6:
        cap = _disc(grid, random.uniform(0.2, 0.34))
        height = height - np.float32(0.06) * np.clip(1 - np.abs(cap) / np.float32(0.03), 0, 1)
    return Relief(distance, height, "plain")


def _draw_cover(random: Rng, grid: Grid) -> Relief:
    """A stamped sheet: the part that several straight cuts leave of a disc."""
    sides = int(random.integers(4, 8))
    turns = 2 * np.pi * (np.arange(sides) + random.uniform(-0.22, 0.22, sides)) / sides
    distance = _disc(grid, 1.0)
    for turn, inner in zip(turns, random.uniform(0.55, 0.85, sides), strict=True):
        cut = grid.u * np.float32(np.cos(turn)) + grid.v * np.float32(np.sin(turn)) - np.float32(inner)
        distance = np.maximum(distance, cut)
    outline = distance
    for _ in range(int(random.integers(1, 5))):
        away, turn = random.uniform(0.1, 0.5), random.uniform(0, 2 * np.pi)
        hole = _disc(grid, random.uniform(0.05, 0.11), away * np.cos(turn), away * np.sin(turn))
        distance = np.maximum(distance, -hole)
    if random.random() < 0.4:
        slot = _box(grid.u - np.float32(random.uniform(-0.3, 0.3)), grid.v, random.uniform(0.12, 0.25), 0.05, 0.05)
        distance = np.maximum(distance, -slot)
    height = np.float32(0.05) + _round_edge(distance, 0.025)
    if random.random() < 0.6:
        rim = np.float32(random.uniform(0.1, 0.16))
        height = height + np.float32(0.05) * np.clip(1 - np.abs(outline + rim) / np.float32(0.04), 0, 1)
    return Relief(distance, height, "brushed")


def _draw_heat_sink(random: Rng, grid: Grid) -> Relief:
    half, fins = random.uniform(0.45, 0.72), int(random.integers(7, 14))
    distance = _box(grid.u, grid.v, 1, half, 0.02)
    phase = np.abs(np.mod((grid.u + 1) * np.float32(fins / 2), 1) - np.float32(0.5)) * 2
    height = np.float32(0.08) + np.float32(0.1) * np.clip((phase - np.float32(0.45)) * 4, 0, 1)
    margin = np.abs(grid.v) > np.float32(half * random.uniform(0.75, 0.95))
    height = np.where(margin, np.float32(0.08), height) + _round_edge(distance, 0.03)
    for side in (-1, 1):
        if random.random() < 0.5:
            distance = np.maximum(distance, -_disc(grid, 0.06, 0.88 * side, 0))
    return Relief(distance, height, "brushed")


_SHAPES: dict[str, Callable[[Rng, Grid], Relief]] = {
    "bolt": _draw_bolt,
    "screw": _draw_screw,
    "nut": _draw_nut,
    "washer": _draw_washer,
    "gear": _draw_gear,
    "plate": _draw_plate,
    "bracket": _draw_bracket,
    "spring": _draw_spring,
    "bearing": _draw_bearing,
    "pin": _draw_pin,
    "shaft": _draw_shaft,
    "flange": _draw_flange,
    "pulley": _draw_pulley,
    "link": _draw_link,
    "lever": _draw_lever,
    "knob": _draw_knob,
    "cover": _draw_cover,
    "heat sink": _draw_heat_sink,
}
