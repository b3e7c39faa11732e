"""Halves the size of ONNX files. Needs `framesift[torch]`."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

_LEAST_VALUES = 1_000


def halve_weights(graph: onnx.GraphProto) -> None:
    """Replace large float32 constants by float16 ones and a cast, which onnxruntime folds at loading."""
    casts = []
    for tensor in list(graph.initializer):
        weights = numpy_helper.to_array(tensor)
        if weights.dtype != np.float32 or weights.size < _LEAST_VALUES:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(weights.astype(np.float16), f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
