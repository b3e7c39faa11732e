"""A pickle that was planted in place of a file of ours is never unpickled."""

from __future__ import annotations

import ast
import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framesift.detection.onnx.added import read_detector
from framesift.duplicates.fingerprints import Fingerprints
from framesift.duplicates.index import load_index
from framesift.pose.manifest import read_manifest
from framesift.pose.sequence import read_sequence
from framesift.vision.onnx_session import OnnxNetwork

REPOSITORY = Path(__file__).parents[2]
CODE = ("layers/framesift/python/framesift", "local/framesift_local", "functions", "containers", "cdk", "statemachine")


class Canary:
    """Leaves a file behind where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    return tmp_path / "unpickled"


def planted_as_arrays(mark: Path) -> bytes:
    """An `.npz` each of whose arrays holds the canary as an object."""
    objects = np.array([Canary(mark)], dtype=object)
    names = ["format", "folder", "embedder", "pdq", "pdq_quality", "vectors", "paths"]
    file = io.BytesIO()
    np.savez(file, allow_pickle=True, **dict.fromkeys(names, objects))
    return file.getvalue()


def planted_as_array(mark: Path) -> bytes:
    file = io.BytesIO()
    np.save(file, np.array([Canary(mark)], dtype=object), allow_pickle=True)
    return file.getvalue()


def planted_as_file(mark: Path) -> bytes:
    return pickle.dumps(Canary(mark))


def read_folder_manifest(path: Path) -> object:
    return read_manifest(path.rename(path.with_name("manifest.json")).parent)


READERS: dict[str, Callable[[Path], object]] = {
    "index": load_index,
    "features": lambda path: Fingerprints.from_bytes(path.read_bytes()),
    "sequence": read_sequence,
    "manifest": read_folder_manifest,
    "model": OnnxNetwork,
    "detector": lambda path: read_detector(path, "planted", tags=["person"]),
}


@pytest.mark.parametrize("plant", [planted_as_arrays, planted_as_array, planted_as_file])
@pytest.mark.parametrize("reader", READERS)
def test_no_reader_unpickles(reader: str, plant: Callable[[Path], bytes], tmp_path: Path, mark: Path) -> None:
    path = tmp_path / "planted.onnx"
    path.write_bytes(plant(mark))
    with pytest.raises(Exception, match=r"."):
        READERS[reader](path)
    assert not mark.exists()


def test_the_canary_would_be_noticed(mark: Path) -> None:
    pickle.loads(planted_as_file(mark))  # noqa: S301 - this very thing must not happen elsewhere
    assert mark.exists()


def test_numpy_would_unpickle_the_canary_if_it_were_allowed_to(mark: Path) -> None:
    np.load(io.BytesIO(planted_as_array(mark)), allow_pickle=True)
    assert mark.exists()


def calls(source: str) -> list[tuple[str, set[str]]]:
    """Every call of a module with its keywords, as they are written: `allow_pickle=False`."""
    return [
        (ast.unparse(node.func), {ast.unparse(each) for each in node.keywords})
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
    ]


def unpickling(source: str) -> list[str]:
    """The calls that would unpickle."""
    never = {"pickle.load", "pickle.loads", "pickle.Unpickler", "joblib.load", "marshal.loads"}
    only_with = {
        "np.load": "allow_pickle=False",
        "numpy.load": "allow_pickle=False",
        "torch.load": "weights_only=True",  # Reads tensors; what else a file would call is refused.
    }
    return [
        name
        for name, keywords in calls(source)
        if name in never or (name in only_with and only_with[name] not in keywords)
    ]


def test_no_module_has_a_call_that_unpickles() -> None:
    modules = [path for folder in CODE for path in (REPOSITORY / folder).rglob("*.py")]
    assert len(modules) > 200
    assert {str(path): found for path in modules if (found := unpickling(path.read_text(encoding="utf-8")))} == {}


@pytest.mark.parametrize(
    "harmful",
    [
        "pickle.load(file)",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
    ],
)
def test_a_call_that_unpickles_would_be_found(harmful: str) -> None:
    assert unpickling(harmful)
