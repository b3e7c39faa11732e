"""Measures of an image's quality, and what they amount to.

All but the aspect are taken of the image's luma (Rec. 601), reduced by area to at most 512 pixels: the same
photograph gets the same measures whatever its resolution, and a threshold means the same for all.

| flag | when | source of the threshold |
| --- | --- | --- |
| `blurry` | the Laplacian's variance is low | measure: Pech-Pacheco et al., "Diatom autofocusing", 2000; see below |
| `dark`, `bright` | the mean luma is near an end of its range | near black and white of video, 16 and 235 of 255 |
| `low_contrast` | the luma's standard deviation is low | 10 of 255; a photograph in fog has over 8 (`views.is_plain`) |
| `odd_aspect` | one side is many times the other | wider than any film (2.76:1, Ultra Panavision) |
| `near_empty` | little entropy of the histogram, or plain and of low contrast | a page with some text has about 1 bit |

Of 15 photographs that come with scikit-image, sharp ones have a sharpness of 65 to 5,310, and at most 13 once they are
blurred by a Gaussian of half a per cent of their width; the one that the camera has blurred has 24. Hence 40.

A near-empty image is not called blurry too: there is nothing in it that could be sharp.
"""

from __future__ import annotations

from typing import Final, Protocol

import cv2
import numpy as np

from framesift.contracts import Health
from framesift.vision.decode import RgbImage
from framesift.vision.thumbnail import fit_within
from framesift.vision.views import is_plain

MEASURED_SIDE: Final = 512
"""The longer side, pixels, that an image is reduced to before it is measured; a smaller one is not enlarged."""


class HealthThresholds(Protocol):
    """From where on an image gets a flag; the settings of collections have them."""

    blurry_below: float
    dark_below: float
    bright_above: float
    low_contrast_below: float
    near_empty_below_bits: float
    odd_aspect_above: float


def measure_health(image: RgbImage, thresholds: HealthThresholds, *, plain: bool | None = None) -> Health:
    """Measure an image's sharpness, brightness, contrast and entropy, and flag what is out of the ordinary.

    Args:
        image: `(height, width, 3)` uint8 RGB. A JPEG that was decoded to a smaller size of at least 1,024 pixels
            measures the same.
        thresholds: From where on it gets a flag.
        plain: Whether `views.is_plain` finds it so, where that is known.
    """
    grey = fit_within(np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8), MEASURED_SIDE)
    mean, deviation = (float(values[0, 0]) / 255 for values in cv2.meanStdDev(grey))
    sharpness = float(cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_16S))[1][0, 0]) ** 2
    counts = np.asarray(cv2.calcHist([grey], [0], None, [256], [0, 256]), np.float64)
    shares = counts[counts > 0] / grey.size
    entropy_bits = max(0.0, float(-(shares * np.log2(shares)).sum()))
    height, width = image.shape[:2]
    low_contrast = deviation < thresholds.low_contrast_below
    # Strong noise is plain, too: reduced to a few pixels, it is one grey.
    near_empty = entropy_bits < thresholds.near_empty_below_bits or (
        low_contrast and (is_plain(image) if plain is None else plain)
    )
    flags = {
        "blurry": sharpness < thresholds.blurry_below and not near_empty,
        "dark": mean < thresholds.dark_below,
        "bright": mean > thresholds.bright_above,
        "low_contrast": low_contrast,
        "near_empty": near_empty,
        "odd_aspect": max(width, height) > thresholds.odd_aspect_above * min(width, height),
    }
    return Health(
        sharpness=round(sharpness, 3),
        brightness=round(mean, 5),
        contrast=round(min(deviation, 1.0), 5),
        entropy_bits=round(entropy_bits, 4),
        flags=sorted(name for name, holds in flags.items() if holds),
    )
