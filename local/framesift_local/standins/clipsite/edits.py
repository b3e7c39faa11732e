"""What people do to somebody else's image before they post it as their own."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from framesift_local.standins.clipsite.photos import Image

_CAPTIONS = (
    "이거 진짜임?", "끝까지 보세요", "레전드 무대", "오늘의 챌린지", "집에서 5분 요리", "실화냐 이거",
    "wait for it", "part 2", "POV: first try", "you need to see this", "link in bio", "밈 모음 #12",
    "最後まで見て", "no te lo pierdas", "follow for more", "친구 태그하기",
)  # fmt: skip
_HANDLES = ("@repost.daily", "@hot_clips", "@재업금지", "@viral.kr", "@best_of_fyp", "@몰아보기")

Edit = Callable[[Image, np.random.Generator], Image]


def apply(kind: str, image: Image, rng: np.random.Generator) -> Image:
    """Edits a image.

    Args:
        kind: One of `KINDS`.
        image: (h, w, 3) uint8, BGR; stays as it is.
        rng: Decides how, and how strongly.

    Returns:
        (h', w', 3) uint8, BGR.
    """
    return _EDITS[kind](image, rng)


def jpeg_quality(kind: str, rng: np.random.Generator) -> int:
    """The quality (0 to 100) that the edited image is saved with: low where that is the edit."""
    return int(rng.integers(30, 71) if kind in ("reencode", "several") else rng.integers(72, 93))


def _reencode(image: Image, _rng: np.random.Generator) -> Image:
    return image  # Saving it again is all: see `jpeg_quality`.


def _resize(image: Image, rng: np.random.Generator) -> Image:
    height, width = image.shape[:2]
    wider = rng.uniform(0.5, 1.3)
    higher = wider * rng.uniform(0.92, 1.08)
    size = (round(width * wider), round(height * higher))
    resized: Image = cv2.resize(image, size, interpolation=cv2.INTER_AREA if wider < 1 else cv2.INTER_CUBIC)
    return resized


def _crop(image: Image, rng: np.random.Generator) -> Image:
    height, width = image.shape[:2]
    keep_y, keep_x = rng.uniform(0.62, 0.92, 2)
    top, left = round(height * (1 - keep_y) * rng.random()), round(width * (1 - keep_x) * rng.random())
    part = image[top : top + round(height * keep_y), left : left + round(width * keep_x)]
    return part.copy() if rng.random() < 0.5 else _fit(part, width, height)


def _caption(image: Image, rng: np.random.Generator) -> Image:
    image = image.copy()
    height, width = image.shape[:2]
    size = round(width * rng.uniform(0.06, 0.1))
    text = _CAPTIONS[rng.integers(len(_CAPTIONS))]
    baseline = round(height * rng.choice([rng.uniform(0.08, 0.2), rng.uniform(0.7, 0.92)]))
    if rng.random() < 0.6:
        shade = int(rng.choice([0, 255]))
        image[max(0, baseline - 2 * size) : baseline + size] = shade
        _write(image, text, (round(width * 0.06), baseline), size, (255 - shade,) * 3)
    else:
        at = (round(width * 0.06), baseline)
        for offset in (-2, 2):
            _write(image, text, (at[0] + offset, at[1] + offset), size, (0, 0, 0))
        _write(image, text, at, size, (255, 255, 255))
    return image


def _border(image: Image, rng: np.random.Generator) -> Image:
    """Letterboxes the image into another frame, or draws a border around it."""
    height, width = image.shape[:2]
    if rng.random() < 0.5:
        side = round(width * rng.uniform(0.03, 0.12))
        pads = (side, side, side, side)
    else:
        bar = round(height * rng.uniform(0.08, 0.22))
        pads = (bar, bar, 0, 0)
    colour = (0, 0, 0) if rng.random() < 0.6 else tuple(rng.integers(0, 256, 3).tolist())
    padded = cv2.copyMakeBorder(image, *pads, cv2.BORDER_CONSTANT, value=colour)
    return _fit(padded, width, height)


def _mirror(image: Image, _rng: np.random.Generator) -> Image:
    mirrored: Image = cv2.flip(image, 1)
    return mirrored


def _colour(image: Image, rng: np.random.Generator) -> Image:
    """A filter: other saturation, contrast, brightness and warmth."""
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    saturation = rng.choice([0.0, rng.uniform(0.3, 1.7)], p=[0.2, 0.8])
    image = cv2.addWeighted(image, saturation, grey, 1 - saturation, 0)
    gains = rng.uniform(0.8, 1.25) * rng.uniform(0.85, 1.15, 3)
    levels = (np.arange(256)[:, None] - 128) * gains + 128 + rng.uniform(-25, 25)
    graded: Image = cv2.LUT(image, levels.clip(0, 255).astype(np.uint8)[:, None, :])
    return graded


def _watermark(image: Image, rng: np.random.Generator) -> Image:
    """A handle written over it, and a sticker."""
    image = image.copy()
    height, width = image.shape[:2]
    handle = _HANDLES[rng.integers(len(_HANDLES))]
    at = (round(width * rng.uniform(0.03, 0.4)), round(height * rng.uniform(0.1, 0.95)))
    _write(image, handle, at, round(width * 0.055), (255, 255, 255))
    radius = round(width * rng.uniform(0.08, 0.16))
    x, y = round(width * rng.uniform(0.15, 0.85)), round(height * rng.uniform(0.15, 0.85))
    _smiley(image, x, y, radius)
    return image


def _inset(image: Image, rng: np.random.Generator) -> Image:
    """A screenshot of an app that shows the image."""
    height, width = image.shape[:2]
    dark = rng.random() < 0.5
    back, ink, line = ((18, 18, 18), (235,) * 3, (60,) * 3) if dark else ((250,) * 3, (20,) * 3, (215,) * 3)
    screen: Image = np.full((height, width, 3), back, np.uint8)
    share = rng.uniform(0.6, 0.8)
    shown = cv2.resize(image, (round(width * share), round(height * share)), interpolation=cv2.INTER_AREA)
    top = round(height * rng.uniform(0.1, 0.9 - share))
    left = round(width * rng.choice([0.03, (1 - share) / 2]))
    unit = round(width * 0.05)
    cv2.rectangle(screen, (0, 0), (width, round(height * 0.06)), line, -1)
    _write(screen, "9:41", (unit, round(height * 0.042)), unit, ink)
    _write(screen, _HANDLES[rng.integers(len(_HANDLES))], (unit, round(height * 0.092)), unit, ink)
    screen[top : top + shown.shape[0], left : left + shown.shape[1]] = shown
    for row in range(top + shown.shape[0] + unit, height - unit, round(unit * 1.4)):
        end = round(width * rng.uniform(0.3, 0.95))
        cv2.rectangle(screen, (unit, row), (end, row + unit // 2), line, -1)
    return screen


def _several(image: Image, rng: np.random.Generator) -> Image:
    chosen = rng.choice(["crop", "caption", "border", "colour", "watermark", "resize"], 3, replace=False)
    for kind in chosen:
        image = _EDITS[kind](image, rng)
    return image


def _fit(image: Image, width: int, height: int) -> Image:
    fitted: Image = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    return fitted


def _write(image: Image, text: str, at: tuple[int, int], size: int, colour: tuple[int, ...]) -> None:
    """Writes with OpenCV's own fonts, which have Hangul and kana."""
    cv2.putText(image, text, at, colour, cv2.FontFace("sans"), size, 700)


def _smiley(image: Image, x: int, y: int, radius: int) -> None:
    cv2.circle(image, (x, y), radius, (60, 210, 255), -1, cv2.LINE_AA)
    for side in (-1, 1):
        eye = (x + side * radius // 3, y - radius // 4)
        cv2.circle(image, eye, max(1, radius // 8), (30, 40, 60), -1, cv2.LINE_AA)
    mouth = (radius // 2, radius // 2)
    cv2.ellipse(image, (x, y), mouth, 0, 20, 160, (30, 40, 60), max(1, radius // 10), cv2.LINE_AA)


_EDITS: dict[str, Edit] = {
    "reencode": _reencode,
    "resize": _resize,
    "crop": _crop,
    "caption": _caption,
    "border": _border,
    "mirror": _mirror,
    "colour": _colour,
    "watermark": _watermark,
    "inset": _inset,
    "several": _several,
}
KINDS = tuple(_EDITS)
