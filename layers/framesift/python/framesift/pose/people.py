"""The people whom an engine finds in one frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framesift.pose.skeleton import CHANNELS, LANDMARK_COUNT, WORLD_CHANNELS


@dataclass(frozen=True, eq=False)
class People:
    """The people of one frame, in any order.

    Attributes:
        landmarks: (P, 33, 5) float32, see `skeleton.CHANNELS`; NaN where a slot is empty.
        world: (P, 33, 3) float32, metres; NaN likewise.
    """

    landmarks: NDArray[np.float32]
    world: NDArray[np.float32]

    @staticmethod
    def nobody(slots: int) -> People:
        """Return empty slots."""
        return People(
            np.full((slots, LANDMARK_COUNT, len(CHANNELS)), np.nan, np.float32),
            np.full((slots, LANDMARK_COUNT, len(WORLD_CHANNELS)), np.nan, np.float32),
        )
