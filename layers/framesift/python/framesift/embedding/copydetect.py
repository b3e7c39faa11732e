"""Our own copy-detection model, which ships with the package (`docs/copydetect.md`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from framesift.embedding.embedder import Views, embed_views, feature_facts
from framesift.models import Model
from framesift.vision.decode import RgbImage
from framesift.vision.inputs import InputForm, prepare_input
from framesift.vision.onnx_session import OnnxNetwork

INPUT_SIDE: Final = 128
_IMAGES_AT_ONCE = 64


class CopyDetect:
    """128 x 128 squashed RGB to 192 numbers, always in float32; see `Embedder`.

    Args:
        model: The registry's `copydetect`.
        threads: Threads of the network; 0: one for each core.
    """

    name = "copydetect"
    needed_side = INPUT_SIDE
    input_form = InputForm(way="squash", width=INPUT_SIDE, height=INPUT_SIDE)

    def __init__(self, model: Model, threads: int = 0) -> None:
        self._network = OnnxNetwork(model.path, threads=threads, exact=True)
        self.dimension, self.threshold = feature_facts(model.card)
        self.device = self._network.device

    def prepare(self, image: RgbImage) -> Views:
        """Squash the whole image: `(1, 128, 128, 3)`."""
        return prepare_input(image, self.input_form)

    def embed(self, prepared: Sequence[Views]) -> NDArray[np.float16]:
        """See `Embedder.embed`."""
        return embed_views(self._network, prepared, dimension=self.dimension, views_at_once=_IMAGES_AT_ONCE)
