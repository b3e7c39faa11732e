"""Views of an image for ResNet50, windows of an image, and a test for images too plain to compare.

| view   | part of the image                                         | equivalent torchvision transforms           |
| ------ | ----------------------------------------------------------- | ------------------------------------------- |
| centre | the middle square, 224/256 of the short side                | resize the short side to 256, crop 224      |
| full   | the whole image, without its aspect ratio                   | resize to 224 x 224                         |
| zoom   | the middle square, 224/320 of the short side                | resize the short side to 320, crop 224      |

Each is cropped from the original and resized in one step, so that no discarded pixel is resized; sides, offsets and
pixels equal those of torchvision's `Resize` and `CenterCrop`.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from framesift.vision.decode import RgbImage

VIEW_SIDE: Final = 224
_CENTRE_RESIZE: Final = 256
_ZOOM_RESIZE: Final = 320
NEEDED_SIDE: Final = 2 * _ZOOM_RESIZE
"""The short side that an image must be decoded to: from twice the largest resize on, decoding a JPEG at a reduced size
makes no difference (cosine of the features over 0.99999)."""

WINDOW_SHARE: Final = 0.65
"""A window's width and height, as a share of the image's."""
WINDOWS: Final = (
    (0.0, 0.0, 0.65, 0.65),
    (0.35, 0.0, 1.0, 0.65),
    (0.0, 0.35, 0.65, 1.0),
    (0.35, 0.35, 1.0, 1.0),
    (0.175, 0.175, 0.825, 0.825),
)
"""Left, top, right, bottom as shares of the image: four corners, the middle. An image that is inset in a page
fills more of one of them than of the page."""

# Grey levels (0 to 255) of standard deviation in a 32 x 32 reduction; a black or one-coloured image with JPEG noise
# stays under 2, a photograph in fog has over 8.
_PLAIN_DEVIATION = 4.0
_PLAIN_SIDE = 32
# Smaller images have too little detail to be compared.
_MIN_SIDE: Final = 32


def make_views(image: RgbImage) -> NDArray[np.uint8]:
    """Crop and resize the centre, full and zoom views.

    Args:
        image: `(height, width, 3)` uint8, RGB.

    Returns:
        `(3, 224, 224, 3)` uint8, RGB, in the order centre, full, zoom.
    """
    opened = Image.fromarray(image)
    whole = (0.0, 0.0, float(opened.width), float(opened.height))
    boxes = (_middle(opened, _CENTRE_RESIZE), whole, _middle(opened, _ZOOM_RESIZE))
    # Pillow's bilinear filter averages when it downsamples, OpenCV's does not.
    views = (opened.resize((VIEW_SIDE, VIEW_SIDE), Image.Resampling.BILINEAR, box=box) for box in boxes)
    return np.stack([np.asarray(view) for view in views])


def _middle(opened: Image.Image, resize: int) -> tuple[float, float, float, float]:
    """Return the box that `Resize(resize)` and `CenterCrop(224)` would keep: left, top, right, bottom."""
    width, height = opened.size
    short, long = min(width, height), max(width, height)
    scaled_long = max(VIEW_SIDE, int(resize * long / short))
    scaled_width, scaled_height = (resize, scaled_long) if width <= height else (scaled_long, resize)
    left, top = round((scaled_width - VIEW_SIDE) / 2), round((scaled_height - VIEW_SIDE) / 2)
    across, down = width / scaled_width, height / scaled_height
    return left * across, top * down, (left + VIEW_SIDE) * across, (top + VIEW_SIDE) * down


def squash(image: RgbImage, side: int) -> RgbImage:
    """Resize to a square without keeping the aspect ratio: by area when downsampling, else bilinearly."""
    # OpenCV halves images fast: this takes half the time, and descriptors agree to a cosine of 0.9998.
    while min(image.shape[:2]) >= 3 * side:
        height, width = image.shape[0] // 2, image.shape[1] // 2
        image = np.asarray(cv2.resize(image[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA))
    shrinks = min(image.shape[:2]) >= side
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (side, side), interpolation=interpolation))


def crop_windows(image: RgbImage) -> list[RgbImage]:
    """Crop `WINDOWS` from an image, in their order: views of the same pixels, not copies."""
    height, width = image.shape[:2]
    return [
        image[round(top * height) : round(bottom * height), round(left * width) : round(right * width)]
        for left, top, right, bottom in WINDOWS
    ]


def is_plain(image: RgbImage) -> bool:
    """Whether an image has almost no detail: black, one colour, a side under 32 pixels.

    Such images resemble each other and should not be compared.
    """
    if min(image.shape[:2]) < _MIN_SIDE:
        return True
    small = cv2.cvtColor(squash(image, _PLAIN_SIDE), cv2.COLOR_RGB2GRAY)
    return float(small.std()) < _PLAIN_DEVIATION
