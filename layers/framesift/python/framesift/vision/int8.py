"""An 8-bit ResNet50, behind a gate: it is made here, and refused unless its vectors are those of the real network.

Nothing takes an int8 file on trust. Whoever wants one quantises the real weights with `quantise`, and puts the outcome
through `check_int8` with pictures that were not calibrated on. Random weights pass or fail without meaning.
Needs `framesift[torch]` (for `onnx`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from framesift.errors import ModelInaccurateError
from framesift.vision.decode import RgbImage
from framesift.vision.embed import Embedder

MIN_COSINE: Final = 0.995
"""Of a picture's int8 vector to its float32 one; the worst picture counts."""
MAX_SHIFT: Final = 0.01
"""By how much the similarity of two pictures may move: the verdict falls at 0.82, and less than this around it."""


@dataclass(frozen=True)
class Agreement:
    """How near two embedders come on the same pictures.

    Attributes:
        worst_cosine: The least cosine of a picture's two vectors.
        worst_shift: The most that the similarity of two pictures differs.
    """

    worst_cosine: float
    worst_shift: float


def quantise(model: Path, views: Sequence[NDArray[np.uint8]], destination: Path) -> None:
    """Write an 8-bit (QDQ, per channel) version of an ONNX network.

    Args:
        model: The float32 file.
        views: Batches of the network's input to take ranges from; a few hundred pictures of the kind it will see.
        destination: Where the file goes.
    """
    from onnxruntime import quantization

    class _Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
        def __init__(self, name: str) -> None:
            self._feeds = iter([{name: batch} for batch in views])

        def get_next(self) -> dict[str, Any] | None:
            return next(self._feeds, None)

    quantization.quantize_static(
        str(model), str(destination), _Reader(_input_name(model)), per_channel=True, op_types_to_quantize=["Conv"]
    )


def check_int8(exact: Embedder, quantised: Embedder, pictures: Sequence[RgbImage]) -> Agreement:
    """Compare an int8 embedder with the exact one, and refuse it if it strays.

    Args:
        exact: The float32 embedder.
        quantised: The int8 one.
        pictures: At least 2, `(height, width, 3)` uint8 RGB, none of them calibrated on.

    Raises:
        ModelInaccurateError: A vector is under `MIN_COSINE`, or a similarity moved by more than `MAX_SHIFT`.
    """
    prepared = [exact.prepare(picture) for picture in pictures]
    wanted, got = _unit(exact.embed(prepared)), _unit(quantised.embed(prepared))
    agreement = Agreement(
        worst_cosine=float((wanted * got).sum(axis=1).min()),
        worst_shift=float(np.abs(wanted @ wanted.T - got @ got.T).max()),
    )
    if agreement.worst_cosine < MIN_COSINE or agreement.worst_shift > MAX_SHIFT:
        raise ModelInaccurateError(
            f"The int8 {exact.name} strays from float32: cosine {agreement.worst_cosine:.4f} (at least {MIN_COSINE}), "
            f"similarities move by {agreement.worst_shift:.4f} (at most {MAX_SHIFT}): use the float file."
        )
    return agreement


def _unit(rows: NDArray[np.float16]) -> NDArray[np.float64]:
    exact = rows.astype(np.float64)
    unit: NDArray[np.float64] = exact / np.linalg.norm(exact, axis=1, keepdims=True)
    return unit


def _input_name(model: Path) -> str:
    import onnx

    return str(onnx.load(str(model)).graph.input[0].name)
