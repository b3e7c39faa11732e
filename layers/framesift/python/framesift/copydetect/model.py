"""Inference without torch: images in, descriptors out.

The pipeline uses the same network through `framesift.embedding.copydetect.CopyDetect`; this adds what
evaluation and queries need.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from framesift.embedding.copydetect import CopyDetect
from framesift.models import Model, default_cache_dir, open_registry
from framesift.vision.decode import RgbImage
from framesift.vision.views import WINDOWS, crop_windows, is_plain

NAME: Final = "copydetect"


class CopyDetector:
    """Computes descriptors that are similar for edited copies of an image.

    Args:
        model: A verified file and its card; by default the one that ships with the package.
        threads: Threads of one call; 0: one for each core.

    Raises:
        ModelMismatchError: The file that ships is not the one that its card describes.
    """

    def __init__(self, model: Model | None = None, *, threads: int = 1) -> None:
        self._network = CopyDetect(model or open_registry(default_cache_dir()).resolve(NAME), threads)
        self.dimension = self._network.dimension
        self.threshold = self._network.threshold

    def embed(self, images: Sequence[RgbImage]) -> NDArray[np.float16]:
        """Compute descriptors.

        Args:
            images: `(height, width, 3)` uint8 RGB each, of any sizes.

        Returns:
            `(N, 192)` float16, rows L2-normalised; a row of zeros, which is similar to nothing, where `is_judged`
            returns False.
        """
        vectors = np.zeros((len(images), self.dimension), np.float16)
        judged = [row for row, image in enumerate(images) if is_judged(image)]
        vectors[judged] = self._network.embed([self._network.prepare(images[row]) for row in judged])
        return vectors

    def embed_windows(self, images: Sequence[RgbImage]) -> NDArray[np.float16]:
        """Describe images and parts of them, which finds more insets at six times the cost.

        Returns:
            `(N, 6, 192)` float16: the whole image, then `views.WINDOWS`; an image's similarity is the best of its six.
        """
        parts = [part for image in images for part in (image, *crop_windows(image))]
        return self.embed(parts).reshape(len(images), 1 + len(WINDOWS), self.dimension)


def is_judged(image: RgbImage) -> bool:
    """Whether an image has enough detail to be compared: not a plain or a tiny one."""
    return not is_plain(image)
