"""Photographs, and a ResNet50 with seeded random weights whose features tell them apart."""

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from framesift.embedding import resnet50_graph
from framesift.models import Model, shipped_card

PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket", "hubble_deep_field")


def photograph(name: str) -> NDArray[np.uint8]:
    """One of scikit-image's photographs, `(height, width, 3)` uint8 RGB."""
    return np.ascontiguousarray(getattr(data, name)()[..., :3])


def encode(image: NDArray[np.uint8], image_format: str = "JPEG", **options: Any) -> bytes:
    """The bytes of an image in that format."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, image_format, **options)
    return buffer.getvalue()


def random_network(photographs: Sequence[NDArray[np.uint8]]) -> Any:
    """A torchvision ResNet50 with random weights.

    Its batch normalisations take their statistics from real photographs: with the usual start values, every image
    would get nearly the same features, and a comparison of providers could not fail.
    """
    import torch
    from torchvision.models import resnet50 as torchvision_resnet50

    torch.manual_seed(7)
    model = torchvision_resnet50(weights=None)
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
            size = 0.3 if name.endswith("bn3") else 1.0  # as in trained networks, blocks add little each
            torch.nn.init.uniform_(module.weight, 0.8 * size, 1.2 * size)
            torch.nn.init.uniform_(module.bias, -0.2, 0.2)
    small = np.stack([cv2.resize(image, (96, 96), interpolation=cv2.INTER_AREA) for image in photographs]).astype(
        np.float32
    )
    normalised = (small / 255 - np.array(resnet50_graph.MEAN, np.float32)) / np.array(
        resnet50_graph.DEVIATION, np.float32
    )
    with torch.inference_mode():
        model.train()(torch.from_numpy(normalised.transpose(0, 3, 1, 2).copy()))
    return model.eval()


def model_of(path: Path, card_name: str) -> Model:
    """A file as the registry would give it."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Model(shipped_card(card_name).model_copy(update={"sha256": digest}), path)
