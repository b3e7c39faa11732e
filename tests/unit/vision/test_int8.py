"""The gate lets through what agrees, and refuses what strays."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from framesift.errors import ModelInaccurateError
from framesift.models import Model, ModelCard
from framesift.vision.embed import CopyDetect
from framesift.vision.int8 import check_int8, quantise


def small_network(path, *, weights_scale=1.0):
    """One convolution over 128 x 128 pictures, pooled to 16 features."""
    rng = np.random.default_rng(0)
    kernel = (rng.normal(size=(16, 3, 8, 8)) * np.geomspace(1, weights_scale, 16)[:, None, None, None]).astype(
        np.float32
    )
    nodes = [
        helper.make_node("Cast", ["pictures"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["floats"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["planes", "kernel"], ["maps"], strides=[8, 8]),
        helper.make_node("Relu", ["maps"], ["positive"]),
        helper.make_node("GlobalAveragePool", ["positive"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["features"]),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("pictures", TensorProto.UINT8, ["n", 128, 128, 3])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", 16])],
        [numpy_helper.from_array(kernel, "kernel")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), str(path))
    return path


def embedder(path) -> CopyDetect:
    text = dict.fromkeys(("licence", "source", "input", "output"), "a test's")
    card = ModelCard(name="small", version="1", file=path.name, dimension=16, threshold=0.8, **text)
    return CopyDetect(Model(card, path), threads=1)


def test_an_int8_network_that_agrees_passes(photographs, tmp_path):
    exact = embedder(small_network(tmp_path / "exact.onnx"))
    views = [exact.prepare(image) for image in photographs[:3]]
    quantise(tmp_path / "exact.onnx", views, tmp_path / "int8.onnx")

    agreement = check_int8(exact, embedder(tmp_path / "int8.onnx"), photographs[3:])

    stored = onnx.load(str(tmp_path / "int8.onnx"))
    assert any(tensor.data_type == TensorProto.INT8 for tensor in stored.graph.initializer)
    assert 0.995 <= agreement.worst_cosine < 1


def test_one_that_strays_is_refused(photographs, tmp_path):
    exact = embedder(small_network(tmp_path / "exact.onnx"))
    other = embedder(small_network(tmp_path / "other.onnx", weights_scale=0.2))
    with pytest.raises(ModelInaccurateError, match="use the float file"):
        check_int8(exact, other, photographs)
