"""Pairs are exactly those that the whole matrix of products has, whatever the screen."""

from importlib.resources import files

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from framesift.duplicates import similarity
from framesift.duplicates.pairs import Pairs
from framesift.duplicates.similarity import similar_pairs, similar_to_index


def integer_product_model() -> onnx.ModelProto:
    """The graph that ships as `integer_product.onnx`."""
    inputs = [
        helper.make_tensor_value_info("left", TensorProto.UINT8, ["n", "d"]),
        helper.make_tensor_value_info("right", TensorProto.INT8, ["d", "m"]),
        helper.make_tensor_value_info("left_step", TensorProto.FLOAT, [1]),
        helper.make_tensor_value_info("right_steps", TensorProto.FLOAT, ["m"]),
    ]
    names = [value.name for value in inputs]
    node = helper.make_node("MatMulIntegerToFloat", names, ["product"], domain="com.microsoft")
    output = helper.make_tensor_value_info("product", TensorProto.FLOAT, ["n", "m"])
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]
    graph = helper.make_graph([node], "integer_product", inputs, [output])
    return helper.make_model(graph, opset_imports=opsets, ir_version=9, producer_name="framesift")


def clustered(count: int, width: int, seed: int, *, signed: bool = False, noise: float = 0.3) -> np.ndarray:
    """Rows in clusters of about 5: similar within a cluster, and near the thresholds of the tests."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(max(1, count // 5), width))
    rows = centres[rng.integers(len(centres), size=count)] + noise * rng.normal(size=(count, width))
    rows = rows if signed else np.maximum(rows, 0)
    return (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)).astype(np.float32)


def whole_matrix(rows: np.ndarray, threshold: float) -> dict[tuple[int, int], float]:
    exact = rows.astype(np.float64) @ rows.T.astype(np.float64)
    first, second = np.nonzero(np.triu(exact >= threshold, 1))
    return {(int(i), int(j)): float(exact[i, j]) for i, j in zip(first, second, strict=True)}


def as_dict(pairs: Pairs) -> dict[tuple[int, int], float]:
    return {(int(i), int(j)): float(score) for i, j, score in zip(pairs.first, pairs.second, pairs.scores, strict=True)}


def assert_same(found: Pairs, wanted: dict[tuple[int, int], float], threshold: float) -> None:
    """Equal but for pairs that rounding alone moves over the threshold."""
    mine = as_dict(found)
    assert len(mine) == len(found)
    for pair in mine.keys() ^ wanted.keys():
        assert abs(wanted.get(pair, threshold) - threshold) < 1e-6
        assert abs(mine.get(pair, threshold) - threshold) < 1e-6
    for pair in mine.keys() & wanted.keys():
        assert abs(mine[pair] - wanted[pair]) < 1e-5


def test_the_shipped_graph_is_the_one_that_is_written_here():
    shipped = (files("framesift.duplicates") / "integer_product.onnx").read_bytes()
    assert shipped == integer_product_model().SerializeToString(deterministic=True)


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_rows_make_no_pair(count):
    assert len(similar_pairs(np.ones((count, 8), np.float32), 0.5)) == 0


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    count=st.integers(2, 90),
    threshold=st.floats(0.3, 0.99),
    width=st.sampled_from([8, 512]),
    signed=st.booleans(),
)
def test_pairs_are_those_of_the_whole_matrix(seed, count, threshold, width, signed):
    rows = clustered(count, width, seed, signed=signed)
    assert_same(similar_pairs(rows, threshold), whole_matrix(rows, threshold), threshold)


def test_pairs_across_tiles_are_found(monkeypatch):
    monkeypatch.setattr(similarity, "TILE_ROWS", 16)
    monkeypatch.setattr(similarity, "TILE_COLUMNS", 40)
    monkeypatch.setattr(similarity, "VERIFIED_AT_ONCE", 7)
    rows = clustered(150, 512, seed=1)
    wanted = whole_matrix(rows, 0.82)
    assert len(wanted) > 100
    assert_same(similar_pairs(rows, 0.82), wanted, 0.82)


def test_the_screen_lets_little_pass_that_is_no_pair():
    rows = clustered(400, 2048, seed=2)
    seen = 0

    def counting(rows, first, second, threshold):
        nonlocal seen
        seen += int((first < second).sum())
        return Pairs.empty()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(similarity, "verify", counting)
        similar_pairs(rows, 0.82)
    pairs = len(whole_matrix(rows, 0.82))
    assert pairs <= seen <= 1.1 * pairs


def test_rows_of_zeros_resemble_nothing():
    assert len(similar_pairs(np.zeros((3, 512), np.float32), 0.1)) == 0


@pytest.mark.parametrize("sizes", [(0, 4), (4, 0), (40, 30)])
def test_an_index_gives_the_same_as_the_whole_matrix(sizes, monkeypatch):
    monkeypatch.setattr(similarity, "_INDEXED_AT_ONCE", 7)
    rows = clustered(sum(sizes), 64, seed=3)
    queries, indexed = rows[: sizes[0]], rows[sizes[0] :]
    exact = queries.astype(np.float64) @ indexed.T.astype(np.float64)
    wanted = {(int(i), int(j)): float(exact[i, j]) for i, j in zip(*np.nonzero(exact >= 0.82), strict=True)}
    assert_same(similar_to_index(queries, indexed, 0.82), wanted, 0.82)


def test_the_threshold_itself_is_similar_enough():
    rows = np.eye(3, 8, dtype=np.float32)
    assert len(similar_to_index(rows, rows, 1.0)) == 3


def test_best_of_each_keeps_the_best_score():
    pairs = Pairs(np.array([1, 0, 1]), np.array([2, 3, 2]), np.array([0.5, 0.7, 0.9], np.float32))
    assert as_dict(pairs.best_of_each()) == pytest.approx({(0, 3): 0.7, (1, 2): 0.9})
