"""What parts lie on."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from framesift.synthetic.noise import Colours, Plane, Rng, cut_noise, draw_clouds, stretch_noise


def draw_background(background: str, random: Rng, height: int, width: int) -> Colours:
    """Draw a background (a key of `vocabulary.BACKGROUNDS`): (height, width, 3) float32 RGB, 0 to 255."""
    return _BACKGROUNDS[background](random, height, width)


def _tint(tone: Plane, colour: tuple[float, float, float]) -> Colours:
    """Colour a grey picture around 1: (height, width, 3)."""
    return np.asarray(cv2.merge([tone * np.float32(channel) for channel in colour]), np.float32)


def _turn(tone: Plane, random: Rng) -> Plane:
    """Turn a picture that is larger than wanted by a small angle, in place of its own size."""
    height, width = tone.shape
    turned = cv2.getRotationMatrix2D((width / 2, height / 2), random.uniform(-12, 12), 1.25)
    return np.asarray(cv2.warpAffine(tone, turned, (width, height), borderMode=cv2.BORDER_REFLECT), np.float32)


def _draw_conveyor(random: Rng, height: int, width: int) -> Colours:
    x = np.arange(width, dtype=np.float32)
    step = random.uniform(7, 22)
    ribs = np.clip(np.abs(np.mod(x / np.float32(step), 1) - np.float32(0.5)) * 5 - np.float32(0.4), 0, 1)
    tone = np.float32(0.82) + np.float32(0.22) * ribs[None] + np.float32(0.1) * draw_clouds(random, height, width, 90)
    tone = tone + np.float32(0.05) * cut_noise(random, height, width)
    grey = random.uniform(34, 70)
    return _tint(_turn(tone, random), (grey, grey * 1.01, grey * random.uniform(1.0, 1.1)))


def _draw_bench(random: Rng, height: int, width: int) -> Colours:
    wide = stretch_noise(random, height, width, 420, 90)
    rings = np.sin(wide * 7 + np.arange(height, dtype=np.float32)[:, None] / np.float32(random.uniform(5, 14)))
    tone = np.float32(1) + np.float32(0.07) * rings + np.float32(0.08) * stretch_noise(random, height, width, 150, 1.3)
    tone = tone + np.float32(0.06) * stretch_noise(random, height, width, 300, 60)
    if random.random() < 0.5:
        plank = int(random.integers(120, 220))
        for top in range(int(random.integers(plank)), height, plank):
            tone[top : top + 2] *= np.float32(0.45)
    light = random.uniform(0.6, 1.0)
    return _tint(_turn(tone, random), (188 * light, 142 * light, 92 * light))


def _draw_table(random: Rng, height: int, width: int) -> Colours:
    tone = np.float32(1) + np.float32(0.07) * stretch_noise(random, height, width, 240, 1.2)
    tone = tone + np.float32(0.1) * draw_clouds(random, height, width, 320)
    grey = random.uniform(120, 185)
    image = _tint(_turn(tone, random), (grey, grey * 1.01, grey * 1.04))
    for _ in range(int(random.integers(0, 12))):
        start = random.uniform(0, 1, 2) * (width, height)
        end = start + random.normal(0, 60, 2)
        ends = [(int(x * 8), int(y * 8)) for x, y in (start, end)]
        cv2.line(image, ends[0], ends[1], (grey * 1.12,) * 3, 1, cv2.LINE_AA, 3)
    return image


def _draw_mat(random: Rng, height: int, width: int) -> Colours:
    colour = ((38, 92, 74), (44, 66, 110), (52, 54, 58))[int(random.integers(3))]
    tone = np.float32(1) + np.float32(0.05) * cut_noise(random, height, width)
    tone = tone + np.float32(0.08) * draw_clouds(random, height, width, 200)
    step, line = random.uniform(38, 80), np.float32(random.uniform(0.35, 0.8))
    for axis, length in ((0, height), (1, width)):
        place = np.arange(length, dtype=np.float32)
        strokes = np.clip(1.2 - np.abs(np.mod(place, np.float32(step)) - np.float32(step / 2)), 0, 1) * line
        tone = tone + (strokes[:, None] if axis == 0 else strokes[None])
    return _tint(_turn(np.asarray(tone, np.float32), random), colour)


def _draw_paper(random: Rng, height: int, width: int) -> Colours:
    tone = np.float32(1) + np.float32(0.012) * cut_noise(random, height, width)
    tone = tone + np.float32(0.025) * draw_clouds(random, height, width, 300)
    grey = random.uniform(190, 238)
    return _tint(tone, (grey, grey * random.uniform(0.97, 1.0), grey * random.uniform(0.92, 1.0)))


def _draw_concrete(random: Rng, height: int, width: int) -> Colours:
    tone = np.float32(1) + np.float32(0.09) * draw_clouds(random, height, width, 140)
    grain = stretch_noise(random, height, width, 2.2)
    tone = tone + np.float32(0.06) * grain - np.float32(0.35) * np.clip(grain - np.float32(1.9), 0, 1)
    grey = random.uniform(95, 160)
    return _tint(tone, (grey, grey * 0.98, grey * 0.94))


def _draw_cardboard(random: Rng, height: int, width: int) -> Colours:
    y = np.arange(height, dtype=np.float32)[:, None]
    tone = np.float32(1) + np.float32(0.025) * np.sin(y * np.float32(random.uniform(0.25, 0.5)))
    tone = tone + np.float32(0.04) * stretch_noise(random, height, width, 7, 2)
    tone = tone + np.float32(0.05) * draw_clouds(random, height, width, 180)
    light = random.uniform(0.75, 1.05)
    return _tint(_turn(np.asarray(tone, np.float32), random), (186 * light, 150 * light, 108 * light))


def _draw_foam(random: Rng, height: int, width: int) -> Colours:
    grain = stretch_noise(random, height, width, random.uniform(2.5, 5))
    tone = np.float32(0.95) + np.float32(0.13) * grain - np.float32(0.3) * np.clip(grain - 1, 0, 1)
    tone = tone + np.float32(0.05) * draw_clouds(random, height, width, 220)
    colours = ((62, 62, 66), (70, 92, 130), (196, 132, 142), (150, 150, 152))
    return _tint(tone, colours[int(random.integers(len(colours)))])


def _draw_granite(random: Rng, height: int, width: int) -> Colours:
    grain = stretch_noise(random, height, width, random.uniform(1.6, 3))
    specks = stretch_noise(random, height, width, random.uniform(3, 6))
    tone = np.float32(1) + np.float32(0.12) * grain + np.float32(0.35) * np.clip(specks - np.float32(1.1), 0, 1)
    tone = tone - np.float32(0.3) * np.clip(-specks - np.float32(1.1), 0, 1)
    grey = random.uniform(55, 120)
    return _tint(tone, (grey, grey * random.uniform(0.98, 1.02), grey * random.uniform(0.98, 1.05)))


def _draw_checker_plate(random: Rng, height: int, width: int) -> Colours:
    """Sheet steel with raised lozenges in two directions by turns."""
    side = random.uniform(26, 44)
    x, y = np.arange(width, dtype=np.float32)[None] / side, np.arange(height, dtype=np.float32)[:, None] / side
    turned = np.mod(np.floor(x) + np.floor(y), 2) < 1
    u, v = np.mod(x, 1) - np.float32(0.5), np.mod(y, 1) - np.float32(0.5)
    along, across = np.where(turned, u + v, u - v), np.where(turned, u - v, u + v)
    bump = np.clip(1 - np.square(along / np.float32(0.62)) - np.square(across / np.float32(0.2)), 0, 1)
    bump = np.asarray(cv2.GaussianBlur(np.asarray(bump, np.float32), (0, 0), 1.2), np.float32)
    lit = cv2.Scharr(bump, cv2.CV_32F, 1, 0, scale=1 / 12) - cv2.Scharr(bump, cv2.CV_32F, 0, 1, scale=1 / 12)
    tone = np.float32(0.9) + np.float32(0.5) * lit + np.float32(0.1) * bump
    tone = tone + np.float32(0.08) * draw_clouds(random, height, width, 120)
    tone = tone + np.float32(0.04) * stretch_noise(random, height, width, 90, 1.5)
    grey = random.uniform(85, 150)
    return _tint(_turn(np.asarray(tone, np.float32), random), (grey, grey * 1.01, grey * 1.03))


def _draw_tray(random: Rng, height: int, width: int) -> Colours:
    """Moulded plastic with shallow pockets."""
    step_x, step_y = random.uniform(70, 180), random.uniform(70, 180)
    x = np.abs(np.mod(np.arange(width, dtype=np.float32) / np.float32(step_x), 1) - np.float32(0.5))[None] * 2
    y = np.abs(np.mod(np.arange(height, dtype=np.float32) / np.float32(step_y), 1) - np.float32(0.5))[:, None] * 2
    wall = np.clip((np.maximum(x, y) - np.float32(0.86)) * 12, 0, 1)
    wall = np.asarray(cv2.GaussianBlur(wall, (0, 0), 2), np.float32)
    lit = cv2.Scharr(wall, cv2.CV_32F, 1, 0, scale=1 / 32) + cv2.Scharr(wall, cv2.CV_32F, 0, 1, scale=1 / 32)
    tone = np.float32(0.92) + np.float32(0.12) * wall + np.float32(0.9) * lit
    tone = tone + np.float32(0.05) * draw_clouds(random, height, width, 260)
    tone = tone + np.float32(0.02) * cut_noise(random, height, width)
    colours = ((48, 50, 54), (58, 84, 128), (150, 152, 150), (120, 66, 54))
    return _tint(_turn(np.asarray(tone, np.float32), random), colours[int(random.integers(len(colours)))])


_BACKGROUNDS: dict[str, Callable[[Rng, int, int], Colours]] = {
    "conveyor": _draw_conveyor,
    "bench": _draw_bench,
    "table": _draw_table,
    "mat": _draw_mat,
    "paper": _draw_paper,
    "concrete": _draw_concrete,
    "cardboard": _draw_cardboard,
    "foam": _draw_foam,
    "granite": _draw_granite,
    "checker plate": _draw_checker_plate,
    "tray": _draw_tray,
}
