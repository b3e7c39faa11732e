"""The evaluation's edits, at two strengths: what people do to an image before they re-post it.

They use Pillow at the photo's full size and share no code with the edits of training, so that the evaluation
cannot reward a model for having learnt artefacts of these.
"""

from __future__ import annotations

import io
import math
import random
from collections.abc import Callable
from typing import TypeAlias

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

Edit: TypeAlias = Callable[[Image.Image, bool, random.Random], Image.Image]
"""`(photo, strong, random) -> edited photo`, RGB to RGB."""

_SENTENCES = (
    "wait for the end",
    "POV: it is Monday",
    "best recipe of 2026",
    "follow for part 2",
    "오늘의 춤 챌린지",
    "100,000 views!",
)


def _re_encode(photo: Image.Image, strong: bool, rng: random.Random) -> Image.Image:
    buffer = io.BytesIO()
    photo.save(buffer, "JPEG", quality=12 if strong else 45)
    return Image.open(buffer).convert("RGB")


def _resize(photo: Image.Image, strong: bool, rng: random.Random) -> Image.Image:
    return _scale(photo, 0.2 if strong else 0.5)


def _aspect(photo: Image.Image, strong: bool, rng: random.Random) -> Image.Image:
    factor = 0.55 if strong else 0.8
    if rng.random() < 0.5:
        return photo.resize((max(1, round(photo.width * factor)), photo.height))
    return photo.resize((photo.width, max(1, round(photo.height * factor))))


def _blur(photo: Image.Image, strong: bool, rng: random.Random) -> Image.Image:
    radius = (0.015 if strong else 0.006) * max(photo.size)
    return photo.filter(ImageFilter.GaussianBlur(radius))


def _crop(photo: Image.Image, strong: bool, rng: random.Random) -> Image.Image:
    return _crop_area(photo, 0.5 if strong else 0.75, rng)


def _mirror(photo: Image.Image, strong: bool, rng: random.Random) -> Image.Image:
    mirrored = ImageOps.mirror(photo)
    return _crop_area(mirrored, 0.8, rng) if strong else mirrored


def _caption_bar(photo: Image.Image, strong: bool, rng: random.Random) -> Image.Image:
    """Add a bar with text above or below."""
    height = round((0.3 if strong else 0.14) * photo.height)
    dark = rng.random() < 0.5
    page = Image.new("RGB", (photo.width, photo.height + height), "black" if dark else "white")
    below = rng.random() < 0.5
    page.paste(photo, (0, 0 if below else height))
    at = (photo.width * 0.05, (photo.height if below else 0) + height * 0.25)
    _write(page, rng.choice(_SENTENCES), at, height * 0.4, "white" if dark else "black")
    return page


def _text_over(photo: Image.Image, strong: bool, rng: random.Random) -> Image.Image:
    edited = photo.copy()
    for _ in range(5 if strong else 2):
        at = (rng.uniform(0, 0.4) * photo.width, rng.uniform(0, 0.85) * photo.height)
        colour = rng.choice(("white", "yellow", "red", "black", "cyan"))
        _write(edited, rng.choice(_SENTENCES), at, photo.height * rng.uniform(0.06, 0.13), colour)
    return edited


def _stickers(photo: Image.Image, strong: bool, rng: random.Random) -> Image.Image:
    edited = photo.copy()
    draw = ImageDraw.Draw(edited)
    for _ in range(4 if strong else 2):
        side = (0.28 if strong else 0.16) * min(photo.size)
        x, y = rng.uniform(0, photo.width - side), rng.uniform(0, photo.height - side)
        colour = rng.choice(("gold", "hotpink", "limegreen", "white", "tomato"))
        if rng.random() < 0.5:
            draw.ellipse((x, y, x + side, y + side), fill=colour)
            for eye in (0.3, 0.6):
                ex = x + eye * side
                draw.ellipse((ex, y + 0.3 * side, ex + 0.1 * side, y + 0.45 * side), fill="black")
            draw.arc((x + 0.2 * side, y + 0.3 * side, x + 0.8 * side, y + 0.8 * side), 20, 160, "black", 3)
        else:
            middle = (x + side / 2, y + side / 2)
            draw.polygon(_make_star(middle, side / 2), fill=colour, outline="black")
    return edited


def _border(photo: Image.Image, strong: bool, rng: random.Random) -> Image.Image:
    width = round((0.16 if strong else 0.05) * min(photo.size))
    return ImageOps.expand(photo, width, rng.choice(("white", "black", "navy", "pink")))


def _letterbox(photo: Image.Image, strong: bool, rng: random.Random) -> Image.Image:
    """Black, white or blurred bars on two sides."""
    longer = 1.6 if strong else 1.25
    upright = rng.random() < 0.5
    size = (photo.width, round(photo.height * longer)) if upright else (round(photo.width * longer), photo.height)
    fill = rng.choice(("black", "white", "blurred"))
    if fill == "blurred":
        page = ImageOps.fit(photo, size).filter(ImageFilter.GaussianBlur(0.04 * max(size)))
    else:
        page = Image.new("RGB", size, fill)
    page.paste(photo, ((size[0] - photo.width) // 2, (size[1] - photo.height) // 2))
    return page


def _colour(photo: Image.Image, strong: bool, rng: random.Random) -> Image.Image:
    """Brightness, contrast and saturation; when strong, a filter as well."""
    reach = 0.45 if strong else 0.2
    edited = photo
    for enhancer in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        edited = enhancer(edited).enhance(1 + rng.choice((-1, 1)) * reach * rng.uniform(0.5, 1))
    if not strong:
        return edited
    style = rng.choice(("grey", "sepia", "tint"))
    if style == "grey":
        return ImageOps.grayscale(edited).convert("RGB")
    if style == "sepia":
        return ImageOps.colorize(ImageOps.grayscale(edited), "#20120a", "#fff0d0")
    tint = Image.new("RGB", edited.size, rng.choice(("orange", "blue", "purple", "green")))
    return Image.blend(edited, tint, 0.25)


def _rotate(photo: Image.Image, strong: bool, rng: random.Random) -> Image.Image:
    angle = rng.choice((-1, 1)) * (18 if strong else 6)
    return photo.rotate(angle, Image.Resampling.BICUBIC, expand=rng.random() < 0.5)


def _perspective(photo: Image.Image, strong: bool, rng: random.Random) -> Image.Image:
    """As if photographed from a screen at an angle."""
    reach, (w, h) = 0.16 if strong else 0.07, photo.size
    corners = [(0, 0), (0, h), (w, h), (w, 0)]
    moved = [(x + rng.uniform(-1, 1) * reach * w, y + rng.uniform(-1, 1) * reach * h) for x, y in corners]
    quad = tuple(value for corner in moved for value in corner)
    return photo.transform(photo.size, Image.Transform.QUAD, quad, Image.Resampling.BICUBIC)


def _inset(photo: Image.Image, strong: bool, rng: random.Random) -> Image.Image:
    """A screenshot: the image at 80 or 60 % of the width of a page of the same aspect."""
    share = 0.6 if strong else 0.8
    size = (round(photo.width / share), round(photo.height / share))
    dark = rng.random() < 0.5
    page = Image.new("RGB", size, rng.choice(("#101014", "#1b2838") if dark else ("white", "#f0f2f5")))
    draw = ImageDraw.Draw(page)
    ink, soft = ("#e8e8e8", "#3a3b3c") if dark else ("#111111", "#d0d4da")
    line = size[1] / 22
    for row in range(22):
        if rng.random() < 0.5:
            _write(page, rng.choice(_SENTENCES), (rng.uniform(0, 0.5) * size[0], row * line), line * 0.6, ink)
    for _ in range(6):
        x, y = rng.uniform(0, 0.9) * size[0], rng.uniform(0, 0.95) * size[1]
        draw.rounded_rectangle((x, y, x + rng.uniform(2, 8) * line, y + line), line / 3, fill=soft)
    draw.rectangle((0, 0, size[0], line * 1.5), fill=rng.choice(("#fe2c55", "#1877f2", soft)))
    for _ in range(3):
        x, y = rng.uniform(0, 0.9) * size[0], rng.uniform(0, 0.9) * size[1]
        draw.ellipse((x, y, x + 2 * line, y + 2 * line), fill=rng.choice(("teal", "brown", "orchid")))
    free = (size[0] - photo.width, size[1] - photo.height)
    page.paste(photo, (round(rng.random() * free[0]), round(rng.random() * free[1])))
    return page


def _several(photo: Image.Image, strong: bool, rng: random.Random) -> Image.Image:
    """A typical re-upload: several of the other edits, one after another."""
    steps: tuple[Edit, ...] = (_crop, _colour, _text_over, _re_encode)
    if strong:
        steps = (_mirror, _crop, _colour, _caption_bar, _stickers, _resize, _re_encode)
    for step in steps:
        photo = step(photo, False, rng)
    return photo


EDITS: dict[str, Edit] = {
    "re-encode": _re_encode,
    "resize": _resize,
    "aspect": _aspect,
    "blur": _blur,
    "crop": _crop,
    "mirror": _mirror,
    "caption bar": _caption_bar,
    "text over": _text_over,
    "stickers": _stickers,
    "border": _border,
    "letterbox": _letterbox,
    "colour": _colour,
    "rotate": _rotate,
    "perspective": _perspective,
    "inset": _inset,
    "several": _several,
}
"""Every kind of edit by the name that reports use."""


def crop_randomly(photo: Image.Image, rng: random.Random) -> Image.Image:
    """Crop 30 to 80 % of the area at random: more negatives in the same style."""
    return _crop_area(photo, rng.uniform(0.3, 0.8), rng)


def _crop_area(photo: Image.Image, area: float, rng: random.Random) -> Image.Image:
    side = math.sqrt(area)
    width, height = round(photo.width * side), round(photo.height * side)
    left, top = rng.randint(0, photo.width - width), rng.randint(0, photo.height - height)
    return photo.crop((left, top, left + width, top + height))


def _scale(photo: Image.Image, factor: float) -> Image.Image:
    size = (max(1, round(photo.width * factor)), max(1, round(photo.height * factor)))
    return photo.resize(size, Image.Resampling.LANCZOS)


def _write(page: Image.Image, text: str, at: tuple[float, float], height_px: float, colour: str) -> None:
    font = ImageFont.load_default(max(6.0, height_px))
    edge = "white" if colour == "black" else "black"
    width = max(1, round(height_px / 18))
    ImageDraw.Draw(page).text(at, text, colour, font, stroke_width=width, stroke_fill=edge)


def _make_star(middle: tuple[float, float], radius: float) -> list[tuple[float, float]]:
    points = []
    for k in range(10):
        length = radius if k % 2 == 0 else radius * 0.45
        angle = math.pi * k / 5
        points.append((middle[0] + length * math.sin(angle), middle[1] - length * math.cos(angle)))
    return points
