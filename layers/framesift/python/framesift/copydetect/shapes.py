"""Drawing primitives of scenes: outlines, shaded solids, surfaces in perspective.

Functions draw in place on (S, S, 3) uint8 RGB canvases; positions and lengths are pixels.
"""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from framesift.copydetect.textures import Field, Palette, Rng, apply_palette, draw_texture, random_palette
from framesift.vision.decode import RgbImage

Outline: TypeAlias = NDArray[np.int32]
"""(P, 1, 2) x and y, pixels."""


def blend(below: RgbImage, above: RgbImage, mask: Field) -> RgbImage:
    """Blend one image over another: 1 in the mask shows `above`."""
    share = mask[:, :, None].astype(np.float32)
    return (below * (1 - share) + above * share).astype(np.uint8)


def gradient(palette: Palette, size: int, angle: float) -> RgbImage:
    """Draw a palette along a direction, radians."""
    y, x = np.mgrid[0 : 1 : size * 1j, 0 : 1 : size * 1j]
    along = x * np.cos(angle) + y * np.sin(angle)
    return apply_palette(((along - along.min()) / np.ptp(along)).astype(np.float32), palette)


def random_surface(style: Rng, layout: Rng, size: int) -> RgbImage:
    """Draw a wall: a gradient or a texture."""
    palette = random_palette(style)
    if style.random() < 0.5:
        return gradient(palette[:2], size, style.uniform(0, 6))
    return draw_texture(style, layout, size, palette=palette)


def random_colour(palette: Palette, rng: Rng) -> tuple[int, int, int]:
    """Mix a colour from a palette, mostly from one or two of its colours."""
    weights = rng.dirichlet(np.full(len(palette), 0.4))
    red, green, blue = (np.clip(weights @ palette, 0, 1) * 255).astype(int).tolist()
    return red, green, blue


def random_point(layout: Rng, size: int) -> tuple[int, int]:
    """Choose a point of the canvas."""
    return int(layout.integers(0, size)), int(layout.integers(0, size))


def random_curve(layout: Rng, size: int) -> Field:
    """Make a wavy line: (size,) with values of about -1 to 1."""
    x = np.linspace(0, 2 * np.pi, size)
    waves = [np.sin(k * x + layout.uniform(0, 6)) * layout.normal() / k for k in (0.5, 1, 2, 5, 11)]
    return np.asarray(np.sum(waves, axis=0), np.float32)


def random_outline(layout: Rng, centre: tuple[int, int], radius: float, kind: int) -> Outline:
    """Make a closed outline, (P, 1, 2) int32: a polygon, an ellipse or a wavy one."""
    count = int(layout.integers(3, 7)) if kind == 0 else 32
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False) + layout.uniform(0, 6)
    stretch = np.array([layout.uniform(0.5, 1), 1.0])[layout.permutation(2)]
    waves = 0.25 * np.cos(3 * angle + 1) * layout.normal() + 0.15 * np.cos(5 * angle) * layout.normal()
    length = radius * (1 + (waves if kind == 2 else 0))
    points = np.stack([np.cos(angle) * length * stretch[0], np.sin(angle) * length * stretch[1]], -1)
    return (points + centre).astype(np.int32)[:, None]


def draw_solid(canvas: RgbImage, outline: Outline, surface: RgbImage | tuple[int, int, int], layout: Rng) -> None:
    """Fill an outline in place with a surface, lit from one side, with a shadow below."""
    size = len(canvas)
    x, y, w, h = cv2.boundingRect(outline)
    x0, y0, x1, y1 = max(0, x), max(0, y), min(size, x + w), min(size, y + h)
    if x1 <= x0 or y1 <= y0:
        return
    if layout.random() < 0.5:
        shadow = outline + layout.integers(1, 8, 2).astype(np.int32)
        cv2.fillPoly(canvas, [shadow], random_colour(canvas[y0, x0][None] / 600, layout), cv2.LINE_AA)
    mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
    cv2.fillPoly(mask, [outline - np.array([x0, y0], np.int32)], 255, cv2.LINE_AA)
    across = np.linspace(-1, 1, x1 - x0, dtype=np.float32)[None]
    down = np.linspace(-1, 1, y1 - y0, dtype=np.float32)[:, None]
    lit = layout.uniform(-0.4, 0.4, 2)
    shade = 0.95 + lit[0] * across + lit[1] * down - 0.25 * (across**2 + down**2)
    filled = surface if isinstance(surface, tuple) else surface[y0:y1, x0:x1]
    painted = np.clip(np.asarray(filled, np.float32) * shade[:, :, None], 0, 255)
    share = mask[:, :, None] / np.float32(255)
    region = canvas[y0:y1, x0:x1]
    region[:] = (region * (1 - share) + painted * share).astype(np.uint8)


def paste(canvas: RgbImage, surface: RgbImage, quad: list[tuple[float, float]], *, light: float = 1.0) -> None:
    """Stretch a surface over a quadrilateral: corners clockwise from top left; `light` scales its brightness."""
    size = float(len(surface))
    corners = np.array([(0, 0), (size, 0), (size, size), (0, size)], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, np.array(quad, np.float32))
    lit = cv2.convertScaleAbs(surface, alpha=light)
    shape = (canvas.shape[1], canvas.shape[0])
    cv2.warpPerspective(lit, matrix, shape, canvas, cv2.INTER_LINEAR, cv2.BORDER_TRANSPARENT)


def draw_box(canvas: RgbImage, layout: Rng, corner: tuple[int, int], length: float, palette: Palette) -> None:
    """Draw a box of three visible faces, each a shade darker than the one before."""
    width, height = (layout.uniform(0.4, 1.2, 2) * length).astype(int).tolist()
    depth = (layout.uniform(-0.4, 0.4, 2) * length).astype(int)
    x, y = corner
    front = np.array([(x, y), (x + width, y), (x + width, y + height), (x, y + height)])
    colour = np.array(random_colour(palette, layout))
    for k, shade in ((0, 0.6), (1, 0.8), (2, 0.7), (3, 0.5)):
        edge = front[[k, (k + 1) % 4]]
        face = np.concatenate([edge, edge[::-1] + depth]).astype(np.int32)
        cv2.fillPoly(canvas, [face], (colour * shade).astype(int).tolist(), cv2.LINE_AA)
    cv2.fillPoly(canvas, [front.astype(np.int32)], colour.tolist(), cv2.LINE_AA)


def draw_standing(
    canvas: RgbImage, layout: Rng, foot: tuple[int, int], height: float, palette: Palette, kind: int
) -> None:
    """Draw a tree, a house, a figure or a boulder on the ground."""
    x, y = foot
    h = height * layout.uniform(0.5, 1.2)
    if kind == 0:
        trunk = (int(x - h * 0.05), int(y - h * 0.4)), (int(x + h * 0.05), y)
        cv2.rectangle(canvas, *trunk, random_colour(palette, layout), -1)
        crown = random_outline(layout, (x, int(y - h * 0.7)), h * 0.35, 2)
        draw_solid(canvas, crown, random_colour(palette, layout), layout)
    elif kind == 1:
        draw_box(canvas, layout, (x, int(y - h * 0.6)), h, palette)
    elif kind == 2:
        body = random_outline(layout, (x, int(y - h * 0.35)), h * 0.3, 1)
        draw_solid(canvas, body, random_colour(palette, layout), layout)
        head = random_outline(layout, (x, int(y - h * 0.8)), h * 0.14, 1)
        draw_solid(canvas, head, random_colour(palette, layout), layout)
    else:
        draw_solid(canvas, random_outline(layout, (x, y), h * 0.4, 2), random_colour(palette, layout), layout)
