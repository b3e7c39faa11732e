"""Augmentation for training: random edits like those that people make before they re-post an image.

A view is made in three steps: one perspective warp onto a backdrop (crop, mirror, rotation, perspective,
letterbox, border, inset), then colour changes and overlays, then loss of quality. A view takes under a
millisecond. The evaluation uses separate edits (`evaluation_edits`) and shares no code with this module.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from framesift.copydetect.textures import Rng
from framesift.vision.decode import RgbImage
from framesift.vision.views import squash

_FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX)
_LETTERS = np.array(list("ABCDEFGHIKLMNOPRSTUVWabcdefghiklmnoprstuvw0123456789 #!?"))


@dataclass(frozen=True)
class Recipe:
    """How often and how strongly a view is edited; probabilities are 0 to 1.

    Attributes:
        min_area: The smallest share of the image's area that a crop leaves.
        inset: Probability of a small copy on a larger page.
        min_inset: An inset's smallest width, as a share of the page's.
        frame: Probability of a border or a letterbox.
        mirror: Probability of mirroring.
        turn: Probability of a rotation.
        tilt: Probability of a perspective distortion.
        colour: Probability of a colour change.
        overlay: Probability of each of a caption bar, text, a sticker and a pasted image.
        degrade: Probability of each of blur, rescaling, noise and JPEG.
    """

    min_area: float
    inset: float
    min_inset: float
    frame: float
    mirror: float
    turn: float
    tilt: float
    colour: float
    overlay: float
    degrade: float


WEAK = Recipe(0.7, 0.04, 0.7, 0.1, 0.1, 0.05, 0.05, 0.3, 0.08, 0.2)
STRONG = Recipe(0.3, 0.38, 0.38, 0.2, 0.4, 0.25, 0.2, 0.7, 0.25, 0.3)


def edit_image(image: RgbImage, pool: RgbImage, rng: Rng, recipe: Recipe, size: int) -> RgbImage:
    """Make one view of an image.

    Args:
        image: (S, S, 3) uint8 RGB.
        pool: (N, S, S, 3) uint8 RGB: the source of pasted images and backdrops.
        rng: The source of all randomness.
        recipe: How strongly to edit.
        size: The view's width and height, pixels.

    Returns:
        (size, size, 3) uint8 RGB.
    """
    view = _place(image, pool, rng, recipe, size)
    if rng.random() < recipe.colour:
        view = _recolour(view, rng)
    _draw_overlays(view, pool, rng, recipe)
    return _degrade(view, rng, recipe)


def _place(image: RgbImage, pool: RgbImage, rng: Rng, recipe: Recipe, size: int) -> RgbImage:
    kind = rng.random()
    target, min_area, on_page = (0.0, 0.0, 1.0, 1.0), recipe.min_area, False
    if kind < recipe.inset:
        target, on_page = _choose_inset(rng, recipe.min_inset), True
        min_area = max(min_area, 0.8)
    elif kind < recipe.inset + recipe.frame:
        target, min_area = _choose_frame(rng), max(min_area, 0.6)
    source = _choose_source(rng, recipe, min_area) * len(image)
    left, top, right, bottom = (edge * size for edge in target)
    corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float32)
    if rng.random() < recipe.mirror:
        corners = corners[[1, 0, 3, 2]]
    # Bilinear sampling skips pixels when it shrinks more than twofold.
    if (right - left) < 0.6 * (np.linalg.norm(source[1] - source[0])):
        image, source = squash(image, len(image) // 2), source / 2
    view = _make_backdrop(image, pool, rng, size, page=on_page)
    matrix = cv2.getPerspectiveTransform(source.astype(np.float32), corners)
    cv2.warpPerspective(image, matrix, (size, size), view, cv2.INTER_LINEAR, cv2.BORDER_TRANSPARENT)
    return view


def _choose_source(rng: Rng, recipe: Recipe, min_area: float) -> NDArray[np.float64]:
    """Choose the visible part of the image: (4, 2) corners clockwise from top left, 0 to 1."""
    area, aspect = rng.uniform(min_area, 1.0), np.exp(rng.uniform(-0.35, 0.35))
    width, height = min(1.0, np.sqrt(area * aspect)), min(1.0, np.sqrt(area / aspect))
    left, top = rng.uniform(0, 1 - width), rng.uniform(0, 1 - height)
    corners = np.array([(left, top), (left + width, top), (left + width, top + height), (left, top + height)])
    if rng.random() < recipe.turn:
        angle = np.radians(rng.uniform(-25, 25))
        turn = np.array([(np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))])
        middle = corners.mean(axis=0)
        corners = (corners - middle) @ turn.T + middle
    if rng.random() < recipe.tilt:
        corners = corners + rng.uniform(-0.12, 0.12, (4, 2))
    return corners


def _choose_inset(rng: Rng, min_share: float) -> tuple[float, float, float, float]:
    width = rng.uniform(min_share, 0.9)
    height = float(np.clip(width * np.exp(rng.uniform(-0.4, 0.4)), min_share, 0.95))
    left, top = rng.uniform(0, 1 - width), rng.uniform(0, 1 - height)
    return left, top, left + width, top + height


def _choose_frame(rng: Rng) -> tuple[float, float, float, float]:
    across, down = rng.uniform(0.02, 0.2, 2) * np.array([(1, 1), (0, 1.4), (1.4, 0)])[rng.integers(3)]
    uneven = rng.uniform(0, 2) if rng.random() < 0.3 else 1.0
    return across, down * uneven, 1 - across, 1 - down * (2 - uneven)


def _make_backdrop(image: RgbImage, pool: RgbImage, rng: Rng, size: int, *, page: bool) -> RgbImage:
    """Make the background around the image: a new (size, size, 3) uint8 array."""
    kind = rng.random()
    if kind < (0.2 if page else 0.15):
        other = pool[rng.integers(len(pool))] if page else image
        view = squash(other, size)
        return _blur(view, rng.uniform(0.5, 8)) if kind < 0.15 else view
    view = np.empty((size, size, 3), np.uint8)
    plain = rng.random() < 0.6
    view[:] = np.array([0, 255, 240, 24])[rng.integers(4)] if plain else _random_colour(rng)
    if rng.random() < 0.2:
        to = np.array(_random_colour(rng)) - view[0, 0].astype(float)
        view[:] = view[0, 0] + np.linspace(0, 1, size)[:, None, None] * to
    if page:
        _draw_page(view, rng)
    return view


def _draw_page(view: RgbImage, rng: Rng) -> None:
    """Draw bars, text lines, buttons and small images, as on a phone's screen or a web page."""
    size = len(view)
    ink = _random_colour(rng) if rng.random() < 0.5 else (255 - int(view[0, 0, 0]),) * 3
    for _ in range(int(rng.integers(0, 4))):
        top, height = int(rng.integers(0, size)), int(rng.integers(3, size // 6))
        cv2.rectangle(view, (0, top), (size, top + height), _random_colour(rng), -1)
    for _ in range(int(rng.integers(0, 9))):
        _write(view, rng, ink, scale=rng.uniform(0.2, 0.5))
    for _ in range(int(rng.integers(0, 6))):
        x, y = rng.integers(0, size, 2).tolist()
        width, height = rng.integers(3, size // 4, 2).tolist()
        if rng.random() < 0.5:
            cv2.circle(view, (x, y), width // 2 + 1, _random_colour(rng), -1, cv2.LINE_AA)
        else:
            line = int(rng.choice([-1, 1]))
            cv2.rectangle(view, (x, y), (x + width, y + height), _random_colour(rng), line)


def _recolour(view: RgbImage, rng: Rng) -> RgbImage:
    """Apply a tone curve to each channel, and change or remove saturation and hue."""
    levels = np.linspace(0, 1, 256)[:, None]
    gain, offset = np.exp(rng.normal(0, 0.25)), rng.normal(0, 0.1)
    tint = np.exp(rng.normal(0, 0.12, 3))
    curve = np.clip(levels ** np.exp(rng.normal(0, 0.3)) * gain * tint + offset, 0, 1)
    if rng.random() < 0.05:
        curve = np.round(curve * 5) / 5
    changed = cv2.LUT(view, (curve * 255).astype(np.uint8)[:, None])
    if rng.random() < 0.5:
        grey = np.full((3, 3), 1 / 3)
        saturation = 0.0 if rng.random() < 0.4 else rng.uniform(0.2, 1.8)
        mixing = saturation * np.eye(3) + (1 - saturation) * grey
        if rng.random() < 0.3:
            mixing = mixing + rng.normal(0, 0.15, (3, 3))
        changed = np.clip(cv2.transform(changed.astype(np.float32), mixing), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(changed)


def _draw_overlays(view: RgbImage, pool: RgbImage, rng: Rng, recipe: Recipe) -> None:
    """Draw caption bars, text, stickers and pasted images in place."""
    size = len(view)
    bar, text, sticker, paste = rng.random(4) < recipe.overlay
    if bar:
        height = int(rng.uniform(0.06, 0.25) * size)
        top = 0 if rng.random() < 0.5 else size - height
        view[top : top + height] = _random_colour(rng) if rng.random() < 0.4 else int(rng.choice([0, 255]))
        ink = (255 - int(view[top, 0, 0]),) * 3
        _write(view, rng, ink, scale=height / 40, baseline=top + int(height * 0.7))
    if text:
        for _ in range(int(rng.integers(1, 4))):
            _write(view, rng, _random_colour(rng), scale=rng.uniform(0.3, 1.2))
    if sticker:
        for _ in range(int(rng.integers(1, 4))):
            x, y = rng.integers(0, size, 2).tolist()
            radius = int(rng.uniform(0.03, 0.16) * size)
            cv2.circle(view, (x, y), radius, _random_colour(rng), -1, cv2.LINE_AA)
            cv2.circle(view, (x - radius // 3, y), radius // 4, _random_colour(rng), -1, cv2.LINE_AA)
            cv2.ellipse(view, (x, y), (radius // 2, radius // 2), 0, 20, 160, _random_colour(rng), 2)
    if paste:
        width, height = (rng.uniform(0.12, 0.38, 2) * size).astype(int).tolist()
        x, y = int(rng.integers(0, size - width)), int(rng.integers(0, size - height))
        other = cv2.resize(pool[rng.integers(len(pool))], (width, height))
        share = 1.0 if rng.random() < 0.7 else rng.uniform(0.4, 0.9)
        region = view[y : y + height, x : x + width]
        cv2.addWeighted(other, share, region, 1 - share, 0, dst=region)


def _degrade(view: RgbImage, rng: Rng, recipe: Recipe) -> RgbImage:
    size = len(view)
    blur, rescale, noise, jpeg = rng.random(4) < recipe.degrade
    if blur:
        view = _blur(view, rng.uniform(0.3, 2.5))
    if rescale:
        small = int(size * rng.uniform(0.35, 0.9))
        way = (cv2.INTER_AREA, cv2.INTER_LINEAR)[rng.integers(2)]
        shrunk = cv2.resize(view, (small, small), interpolation=way)
        view = np.asarray(cv2.resize(shrunk, (size, size)), np.uint8)
    if noise:
        grain = rng.standard_normal(view.shape, dtype=np.float32) * rng.uniform(2, 18)
        view = np.clip(view + grain, 0, 255).astype(np.uint8)
    if jpeg:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 90))]
        view = np.asarray(cv2.imdecode(cv2.imencode(".jpg", view, quality)[1], cv2.IMREAD_COLOR), np.uint8)
    return view


def _write(view: RgbImage, rng: Rng, ink: tuple[int, ...], *, scale: float, baseline: int | None = None) -> None:
    size = len(view)
    text = "".join(rng.choice(_LETTERS, int(rng.integers(3, 16))))
    x = int(rng.integers(-size // 8, size // 2))
    y = int(rng.integers(4, size)) if baseline is None else baseline
    font = _FONTS[rng.integers(len(_FONTS))]
    if rng.random() < 0.3:
        outline = (255 - ink[0], 255 - ink[1], 255 - ink[2])
        cv2.putText(view, text, (x + 1, y + 1), font, scale, outline, 2)
    cv2.putText(view, text, (x, y), font, scale, ink, int(rng.integers(1, 3)), cv2.LINE_AA)


def _blur(view: RgbImage, deviation_px: float) -> RgbImage:
    return np.asarray(cv2.GaussianBlur(view, (0, 0), deviation_px), np.uint8)


def _random_colour(rng: Rng) -> tuple[int, int, int]:
    red, green, blue = rng.integers(0, 256, 3).tolist()
    return red, green, blue
