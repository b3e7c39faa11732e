"""The three views of a picture that ResNet50 looks at, and the plain pictures that nobody should judge.

| view   | part of the picture                                         | as the usual transforms would say it        |
| ------ | ----------------------------------------------------------- | ------------------------------------------- |
| centre | the middle square, 224/256 of the short side                | resize the short side to 256, crop 224      |
| full   | all of it, squashed to a square                             | resize to 224 x 224                         |
| zoom   | the middle square, 224/320 of the short side                | resize the short side to 320, crop 224      |

Each is cut out first and scaled then, so that no pixel is scaled that is thrown away.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from framesift.vision.decode import RgbImage

VIEW_SIDE: Final = 224
CENTRE_SHARE: Final = 224 / 256
ZOOM_SHARE: Final = 224 / 320
NEEDED_SIDE: Final = 320
"""The short side from which no view is enlarged: what a picture needs to be decoded to."""

# Grey levels (0 to 255) of standard deviation in a 32 x 32 reduction; a black or one-coloured picture with JPEG noise
# stays under 2, a photograph in fog has over 8.
_PLAIN_DEVIATION = 4.0
_PLAIN_SIDE = 32


def three_views(image: RgbImage) -> NDArray[np.uint8]:
    """Cut and scale the centre, full and zoom views.

    Args:
        image: `(height, width, 3)` uint8, RGB.

    Returns:
        `(3, 224, 224, 3)` uint8, RGB, in the order centre, full, zoom.
    """
    parts = (middle_square(image, CENTRE_SHARE), image, middle_square(image, ZOOM_SHARE))
    return np.stack([squash(part, VIEW_SIDE) for part in parts])


def middle_square(image: RgbImage, share: float) -> RgbImage:
    """Return the view (no copy) of the middle square whose side is that share of the picture's short side."""
    height, width = image.shape[:2]
    side = max(1, round(min(height, width) * share))
    top, left = (height - side) // 2, (width - side) // 2
    return image[top : top + side, left : left + side]


def squash(image: RgbImage, side: int) -> RgbImage:
    """Scale to a square of that side, whatever the aspect: by areas where it shrinks, else bilinearly."""
    shrinks = image.shape[0] >= side and image.shape[1] >= side
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (side, side), interpolation=interpolation))


def is_plain(image: RgbImage) -> bool:
    """Whether a picture shows next to nothing (black, one colour): it then resembles every other plain one."""
    small = cv2.cvtColor(squash(image, _PLAIN_SIDE), cv2.COLOR_RGB2GRAY)
    return float(small.std()) < _PLAIN_DEVIATION
