"""torchvision's ResNet50 (IMAGENET1K_V2) on three views of an image, without its classifier.

The same file runs on a CPU (onnxruntime or OpenVINO) and on a GPU (torch); a test holds them to the same vectors.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from framesift.embedding.embedder import Network, Views, embed_views, feature_facts
from framesift.models import Model
from framesift.vision.decode import RgbImage
from framesift.vision.inputs import InputForm, prepare_input
from framesift.vision.onnx_session import OnnxNetwork
from framesift.vision.views import NEEDED_SIDE, VIEW_SIDE

# Views in a batch: on a CPU more gains nothing, and a GPU is full with these.
_CPU_VIEWS = 24
_GPU_VIEWS = 768


class ResNet50:
    """Three 224 x 224 views to the mean of their 2,048 features; see `Embedder`.

    Args:
        model: The registry's `resnet50`.
        network: Its file on a device.
        views_at_once: The largest batch.
    """

    name = "resnet50"
    needed_side = NEEDED_SIDE
    input_form = InputForm(way="views", width=VIEW_SIDE, height=VIEW_SIDE)

    def __init__(self, model: Model, network: Network, views_at_once: int = _CPU_VIEWS) -> None:
        self._network, self._views_at_once = network, views_at_once
        self.dimension, self.threshold = feature_facts(model.card)
        self.device = network.device

    def prepare(self, image: RgbImage) -> Views:
        """Crop and scale centre, full and zoom: `(3, 224, 224, 3)`."""
        return prepare_input(image, self.input_form)

    def embed(self, prepared: Sequence[Views]) -> NDArray[np.float16]:
        """See `Embedder.embed`."""
        return embed_views(self._network, prepared, dimension=self.dimension, views_at_once=self._views_at_once)


def open_on_cpu(model: Model, threads: int = 0, *, exact: bool = False) -> ResNet50:
    """Open ResNet50 on OpenVINO where it is installed, else on onnxruntime's own provider.

    Args:
        model: The registry's `resnet50`.
        threads: Threads of the network; 0: one for each core.
        exact: Compute in float32 even where the CPU multiplies bfloat16 faster.
    """
    return ResNet50(model, OnnxNetwork(model.path, threads=threads, exact=exact))


def open_on_torch(model: Model, device: str) -> ResNet50:
    """Open ResNet50 on torch: half precision on CUDA, float32 on a CPU (for tests). Needs `framesift[torch]`.

    Args:
        model: The registry's `resnet50`.
        device: `cuda` or `cpu`.
    """
    from framesift.embedding.torch_network import TorchNetwork

    return ResNet50(model, TorchNetwork(model.path, device), _GPU_VIEWS if device == "cuda" else _CPU_VIEWS)
