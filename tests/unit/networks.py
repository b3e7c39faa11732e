"""Small ONNX networks of known behaviour."""

from pathlib import Path
from typing import Any

import numpy as np


def colour_classifier(
    path: Path, *, side: int = 32, batch: int | str = "n", softmax: bool = True, features: bool = True
) -> Path:
    """Says which of red, green and blue an image has most of; its features are the means of the three.

    `images` `(batch, 3, side, side)` float of 0 to 1 to `scores` `(batch, 3)` and `features` `(batch, 3)`.
    """
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node("GlobalAveragePool", ["images"], ["means"]),
        helper.make_node("Flatten", ["means"], ["features"]),
        helper.make_node("Mul", ["features", "ten"], ["logits"]),
    ]
    if softmax:
        nodes.append(helper.make_node("Softmax", ["logits"], ["scores"], axis=1))
    score = "scores" if softmax else "logits"
    outputs = [helper.make_tensor_value_info(score, TensorProto.FLOAT, [batch, 3])]
    if features:
        outputs.append(helper.make_tensor_value_info("features", TensorProto.FLOAT, [batch, 3]))
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, [batch, 3, side, side])
    ten: Any = numpy_helper.from_array(np.array(10, np.float32), "ten")
    graph = helper.make_graph(nodes, "colours", [images], outputs, [ten])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    path.write_bytes(model.SerializeToString())
    return path


def colour_detector(path: Path, *, side: int = 64) -> Path:
    """Sees something red in the left half and something blue in the right half, as surely as the image has of it.

    torchvision's form: `image` `(3, side, side)` float of 0 to 1 to `boxes` `(2, 4)`, `labels` `(2,)`: 1 and 2, and
    `scores` `(2,)`.
    """
    from onnx import TensorProto, helper, numpy_helper

    half = side // 2
    constants: dict[str, Any] = {
        "boxes_": np.array([[0, 0, half, side], [half, 0, side, side]], np.float32),
        "labels_": np.array([1, 2], np.int64),
        "red_and_blue": np.array([0, 2], np.int64),
        "axes": np.array([1, 2], np.int64),
    }
    nodes = [
        helper.make_node("Identity", ["boxes_"], ["boxes"]),
        helper.make_node("Identity", ["labels_"], ["labels"]),
        helper.make_node("ReduceMean", ["image", "axes"], ["means"], keepdims=0),
        helper.make_node("Gather", ["means", "red_and_blue"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [3, side, side])],
        [
            helper.make_tensor_value_info("boxes", TensorProto.FLOAT, [2, 4]),
            helper.make_tensor_value_info("labels", TensorProto.INT64, [2]),
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, [2]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    path.write_bytes(model.SerializeToString())
    return path
