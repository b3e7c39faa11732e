"""Pictures and a ResNet50 with seeded random weights, made so that its features tell pictures apart."""

import hashlib
import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data

from framesift.models import Model, shipped_card
from framesift.vision import resnet50

PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket", "hubble_deep_field")


@pytest.fixture(scope="session")
def photographs() -> list[np.ndarray]:
    """Five photographs, `(height, width, 3)` uint8 RGB."""
    return [np.ascontiguousarray(getattr(data, name)()[..., :3]) for name in PHOTOGRAPHS]


def encode(image: np.ndarray, picture_format: str = "JPEG", **options) -> bytes:
    """The bytes of a picture in that format."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, picture_format, **options)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def random_resnet50(photographs):
    """The network that the tests compare providers on."""
    return random_network(photographs)


def random_network(photographs):
    """A torchvision ResNet50 with random weights.

    Its batch normalisations take their statistics from real photographs: with the usual start values, every picture
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
    normalised = (small / 255 - np.array(resnet50.MEAN, np.float32)) / np.array(resnet50.DEVIATION, np.float32)
    with torch.inference_mode():
        model.train()(torch.from_numpy(normalised.transpose(0, 3, 1, 2).copy()))
    return model.eval()


def model_of(path: Path, card_name: str) -> Model:
    """A file as the registry would give it."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Model(shipped_card(card_name).model_copy(update={"sha256": digest}), path)


@pytest.fixture(scope="session")
def resnet50_onnx(random_resnet50, tmp_path_factory) -> Model:
    """The random ResNet50 as the file that jobs read."""
    path = tmp_path_factory.mktemp("models") / "resnet50.onnx"
    resnet50.write_onnx(resnet50.weights_of(random_resnet50), path)
    return model_of(path, "resnet50")
