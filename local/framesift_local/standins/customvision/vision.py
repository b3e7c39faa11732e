"""The stand-in's detectors: real ones that ship with packages in use, or that know the one logo there is.

`person` is a frontal face found by the local binary patterns that scikit-image ships, by scikit-image's cascade; `logo`
is the badge of our own thumbnails, found by normalised cross-correlation at several sizes.
"""

from __future__ import annotations

import hashlib
from functools import cache, lru_cache
from typing import Any, NamedTuple

import cv2
import numpy as np

from framesift_local.standins.clipsite.photos import Image
from framesift_local.standins.youtube.images import logo

_WIDTH_PX = 320  # Images are scaled to this width first.
_LOGO_HEIGHTS_PX = (27, 32, 39, 45, 53, 61)
_LOGO_MIN_SCORE = 0.45


class Detection(NamedTuple):
    """An object in an image: its box in shares of the image (0 to 1), and its probability (0 to 1)."""

    tag: str
    probability: float
    left: float
    top: float
    width: float
    height: float


@lru_cache(maxsize=4096)
def detect(data: bytes) -> tuple[Detection, ...]:
    """Detect the objects in an encoded image; most probable first."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        return ()
    small = cv2.resize(image, (_WIDTH_PX, max(8, round(_WIDTH_PX * image.shape[0] / image.shape[1]))))
    return tuple(sorted([*_detect_faces(small), *_detect_logos(small)], key=lambda detection: -detection.probability))


def iou(one: Detection, other: Detection) -> float:
    """Return the intersection over union of two boxes, 0 to 1."""
    width = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
    height = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
    both = max(width, 0.0) * max(height, 0.0)
    return both / (one.width * one.height + other.width * other.height - both)


def weaken(detections: tuple[Detection, ...], share: float, salt: bytes) -> tuple[Detection, ...]:
    """Return what a worse detector finds: it misses a share of the objects, always the same for the same image."""
    kept = []
    for each in detections:
        digest = hashlib.sha256(salt + repr(each).encode()).digest()
        if int.from_bytes(digest[:4]) / 2**32 >= share:
            kept.append(each)
    return tuple(kept)


@cache
def _cascade() -> Any:
    from skimage.data import lbp_frontal_face_cascade_filename
    from skimage.feature import Cascade

    return Cascade(lbp_frontal_face_cascade_filename())  # type: ignore[no-untyped-call]


def _detect_faces(image: Image) -> list[Detection]:
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    boxes = _cascade().detect_multi_scale(
        img=grey, scale_factor=1.2, step_ratio=1, min_size=(24, 24), max_size=(96, 96), min_neighbor_number=2
    )
    height, width = grey.shape
    found = []
    for box in boxes:
        left, top, side = box["c"], box["r"], box["width"]
        # A face in even light is more certain than one in the dark: contrast inside the box, 64 grey levels at most.
        contrast = float(grey[top : top + side, left : left + side].std())
        grown = side // 4  # The patterns stop at the brows and the chin.
        found.append(
            Detection(
                "person",
                round(min(0.99, 0.25 + 0.75 * min(1.0, contrast / 64)), 4),
                max(0, left - grown) / width,
                max(0, top - 2 * grown) / height,
                (min(width, left + side + grown) - max(0, left - grown)) / width,
                (min(height, top + side + 2 * grown) - max(0, top - 2 * grown)) / height,
            )
        )
    return found


def _detect_logos(image: Image) -> list[Detection]:
    height, width = image.shape[:2]
    best = None
    for side in _LOGO_HEIGHTS_PX:
        if side >= min(height, width):
            continue
        scores = cv2.matchTemplate(image, _badge(side), cv2.TM_CCOEFF_NORMED)
        _, score, _, (left, top) = cv2.minMaxLoc(scores)
        if best is None or score > best.probability:
            best = Detection("logo", round(float(score), 4), left / width, top / height, side / width, side / height)
    return [best] if best and best.probability >= _LOGO_MIN_SCORE else []


@cache
def _badge(side: int) -> Image:
    return cv2.resize(logo(), (side, side), interpolation=cv2.INTER_AREA)
