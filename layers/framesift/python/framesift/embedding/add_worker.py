"""Tries an untrusted tower of a dual encoder, in a process that may be killed (see `framesift.sandbox`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from framesift.detection.onnx.add_worker import naming_faults, open_session
from framesift.errors import NotAnEncoderError, RowCountError
from framesift.sandbox import Reply

_DTYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(uint8)": np.uint8,
    "tensor(int64)": np.int64,
}


def inspect(data: bytes, *, file_name: str, part: str, form: dict[str, Any]) -> Reply:
    """Load and run a tower; return the length of its vectors.

    Raises:
        ExternalDataError: Its weights are in other files.
        RowCountError: It gives other than one row for each input.
        NotAnEncoderError: It is not a network, or no such tower.
        MemoryError: It needs too much memory.
    """
    with naming_faults(data, file_name, NotAnEncoderError):
        return _run(data, file_name, part, form)


def _run(data: bytes, file_name: str, part: str, form: dict[str, Any]) -> Reply:
    session = open_session(data)
    inputs = session.get_inputs()
    count = inputs[0].shape[0] if inputs and inputs[0].shape and isinstance(inputs[0].shape[0], int) else 2
    feeds: dict[str, Any] = {}
    for each in inputs:
        dtype = _DTYPES.get(each.type)
        if part == "texts" and dtype is np.int64:
            feeds[each.name] = np.ones((count, form["max_tokens"]), np.int64)
        elif part == "images" and dtype not in (None, np.int64) and len(inputs) == 1:
            sides = (form["height"], form["width"])
            shape = (count, *sides, 3) if dtype is np.uint8 else (count, 3, *sides)
            feeds[each.name] = (np.random.default_rng(0).random(shape) * (255 if dtype is np.uint8 else 1)).astype(
                dtype
            )
        else:
            raise NotAnEncoderError(
                f"{file_name} takes {each.name} ({each.type}): the tower for images takes one batch of images, "
                "(N, H, W, 3) uint8 or (N, 3, H, W) float, that for texts int64 numbers of tokens."
            )
    output = np.asarray(session.run(None, feeds)[0])
    if output.ndim != 2 or output.shape[0] != count:
        raise RowCountError(
            f"{file_name} gives an output of the shape {output.shape} for {count} inputs: export it with one row for "
            "each."
        )
    if not np.isfinite(output).all() or output.shape[1] < 2:
        raise NotAnEncoderError(f"{file_name} gives no usable vectors: {output.shape[1]} numbers, some not finite.")
    return Reply({"dimension": int(output.shape[1])})
