"""Photographs for training and testing inspection: several parts, any number of defects, camera faults, and the truth.

Two worlds share no shape and no background, so that what was learnt in one is tested in the other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from framesift.synthetic.backgrounds import draw_background
from framesift.synthetic.materials import Lamps, choose_lamps
from framesift.synthetic.noise import Colours, Plane, Rng, draw_clouds
from framesift.synthetic.parts import Box, LaidPart, Part, Place, lay_part, take_photograph
from framesift.synthetic.vocabulary import DEFECTS, GOOD, MATERIALS, WRONG_PIECE
from framesift.vision.decode import RgbImage

SCENE_WIDTH, SCENE_HEIGHT = 480, 360
PART = "part"
CLASSES = (PART, *DEFECTS)
"""Classes of a scene's boxes."""
LABELS = (GOOD, *DEFECTS)
"""Classes of a whole photograph."""

_LONG = frozenset({"bolt", "screw", "pin", "spring", "shaft"})
_MARGIN_PX = 2
"""Boxes are a little larger than what they surround, as people draw them."""
_VISIBLE_LEVELS = 14
"""A pixel of a defect is visible if it differs so much, of 255, from the same part without the defect."""
_BUSY = 0.6
"""And by so many standard deviations of what is there without it."""
_VISIBLE_SHARE = 0.3
_ATTEMPTS = 4


@dataclass(frozen=True)
class World:
    """What scenes are drawn from.

    Attributes:
        name: Part of each scene's seed: worlds have no picture in common.
        shapes: Keys of `SHAPES`.
        backgrounds: Keys of `BACKGROUNDS`.
        least_severity: Severities lie between this and 1.
    """

    name: str
    shapes: tuple[str, ...]
    backgrounds: tuple[str, ...]
    least_severity: float = 0.35


# Springs are in neither: a dent or a hole is seldom to be seen between their turns.
WORLDS = {
    "training": World(
        "training",
        ("bolt", "pin", "nut", "washer", "plate", "bearing", "shaft", "flange", "cover", "link", "heat sink"),
        ("conveyor", "bench", "table", "mat", "paper", "granite", "tray"),
    ),
    "held-out": World(
        "held-out",
        ("screw", "gear", "bracket", "pulley", "lever", "knob"),
        ("concrete", "cardboard", "foam", "checker plate"),
    ),
}


@dataclass(frozen=True)
class Scene:
    """A drawn photograph and its truth.

    Attributes:
        image: (360, 480, 3) uint8 RGB.
        boxes: Around each part (the label `part`), each visible defect, and each wrong piece, which is a part as well.
        label: Of `LABELS`: what is wrong in the photograph. Those drawn for classification show one kind of defect.
    """

    image: RgbImage
    boxes: tuple[Box, ...]
    label: str


def draw_scene(world: World, seed: int, number: int, label: str | None = None) -> Scene:
    """Draw photograph `number` of a world: equal arguments give equal photographs.

    Args:
        world: What is drawn from.
        seed: Of the data set.
        number: Of the photograph.
        label: What is wrong in it, of `LABELS`: one part or tray, with at most one defect. Without: several parts with
            any defects, for detection.
    """
    key = (seed, number, sum(world.name.encode()), LABELS.index(label) + 1 if label else 0)
    random = np.random.default_rng(key)
    lamps = choose_lamps(random)
    canvas = draw_background(world.backgrounds[int(random.integers(len(world.backgrounds)))], random, *_SIZE)
    shape = world.shapes[int(random.integers(len(world.shapes)))]
    if label == WRONG_PIECE or (label is None and random.random() < 0.3):
        boxes = _lay_tray(canvas, world, shape, lamps, random, wrong=label is not None or random.random() < 0.75)
    elif label == GOOD and random.random() < 0.35:
        boxes = _lay_tray(canvas, world, shape, lamps, random, wrong=False)
    else:
        boxes = _lay_parts(canvas, world, shape, lamps, random, label)
    image = _add_camera_faults(take_photograph(canvas, random), random)
    found = next((box.label for box in boxes if box.label != PART), GOOD)
    return Scene(image, tuple(_widen(box) for box in boxes), found)


_SIZE = (SCENE_HEIGHT, SCENE_WIDTH)


def _widen(box: Box) -> Box:
    return Box(
        box.label,
        max(0, box.left - _MARGIN_PX),
        max(0, box.top - _MARGIN_PX),
        min(SCENE_WIDTH, box.right + _MARGIN_PX),
        min(SCENE_HEIGHT, box.bottom + _MARGIN_PX),
    )


def _choose_material(random: Rng) -> str:
    return tuple(MATERIALS)[int(random.integers(len(MATERIALS)))]


def _lay_tray(canvas: Colours, world: World, shape: str, lamps: Lamps, random: Rng, *, wrong: bool) -> list[Box]:
    """Equal parts in rows, one of them of another shape where `wrong`."""
    columns, rows = ((2, 2), (3, 2), (3, 2), (3, 3), (4, 3))[int(random.integers(5))]
    across, down = SCENE_WIDTH / columns, SCENE_HEIGHT / rows
    radius = min(across, down) * random.uniform(0.34, 0.44)
    facing, mess = random.uniform(0, 2 * np.pi), random.choice([0.03, 0.4])
    jitter = max(0.0, min(across, down) / 2 - radius) * 0.7
    make, material = int(random.integers(1 << 53)), _choose_material(random)
    others = [name for name in world.shapes if name != shape]
    odd = int(random.integers(rows * columns)) if wrong else -1
    boxes: list[Box] = []
    for number in range(rows * columns):
        row, column = divmod(number, columns)
        place = Place(
            (column + 0.5) * across + random.uniform(-1, 1) * jitter,
            (row + 0.5) * down + random.uniform(-1, 1) * jitter,
            radius,
            facing + random.normal(0, mess),
        )
        part = Part(shape, material, place, make, int(random.integers(1 << 53)))
        if number == odd:
            part = replace(part, shape=others[int(random.integers(len(others)))])
            # Where pieces are mixed up, half are of another material too.
            part = replace(part, material=_choose_material(random)) if random.random() < 0.5 else part
        whole = lay_part(canvas, part, lamps, random).whole
        boxes.append(replace(whole, label=PART))
        if number == odd:
            boxes.append(replace(whole, label=WRONG_PIECE))
    return boxes


def _lay_parts(canvas: Colours, world: World, shape: str, lamps: Lamps, random: Rng, label: str | None) -> list[Box]:
    """One to three parts seen from near, with visible defects."""
    # Two are of one kind as often as not; three seldom lie together.
    count = 1 if label else int(random.choice([1, 2, 3], p=[0.5, 0.35, 0.15]))
    boxes: list[Box] = []
    same = random.random() < 0.5
    for number in range(count):
        if number and not same:
            shape = world.shapes[int(random.integers(len(world.shapes)))]
        across = SCENE_WIDTH / count
        room = min(across, SCENE_HEIGHT) / 2
        radius = room * random.uniform(0.68, 0.97) * (1.12 if shape in _LONG and count == 1 else 1.0)
        spare_x, spare_y = max(0.0, across / 2 - radius), max(0.0, SCENE_HEIGHT / 2 - radius)
        place = Place(
            (number + 0.5) * across + random.uniform(-1, 1) * spare_x,
            SCENE_HEIGHT / 2 + random.uniform(-1, 1) * spare_y,
            radius,
            random.uniform(0, 2 * np.pi),
        )
        part = Part(
            shape, _choose_material(random), place, int(random.integers(1 << 53)), int(random.integers(1 << 53))
        )
        kinds = _choose_defects(random, label)
        laid = _lay_visibly(canvas, part, kinds, world.least_severity, lamps, random)
        boxes += [replace(laid.whole, label=PART), *laid.defects]
    return boxes


def _choose_defects(random: Rng, label: str | None) -> list[str]:
    if label:
        return [] if label == GOOD else [label]
    kinds = [name for name in DEFECTS if name != WRONG_PIECE]
    return [str(kind) for kind in random.permutation(kinds)[: int(random.choice([0, 1, 2, 3], p=[0.2, 0.4, 0.3, 0.1]))]]


def _lay_visibly(
    canvas: Colours, part: Part, kinds: list[str], least_severity: float, lamps: Lamps, random: Rng
) -> LaidPart:
    """Lay a part so that each of its defects can be seen and is apart from the others.

    A defect that does not show is drawn again, more severe; one that still does not is left out.
    """
    before = canvas.copy()
    whole = lay_part(canvas, part, lamps, random)
    if not kinds:
        return whole
    good = canvas.copy()
    severities = {kind: random.uniform(least_severity, 1) for kind in kinds}
    for attempt in range(_ATTEMPTS):
        canvas[:] = before
        defects = tuple(severities.items())
        try:
            laid = lay_part(canvas, replace(part, defects=defects), lamps, random)
        except ValueError:  # There is no place for one of them.
            severities.pop(next(reversed(severities)))
            continue
        difference = np.abs(canvas - good).max(axis=2)
        hidden = [
            box
            for number, box in enumerate(laid.defects)
            if not _is_clear(box, laid.defects[:number], difference, good)
        ]
        if not hidden:
            return laid
        for box in hidden:
            if attempt + 2 < _ATTEMPTS:
                severities[box.label] = min(1.0, severities[box.label] + 0.2)
            else:
                severities.pop(box.label)
    canvas[:] = good
    return whole


def _is_clear(box: Box, others: tuple[Box, ...], difference: Plane, good: Colours) -> bool:
    """Whether enough of a defect shows, and its box overlaps no other's by much."""
    where = slice(box.top, box.bottom), slice(box.left, box.right)
    # On a busy surface more is needed.
    inside = difference[where] > max(_VISIBLE_LEVELS, _BUSY * float(good[where].mean(axis=2).std()))
    # A line fills little of its box.
    needed = 0.04 if box.label == "scratch" else _VISIBLE_SHARE
    if np.count_nonzero(inside) < max(30.0, needed * inside.size):
        return False
    for other in others:
        width = min(box.right, other.right) - max(box.left, other.left)
        height = min(box.bottom, other.bottom) - max(box.top, other.top)
        smaller = min(inside.size, (other.right - other.left) * (other.bottom - other.top))
        if width > 0 and height > 0 and width * height > 0.3 * smaller:
            return False
    return True


def _add_camera_faults(image: RgbImage, random: Rng) -> RgbImage:
    """Now and then a shaken camera, glare, dirt on the lens, a weak contrast, dead pixels, or a coarse JPEG."""
    height, width = image.shape[:2]
    if random.random() < 0.06:
        length, turn = int(random.integers(3, 7)), random.uniform(0, np.pi)
        kernel = np.zeros((9, 9), np.float32)
        ends = [
            (round(4 + side * length / 2 * np.cos(turn)), round(4 + side * length / 2 * np.sin(turn)))
            for side in (-1, 1)
        ]
        cv2.line(kernel, ends[0], ends[1], 1.0, 1)
        image = np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), np.uint8)
    if random.random() < 0.08:
        x = np.arange(width, dtype=np.float32)[None] - np.float32(random.uniform(0, width))
        y = np.arange(height, dtype=np.float32)[:, None] - np.float32(random.uniform(0, height))
        spot = np.exp(-(x * x + y * y) / np.float32(2 * random.uniform(40, 120) ** 2)) * np.float32(
            random.uniform(30, 90)
        )
        image = np.clip(image + spot[..., None], 0, 255).astype(np.uint8)
    if random.random() < 0.05:
        dirt = np.clip(draw_clouds(random, height, width, 60) - np.float32(1.2), 0, 1) * np.float32(0.3)
        image = np.clip(image * (1 - dirt[..., None]), 0, 255).astype(np.uint8)
    if random.random() < 0.1:
        gain, offset = random.uniform(0.55, 0.9), random.uniform(0, 50)
        image = np.clip(image * np.float32(gain) + np.float32(offset), 0, 255).astype(np.uint8)
    if random.random() < 0.05:
        places = random.integers(0, height * width, 12)
        image = image.copy()
        image.reshape(-1, 3)[places] = 255
    if random.random() < 0.4:
        quality = int(random.integers(45, 96))
        _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        image = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return image
