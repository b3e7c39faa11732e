"""Textures for the synthetic training images: greyscale fields, and the palettes that colour them.

All randomness comes from two generators. `style` chooses what is drawn and is the same for all images
of a family; `layout` chooses positions and differs. The images of a family are therefore similar without
being copies of each other: hard negatives for contrastive training.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from framesift.vision.decode import RgbImage

Rng: TypeAlias = np.random.Generator
Field: TypeAlias = NDArray[np.float32]
"""(S, S) float32, 0 to 1."""
Palette: TypeAlias = NDArray[np.float32]
"""(K, 3) float32 RGB, 0 to 1."""


def draw_texture(style: Rng, layout: Rng, size: int, *, palette: Palette) -> RgbImage:
    """Draw one texture in colours of the palette.

    Args:
        style: Chooses the kind of texture and its parameters.
        layout: Chooses its phases and positions.
        size: Width and height, pixels.
        palette: (K, 3) float32 RGB, 0 to 1, in the order that low to high values are shown in.
    """
    draw = _FIELDS[style.integers(len(_FIELDS))]
    field = draw(style, layout, size)
    if style.random() < 0.3:
        field = _warp(field, layout, strength_px=style.uniform(2, 12))
    if style.random() < 0.3:
        other = _FIELDS[style.integers(len(_FIELDS))](style, layout, size)
        field = rescale(field + style.uniform(0.3, 1.0) * other)
    return apply_palette(field, palette)


def apply_palette(field: Field, palette: Palette) -> RgbImage:
    """Map a field's values to a palette, interpolating between neighbouring colours."""
    positions = np.linspace(0, 255, len(palette))
    table = np.stack([np.interp(np.arange(256), positions, palette[:, c]) for c in range(3)], axis=1)
    rgb: RgbImage = (table * 255).astype(np.uint8)[(field * 255).astype(np.uint8)]
    return rgb


def random_palette(style: Rng, *, grey: bool | None = None) -> Palette:
    """Choose 2 to 5 matching colours: (K, 3) float32 RGB, 0 to 1.

    Args:
        style: The source of randomness.
        grey: Whether the colours are greys; by default one palette in six.
    """
    count = int(style.integers(2, 6))
    value = np.sort(style.uniform(0.02, 1.0, count))
    if style.random() < 0.3:
        style.shuffle(value)
    hue = (style.random() + style.normal(0, style.choice([0.03, 0.1, 0.3]), count)) % 1.0
    saturation = style.uniform(0, 1, count) * style.choice([0.25, 0.6, 1.0])
    is_grey = style.random() < 1 / 6 if grey is None else grey
    hsv = np.stack([hue * 360, saturation * (not is_grey), value], axis=1).astype(np.float32)
    return np.asarray(cv2.cvtColor(hsv[None], cv2.COLOR_HSV2RGB)[0], np.float32)


def rescale(field: NDArray[np.floating]) -> Field:
    """Rescale to 0 to 1."""
    low, high = float(field.min()), float(field.max())
    return ((field - low) / (high - low + 1e-9)).astype(np.float32)


def clouds(style: Rng, layout: Rng, size: int) -> Field:
    """1/f noise, rough to smooth, stretched along a random direction."""
    exponent, stretch, angle = style.uniform(0.4, 2.2), style.uniform(1, 4), style.uniform(0, np.pi)
    return _spectral(layout, size, _radius(size, stretch, angle) ** -exponent)


def ridges(style: Rng, layout: Rng, size: int) -> Field:
    """Noise folded at its middle: veins, hair, wood, bark."""
    field = clouds(style, layout, size) * 2 - 1
    return 1 - np.sqrt(np.abs(field))


def spots(style: Rng, layout: Rng, size: int) -> Field:
    """Noise of one scale with its contrast raised: fur, leopards, hedges, gravel."""
    stretch, angle = style.uniform(1, 2.5), style.uniform(0, np.pi)
    radius = _radius(size, stretch, angle)
    centre = style.uniform(4, 40)
    field = _spectral(layout, size, np.exp(-(((radius - centre) / (0.3 * centre)) ** 2)))
    sharpness = style.uniform(2, 14)
    return np.asarray(1 / (1 + np.exp(-sharpness * (field - style.uniform(0.35, 0.65)) * 2)), np.float32)


def stripes(style: Rng, layout: Rng, size: int) -> Field:
    """Waves along a direction, or a weave of two, bent by noise."""
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size
    bend = style.uniform(0, 1.5) * clouds(style, layout, size)
    angle, frequency = style.uniform(0, np.pi) + layout.normal(0, 0.1), style.uniform(3, 40)
    along = x * np.cos(angle) + y * np.sin(angle)
    across = y * np.cos(angle) - x * np.sin(angle)
    wave = np.sin(2 * np.pi * frequency * along + 6 * bend + layout.uniform(0, 6))
    if style.random() < 0.4:
        wave = wave * np.sin(2 * np.pi * frequency * style.uniform(0.3, 1) * across + 6 * bend)
    return rescale(wave)


def cells(style: Rng, layout: Rng, size: int) -> Field:
    """Distances to scattered points, or one value a cell: stones, scales, mosaics."""
    count = int(style.choice([12, 40, 120, 400]))
    points = np.ones((size, size), np.uint8)
    points[layout.integers(0, size, count), layout.integers(0, size, count)] = 0
    distance, label = cv2.distanceTransformWithLabels(points, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    flat = layout.random(count + 2).astype(np.float32)[label]
    near: Field = np.clip(distance / (size / np.sqrt(count)), 0, 1)
    mix = style.choice([0.0, 0.5, 1.0])
    return rescale(mix * flat + (1 - mix) * (1 - near))


def bricks(style: Rng, layout: Rng, size: int) -> Field:
    """Rows of blocks with joints, each block with its own value."""
    height = style.uniform(6, 32) * layout.uniform(0.9, 1.1)
    width, joint = height * style.uniform(1, 3.5), style.uniform(0.05, 0.25)
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    y, x = y + layout.uniform(0, height), x + layout.uniform(0, width)
    row = (y / height).astype(int)
    x = x + (row % 2) * width * style.choice([0.0, 0.5])
    column = (x / width).astype(int)
    in_joint = ((y / height) % 1 < joint) | ((x / width) % 1 < joint * height / width)
    value = layout.random((row.max() + 1, column.max() + 1)).astype(np.float32)[row, column]
    field = np.where(in_joint, 0.0, 0.4 + style.uniform(0.1, 0.6) * value)
    return rescale(field + style.uniform(0, 0.4) * clouds(style, layout, size))


def litter(style: Rng, layout: Rng, size: int) -> Field:
    """Hundreds of small strokes, discs or splinters over one another: grass, crowds, debris."""
    field = np.full((size, size), 90, np.uint8)
    kind, length = style.integers(3), style.uniform(3, 16)
    angle, spread = style.uniform(0, np.pi), style.choice([0.15, 0.5, 3.0])
    count = int(min(900, style.uniform(6, 14) * (size / length) ** 2 / 4))
    centres = layout.integers(0, size, (count, 2))
    values, angles = layout.integers(0, 256, count), layout.normal(angle, spread, count)
    for (x, y), value, turn in zip(centres.tolist(), values.tolist(), angles.tolist(), strict=True):
        if kind == 0:
            end = (int(x + length * np.cos(turn)), int(y + length * np.sin(turn)))
            cv2.line(field, (x, y), end, value, 1, cv2.LINE_AA)
        else:
            axes = (max(1, int(length / 2)), max(1, int(length / (2 * kind))))
            cv2.ellipse(field, (x, y), axes, np.degrees(turn), 0, 360, value, -1, cv2.LINE_AA)
    return np.asarray(field / 255, np.float32)


def grains(style: Rng, layout: Rng, size: int) -> Field:
    """Thousands of stones side by side, each lit from one side: gravel, sand, asphalt, plaster."""
    fine = 2 * size
    count = int(np.exp(style.uniform(np.log(600), np.log(9000))))
    points = np.ones((fine, fine), np.uint8)
    points[layout.integers(0, fine, count), layout.integers(0, fine, count)] = 0
    distance, label = cv2.distanceTransformWithLabels(points, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    value = layout.random(count + 2).astype(np.float32)[label]
    dome = (1 - np.clip(distance / (fine / np.sqrt(count)), 0, 1) ** 2).astype(np.float32)
    angle = style.uniform(0, 2 * np.pi)
    shade = np.cos(angle) * cv2.Sobel(dome, cv2.CV_32F, 1, 0) + np.sin(angle) * cv2.Sobel(dome, cv2.CV_32F, 0, 1)
    field = style.uniform(0.2, 1) * value + style.uniform(0, 1) * dome + style.uniform(0, 2) * shade
    return _shrink(field, size)


def blades(style: Rng, layout: Rng, size: int) -> Field:
    """Thousands of strokes in layers over one another, without gaps: lawn, straw, hair, fir."""
    fine = 2 * size
    length = int(style.integers(7, 25))
    angle, spread = style.uniform(0, np.pi), style.choice([0.2, 0.6, 3.0])
    thickness = int(style.integers(1, 3))
    field = np.full((fine, fine), 60, np.uint8)
    for turn in layout.normal(angle, spread, 14):
        stroke = np.zeros((length, length), np.uint8)
        reach = np.array([np.cos(turn), np.sin(turn)]) * length / 2
        middle = np.full(2, length / 2)
        ends = [(round(x), round(y)) for x, y in (middle - reach, middle + reach)]
        cv2.line(stroke, ends[0], ends[1], 1, thickness)
        roots = np.zeros((fine, fine), np.uint8)
        count = int(style.uniform(0.2, 0.5) * fine**2 / (length * thickness))
        roots[layout.integers(0, fine, count), layout.integers(0, fine, count)] = layout.integers(30, 256, count)
        layer = cv2.dilate(roots, stroke)
        field = np.where(layer > 0, layer, field)
    return _shrink(field.astype(np.float32), size)


def fractal(style: Rng, layout: Rng, size: int) -> Field:
    """An iterated function system's attractor: ferns, snowflakes, branches."""
    maps = style.normal(0, 0.5, (int(style.integers(2, 5)), 2, 3)) + layout.normal(0, 0.05, (2, 3))
    # A map's largest singular value under one keeps the points from running away.
    scale = np.linalg.norm(maps[:, :, :2], ord=2, axis=(1, 2))
    maps[:, :, :2] *= (np.minimum(scale, 0.85) / scale)[:, None, None]
    points = layout.uniform(-1, 1, (3000, 2))
    counts = np.zeros(size * size)
    for step in range(24):
        chosen = maps[layout.integers(0, len(maps), len(points))]
        points = np.einsum("nij,nj->ni", chosen[:, :, :2], points) + chosen[:, :, 2]
        if step >= 8:
            column, row = np.clip((points + 2) * (size / 4), 0, size - 1).astype(int).T
            counts += np.bincount(row * size + column, minlength=size * size)
    return rescale(np.log1p(counts).reshape(size, size))


def _radius(size: int, stretch: float, angle: float) -> NDArray[np.float64]:
    fy, fx = np.fft.fftfreq(size)[:, None] * size, np.fft.rfftfreq(size)[None] * size
    along, across = fx * np.cos(angle) + fy * np.sin(angle), fy * np.cos(angle) - fx * np.sin(angle)
    radius: NDArray[np.float64] = np.maximum(np.hypot(along, across * stretch), 1.0)
    return radius


def _spectral(layout: Rng, size: int, amplitude: NDArray[np.float64]) -> Field:
    phases = layout.standard_normal((2, *amplitude.shape))
    spectrum = (phases[0] + 1j * phases[1]) * amplitude
    spectrum[0, 0] = 0
    return rescale(np.fft.irfft2(spectrum, s=(size, size)))


def _shrink(field: NDArray[np.floating], size: int) -> Field:
    """Downsample by averaging, as a camera's pixels do, and rescale to 0 to 1, clipping outliers."""
    small = cv2.resize(np.asarray(field, np.float32), (size, size), interpolation=cv2.INTER_AREA)
    low, high = np.percentile(small, (1, 99))
    return rescale(np.clip(small, low, high))


def _warp(field: Field, layout: Rng, strength_px: float) -> Field:
    size = len(field)
    moves = layout.normal(0, strength_px, (2, 5, 5)).astype(np.float32)
    dx, dy = (cv2.resize(m, (size, size), interpolation=cv2.INTER_CUBIC) for m in moves)
    x, y = _grid(size)
    return np.asarray(cv2.remap(field, x + dx, y + dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT), np.float32)


@cache
def _grid(size: int) -> tuple[Field, Field]:
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    return x, y


_FIELDS: tuple[Callable[[Rng, Rng, int], Field], ...] = (
    clouds,
    clouds,
    ridges,
    spots,
    stripes,
    cells,
    bricks,
    litter,
    grains,
    grains,
    blades,
    blades,
    fractal,
)
