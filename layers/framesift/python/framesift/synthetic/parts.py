"""Draws photographs of manufactured parts: a relief under lamps, on a background, through a camera.

`draw_part(spec)` is a pure function: equal specifications give equal photographs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from framesift.synthetic.backgrounds import draw_background
from framesift.synthetic.defects import Surface, add_defect
from framesift.synthetic.materials import BARE, MATERIALS, RUST, Lamps, choose_lamps, light, look_up
from framesift.synthetic.noise import (
    Colours,
    Plane,
    Rng,
    cut_noise,
    draw_clouds,
    mix,
    multiply,
    resize,
    stretch_noise,
)
from framesift.synthetic.shapes import Grid, Relief, make_relief
from framesift.synthetic.vocabulary import WRONG_PIECE, PartSpec
from framesift.vision.decode import RgbImage

WIDTH, HEIGHT = 640, 480
_LONG = frozenset({"bolt", "screw", "pin", "spring"})
"""Shapes that are much longer than wide."""
_LEAST_DEFECT_PX = 40
_ATTEMPTS = 8


@dataclass(frozen=True)
class Box:
    """Where a defect lies, in pixels: left and top inclusive, right and bottom exclusive."""

    label: str
    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True)
class PartPhoto:
    """A drawn photograph and its truth.

    Attributes:
        spec: What was drawn: label and sentences.
        image: (480, 640, 3) uint8 RGB.
        boxes: One around each defect; none for good parts.
    """

    spec: PartSpec
    image: RgbImage
    boxes: tuple[Box, ...]


@dataclass(frozen=True)
class Place:
    """Where a part lies: its middle and half of its longest side in pixels, and its angle in radians."""

    x: float
    y: float
    radius: float
    angle: float


@dataclass(frozen=True)
class Part:
    """A part to be laid into a photograph.

    Attributes:
        shape: A key of `SHAPES`.
        material: A key of `MATERIALS`.
        place: Where it lies.
        make: Decides its proportions: parts of one make are alike.
        surface: Seeds its grain and its wear.
        defects: Kinds (keys of `DEFECTS`, but not a wrong piece), each with its severity.
    """

    shape: str
    material: str
    place: Place
    make: int
    surface: int
    defects: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class LaidPart:
    """Where a part and its defects can be seen.

    Attributes:
        whole: Around the part; its label is the shape.
        defects: Around each defect.
    """

    whole: Box
    defects: tuple[Box, ...]


def draw_part(spec: PartSpec) -> PartPhoto:
    """Draw what a specification says."""
    random = np.random.default_rng((spec.seed, 1))
    lamps = choose_lamps(random)
    canvas = draw_background(spec.background, random, HEIGHT, WIDTH)
    places = _choose_places(random, spec)
    wrong = int(random.integers(len(places))) if spec.defect == WRONG_PIECE else None
    # All parts of a tray are of one make.
    make = int(random.integers(1 << 53))
    boxes = []
    for number, place in enumerate(places):
        is_wrong = number == wrong
        shape = spec.wrong_shape if is_wrong and spec.wrong_shape else spec.shape
        # Randomness of its own: the good part of the same seed differs in nothing else.
        defects = [(spec.defect, spec.severity)] if spec.defect and wrong is None else []
        part = Part(shape, spec.material, place, make, int(random.integers(1 << 53)), tuple(defects))
        laid = lay_part(canvas, part, lamps, np.random.default_rng((spec.seed, 2)))
        boxes += [replace(laid.whole, label=WRONG_PIECE)] if is_wrong else [*laid.defects]
    return PartPhoto(spec, take_photograph(canvas, random), tuple(boxes))


def _choose_places(random: Rng, spec: PartSpec) -> list[Place]:
    long = spec.shape in _LONG
    if spec.count == 1:
        radius = random.uniform(140, 215) if long else random.uniform(110, 185)
        spare_x, spare_y = max(0.0, WIDTH / 2 - radius - 12), max(0.0, HEIGHT / 2 - radius - 12)
        x, y = WIDTH / 2 + random.uniform(-1, 1) * spare_x * 0.8, HEIGHT / 2 + random.uniform(-1, 1) * spare_y * 0.8
        return [Place(x, y, radius, random.uniform(0, 2 * np.pi))]
    columns, rows = {4: (2, 2), 6: (3, 2), 8: (4, 2)}[spec.count]
    across, down = WIDTH / columns, HEIGHT / rows
    radius = min(across, down) * random.uniform(0.3, 0.42)
    facing, mess = random.uniform(0, 2 * np.pi), random.choice([0.03, 0.4])
    jitter = max(0.0, min(across, down) / 2 - radius) * 0.7
    return [
        Place(
            (column + 0.5) * across + random.uniform(-1, 1) * jitter,
            (row + 0.5) * down + random.uniform(-1, 1) * jitter,
            radius,
            facing + random.normal(0, mess),
        )
        for row in range(rows)
        for column in range(columns)
    ]


def lay_part(canvas: Colours, part: Part, lamps: Lamps, random: Rng) -> LaidPart:
    """Draw a part and its shadow onto a canvas, (height, width, 3).

    Args:
        canvas: What is below; changed.
        part: What is drawn.
        lamps: The light.
        random: Decides where defects lie, and nothing else.

    Raises:
        ValueError: If there is no place for a defect, or nothing of the part is in the picture.
    """
    place, (height, width) = part.place, canvas.shape[:2]
    reach = place.radius * 1.12 + 6
    left, right = max(0, int(place.x - reach)), min(width, int(place.x + reach) + 1)
    top, bottom = max(0, int(place.y - reach)), min(height, int(place.y + reach) + 1)
    grid = _make_grid(place, left, top, right, bottom)
    surface = Surface()
    relief = make_relief(part.shape, np.random.default_rng(part.make), grid)
    _clip_to(relief, grid)
    inside = relief.distance < np.float32(1 / grid.unit_px)
    if not inside.any():
        raise ValueError("nothing of the part is in the picture")
    extent = _find_extent(inside)
    seen = [
        (defect, _add_visible_defect(defect, severity, random, grid, relief, surface))
        for defect, severity in part.defects
    ]
    cover = np.clip(np.float32(0.5) - relief.distance * np.float32(grid.unit_px), 0, 1)
    _cast_shadow(canvas, cover, left, top, place, lamps)
    window = canvas[top:bottom, left:right][extent]
    relief = replace(relief, distance=relief.distance[extent], height=relief.height[extent])
    surface = surface.cut(extent)
    grid = Grid(grid.u[extent], grid.v[extent], grid.unit_px)
    shaded = _shade(relief, surface, grid, part.material, lamps, np.random.default_rng(part.surface))
    window[:] = mix(window, shaded, cover[extent])
    return LaidPart(
        _surround(cover > 0.5, part.shape, left, top),
        tuple(_surround(mask, defect, left, top) for defect, mask in seen),
    )


def _surround(mask: NDArray[np.bool_], label: str, left: int, top: int) -> Box:
    rows, columns = _find_extent(mask)
    return Box(label, left + columns.start, top + rows.start, left + columns.stop, top + rows.stop)


def _find_extent(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    """The rows and columns from the first to the last that have a pixel."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _make_grid(place: Place, left: int, top: int, right: int, bottom: int) -> Grid:
    x = (np.arange(left, right, dtype=np.float32) - np.float32(place.x)) / np.float32(place.radius)
    y = (np.arange(top, bottom, dtype=np.float32) - np.float32(place.y)) / np.float32(place.radius)
    cosine, sine = np.float32(np.cos(place.angle)), np.float32(np.sin(place.angle))
    u = (x * cosine)[None] + (y * sine)[:, None]
    v = (y * cosine)[:, None] - (x * sine)[None]
    return Grid(u, v, place.radius)


def _clip_to(relief: Relief, grid: Grid) -> None:
    """Make sure that nothing reaches beyond the window."""
    relief.distance = np.maximum(relief.distance, np.maximum(np.abs(grid.u), np.abs(grid.v)) - np.float32(1.1))


def _add_visible_defect(
    defect: str, severity: float, random: Rng, grid: Grid, relief: Relief, surface: Surface
) -> NDArray[np.bool_]:
    """Add a defect where enough of it can be seen: a long scratch may have missed a thin part.

    Raises:
        ValueError: If no place for it was found.
    """
    inside = relief.distance < 0
    distance, height = relief.distance, relief.height
    for attempt in range(_ATTEMPTS):
        relief.distance, relief.height = distance.copy(), height.copy()
        seen = add_defect(defect, min(1.0, severity + attempt * 0.15), random, grid, relief, surface) & inside
        if np.count_nonzero(seen) >= _LEAST_DEFECT_PX:
            return seen
    raise ValueError(f"no place for a {defect}")


def _cast_shadow(canvas: Colours, cover: Plane, left: int, top: int, place: Place, lamps: Lamps) -> None:
    """Darken the ground beside the part, away from the main lamp, and close to it all around."""
    far = place.radius * 0.09 * (0.5 + float(np.hypot(*lamps.direction)))
    margin = int(far * 2.5) + 8
    padded = cv2.copyMakeBorder(cover, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=0)
    height, width = padded.shape
    small = cv2.resize(padded, (width // 4 + 1, height // 4 + 1), interpolation=cv2.INTER_AREA)
    shift = np.array([[1, 0, -lamps.direction[0] * far * 0.45], [0, 1, -lamps.direction[1] * far * 0.45]], np.float32)
    moved = cv2.warpAffine(small, shift, (small.shape[1], small.shape[0]))
    sharpness = 1 + lamps.size * 14
    shadow = 0.55 * cv2.GaussianBlur(moved, (0, 0), sharpness) + 0.35 * cv2.GaussianBlur(small, (0, 0), 1.5)
    dark = 1 - np.clip(shadow, 0, 0.8) * np.float32(1.15 - lamps.ambient)
    dark = resize(np.asarray(dark, np.float32), height, width, cv2.INTER_LINEAR)
    y, x = top - margin, left - margin
    y0, x0, y1, x1 = max(y, 0), max(x, 0), min(y + height, canvas.shape[0]), min(x + width, canvas.shape[1])
    multiply(canvas[y0:y1, x0:x1], np.ascontiguousarray(dark[y0 - y : y1 - y, x0 - x : x1 - x]))


def _shade(relief: Relief, surface: Surface, grid: Grid, name: str, lamps: Lamps, random: Rng) -> Colours:
    """Light a relief: (height, width, 3)."""
    material = MATERIALS[name]
    rows, columns = grid.u.shape
    height = relief.height * np.float32(grid.unit_px)
    height = height + np.float32(material.bumps) * _draw_grain(relief.grain, grid, random)
    rust = None
    if name == "rust":
        clouds = draw_clouds(random, rows, columns, grid.unit_px * 0.5)
        rust = np.clip((clouds + np.float32(random.uniform(0.2, 1.2))) * np.float32(1.6), 0, 1)
        height = height + rust * np.float32(RUST.bumps) * stretch_noise(random, rows, columns, 2.5)
    height = np.asarray(cv2.GaussianBlur(height, (0, 0), 0.8), np.float32)
    slope_x = cv2.Scharr(height, cv2.CV_32F, 1, 0, scale=1 / 32)
    slope_y = cv2.Scharr(height, cv2.CV_32F, 0, 1, scale=1 / 32)
    steep = 1 / np.sqrt(1 + slope_x * slope_x + slope_y * slope_y)
    # A flat surface is seen, and lit, from a little aside at its ends: it is not all of one tone.
    bend = np.float32(0.16)
    x = np.asarray(-slope_x * steep + (grid.u * np.float32(0.7) + grid.v * np.float32(0.7)) * bend, np.float32)
    y = np.asarray(-slope_y * steep + (grid.v * np.float32(0.7) - grid.u * np.float32(0.7)) * bend, np.float32)
    colours = look_up(light(material, lamps), x, y)
    if rust is not None:
        shades = np.float32(0.75) + np.float32(0.3) * stretch_noise(random, rows, columns, 9)
        layer = look_up(light(RUST, lamps), x, y)
        multiply(layer, np.clip(shades, 0.3, 1.5))
        colours = mix(colours, layer, rust)
    if surface.bare is not None:
        under = look_up(light(BARE, lamps), x, y) if material.metal else colours * np.float32(0.7) + 60
        colours = mix(colours, under, surface.bare * np.float32(0.8))
    if surface.stain is not None:
        colours = mix(colours, colours * np.asarray(surface.stain_colour, np.float32), surface.stain)
    # Hollows see less of the light.
    small = cv2.blur(resize(height, rows // 4 + 1, columns // 4 + 1, cv2.INTER_AREA), (5, 5))
    around = resize(np.asarray(small, np.float32), rows, columns, cv2.INTER_LINEAR)
    multiply(colours, np.clip(1 - (around - height) * np.float32(2.2 / grid.unit_px**0.75), 0.35, 1.08))
    return colours


def _draw_grain(grain: str, grid: Grid, random: Rng) -> Plane:
    """The texture that making left: (height, width), about -2 to 2."""
    rows, columns = grid.u.shape
    if grain == "plain":
        return cut_noise(random, rows, columns)
    lines = np.random.default_rng(int(random.integers(1 << 53))).standard_normal(1024).astype(np.float32)
    across = cv2.magnitude(grid.u, grid.v) if grain == "turned" else grid.v + np.float32(1.5)
    place = across * np.float32(min(grid.unit_px, 300) * 0.9)
    fine = cv2.remap(lines[None], place, np.zeros_like(place), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(fine * np.float32(0.8) + cut_noise(random, rows, columns) * np.float32(0.4), np.float32)


def take_photograph(canvas: Colours, random: Rng) -> RgbImage:
    """Add what a camera adds: exposure, white balance, vignetting, blur, noise; changes the canvas."""
    height, width = canvas.shape[:2]
    exposure = random.uniform(0.82, 1.18)
    warmth = random.normal(0, 0.04)
    x, y = np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32)
    lean = random.normal(0, 0.12, 2)
    falloff = np.float32(random.uniform(0.02, 0.22))
    tone = (1 + np.float32(lean[0]) * x - falloff * x * x)[None] + (np.float32(lean[1]) * y - falloff * y * y)[:, None]
    tone = tone * np.float32(exposure)
    cv2.multiply(canvas, cv2.merge((tone * np.float32(1 + warmth), tone, tone * np.float32(1 - warmth))), dst=canvas)
    # Most photographs are sharp, some are not, and a few are out of focus.
    softness = random.choice([0.0, random.uniform(0.35, 0.8), random.uniform(1.6, 3.2)], p=[0.45, 0.5, 0.05])
    if softness:
        cv2.GaussianBlur(canvas, (0, 0), softness, dst=canvas)
    noise = cut_noise(random, height, width, 3)
    return np.asarray(cv2.addWeighted(canvas, 1, noise, random.uniform(0.5, 5), 0, dtype=cv2.CV_8U), np.uint8)
