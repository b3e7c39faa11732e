"""Draws the synthetic images that the model is trained on: no photographs, no downloads, no third-party rights.

`draw_image(seed, family, member)` is a pure function: the same numbers give the same image, and the
members of a family share the style but not the layout (see `textures`).
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from framesift.copydetect.shapes import (
    blend,
    draw_box,
    draw_solid,
    draw_standing,
    gradient,
    paste,
    random_colour,
    random_curve,
    random_outline,
    random_point,
    random_surface,
)
from framesift.copydetect.textures import Rng, clouds, draw_texture, random_palette
from framesift.vision.decode import RgbImage

IMAGE_SIZE = 192
"""Pixels: 1.5 times the model's input, so that a crop keeps detail."""
FAMILY_SIZE = 4

_STAGED_EVERY = 6
"""One family in six shows the same place with different things in front of it."""

_WORDS = "the of and to in is on THIS WAS NEW photo 2026 dance music food love day 100 best top go"


def draw_image(seed: int, family: int, member: int) -> RgbImage:
    """Draw one image: (192, 192, 3) uint8 RGB."""
    style = np.random.default_rng((seed, family))
    layout = np.random.default_rng((seed, family, member))
    scene = _choose_scene(style, family)
    return _simulate_camera(scene(style, layout, IMAGE_SIZE), style, layout)


def is_homogeneous(seed: int, family: int) -> bool:
    """Whether a family is one uniform texture: the hardest negatives."""
    return _choose_scene(np.random.default_rng((seed, family)), family) is _homogeneous


def _choose_scene(style: Rng, family: int) -> Callable[[Rng, Rng, int], RgbImage]:
    drawers, weights = zip(*_SCENES, strict=True)
    drawn: Callable[[Rng, Rng, int], RgbImage] = drawers[style.choice(len(drawers), p=np.array(weights) / sum(weights))]
    return _stage if family % _STAGED_EVERY == _STAGED_EVERY - 1 else drawn


def _homogeneous(style: Rng, layout: Rng, size: int) -> RgbImage:
    """One texture all over, often grey: lawns, walls, gravel, cloth."""
    palette = random_palette(style, grey=True if style.random() < 0.5 else None)
    return draw_texture(style, layout, size, palette=palette)


def _patches(style: Rng, layout: Rng, size: int) -> RgbImage:
    """Two or three textures with soft or hard borders."""
    canvas = draw_texture(style, layout, size, palette=random_palette(style))
    for _ in range(int(style.integers(1, 3))):
        other = draw_texture(style, layout, size, palette=random_palette(style))
        mask = clouds(style, layout, size)
        hardness = style.choice([4.0, 30.0])
        canvas = blend(canvas, other, 1 / (1 + np.exp(-hardness * (mask - 0.5))))
    return canvas


def _dead_leaves(style: Rng, layout: Rng, size: int) -> RgbImage:
    """Shapes of all sizes over one another, the larger ones shaded, like clutter."""
    palette = random_palette(style)
    canvas = draw_texture(style, layout, size, palette=palette)
    kinds = style.integers(0, 3, 4)
    for _ in range(int(style.choice([15, 50, 150]))):
        radius = min(size * 0.35, 4 / (layout.random() + 0.02) ** 0.8)
        colour = random_colour(palette, layout)
        outline = random_outline(layout, random_point(layout, size), radius, kinds[layout.integers(4)])
        if radius > 16:
            draw_solid(canvas, outline, colour, layout)
        else:
            cv2.fillPoly(canvas, [outline], colour, cv2.LINE_AA)
    return canvas


def _landscape(style: Rng, layout: Rng, size: int) -> RgbImage:
    """A sky, ranges of hills behind each other, and things that stand on them."""
    canvas = gradient(random_palette(style), size, np.pi / 2)
    if style.random() < 0.6:
        canvas = blend(canvas, np.full_like(canvas, 235), clouds(style, layout, size) ** 2)
    horizon = style.uniform(0.15, 0.7) + layout.normal(0, 0.05)
    for share in np.linspace(horizon, 1.05, int(style.integers(2, 6)))[:-1]:
        roughness = style.uniform(0.01, 0.12)
        ridge = random_curve(layout, size) * roughness * size + share * size
        rows = np.arange(size)[:, None]
        ground = draw_texture(style, layout, size, palette=random_palette(style))
        mask = np.clip(rows - ridge[None], 0, 1).astype(np.float32)
        canvas = blend(canvas, ground, mask)
        palette, kind = random_palette(style), int(style.integers(4))
        for _ in range(int(style.choice([0, 2, 8]))):
            x = int(layout.integers(0, size))
            draw_standing(canvas, layout, (x, int(ridge[x])), size * (0.05 + 0.3 * share), palette, kind)
    return canvas


def _room(style: Rng, layout: Rng, size: int) -> RgbImage:
    """Floor, ceiling and walls in perspective, with boxes as furniture."""
    left, right = np.sort(layout.uniform(0.05, 0.95, 2)) * size
    top, bottom = layout.uniform(0.05, 0.4) * size, layout.uniform(0.6, 0.95) * size
    s = float(size)
    back = [(left, top), (right, top), (right, bottom), (left, bottom)]
    corners = [(0.0, 0.0), (s, 0.0), (s, s), (0.0, s)]
    canvas = np.zeros((size, size, 3), np.uint8)
    for k in range(4):
        following = (k + 1) % 4
        quad = [corners[k], corners[following], back[following], back[k]]
        paste(canvas, random_surface(style, layout, size), quad, light=layout.uniform(0.4, 1))
    paste(canvas, random_surface(style, layout, size), back)
    for _ in range(int(style.integers(1, 7))):
        palette = random_palette(style)
        x, y = random_point(layout, size)
        draw_box(canvas, layout, (x, y), layout.uniform(0.08, 0.3) * size, palette)
    return canvas


def _things(style: Rng, layout: Rng, size: int) -> RgbImage:
    """A few large shaded things in front of an unfocused background: portraits, food, goods."""
    palette = random_palette(style)
    canvas = draw_texture(style, layout, size, palette=palette)
    if style.random() < 0.6:
        canvas = np.asarray(cv2.GaussianBlur(canvas, (0, 0), style.uniform(2, 10)), np.uint8)
    for _ in range(int(style.choice([1, 2, 3, 5]))):
        skin, kind = random_palette(style), int(style.integers(3))
        radius = style.uniform(0.12, 0.4) * size * layout.uniform(0.8, 1.2)
        centre = (np.array([0.5, 0.5]) + layout.normal(0, 0.2, 2)) * size
        outline = random_outline(layout, (int(centre[0]), int(centre[1])), radius, kind)
        surface = draw_texture(style, layout, size, palette=skin)
        draw_solid(canvas, outline, surface, layout)
        for _ in range(int(style.integers(0, 6))):
            spot = centre + layout.normal(0, radius / 2, 2)
            mark = random_outline(layout, (int(spot[0]), int(spot[1])), radius * 0.15, kind)
            cv2.fillPoly(canvas, [mark], random_colour(skin, layout), cv2.LINE_AA)
    return canvas


def _crowd(style: Rng, layout: Rng, size: int) -> RgbImage:
    """Many of one thing in rows or at random: coins, windows, seats, cells."""
    palette, skin = random_palette(style), random_palette(style)
    canvas = draw_texture(style, layout, size, palette=palette)
    side, kind, jitter = int(style.integers(3, 8)), int(style.integers(3)), style.uniform(0, 0.3)
    step = size / side
    for row in range(side):
        for column in range(side):
            if layout.random() < 0.15:
                continue
            centre = (np.array([column, row]) + 0.5 + layout.normal(0, jitter, 2)) * step
            radius = step * style.uniform(0.2, 0.5) * layout.uniform(0.8, 1.2)
            outline = random_outline(layout, (int(centre[0]), int(centre[1])), radius, kind)
            draw_solid(canvas, outline, random_colour(skin, layout), layout)
    return canvas


def _page(style: Rng, layout: Rng, size: int) -> RgbImage:
    """Text and panels: posters, documents, screens."""
    palette = random_palette(style)
    canvas = np.empty((size, size, 3), np.uint8)
    canvas[:] = random_colour(palette[:1], style)
    if style.random() < 0.3:
        canvas = gradient(palette, size, style.uniform(0, 6))
    for _ in range(int(style.integers(0, 5))):
        x, y = random_point(layout, size)
        w, h = (layout.uniform(0.1, 0.6, 2) * size).astype(int).tolist()
        colour = random_colour(palette, layout)
        cv2.rectangle(canvas, (x, y), (x + w, y + h), colour, int(layout.choice([-1, 1, 2])))
    scale, y = style.uniform(0.25, 1.2), int(layout.integers(5, 30))
    while y < size:
        text = " ".join(layout.choice(_WORDS.split(), int(layout.integers(1, 7))))
        x = int(layout.integers(2, size // 3))
        colour = random_colour(palette[1:], layout)
        cv2.putText(canvas, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, colour, 1 + int(scale > 0.7))
        y += int(scale * layout.uniform(26, 60))
    return canvas


def _drawing(style: Rng, layout: Rng, size: int) -> RgbImage:
    """Lines on paper."""
    palette = random_palette(style)
    canvas = gradient(palette[-2:], size, style.uniform(0, 6))
    thickness, bend = int(style.integers(1, 4)), style.uniform(0.02, 0.3)
    for _ in range(int(style.choice([8, 30, 80]))):
        start = np.array(random_point(layout, size), float)
        steps = layout.normal(0, bend * size / 3, (8, 2)) + layout.normal(0, bend * size / 2, 2)
        points = (start + np.cumsum(steps, axis=0) / 2).astype(np.int32)
        colour = random_colour(palette[:1], layout)
        cv2.polylines(canvas, [points], bool(layout.random() < 0.2), colour, thickness, cv2.LINE_AA)
    return canvas


def _collage(style: Rng, layout: Rng, size: int) -> RgbImage:
    """Two to four scenes side by side."""
    canvas = np.zeros((size, size, 3), np.uint8)
    x, y = (layout.uniform(0.3, 0.7, 2) * size).astype(int).tolist()
    upright = style.random() < 0.5
    cells = [(0, 0, x, size), (x, 0, size, size)]
    if style.random() < 0.5:
        cells = [(0, 0, x, y), (x, 0, size, y), (0, y, x, size), (x, y, size, size)]
    for x0, y0, x1, y1 in cells:
        part = _SCENES[style.integers(_SIMPLE_SCENES)][0](style, layout, size)
        cell = cv2.resize(part, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)
        canvas[y0:y1, x0:x1] = cell
    return canvas if upright else np.ascontiguousarray(canvas.transpose(1, 0, 2))


def _stage(style: Rng, layout: Rng, size: int) -> RgbImage:
    """One place, slightly shifted, with different things in front of it, by which alone a family's members differ."""
    place = np.random.default_rng(style.integers(1 << 32))
    wide = size * 6 // 5
    backdrop = _SCENES[style.integers(_SIMPLE_SCENES)][0](place, place, wide)
    left, top = layout.integers(0, wide - size + 1, 2).tolist()
    canvas = np.ascontiguousarray(backdrop[top : top + size, left : left + size])
    skin = random_palette(layout)
    middle, radius = layout.uniform(0.25, 0.75, 2) * size, layout.uniform(0.15, 0.32) * size
    for _ in range(int(layout.integers(1, 6))):
        x, y = middle.astype(int).tolist()
        part = random_outline(layout, (x, y), radius, int(layout.integers(3)))
        draw_solid(canvas, part, draw_texture(layout, layout, size, palette=skin), layout)
        middle, radius = middle + layout.normal(0, radius, 2), radius * layout.uniform(0.5, 1)
    return canvas


def _simulate_camera(scene: RgbImage, style: Rng, layout: Rng) -> RgbImage:
    """Add what a camera adds: uneven light, a tone curve, blur, noise."""
    size = len(scene)
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    unevenness = style.choice([0.1, 1.0])
    slope, falloff = layout.normal(0, 0.2, 2), layout.uniform(0, 0.25)
    light = 1 + unevenness * (slope[0] * x + slope[1] * y - falloff * (x**2 + y**2))
    image = scene / np.float32(255) * light[:, :, None].astype(np.float32)
    image = np.clip(image, 0, 1) ** np.float32(style.choice([0.7, 1.0, 1.0, 1.5]))
    if layout.random() < 0.5:
        image = cv2.GaussianBlur(image, (0, 0), layout.uniform(0.3, 1.2))
    noise = layout.standard_normal((size, size, 1), dtype=np.float32) * layout.uniform(0, 0.03)
    photo: RgbImage = (np.clip(image + noise, 0, 1) * 255).astype(np.uint8)
    return photo


_SCENES: tuple[tuple[Callable[[Rng, Rng, int], RgbImage], float], ...] = (
    (_homogeneous, 3.0),
    (_patches, 1.5),
    (_dead_leaves, 2.0),
    (_landscape, 2.5),
    (_room, 1.5),
    (_things, 3.0),
    (_crowd, 1.5),
    (_page, 1.0),
    (_drawing, 0.7),
    (_collage, 0.8),
)
_SIMPLE_SCENES = len(_SCENES) - 1
"""All but the collage, which is made of the others."""
