"""How a network takes an image: a square of it, all of it stretched, or all of it within margins.

A form is plain data, so that images can be prepared where they are decoded, in a process that may be killed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

from framesift.vision.decode import RgbImage
from framesift.vision.views import NEEDED_SIDE, make_views, squash

_GREY: Final = 114  # The padding that YOLO networks are trained with.


class InputForm(BaseModel):
    """The form of a network's input.

    Attributes:
        way: `squash`: all of the image, by area, without its aspect ratio; `stretch`: the same, bilinearly; `scale`:
            the same, smoothed where it gets smaller, as Pillow does;
            `letterbox`: all of it, with its aspect ratio, centred on grey; `crop`: its middle square, `width / resize`
            of the short side; `views`: the three views of `vision.views`.
        width: Pixels.
        height: Pixels.
        resize: For `crop`: what the short side is resized to before the middle is cut out; 0: `width`.
        interpolation: For `crop` and `scale`.
    """

    model_config = ConfigDict(frozen=True)

    way: Literal["squash", "stretch", "scale", "letterbox", "crop", "views"]
    width: int = Field(ge=1, le=4096)
    height: int = Field(ge=1, le=4096)
    resize: int = Field(0, ge=0, le=8192)
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"

    @property
    def needed_side(self) -> int:
        """The short side, pixels, that a JPEG must be decoded to."""
        if self.way == "views":
            return NEEDED_SIDE
        # From twice the size on, decoding at a reduced size makes no difference; detectors take what is sharp enough.
        return (
            max(self.width, self.height) if self.way == "letterbox" else 2 * max(self.resize, self.width, self.height)
        )


class Placement(NamedTuple):
    """Where an image lies in a network's input, pixels: a point of the image is at `scale * point + offset`."""

    scale_x: float
    scale_y: float
    left: int
    top: int


def prepare_input(image: RgbImage, form: InputForm) -> NDArray[np.uint8]:
    """Make a network's input of an image.

    Args:
        image: `(height, width, 3)` uint8 RGB.
        form: The input's form.

    Returns:
        `(V, form.height, form.width, 3)` uint8 RGB; V is 1, or 3 for `views`.
    """
    match form.way:
        case "views":
            return make_views(image)
        case "squash":
            return squash(image, form.width)[None]
        case "stretch":
            return stretch(image, form.width, form.height)[0][None]
        case "letterbox":
            return letterbox(image, form.width, form.height)[0][None]
        case "scale":
            return _resample(image, form, (0, 0, image.shape[1], image.shape[0]))[None]
        case _:
            return _crop_middle(image, form)[None]


def placement(form: InputForm, width: int, height: int) -> Placement:
    """Where an image of that size lies in a `stretch` or `letterbox` input."""
    if form.way == "stretch":
        return Placement(form.width / width, form.height / height, 0, 0)
    scale = min(form.width / width, form.height / height)
    inner_width, inner_height = _inner_size(scale, width, height)
    # The padding is rounded as in YOLO's own code: half a pixel goes to the right and the bottom.
    left = round((form.width - inner_width) / 2 - 0.1)
    top = round((form.height - inner_height) / 2 - 0.1)
    return Placement(scale, scale, left, top)


def letterbox(image: RgbImage, width: int, height: int) -> tuple[RgbImage, Placement]:
    """Fit a whole image into a size, keeping its aspect ratio, centred on grey.

    Args:
        image: `(H, W, 3)` uint8, RGB.
        width: Pixels.
        height: Pixels.

    Returns:
        `(height, width, 3)` uint8, and where the image lies in it.
    """
    place = placement(InputForm(way="letterbox", width=width, height=height), image.shape[1], image.shape[0])
    inner_width, inner_height = _inner_size(place.scale_x, image.shape[1], image.shape[0])
    boxed = np.full((height, width, 3), _GREY, np.uint8)
    rows, columns = slice(place.top, place.top + inner_height), slice(place.left, place.left + inner_width)
    boxed[rows, columns] = _resize(image, inner_width, inner_height)
    return boxed, place


def stretch(image: RgbImage, width: int, height: int) -> tuple[RgbImage, Placement]:
    """Resize a whole image without keeping its aspect ratio, as Custom Vision's networks are trained."""
    place = Placement(width / image.shape[1], height / image.shape[0], 0, 0)
    return _resize(image, width, height), place


def _inner_size(scale: float, width: int, height: int) -> tuple[int, int]:
    return max(1, round(width * scale)), max(1, round(height * scale))


def _crop_middle(image: RgbImage, form: InputForm) -> RgbImage:
    """The middle, as torchvision's `Resize(resize)` and `CenterCrop` would keep it, in one step."""
    full_height, full_width = image.shape[:2]
    scale = max(form.resize, form.width, form.height) / min(full_width, full_height)
    width, height = form.width / scale, form.height / scale
    left, top = (full_width - width) / 2, (full_height - height) / 2
    box = (max(0.0, left), max(0.0, top), min(full_width, left + width), min(full_height, top + height))
    return _resample(image, form, box)


def _resample(image: RgbImage, form: InputForm, box: tuple[float, float, float, float]) -> RgbImage:
    """A part of an image (left, top, right, bottom, pixels) in the input's size."""
    kind = Image.Resampling.BICUBIC if form.interpolation == "bicubic" else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(image).resize((form.width, form.height), kind, box=box))


def normalise_planes(
    pixels: NDArray[np.uint8], mean: Sequence[float], deviation: Sequence[float]
) -> NDArray[np.float32]:
    """Turn `(N, H, W, 3)` uint8 into `(N, 3, H, W)` float32 of 0 to 1, less the mean, by the deviation."""
    shares = pixels.transpose(0, 3, 1, 2).astype(np.float32) / 255
    means, deviations = (np.asarray(values, np.float32).reshape(1, 3, 1, 1) for values in (mean, deviation))
    return np.ascontiguousarray((shares - means) / deviations)


def _resize(image: RgbImage, width: int, height: int) -> RgbImage:
    if image.shape[:2] == (height, width):
        return image
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
