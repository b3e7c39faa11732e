"""ResNet50's features: torchvision's weights as one ONNX file, and that file as a torch network.

Needs `framesift[torch]`. `framesift models fetch resnet50` builds the file with this, and the GPU job reads it.
The graph is written node by node rather than traced, so that it holds exactly what a job needs: uint8 images in, the
normalisation and the batch normalisations folded into convolutions, no classifier.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from framesift.models.normalisation import IMAGENET_DEVIATION, IMAGENET_MEAN

Weights = Mapping[str, NDArray[np.float32]]
"""Tensors by their names in torchvision's `resnet50().state_dict()`, without `fc.*`."""

# As torchvision's ResNet50_Weights.transforms() has them.
MEAN: Final = IMAGENET_MEAN
DEVIATION: Final = IMAGENET_DEVIATION

_BLOCKS = (3, 4, 6, 3)  # He et al., "Deep Residual Learning for Image Recognition", 2015, table 1
_BATCH_NORM_EPSILON = 1e-5
_OPSET = 18


def build_onnx(destination: Path) -> None:
    """Download torchvision's IMAGENET1K_V2 weights, check them, and write the graph (see `ModelCard.builder`)."""
    write_onnx(_published_weights(), destination)


def feature_weights(model: Any) -> dict[str, NDArray[np.float32]]:
    """The tensors of a torchvision ResNet50 that make features: all but its classifier's."""
    return {
        name: tensor.detach().float().numpy()
        for name, tensor in model.state_dict().items()
        if not name.startswith("fc.") and not name.endswith("num_batches_tracked")
    }


def write_onnx(weights: Weights, destination: Path) -> None:
    """Write the graph: `pictures` `(N, 224, 224, 3)` uint8 RGB to `features` `(N, 2048)` float32."""
    import onnx

    model = _Graph(weights).model()
    onnx.checker.check_model(model)
    onnx.save(model, str(destination))


def read_torch_network(path: Path) -> tuple[Any, NDArray[np.float32]]:
    """Read the graph that `write_onnx` wrote as a torchvision network.

    Returns:
        The network, `(N, 3, 224, 224)` float32 less the mean to `(N, 2048)`, and the mean, `(3,)` in 0 to 255.
    """
    import onnx
    import torch
    from torchvision.models import resnet50

    tensors = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in onnx.load(str(path)).graph.initializer}
    network = resnet50()
    network.fc = torch.nn.Identity()
    for name, module in list(network.named_modules()):
        if isinstance(module, torch.nn.BatchNorm2d):  # folded into the convolution before it
            network.set_submodule(name, torch.nn.Identity())
        elif isinstance(module, torch.nn.Conv2d):
            module.weight = torch.nn.Parameter(torch.tensor(tensors[f"{name}.weight"]))
            module.bias = torch.nn.Parameter(torch.tensor(tensors[f"{name}.bias"]))
    return network.eval(), tensors["mean"].reshape(3)


def _published_weights() -> dict[str, NDArray[np.float32]]:
    import torch
    from torchvision.models import ResNet50_Weights, resnet50

    # `check_hash`: the file's name carries the start of its sha256. `weights_only`: nothing is unpickled.
    state = torch.hub.load_state_dict_from_url(
        ResNet50_Weights.IMAGENET1K_V2.url, map_location="cpu", check_hash=True, weights_only=True
    )
    model = resnet50()
    model.load_state_dict(state)
    return feature_weights(model)


class _Graph:
    """Collects the nodes and tensors of the network."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._nodes: list[Any] = []
        self._tensors: list[Any] = []

    def model(self) -> Any:
        from onnx import TensorProto, helper

        pictures = helper.make_tensor_value_info("pictures", TensorProto.UINT8, ["n", 224, 224, 3])
        features = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", 2048])
        self._features()
        graph = helper.make_graph(self._nodes, "resnet50", [pictures], [features], self._tensors)
        return helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=9, producer_name="framesift"
        )

    def _features(self) -> None:
        from onnx import TensorProto

        cast = self._node("Cast", "pictures", to=TensorProto.FLOAT)
        planes = self._node("Transpose", cast, perm=[0, 3, 1, 2])
        mean = self._tensor("mean", 255 * np.array(MEAN, np.float32).reshape(1, 3, 1, 1))
        value = self._convolution(self._node("Sub", planes, mean), "conv1", "bn1", stride=2, padding=3)
        value = self._node("Relu", value)
        value = self._node("MaxPool", value, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
        for stage, blocks in enumerate(_BLOCKS, start=1):
            for block in range(blocks):
                value = self._bottleneck(value, f"layer{stage}.{block}", stride=2 if stage > 1 and not block else 1)
        pooled = self._node("GlobalAveragePool", value)
        self._node("Flatten", pooled, output="features")

    def _bottleneck(self, value: str, name: str, stride: int) -> str:
        shortcut = value
        if f"{name}.downsample.0.weight" in self._weights:
            shortcut = self._convolution(value, f"{name}.downsample.0", f"{name}.downsample.1", stride=stride)
        value = self._node("Relu", self._convolution(value, f"{name}.conv1", f"{name}.bn1"))
        # torchvision puts the stride on the 3 x 3 convolution ("ResNet v1.5").
        value = self._convolution(value, f"{name}.conv2", f"{name}.bn2", stride=stride, padding=1)
        value = self._node("Relu", value)
        value = self._convolution(value, f"{name}.conv3", f"{name}.bn3")
        return self._node("Relu", self._node("Add", value, shortcut))

    def _convolution(self, value: str, name: str, norm: str, stride: int = 1, padding: int = 0) -> str:
        """Add a convolution with its batch normalisation folded in."""
        kernel = self._weights[f"{name}.weight"]
        variance, shift = self._weights[f"{norm}.running_var"], self._weights[f"{norm}.bias"]
        scale = self._weights[f"{norm}.weight"] / np.sqrt(variance + _BATCH_NORM_EPSILON)
        kernel = kernel * scale[:, None, None, None]
        if name == "conv1":
            kernel = kernel / (255 * np.array(DEVIATION, np.float32))[None, :, None, None]
        tensors = [
            self._tensor(f"{name}.weight", kernel),
            self._tensor(f"{name}.bias", shift - self._weights[f"{norm}.running_mean"] * scale),
        ]
        return self._node("Conv", value, *tensors, strides=[stride, stride], pads=[padding] * 4)

    def _node(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        from onnx import helper

        output = output or f"{kind.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def _tensor(self, name: str, values: NDArray[np.float32]) -> str:
        from onnx import numpy_helper

        self._tensors.append(numpy_helper.from_array(np.ascontiguousarray(values, np.float32), name))
        return name
