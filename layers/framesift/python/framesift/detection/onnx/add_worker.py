"""Inspects an untrusted ONNX file, in a process that may be killed (see `framesift.sandbox`)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, get_args

import numpy as np
import onnxruntime

from framesift.detection.onnx.protobuf import ProtobufError, read_fields
from framesift.errors import ExternalDataError, FramesiftError, NotADetectorError, RowCountError
from framesift.models.card import Head
from framesift.sandbox import Reply

_S1_OUTPUTS = {"detected_boxes", "detected_classes", "detected_scores"}
_ONE_AT_A_TIME = {"torchvision", "custom_vision_s1"}
_DTYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
# What onnxruntime's errors say where memory ends.
_OUT_OF_MEMORY = re.compile(r"bad_alloc|allocate memory|bad array new length", re.IGNORECASE)

# Where messages of onnx.proto3 hold others that lead to tensors: field numbers, and what lies there.
_GRAPH, _NODE, _ATTRIBUTE, _TENSOR, _SPARSE, _FUNCTION, _TRAINING = (
    "graph", "node", "attribute", "tensor", "sparse", "function", "training",
)  # fmt: skip
_WITHIN: Mapping[str, Mapping[int, str]] = {
    "model": {7: _GRAPH, 20: _TRAINING, 25: _FUNCTION},
    _GRAPH: {1: _NODE, 5: _TENSOR, 15: _SPARSE},
    _NODE: {5: _ATTRIBUTE},
    _ATTRIBUTE: {5: _TENSOR, 6: _GRAPH, 10: _TENSOR, 11: _GRAPH, 22: _SPARSE, 23: _SPARSE},
    _SPARSE: {1: _TENSOR, 2: _TENSOR},
    _FUNCTION: {7: _NODE, 11: _ATTRIBUTE},
    _TRAINING: {1: _GRAPH, 2: _GRAPH},
}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
_MAX_DEPTH = 64


def inspect(data: bytes, *, file_name: str, head: Head | None, size: int) -> Reply:
    """Load and run a network; return its head and the size of its input.

    Raises:
        ExternalDataError: Its weights are in other files.
        RowCountError: It gives other than one row for each image.
        NotADetectorError: It is not a network, or not a detector with a supported input and output.
        MemoryError: It needs too much memory.
    """
    with naming_faults(data, file_name, NotADetectorError):
        return _run(data, file_name, head, size)


@contextmanager
def naming_faults(data: bytes, file_name: str, refusal: type[FramesiftError]) -> Iterator[None]:
    """Check that a network is in one file, and name what happens while it is opened and run.

    Args:
        data: The file.
        file_name: Its name.
        refusal: Raised where it is none, or cannot be run.

    Raises:
        ExternalDataError: Its weights are in other files.
        MemoryError: It needs too much memory.
    """
    try:
        if has_external_data(data):
            raise ExternalDataError(
                f"{file_name} keeps its weights in other files, which are not read: save it as one file "
                "(onnx.save without save_as_external_data)."
            )
        yield
    except ProtobufError as error:
        raise refusal(f"{file_name} is no ONNX network: {error}.") from None
    except (ExternalDataError, RowCountError, refusal):
        raise
    except Exception as error:  # noqa: BLE001 - onnxruntime's own errors have no other base class.
        if isinstance(error, MemoryError) or _OUT_OF_MEMORY.search(str(error)):
            raise MemoryError from None
        raise refusal(f"{file_name} is no ONNX network that can be run: {' '.join(str(error).split())}") from None


def open_session(data: bytes) -> onnxruntime.InferenceSession:
    """Open a network on one thread, silently.

    It is optimized as in production: the cost of folding constants shows here, not in the first prediction.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def has_external_data(data: bytes) -> bool:
    """Whether any tensor of an ONNX file keeps its data in another file.

    Raises:
        ProtobufError: It is no message of Protocol Buffers.
    """
    return any(_external(data, "model", 0))


def _run(data: bytes, file_name: str, head: Head | None, size: int) -> Reply:
    session = open_session(data)
    inputs, outputs = session.get_inputs(), [output.name for output in session.get_outputs()]
    if len(inputs) != 1:
        raise NotADetectorError(f"{file_name} takes {len(inputs)} inputs: a detector takes one, the image.")
    if inputs[0].type not in _DTYPES:
        raise NotADetectorError(f"{file_name} takes {inputs[0].type}: a detector takes float or float16.")
    head = head or _head(outputs, file_name)
    width, height = _size(inputs[0].shape, size, file_name)
    batch, dtype = inputs[0].shape[0], _DTYPES[inputs[0].type]
    if head == "torchvision":
        session.run(None, {inputs[0].name: np.zeros((3, height, width), dtype)})
    else:
        count = batch if isinstance(batch, int) else 1 if head in _ONE_AT_A_TIME else 2
        images = np.zeros((count, 3, height, width), dtype)
        rows = np.asarray(session.run(None, {inputs[0].name: images})[0]).shape[:1]
        if head not in _ONE_AT_A_TIME and rows != (count,):
            raise RowCountError(
                f"{file_name} gives {rows[0] if rows else 'no'} rows for {count} images: export it with a batch "
                "that is open, or fixed to one image."
            )
    return Reply({"head": head, "width": width, "height": height})


def _head(outputs: list[str], file_name: str) -> Head:
    """Custom Vision's forms are recognized by their outputs."""
    if set(outputs) == _S1_OUTPUTS:
        return "custom_vision_s1"
    if outputs == ["model_outputs0"]:
        return "custom_vision"
    raise NotADetectorError(
        f"{file_name} has the outputs {', '.join(outputs[:10])}: choose their format with --head "
        f"({', '.join(get_args(Head))})."
    )


def _size(shape: list[Any], requested: int, file_name: str) -> tuple[int, int]:
    """Width and height of the input, pixels."""
    height, width = shape[-2:] if len(shape) >= 2 else (None, None)
    width, height = (side if isinstance(side, int) else requested for side in (width, height))
    if not width or not height:
        raise NotADetectorError(f"{file_name} does not fix the size of its input: give it with --size.")
    return width, height


def _external(message: bytes | memoryview, kind: str, depth: int) -> Iterator[bool]:
    """Whether tensors anywhere in a message keep their data in other files."""
    if depth > _MAX_DEPTH:
        raise ProtobufError("its graphs are nested too deeply")
    for number, value in read_fields(message):
        if kind == _TENSOR:
            yield number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value == 1)
        elif (inner := _WITHIN[kind].get(number)) and isinstance(value, memoryview):
            yield from _external(value, inner, depth + 1)
