"""What an embedder is: images in, one L2-normalised float16 vector an image out.

An embedder works in two steps, so that the first can run in the threads that decode: `prepare` crops and scales what
the network takes, `embed` runs the network on many prepared images at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from framesift.models import ModelCard
from framesift.vision.decode import RgbImage
from framesift.vision.inputs import InputForm

Views = NDArray[np.uint8]
"""`(V, S, S, 3)` uint8 RGB: what a network takes of one image, as V square crops."""


class Embedder(Protocol):
    """A model that makes features.

    Attributes:
        name: `resnet50` or `copydetect`: what manifests and summaries report.
        dimension: Length of a vector.
        threshold: The cosine from which two vectors are of the same image, by the model's card.
        needed_side: The short side, pixels, from which `prepare` enlarges nothing.
        input_form: What `prepare` does, as data.
        device: What computes, for people: `CPU (OpenVINO, bfloat16)`, `NVIDIA H200 (torch, bfloat16)` …
    """

    name: str
    dimension: int
    threshold: float
    needed_side: int
    input_form: InputForm
    device: str

    def prepare(self, image: RgbImage) -> Views:
        """Turn `(height, width, 3)` uint8 RGB into the views that the network takes."""
        ...

    def embed(self, prepared: Sequence[Views]) -> NDArray[np.float16]:
        """Turn N prepared images into `(N, dimension)` float16 rows, L2-normalised."""
        ...


class Network(Protocol):
    """A network on a device: `vision.onnx_session.OnnxNetwork`, `embedding.torch_network.TorchNetwork`.

    Attributes:
        device: What computes, for people.
    """

    device: str

    def run(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Turn `(N, S, S, 3)` uint8 RGB into `(N, D)` float32."""
        ...


def embed_views(
    network: Network, prepared: Sequence[Views], *, dimension: int, views_at_once: int
) -> NDArray[np.float16]:
    """Run a network on images' views, in batches, and average each image's.

    Args:
        network: Makes `dimension` numbers a view.
        prepared: The images' views, the same number for each.
        dimension: Length of a vector.
        views_at_once: The largest batch.

    Returns:
        `(len(prepared), dimension)` float16, L2-normalised.
    """
    if not prepared:
        return np.zeros((0, dimension), np.float16)
    views = prepared[0].shape[0]
    step = max(1, views_at_once // views)
    batches = [np.concatenate(prepared[start : start + step]) for start in range(0, len(prepared), step)]
    outputs = np.concatenate([network.run(batch) for batch in batches])
    return _average(outputs.reshape(len(prepared), views, -1))


def feature_facts(card: ModelCard) -> tuple[int, float]:
    """The length of a model's vectors and the cosine from which two are of the same image.

    Raises:
        ValueError: The card is not of a model that makes features.
    """
    if card.dimension is None or card.threshold is None:
        raise ValueError(f"The card of {card.name} describes no model that makes features.")
    return card.dimension, card.threshold


def _average(outputs: NDArray[np.float32]) -> NDArray[np.float16]:
    """Average `(N, V, D)` over the views and normalise: `(N, D)` float16."""
    means = outputs.mean(axis=1, dtype=np.float32)
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    unit: NDArray[np.float16] = means.astype(np.float16)
    return unit
