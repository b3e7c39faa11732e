"""Charts, drawn with Pillow: the learning curve, and each method's recall by kind of edit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw, ImageFont

_INK, _SOFT = "#222222", "#d8d8d8"
_LINES = ("#1f5fbf", "#c0392b")


def draw_learning_curve(points: Sequence[Mapping[str, float]], size: tuple[int, int] = (720, 360)) -> Image.Image:
    """Draw the loss and the share of found partners over the minutes of training.

    Args:
        points: Lines of `curve.jsonl` (`train.Progress`).
        size: Width and height, pixels.
    """
    image, draw, font = _page(size)
    left, top, right, bottom = 60, 40, size[0] - 60, size[1] - 40
    draw.rectangle((left, top, right, bottom), outline=_SOFT)
    minutes = max(1e-9, max(point["elapsed_s"] for point in points) / 60)
    loss_limit = max(point["loss"] for point in points)
    for colour, name, limit, edge, anchor in (
        (_LINES[0], "loss", loss_limit, left - 6, "rm"),
        (_LINES[1], "found", 1.0, right + 6, "lm"),
    ):
        values = [point[name] for point in points]
        line = [
            (left + (right - left) * point["elapsed_s"] / 60 / minutes, bottom - (bottom - top) * value / limit)
            for point, value in zip(points, _smooth(values), strict=True)
        ]
        draw.line(line, fill=colour, width=2)
        for share in (0.0, 0.5, 1.0):
            y = bottom - share * (bottom - top)
            draw.text((edge, y), f"{share * limit:.1f}", colour, font, anchor)
    draw.text((left, 12), "InfoNCE loss (nats)", _LINES[0], font)
    draw.text((right, 12), "partner found in the batch", _LINES[1], font, "ra")
    draw.text(((left + right) / 2, size[1] - 24), f"{minutes:.0f} minutes", _INK, font, "ma")
    return image


def draw_recall_by_kind(recalls: Mapping[str, Mapping[str, float]], title: str) -> Image.Image:
    """Draw a heat map of recalls: a row per kind of edit, a column per method, greener for more.

    Args:
        recalls: Recall by method and by kind, 0 to 1.
        title: The heading.
    """
    methods = list(recalls)
    kinds = list(recalls[methods[0]])
    row, column, left = 20, 150, 150
    image, draw, font = _page((left + column * len(methods) + 10, row * (len(kinds) + 3)))
    draw.text((8, 6), title, _INK, font)
    for place, method in enumerate(methods):
        x = left + place * column
        draw.text((x + column / 2, row * 1.6), method, _INK, font, "ma")
        for line, kind in enumerate(kinds):
            y, value = row * (line + 2.6), recalls[method][kind]
            draw.rectangle((x, y, x + column - 2, y + row - 2), fill=_choose_fill(value))
            draw.text((x + column / 2, y + 2), f"{value:.2f}", _INK, font, "ma")
            if place == 0:
                draw.text((8, y + 2), kind, _INK, font)
    return image


def _page(size: tuple[int, int]) -> tuple[Image.Image, ImageDraw.ImageDraw, ImageFont.FreeTypeFont]:
    image = Image.new("RGB", size, "white")
    font = ImageFont.load_default(12)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise TypeError("Pillow was built without FreeType; install its published wheel")
    return image, ImageDraw.Draw(image), font


def _smooth(values: Sequence[float], reach: int = 3) -> list[float]:
    windows = [values[max(0, place - reach) : place + reach + 1] for place in range(len(values))]
    return [sum(window) / len(window) for window in windows]


def _choose_fill(share: float) -> tuple[int, int, int]:
    """Interpolate from white at 0 over yellow to green at 1."""
    return round(255 - 130 * max(0.0, 2 * share - 1)), round(255 - 45 * share), round(255 - 125 * share)
