"""Calibration: whether of what a model is 80 % sure of, 80 % is right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

BINS: Final = 10


@dataclass(frozen=True)
class Calibration:
    """How often predictions are right, by their scores, in bins of equal width from 0 to 1.

    Attributes:
        counts: (bins,) int64: predictions in each.
        scores: (bins,) float64: their mean score; NaN where there is none.
        shares: (bins,) float64: the share of them that is right; NaN likewise.
    """

    counts: NDArray[np.int64]
    scores: NDArray[np.float64]
    shares: NDArray[np.float64]

    @property
    def error(self) -> float:
        """The expected calibration error: how far shares are from scores, on average over the predictions."""
        if not self.counts.any():
            return float("nan")
        return float(np.nansum(np.abs(self.shares - self.scores) * self.counts) / self.counts.sum())


def measure_calibration(scores: NDArray[Any], right: NDArray[np.bool_], bins: int = BINS) -> Calibration:
    """Measure how often predictions are right, by their scores.

    Args:
        scores: (n,) 0 to 1.
        right: (n,) whether each prediction is right.
        bins: How many.
    """
    place = np.minimum((np.asarray(scores, np.float64) * bins).astype(np.int64), bins - 1)
    counts = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        mean = np.bincount(place, scores, bins) / counts
        share = np.bincount(place, right, bins) / counts
    return Calibration(counts, mean, share)
