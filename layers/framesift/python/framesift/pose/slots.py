"""Keeps people apart over time: whoever is followed keeps his slot."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Someone whose middle moved by more than this share of his own size from one frame to the next is someone else.
_MAX_MOVE_IN_SIZES = 0.5
# A slot that was empty for so many frames is free for anybody.
_MEMORY_FRAMES = 15


class Slots:
    """Assigns the people of each frame to slots by the nearest middle in the frames before.

    Args:
        count: Slots.
    """

    def __init__(self, count: int) -> None:
        self._middle = np.full((count, 2), np.nan)
        self._size = np.zeros(count)
        self._unseen = np.zeros(count, int)

    def assign(self, boxes: NDArray[np.float64]) -> list[int]:
        """Give each person a slot.

        Args:
            boxes: (N, 4) float64, x0, y0, x1, y1 in any unit; at most as many as there are slots.

        Returns:
            N slots, each once.
        """
        middle, size = (boxes[:, :2] + boxes[:, 2:]) / 2, np.linalg.norm(boxes[:, 2:] - boxes[:, :2], axis=1)
        distance = np.linalg.norm(middle[:, None] - self._middle[None], axis=2)
        allowed = distance <= _MAX_MOVE_IN_SIZES * np.maximum(size[:, None], self._size[None])
        slot_of: dict[int, int] = {}
        for flat in np.argsort(np.where(allowed, distance, np.inf), axis=None):
            person, slot = divmod(int(flat), len(self._size))
            if allowed[person, slot] and person not in slot_of and slot not in slot_of.values():
                slot_of[person] = slot
        free = sorted(set(range(len(self._size))) - set(slot_of.values()), key=self._freedom)
        for person in range(len(boxes)):
            if person not in slot_of:
                slot_of[person] = free.pop(0)
        self._remember(slot_of, middle, size)
        return [slot_of[person] for person in range(len(boxes))]

    def _freedom(self, slot: int) -> tuple[bool, int, int]:
        """Sort key: slots never used or long empty first, in order; then the longest empty."""
        taken = not np.isnan(self._middle[slot, 0])
        return taken, -int(self._unseen[slot]), slot

    def _remember(self, slot_of: dict[int, int], middle: NDArray[np.float64], size: NDArray[np.float64]) -> None:
        self._unseen += 1
        for person, slot in slot_of.items():
            self._middle[slot], self._size[slot], self._unseen[slot] = middle[person], size[person], 0
        self._middle[self._unseen > _MEMORY_FRAMES] = np.nan
