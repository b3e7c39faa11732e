"""Embedders: pictures in, one L2-normalised float16 vector a picture out.

An embedder works in two steps, so that the first runs in the threads that decode: `prepare` cuts out and scales what
the network sees, `embed` runs the network on many prepared pictures at once. ResNet50 has two providers, onnxruntime
(a CPU) and torch (a GPU); a test holds them to the same vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from framesift.models import Model, ModelCard
from framesift.vision.decode import RgbImage
from framesift.vision.onnx_session import OnnxNetwork
from framesift.vision.views import NEEDED_SIDE, squash, three_views

COPYDETECT_SIDE: Final = 128

# Views that a network sees at a time: on a CPU more gains nothing, and a GPU is full with these.
_CPU_VIEWS = 24
_GPU_VIEWS = 768


class Embedder(Protocol):
    """What makes features.

    Attributes:
        name: `resnet50` or `copydetect`: what manifests and summaries say.
        dimension: Length of a vector.
        threshold: The cosine from which two vectors are of the same picture, by the model's card.
        needed_side: The short side, pixels, from which `prepare` enlarges nothing.
        device: What computes, for people: `CPU (OpenVINO, bfloat16)`, `NVIDIA H200 (torch, bfloat16)` …
    """

    name: str
    dimension: int
    threshold: float
    needed_side: int
    device: str

    def prepare(self, image: RgbImage) -> NDArray[np.uint8]:
        """Turn `(height, width, 3)` uint8 RGB into the `(V, S, S, 3)` uint8 views that the network sees."""
        ...

    def embed(self, prepared: Sequence[NDArray[np.uint8]]) -> NDArray[np.float16]:
        """Turn N prepared pictures into `(N, dimension)` float16 rows, L2-normalised."""
        ...


class _CardEmbedder:
    """What all embedders share: the facts of the card, batches, the mean over views, and the normalisation."""

    name: str
    dimension: int
    threshold: float
    needed_side: int
    device: str

    def __init__(self, card: ModelCard, name: str, needed_side: int, device: str, views_at_once: int) -> None:
        if card.dimension is None or card.threshold is None:
            raise ValueError(f"the card of {card.name} is not of a model that makes features")
        self.name, self.dimension, self.threshold = name, card.dimension, card.threshold
        self.needed_side, self.device = needed_side, device
        self._views_at_once = views_at_once

    def embed(self, prepared: Sequence[NDArray[np.uint8]]) -> NDArray[np.float16]:
        """See `Embedder.embed`."""
        if not prepared:
            return np.zeros((0, self.dimension), np.float16)
        views = prepared[0].shape[0]
        step = max(1, self._views_at_once // views)
        batches = [np.concatenate(prepared[start : start + step]) for start in range(0, len(prepared), step)]
        outputs = np.concatenate([self._run(batch) for batch in batches])
        return _unit_float16(outputs.reshape(len(prepared), views, -1))

    def _run(self, views: NDArray[np.uint8]) -> NDArray[np.float32]:
        raise NotImplementedError


class ResNet50Cpu(_CardEmbedder):
    """ResNet50 by onnxruntime: OpenVINO's provider where it is installed, else onnxruntime's own.

    Args:
        model: The registry's `resnet50`.
        threads: Threads of the network; 0: one for each core.
        exact: Compute in float32 even where the CPU multiplies bfloat16 faster.
    """

    def __init__(self, model: Model, threads: int = 0, *, exact: bool = False) -> None:
        self._network = OnnxNetwork(model.path, threads=threads, exact=exact)
        super().__init__(model.card, "resnet50", NEEDED_SIDE, self._network.device, _CPU_VIEWS)

    def prepare(self, image: RgbImage) -> NDArray[np.uint8]:
        """See `Embedder.prepare`: centre, full, zoom."""
        return three_views(image)

    def _run(self, views: NDArray[np.uint8]) -> NDArray[np.float32]:
        return self._network.run(views)


class ResNet50Torch(_CardEmbedder):
    """ResNet50 by torch: bfloat16 and channels last on CUDA, float32 on a CPU (for tests). Needs `framesift[torch]`.

    Args:
        model: The registry's `resnet50`.
        device: `cuda` or `cpu`.
    """

    def __init__(self, model: Model, device: str) -> None:
        import torch

        from framesift.vision.resnet50 import read_torch_network

        network, mean = read_torch_network(model.path)
        self._torch: Any = torch
        self._dtype = torch.bfloat16 if device == "cuda" else torch.float32
        self._place = torch.device(device)
        self._network = network.to(self._place, self._dtype, memory_format=torch.channels_last)
        self._mean = torch.from_numpy(mean.copy()).to(self._place)
        what = torch.cuda.get_device_name() if device == "cuda" else "CPU"
        text = f"{what} (torch, {str(self._dtype).removeprefix('torch.')})"
        super().__init__(model.card, "resnet50", NEEDED_SIDE, text, _GPU_VIEWS if device == "cuda" else _CPU_VIEWS)

    def prepare(self, image: RgbImage) -> NDArray[np.uint8]:
        """See `Embedder.prepare`: centre, full, zoom."""
        return three_views(image)

    def _run(self, views: NDArray[np.uint8]) -> NDArray[np.float32]:
        torch = self._torch
        with torch.inference_mode():
            pixels = torch.from_numpy(views).to(self._place, non_blocking=True)
            planes = (pixels - self._mean).permute(0, 3, 1, 2)  # permuted, it is channels last
            features = self._network(planes.to(self._dtype))
            return np.asarray(features.float().cpu().numpy())


class CopyDetect(_CardEmbedder):
    """Our own copy-detection network, which ships with the package: 128 x 128 squashed RGB to 192 numbers.

    Args:
        model: The registry's `copydetect`.
        threads: Threads of the network; 0: one for each core.
    """

    def __init__(self, model: Model, threads: int = 0) -> None:
        self._network = OnnxNetwork(model.path, threads=threads, exact=True)
        super().__init__(model.card, "copydetect", COPYDETECT_SIDE, self._network.device, 64)

    def prepare(self, image: RgbImage) -> NDArray[np.uint8]:
        """See `Embedder.prepare`: the whole picture, squashed."""
        return squash(image, COPYDETECT_SIDE)[None]

    def _run(self, views: NDArray[np.uint8]) -> NDArray[np.float32]:
        return self._network.run(views)


def _unit_float16(outputs: NDArray[np.float32]) -> NDArray[np.float16]:
    """Average `(N, V, D)` over the views and normalise: `(N, D)` float16."""
    means = outputs.mean(axis=1, dtype=np.float32)
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    unit: NDArray[np.float16] = means.astype(np.float16)
    return unit
