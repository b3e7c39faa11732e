"""Originals: images that are all different, composed of real photographs.

There are sixteen photographs, and a site needs thousands of images that no one would call copies. So an original
is a composition like those that people post: one to three panels (duet, stitch), each a crop of a photograph at a
place, scale, turn and grading of its own; subjects cut out of other photographs in front of it ("green screen");
dancers in poses; coloured stage light; grain. The material comes back, the image does not. Their number is not
limited: a image is a function of its random generator alone.

Nothing is selected: chance keeps them apart. The nearest two of 2,530 originals (four days) differ in 84 of PDQ's 256
bits, mirrored ones too, where up to 31 count as the same image; a test holds each change of this module to that.
"""

from __future__ import annotations

import math
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from framesift_local.standins.clipsite.photos import CutOut, Image, cut_outs, photographs

SIZES = ((360, 640), (540, 960), (720, 1280), (480, 640), (540, 540), (640, 360))
_SIZE_SHARES = (0.56, 0.24, 0.06, 0.06, 0.04, 0.04)
_PANELS = {
    "full": ((0, 0, 1, 1),),
    "stitch": ((0, 0, 1, 0.5), (0, 0.5, 1, 1)),
    "duet": ((0, 0, 0.5, 1), (0.5, 0, 1, 1)),
    "thirds": ((0, 0, 1, 1 / 3), (0, 1 / 3, 1, 2 / 3), (0, 2 / 3, 1, 1)),
}
_PANEL_SHARES = (0.58, 0.18, 0.14, 0.10)


Point = NDArray[np.float64]


def pick_size(rng: np.random.Generator) -> tuple[int, int]:
    """Picks a cover's (width, height) in pixels, as often as covers have it."""
    return SIZES[rng.choice(len(SIZES), p=_SIZE_SHARES)]


def draw(rng: np.random.Generator, width: int, height: int) -> Image:
    """Draws one original.

    Args:
        rng: Decides everything; the same generator at another size gives the same image, smaller or larger.
        width: In pixels.
        height: In pixels.

    Returns:
        (height, width, 3) uint8, BGR.
    """
    canvas: Image = np.empty((height, width, 3), np.uint8)
    panels = list(_PANELS.values())[rng.choice(len(_PANELS), p=_PANEL_SHARES)]
    for left, top, right, bottom in panels:
        rows = slice(round(top * height), round(bottom * height))
        columns = slice(round(left * width), round(right * width))
        canvas[rows, columns] = _crop(rng, columns.stop - columns.start, rows.stop - rows.start)
    for _ in range(rng.integers(1, 4)):
        if rng.random() < 0.72:
            _place(canvas, rng, cut_outs()[rng.integers(len(cut_outs()))])
        else:
            _dancer(canvas, rng)
    return _grain(_light(canvas, rng), rng)


def _crop(rng: np.random.Generator, width: int, height: int) -> Image:
    """A graded crop of a random photograph, turned a little."""
    names = list(photographs())
    photo = photographs()[names[rng.integers(len(names))]]
    photo_height, photo_width = photo.shape[:2]
    reach = rng.uniform(0.3, 0.95)  # Share of the photograph that the crop's longer fit covers.
    scale = max(width / photo_width, height / photo_height) / reach
    turn = math.radians(rng.normal(0, 14))
    cos, sin = scale * math.cos(turn), scale * math.sin(turn)
    flip = -1 if rng.random() < 0.5 else 1
    centre_x = photo_width * rng.uniform(0.2, 0.8)
    centre_y = photo_height * rng.uniform(0.25, 0.75)
    matrix = np.array([[flip * cos, -sin, 0], [flip * sin, cos, 0]])
    matrix[:, 2] = (width / 2, height / 2) - matrix[:, :2] @ (centre_x, centre_y)
    crop = cv2.warpAffine(photo, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return _grade(crop, rng)


def _grade(image: Image, rng: np.random.Generator) -> Image:
    """Other colours: sometimes swapped channels, always another curve for each channel."""
    if rng.random() < 0.2:
        image = cv2.transform(image, np.eye(3)[rng.permutation(3)])
    ramp = np.linspace(0, 1, 256)
    gamma = rng.uniform(0.65, 1.5) * rng.uniform(0.85, 1.18, 3)
    low, high = rng.uniform(0, 0.12, 3), rng.uniform(0.82, 1.0, 3)
    curves = low + (high - low) * ramp[:, None] ** gamma
    table = np.rint(curves * 255).astype(np.uint8)[:, None, :]
    graded: Image = cv2.LUT(image, table)
    return graded


def _place(canvas: Image, rng: np.random.Generator, subject: CutOut) -> None:
    """Puts a subject with a soft shadow into the image."""
    height, width = canvas.shape[:2]
    size = rng.uniform(0.38, 0.85) * min(width, height * 0.75)
    scale = size / max(subject.mask.shape)
    turn = rng.normal(0, 12)
    flip = rng.random() < 0.5
    at = (width * rng.uniform(0.2, 0.8), height * rng.uniform(0.25, 0.85))
    image, mask = (cv2.flip(part, 1) if flip else part for part in (subject.image, subject.mask))
    side = math.ceil(math.hypot(*mask.shape) * scale)
    matrix = cv2.getRotationMatrix2D((mask.shape[1] / 2, mask.shape[0] / 2), turn, scale)
    matrix[:, 2] += side / 2 - np.array([mask.shape[1], mask.shape[0]]) / 2
    image = _grade(cv2.warpAffine(image, matrix, (side, side)), rng)
    mask = cv2.warpAffine(mask, matrix, (side, side))
    left, top = round(at[0] - side / 2), round(at[1] - side / 2)
    offset = max(1, round(side * 0.03))
    shadow = cv2.blur(mask, (2 * offset + 1, 2 * offset + 1)) // 2
    _blend(canvas, np.zeros_like(image), shadow, left + offset, top + offset)
    _blend(canvas, image, mask, left, top)


def _blend(canvas: Image, image: Image, mask: Image, left: int, top: int) -> None:
    """Blend `image` over `canvas` by `mask`, clipped to the canvas."""
    height, width = canvas.shape[:2]
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + image.shape[1], width), min(top + image.shape[0], height)
    if x0 >= x1 or y0 >= y1:
        return
    inner = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
    alpha = cv2.merge([mask[inner]] * 3)
    under = canvas[y0:y1, x0:x1]
    over = cv2.multiply(image[inner], alpha, scale=1 / 255)
    canvas[y0:y1, x0:x1] = cv2.add(over, cv2.multiply(under, 255 - alpha, scale=1 / 255))


def _dancer(canvas: Image, rng: np.random.Generator) -> None:
    """Draws a person in a random pose, as a silhouette against the light."""
    height, width = canvas.shape[:2]
    unit = rng.uniform(0.055, 0.11) * min(height, width * 1.6)
    hips = np.array([width * rng.uniform(0.2, 0.8), height * rng.uniform(0.5, 0.75)])
    lean = rng.normal(0, 0.25)
    neck = hips + 2.4 * unit * np.array([math.sin(lean), -math.cos(lean)])
    shade = rng.choice([0.12, 0.12, 0.6])  # Mostly dark against the light.
    colour = tuple(int(value) for value in rng.integers(60, 256, 3) * shade)

    def limb(start: Point, angle: float, length: float, thick: float) -> Point:
        end: Point = start + length * unit * np.array([math.sin(angle), math.cos(angle)])
        cv2.line(canvas, _fixed(start), _fixed(end), colour, max(1, round(thick * unit)), cv2.LINE_AA, 4)
        return end

    limb(hips, lean + math.pi, 2.4, 0.95)
    for side in (-1, 1):
        elbow = limb(neck, side * rng.uniform(0.3, 2.7), 1.3, 0.42)
        limb(elbow, side * rng.uniform(0.0, 3.1), 1.2, 0.36)
        knee = limb(hips, side * rng.uniform(0.05, 0.9), 1.7, 0.55)
        limb(knee, side * rng.uniform(-0.6, 0.4), 1.7, 0.45)
    head = neck + unit * np.array([math.sin(lean), -math.cos(lean)]) * 0.8
    cv2.circle(canvas, _fixed(head), round(0.62 * unit * 16), colour, -1, cv2.LINE_AA, 4)


def _fixed(point: Point) -> tuple[int, int]:
    """A point with four bits after the binary point, as OpenCV draws between pixels."""
    return round(point[0] * 16), round(point[1] * 16)


def _light(image: Image, rng: np.random.Generator) -> Image:
    """Coloured light and shade that change slowly over the image."""
    height, width = image.shape[:2]
    strength = rng.uniform(0.15, 0.5)
    grid = rng.normal(0, 1, (5, 3, 1)) + rng.normal(0, 0.3, (5, 3, 3))
    gains = np.clip(128 * np.exp(strength * grid), 20, 255).astype(np.uint8)
    lit: Image = cv2.multiply(image, cv2.resize(gains, (width, height), interpolation=cv2.INTER_CUBIC), scale=1 / 128)
    return lit


def _grain(image: Image, rng: np.random.Generator) -> Image:
    height, width = image.shape[:2]
    strength = rng.uniform(0.05, 0.3)
    grain = _noise()[:height, :width]
    grainy: Image = cv2.addWeighted(image, 1.0, grain, strength, -128 * strength)
    return grainy


@cache
def _noise() -> Image:
    height, width = (max(size[axis] for size in SIZES) for axis in (1, 0))
    noise = np.random.default_rng(0).normal(128, 24, (height, width, 1))
    return np.repeat(noise.clip(0, 255).astype(np.uint8), 3, axis=2)
