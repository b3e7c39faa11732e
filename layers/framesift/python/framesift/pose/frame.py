"""A decoded frame and its pixels: as RGB, or as FFmpeg's own planes with the matrix that converts them to RGB."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
from av.video.reformatter import ColorRange, VideoReformatter
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

# Kr and Kb by FFmpeg's AVColorSpace; other values, and files that do not say, mean BT.601, as in FFmpeg itself.
_BT601 = (0.299, 0.114)
_LUMA_WEIGHTS = {1: (0.2126, 0.0722), 9: (0.2627, 0.0593)}
_PLANAR_FORMATS = ("yuv420p", "yuvj420p")


@dataclass(frozen=True)
class Planes:
    """An image as a decoder stores it.

    Attributes:
        luma: (H, W) uint8.
        chroma: Two of (ceil(H/2), ceil(W/2)) uint8, blue and red differences; a chroma pixel covers four of luma.
        to_rgb: (3, 4) float32: RGB from 0 to 255 is `to_rgb[:, :3] @ (Y, Cb, Cr) + to_rgb[:, 3]`.
    """

    luma: Pixels
    chroma: tuple[Pixels, Pixels]
    to_rgb: NDArray[np.float32]


@dataclass(frozen=True)
class Frame:
    """A decoded frame, not yet converted.

    Attributes:
        time: Seconds since the video's first frame, exact.
        pts: The same in the container's ticks.
        image: FFmpeg's frame.
        rotation_deg: See `VideoFacts`.
        converter: The video's own, set up once.
        number: Frames before it in the video or the segment that is read, in order of presentation.
    """

    time: Fraction
    pts: int
    image: Any
    rotation_deg: int
    converter: VideoReformatter = field(default_factory=VideoReformatter, repr=False, compare=False)
    number: int = 0

    def rgb(self) -> Pixels:
        """Convert to an array `(height, width, 3)` of uint8 RGB as it is shown, contiguous."""
        plane = self._as("rgb24").planes[0]
        rows = _rows(plane)[:, : 3 * plane.width]
        return self._upright(rows.reshape(plane.height, plane.width, 3))

    def planes(self) -> Planes:
        """Planes as they are shown, where that is possible without copying them."""
        image = self.image if self.image.format.name in _PLANAR_FORMATS else self._as("yuv420p")
        luma, *chroma = (self._upright(_rows(plane)[:, : plane.width]) for plane in image.planes)
        full = image.color_range == ColorRange.JPEG or image.format.name == "yuvj420p"
        weights = _LUMA_WEIGHTS.get(image.colorspace, _BT601)
        return Planes(luma, (chroma[0], chroma[1]), yuv_to_rgb(*weights, full_range=full))

    def _as(self, pixel_format: str) -> Any:
        return self.converter.reformat(self.image, format=pixel_format, threads=1)

    def _upright(self, pixels: Pixels) -> Pixels:
        return np.ascontiguousarray(np.rot90(pixels, self.rotation_deg // 90)) if self.rotation_deg else pixels


@cache
def yuv_to_rgb(kr: float, kb: float, *, full_range: bool) -> NDArray[np.float32]:
    """The matrix `Planes.to_rgb` of luma weights (ITU-R BT.601, BT.709 and BT.2020 differ in these alone)."""
    kg = 1 - kr - kb
    matrix = np.array(
        [
            [1, 0, 2 * (1 - kr)],
            [1, -2 * (1 - kb) * kb / kg, -2 * (1 - kr) * kr / kg],
            [1, 2 * (1 - kb), 0],
        ]
    )
    luma, chroma, black = (1.0, 1.0, 0) if full_range else (255 / 219, 255 / 224, 16)
    matrix *= (luma, chroma, chroma)
    return np.column_stack([matrix, -matrix @ (black, 128, 128)]).astype(np.float32)


def _rows(plane: Any) -> Pixels:
    """FFmpeg's memory, (height, bytes of a line) with what pads the lines; valid as long as the array."""
    return np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
