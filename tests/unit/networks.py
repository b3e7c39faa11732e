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
