"""Labels and boxes that come from files of other programs."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

from framesift.catalog.tags import normalize_tag
from framesift.contracts.catalog import Box
from framesift.errors import InvalidTagError

MAX_FAULTS: Final = 1_000

# Shares that were rounded to six digits can end just outside.
_TOLERANCE: Final = 1e-4


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
        raise LabelFaultError(f"a label is no text, but {_show(text)}.")
    try:
        return normalize_tag(text)
    except InvalidTagError as error:
        raise LabelFaultError(f"the label {_show(text)} cannot be used: {error}") from None


def read_box(left: object, top: object, width: object, height: object) -> Box:
    """Make a box of shares of the image; what is a little outside is cut off.

    Raises:
        LabelFaultError: They are no numbers, or the box is empty or outside the image.
    """
    try:
        numbers = [float(number) for number in (left, top, width, height)]  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        numbers = [math.nan]
    if not all(map(math.isfinite, numbers)):
        raise LabelFaultError(f"a box is no four numbers, but {_show((left, top, width, height))}.")
    x, y, w, h = numbers
    if w <= 0 or h <= 0:
        raise LabelFaultError("a box has no size.")
    if min(x, y) < -_TOLERANCE or max(x + w, y + h) > 1 + _TOLERANCE:
        raise LabelFaultError("a box reaches out of the image.")
    x, y = min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0)
    return Box(left=x, top=y, width=min(w, 1 - x), height=min(h, 1 - y))


def _show(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
