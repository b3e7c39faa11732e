"""Thumbnails: compositions of real photographs, with what a detector can find, and where it is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from framesift_local.standins.clipsite import scenes
from framesift_local.standins.clipsite.photos import Image, photographs

WIDTH, HEIGHT = 1280, 720
# The face of scikit-image's photograph of an astronaut, with hair and chin: left, top, width, height in pixels.
_PORTRAIT = (130, 20, 190, 200)


@dataclass(frozen=True)
class Placed:
    """Something that was put into a image: its tag, and where, in shares of the image."""

    tag: str
    left: float
    top: float
    width: float
    height: float


def draw(seed: int) -> tuple[Image, list[Placed]]:
    """Draw a thumbnail.

    Returns:
        (720, 1280, 3) uint8 BGR, and what was put into it; the photographs behind may hold more.
    """
    rng = np.random.default_rng([20_261_120, seed])
    canvas = scenes.draw(rng, WIDTH // 2, HEIGHT // 2)
    canvas = cv2.resize(canvas, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
    placed = []
    if rng.random() < 0.6:
        placed.append(_place(canvas, _portrait(), "person", int(rng.integers(260, 520)), rng))
    if rng.random() < 0.5:
        placed.append(_place(canvas, logo(), "logo", int(rng.integers(120, 240)), rng))
    return canvas, placed


@cache
def logo() -> Image:
    """A channel's badge: (240, 240, 3) uint8 BGR."""
    badge: Image = np.full((240, 240, 3), (40, 30, 220), np.uint8)
    cv2.circle(badge, (120, 120), 100, (255, 255, 255), -1, cv2.LINE_AA)
    cv2.fillPoly(badge, [np.array([[90, 65], [90, 175], [185, 120]], np.int32)], (40, 30, 220), cv2.LINE_AA)
    cv2.rectangle(badge, (6, 6), (233, 233), (20, 200, 250), 10)
    return badge


def encode(image: Image, width: int, height: int) -> bytes:
    """A JPEG of a size; 4:3 sizes have black bars, as YouTube's have."""
    inner = round(width * HEIGHT / WIDTH)
    small = cv2.resize(image, (width, inner), interpolation=cv2.INTER_AREA)
    bar = (height - inner) // 2
    framed = cv2.copyMakeBorder(small, bar, height - inner - bar, 0, 0, cv2.BORDER_CONSTANT)
    _, data = cv2.imencode(".jpg", framed, [cv2.IMWRITE_JPEG_QUALITY, 88])
    return bytes(data)


def _portrait() -> Image:
    left, top, width, height = _PORTRAIT
    return photographs()["astronaut.png"][top : top + height, left : left + width]


def _place(canvas: Image, subject: Image, tag: str, height: int, rng: np.random.Generator) -> Placed:
    width = round(height * subject.shape[1] / subject.shape[0])
    left, top = int(rng.integers(0, WIDTH - width)), int(rng.integers(0, HEIGHT - height))
    part = cv2.resize(subject, (width, height), interpolation=cv2.INTER_LINEAR)
    canvas[top : top + height, left : left + width] = cv2.convertScaleAbs(part, alpha=float(rng.uniform(0.8, 1.15)))
    return Placed(tag, left / WIDTH, top / HEIGHT, width / WIDTH, height / HEIGHT)
