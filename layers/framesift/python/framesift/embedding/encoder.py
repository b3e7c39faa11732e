"""What a dual encoder is: images and texts in, vectors of one space out, so that a text finds what it describes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from framesift.vision.decode import RgbImage


class Encoder(Protocol):
    """A model that puts images and texts into one space, such as CLIP.

    The cosine of two of its vectors is their dot product. A tower is loaded when it is first used: whoever only
    searches by text never loads the one for images.

    Attributes:
        name: `name@version` of the tower for images: the vectors of items are kept under it.
        dimension: Length of a vector.
    """

    name: str
    dimension: int

    def encode_images(self, images: Sequence[RgbImage]) -> NDArray[np.float32]:
        """Turn N images, each `(height, width, 3)` uint8 RGB of any size, into `(N, dimension)` float32 of length 1.

        Raises:
            ModelMissingError: The tower for images is nowhere.
        """
        ...

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Turn N texts into `(N, dimension)` float32 of length 1.

        Raises:
            ModelMissingError: The tower for texts is nowhere; the message names the command that adds it.
            TextTooLongError: A text has more tokens than the encoder takes.
        """
        ...
