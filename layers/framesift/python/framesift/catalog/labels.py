"""Labels and boxes that come from files of other programs."""

from __future__ import annotations

import math
import reprlib
from dataclasses import dataclass, field
from typing import Final

from framesift.catalog.tags import normalize_tag
from framesift.contracts.catalog import Box
from framesift.errors import InvalidTagError

MAX_FAULTS: Final = 1_000
MAX_ANNOTATIONS: Final = 5_000
"""Of an item: it is answered whole, and a function's answer has at most 6 MB."""

# Shares that were rounded to six digits can end just outside.
_TOLERANCE: Final = 1e-4
_DIGITS: Final = 9  # What arithmetic adds is less, and a pixel is more.
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 80


class LabelFaultError(Exception):
    """What is wrong with one label, box, line or task of a file; the rest of the file is read."""


@dataclass
class Faults:
    """What was wrong in a file.

    Attributes:
        count: How many faults.
        first: The first `MAX_FAULTS` of them, each with its place.
    """

    count: int = 0
    first: list[str] = field(default_factory=list)

    def note(self, where: str, fault: object) -> None:
        """Note a fault."""
        self.count += 1
        if self.count <= MAX_FAULTS:
            self.first.append(f"{where}: {fault}")


def read_label(text: object) -> str:
    """Return a label as it is kept, in the form of a tag.

    Raises:
        LabelFaultError: It is no text, empty, too long, or has characters that cannot be seen.
    """
    if not isinstance(text, str):
        raise LabelFaultError(f"a label is no text, but {show_value(text)}.")
    try:
        return normalize_tag(text)
    except InvalidTagError as error:
        raise LabelFaultError(f"the label {show_value(text)} cannot be used: {error}") from None


def read_box(
    left: object, top: object, width: object, height: object, *, size: tuple[float, float] = (1.0, 1.0)
) -> Box:
    """Make a box; what reaches out of the image by rounding, or by a pixel, is cut off.

    Args:
        left: Of the box, in the unit of `size`.
        top: Of the box.
        width: Of the box.
        height: Of the box.
        size: The image's width and height: pixels, or 1 and 1 if the box is in shares of it.

    Raises:
        LabelFaultError: They are no numbers, or the box is empty or outside the image.
    """
    try:
        numbers = [float(number) for number in (left, top, width, height)]  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        numbers = [math.nan]
    if not all(map(math.isfinite, numbers)):
        raise LabelFaultError(f"a box is no four numbers, but {show_value((left, top, width, height))}.")
    x, w = numbers[0] / size[0], numbers[2] / size[0]
    y, h = numbers[1] / size[1], numbers[3] / size[1]
    if not (w > 0 and h > 0):
        raise LabelFaultError("a box has no size.")
    across, down = (_TOLERANCE if length <= 1 else 1 / length for length in size)
    if x < -across or y < -down or x + w > 1 + across or y + h > 1 + down:
        raise LabelFaultError("a box reaches out of the image.")
    left_edge, top_edge = max(x, 0.0), max(y, 0.0)
    right_edge, bottom_edge = min(x + w, 1.0), min(y + h, 1.0)
    if right_edge <= left_edge or bottom_edge <= top_edge:
        raise LabelFaultError("a box reaches out of the image.")
    edges = (left_edge, top_edge, right_edge - left_edge, bottom_edge - top_edge)
    return Box(**{name: round(value, _DIGITS) for name, value in zip(Box.model_fields, edges, strict=True)})


def show_value(value: object) -> str:
    """Show a value from a file in a message: a part of it, if it is long or deep."""
    return _SHORT.repr(value)
