"""The photographs that every image of the clip site is made from.

All of them lie in the wheels of scikit-image and scikit-learn: nothing is downloaded, and nothing is shipped here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
from cv2.typing import MatLike

from framesift.errors import NotAnImageError

# All of ours are (h, w, 3) uint8 in BGR order, or (h, w) uint8 masks; OpenCV's own type says no more.
Image: TypeAlias = MatLike

_SCIKIT_IMAGE = (
    "astronaut.png", "brick.png", "camera.png", "chelsea.png", "coffee.png", "coins.png", "grass.png",
    "gravel.png", "hubble_deep_field.jpg", "ihc.png", "moon.png", "motorcycle_left.png", "retina.jpg",
    "rocket.jpg",
)  # fmt: skip
_SCIKIT_LEARN = ("china.jpg", "flower.jpg")

# Outlines, drawn by hand for this module: x and y as shares of the photograph's width and height.
_OUTLINES = {
    "astronaut.png": "23,3 38,1 46,13 43,27 55,36 70,49 73,65 97,71 97,100 5,100 6,52 26,34 21,16",
    "camera.png": "39,8 49,5 55,13 68,26 68,36 52,42 39,58 39,100 3,100 19,39 32,26",
    "chelsea.png": "10,0 75,0 85,30 80,60 75,90 60,100 35,95 10,60",
    "coffee.png": "30,4 45,1 58,2 67,8 70,20 74,34 80,48 82,62 79,76 71,87 60,94 48,97 35,95 24,89 15,66 29,32",
    "motorcycle_left.png": "19,36 39,10 55,16 71,36 83,40 81,52 91,62 91,84 78,91 55,84 36,91 19,88 14,68 16,49",
    "china.jpg": "31,6 40,23 55,40 52,49 55,62 55,91 19,91 12,71 16,62 12,52 19,39 16,29 27,21",
    "flower.jpg": "48,20 60,24 69,38 70,55 64,74 55,83 44,83 34,74 28,58 28,42 34,28 40,21",
    "retina.jpg": "50,3 72,9 90,25 97,50 90,75 72,91 50,97 28,91 10,75 3,50 10,25 28,9",
}  # fmt: skip


@dataclass(frozen=True)
class CutOut:
    """A subject cut out of a photograph.

    Attributes:
        image: (h, w, 3) uint8, BGR.
        mask: (h, w) uint8, 0 outside the subject, 255 inside, soft at the outline.
    """

    image: Image
    mask: Image


@cache
def photographs() -> dict[str, Image]:
    """Reads the sixteen photographs.

    Returns:
        File name to (h, w, 3) uint8, BGR. Treat them as read-only.
    """
    paths = [_folder("skimage") / "data" / name for name in _SCIKIT_IMAGE]
    paths += [_folder("sklearn") / "datasets" / "images" / name for name in _SCIKIT_LEARN]
    return {path.name: _read(path) for path in paths}


@cache
def cut_outs() -> list[CutOut]:
    """Cuts the subjects out of the photographs that have one."""
    return [_cut_out(photographs()[name], outline) for name, outline in _OUTLINES.items()]


def _folder(package: str) -> Path:
    """The package's folder, without importing it: scikit-learn alone would take a second."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        message = f"{package} is not installed; install framesift-local with its dependencies"
        raise ModuleNotFoundError(message)
    return Path(spec.submodule_search_locations[0])


def _read(path: Path) -> Image:
    image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        message = f"{path} is damaged; install its package again"
        raise NotAnImageError(message)
    if max(image.shape) > 1000:  # The retina; no crop of it needs more.
        image = cv2.resize(image, (700, 700), interpolation=cv2.INTER_AREA)
    return image


def _cut_out(image: Image, outline: str) -> CutOut:
    height, width = image.shape[:2]
    shares = np.array([pair.split(",") for pair in outline.split()], np.float32) / 100
    points = np.rint(shares * (width, height)).astype(np.int32)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [points], 255)
    mask = cv2.GaussianBlur(mask, (0, 0), width / 120)
    x, y, w, h = cv2.boundingRect(points)
    return CutOut(image[y : y + h, x : x + w], mask[y : y + h, x : x + w])
