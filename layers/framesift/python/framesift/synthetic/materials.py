"""How materials answer light: the colour of a surface by the way it faces, under one set of lamps."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from framesift.synthetic.noise import Colours, Rng

_SIDE = 96


@dataclass(frozen=True)
class Material:
    """A surface.

    Attributes:
        colour: RGB, 0 to 1.
        metal: Whether it mirrors its surroundings in its own colour; else it scatters light below a clear gloss.
        roughness: From 0 (a mirror) to 1.
        bumps: The height of its texture, in pixels.
    """

    colour: tuple[float, float, float]
    metal: bool
    roughness: float
    bumps: float


MATERIALS: dict[str, Material] = {
    "steel": Material((0.72, 0.73, 0.76), metal=True, roughness=0.3, bumps=0.1),
    "aluminium": Material((0.88, 0.89, 0.9), metal=True, roughness=0.5, bumps=0.13),
    "brass": Material((0.93, 0.74, 0.38), metal=True, roughness=0.3, bumps=0.08),
    "copper": Material((0.9, 0.56, 0.42), metal=True, roughness=0.32, bumps=0.08),
    "black oxide": Material((0.2, 0.2, 0.22), metal=True, roughness=0.45, bumps=0.14),
    "rust": Material((0.5, 0.48, 0.47), metal=True, roughness=0.6, bumps=0.3),
    "red plastic": Material((0.75, 0.1, 0.09), metal=False, roughness=0.4, bumps=0.05),
    "blue plastic": Material((0.1, 0.24, 0.65), metal=False, roughness=0.4, bumps=0.05),
    "green plastic": Material((0.1, 0.5, 0.22), metal=False, roughness=0.45, bumps=0.05),
    "white plastic": Material((0.66, 0.66, 0.63), metal=False, roughness=0.5, bumps=0.05),
}
BARE = Material((0.9, 0.9, 0.9), metal=True, roughness=0.55, bumps=0.1)
"""Metal below a scratched surface."""
RUST = Material((0.43, 0.21, 0.1), metal=False, roughness=1.0, bumps=0.5)


@dataclass(frozen=True)
class Lamps:
    """The light of a scene.

    Attributes:
        direction: Where the main lamp stands, in the plane of the image: (x, y), at most 1 long.
        others: Further lamps: (x, y, strength).
        ambient: The light from everywhere, 0 to 1.
        size: How large the lamps are; small ones make hard highlights.
    """

    direction: tuple[float, float]
    others: tuple[tuple[float, float, float], ...]
    ambient: float
    size: float


def choose_lamps(random: Rng) -> Lamps:
    """Choose a main lamp and up to three others."""
    angle, tilt = random.uniform(0, 2 * np.pi), random.uniform(0.35, 0.75)
    others = []
    for _ in range(int(random.integers(0, 4))):
        turn, far = random.uniform(0, 2 * np.pi), random.uniform(0.2, 0.95)
        others.append((float(far * np.cos(turn)), float(far * np.sin(turn)), float(random.uniform(0.2, 0.7))))
    return Lamps(
        (float(tilt * np.cos(angle)), float(tilt * np.sin(angle))),
        tuple(others),
        float(random.uniform(0.35, 0.6)),
        float(random.uniform(0.08, 0.3)),
    )


@lru_cache(maxsize=1)
def _normals() -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    x, y = np.meshgrid(np.linspace(-1, 1, _SIDE, dtype=np.float32), np.linspace(-1, 1, _SIDE, dtype=np.float32))
    length = np.maximum(np.sqrt(x * x + y * y), np.float32(1))
    x, y = np.asarray(x / length, np.float32), np.asarray(y / length, np.float32)
    return x, y, np.sqrt(np.maximum(1 - x * x - y * y, 0)).astype(np.float32)


def light(material: Material, lamps: Lamps) -> Colours:
    """Light a material: its colour by the x and y of the surface's normal, -1 to 1, as a (96, 96, 3) image."""
    x, y, z = _normals()
    # Where the eye sees a mirror's surroundings.
    away_x, away_y = 2 * z * x, 2 * z * y
    spread = lamps.size + material.roughness**2 * 0.9
    seen = np.float32(lamps.ambient) * (np.float32(0.75) + np.float32(0.35) * np.sin(away_y * 2.2 + away_x * 1.3))
    scattered = np.float32(lamps.ambient) * (np.float32(0.6) + np.float32(0.4) * z)
    for lamp_x, lamp_y, strength in ((*lamps.direction, 1.0), *lamps.others):
        off = np.square(away_x - lamp_x) + np.square(away_y - lamp_y)
        seen = seen + np.float32(strength * 0.5 / (0.3 + spread)) * np.exp(
            -off / np.float32(2 * spread * spread + 0.02)
        )
        lamp_z = np.sqrt(max(0.05, 1 - lamp_x**2 - lamp_y**2))
        scattered = scattered + np.float32(strength * 0.55) * np.maximum(x * lamp_x + y * lamp_y + z * lamp_z, 0)
    colour = np.asarray(material.colour, np.float32)
    if material.metal:
        tone = (seen * 0.75 + scattered * 0.3)[..., None] * colour
        # Highlights lose a little of the metal's colour, and grazing angles too.
        tone += (np.maximum(seen - 0.9, 0) * 0.25 + (1 - z) ** 4 * 0.12)[..., None]
    else:
        gloss = (0.04 + 0.3 * (1 - z) ** 3) * (1.2 - material.roughness)
        tone = np.float32(0.78) * scattered[..., None] * colour + (seen * gloss)[..., None]
    return np.asarray(255 * tone / (0.85 + 0.15 * tone), np.float32)


def look_up(lit: Colours, x: NDArray[np.float32], y: NDArray[np.float32]) -> Colours:
    """Find the colours of surfaces by the x and y of their normals, -1 to 1: (height, width, 3)."""
    half = np.float32((_SIDE - 1) / 2)
    return np.asarray(
        cv2.remap(lit, x * half + half, y * half + half, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32
    )
