"""A ResNet50 with random weights, as torchvision's network and as the file that jobs read."""

import pytest

from framesift.embedding import resnet50_graph
from framesift.models import Model
from tests.unit.images import model_of, random_network


@pytest.fixture(scope="session")
def random_resnet50(photographs):
    """The network that the tests compare devices on."""
    return random_network(photographs)


@pytest.fixture(scope="session")
def resnet50_onnx(random_resnet50, tmp_path_factory) -> Model:
    """The same as the file that jobs read."""
    path = tmp_path_factory.mktemp("models") / "resnet50.onnx"
    resnet50_graph.write_onnx(resnet50_graph.feature_weights(random_resnet50), path)
    return model_of(path, "resnet50")
