"""Inspects an untrusted ONNX file, in a process that may be killed (see `framesift.sandbox`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from framesift.classification.classifier import FEATURES_OUTPUT
from framesift.detection.onnx.add_worker import naming_faults, open_session
from framesift.errors import NotAClassifierError, RowCountError
from framesift.sandbox import Reply

_DTYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8}
_TOLERANCE = 1e-3


def inspect(data: bytes, *, file_name: str, labels: int, size: int) -> Reply:
    """Load and run a network; return the size of its input, what its scores are, and the length of its features.

    Raises:
        ExternalDataError: Its weights are in other files.
        RowCountError: It gives other than one row for each image.
        NotAClassifierError: It is not a network, or not a classifier with that many labels.
        MemoryError: It needs too much memory.
    """
    with naming_faults(data, file_name, NotAClassifierError):
        return _run(data, file_name, labels, size)


def _run(data: bytes, file_name: str, labels: int, size: int) -> Reply:
    session = open_session(data)
    inputs, outputs = session.get_inputs(), [output.name for output in session.get_outputs()]
    if len(inputs) != 1 or inputs[0].type not in _DTYPES or len(inputs[0].shape) != 4:
        raise NotAClassifierError(
            f"{file_name} takes other than one batch of images: (N, 3, H, W) float or (N, H, W, 3) uint8."
        )
    channels_last = inputs[0].type == "tensor(uint8)"
    sides = inputs[0].shape[1:3] if channels_last else inputs[0].shape[2:]
    height, width = (side if isinstance(side, int) else size for side in sides)
    if not width or not height:
        raise NotAClassifierError(f"{file_name} does not fix the size of its input: give it with --size.")
    count = inputs[0].shape[0] if isinstance(inputs[0].shape[0], int) else 2
    shape = (count, height, width, 3) if channels_last else (count, 3, height, width)
    # Noise: where all inputs are alike, logits may look like probabilities.
    noise = np.random.default_rng(0).random(shape)
    images = (255 * noise if channels_last else noise).astype(_DTYPES[inputs[0].type])
    found: dict[str, Any] = dict(
        zip(
            outputs,
            (np.asarray(output, np.float32) for output in session.run(None, {inputs[0].name: images})),
            strict=True,
        )
    )
    features = found.pop(FEATURES_OUTPUT, None)
    scores = next(iter(found.values()), np.zeros(0))
    for output in (scores, features):
        if output is not None and output.shape[:1] != (count,):
            raise RowCountError(
                f"{file_name} gives {output.shape[0] if output.shape else 'no'} rows for {count} images: export it "
                "with a batch that is open, or fixed to one image."
            )
    if scores.size != count * labels:
        raise NotAClassifierError(
            f"{file_name} gives {scores.size // count} scores an image, and {labels} labels are named: name each class."
        )
    scores = scores.reshape(count, labels)
    sums_to_one = bool(np.abs(scores.sum(axis=1) - 1).max() < _TOLERANCE)
    kind = "probabilities" if scores.min() >= 0 and scores.max() <= 1 + _TOLERANCE and sums_to_one else "logits"
    dimension = 0 if features is None else features.size // count
    return Reply({"width": width, "height": height, "scores": kind, "dimension": dimension})
