"""An 8-bit ResNet50 for CPUs that multiply int8 quickly (VNNI) and have no bfloat16.

`framesift models fetch resnet50-int8` builds it from the published weights, with images that are drawn here. It is
refused unless its vectors agree with those of the float32 network: nobody takes an int8 file on trust. Building needs
`framesift[torch]`; a job only runs the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from framesift.embedding.embedder import Embedder
from framesift.embedding.resnet50 import open_on_cpu
from framesift.embedding.resnet50_graph import build_onnx
from framesift.errors import ModelInaccurateError
from framesift.models import Model, shipped_card
from framesift.vision.decode import RgbImage

NAME: Final = "resnet50-int8"
MIN_COSINE: Final = 0.995
"""Of an image's int8 vector to its float32 one; the worst image counts."""
MAX_SHIFT: Final = 0.01
"""How far the similarity of two images may move: duplicates begin at 0.82, and the shift around it stays below this."""

_CALIBRATION_IMAGES = 48
_TEST_IMAGES = 16
_VIEWS_AT_ONCE = 8


@dataclass(frozen=True)
class Agreement:
    """How closely two embedders agree on the same images.

    Attributes:
        worst_cosine: The smallest cosine of an image's two vectors.
        worst_shift: The largest difference of two images' similarities.
    """

    worst_cosine: float
    worst_shift: float


def build_int8(destination: Path) -> None:
    """Build the 8-bit network from the published weights (see `ModelCard.builder`).

    Raises:
        ModelInaccurateError: Its vectors differ from the float32 network's.
    """
    with TemporaryDirectory() as folder:
        exact = Path(folder) / "resnet50.onnx"
        build_onnx(exact)
        quantize_checked(exact, destination)


def quantize_checked(exact: Path, destination: Path) -> Agreement:
    """Quantize a float32 ResNet50, and check the result on images that it was not calibrated with.

    Raises:
        ModelInaccurateError: The vectors differ too much; no file is left.
    """
    images = draw_images(_CALIBRATION_IMAGES + _TEST_IMAGES)
    float32 = open_on_cpu(Model(shipped_card("resnet50"), exact), exact=True)
    views = np.concatenate([float32.prepare(image) for image in images[:_CALIBRATION_IMAGES]])
    batches = [views[start : start + _VIEWS_AT_ONCE] for start in range(0, len(views), _VIEWS_AT_ONCE)]
    quantize(exact, batches, destination)
    try:
        return check_agreement(
            float32, open_on_cpu(Model(shipped_card(NAME), destination), exact=True), images[_CALIBRATION_IMAGES:]
        )
    except ModelInaccurateError:
        destination.unlink()
        raise


def quantize(exact: Path, batches: Sequence[NDArray[np.uint8]], destination: Path) -> None:
    """Write an 8-bit (QDQ, per channel) version of an ONNX network.

    Args:
        exact: The float32 file.
        batches: Inputs of the network to take the ranges of values from.
        destination: Where the file goes.
    """
    import onnx
    from onnxruntime import quantization

    class _Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
        def __init__(self, name: str) -> None:
            self._feeds = iter([{name: batch} for batch in batches])

        def get_next(self) -> dict[str, Any] | None:
            return next(self._feeds, None)

    reader = _Reader(onnx.load(str(exact)).graph.input[0].name)
    quantization.quantize_static(str(exact), str(destination), reader, per_channel=True, op_types_to_quantize=["Conv"])


def check_agreement(exact: Embedder, quantized: Embedder, images: Sequence[RgbImage]) -> Agreement:
    """Compare an int8 embedder with the exact one.

    Args:
        exact: The float32 embedder.
        quantized: The int8 one.
        images: At least 2, `(height, width, 3)` uint8 RGB, none of them calibrated with.

    Raises:
        ModelInaccurateError: A vector is below `MIN_COSINE`, or a similarity moved by more than `MAX_SHIFT`.
    """
    prepared = [exact.prepare(image) for image in images]
    wanted, got = _normalize(exact.embed(prepared)), _normalize(quantized.embed(prepared))
    agreement = Agreement(
        worst_cosine=float((wanted * got).sum(axis=1).min()),
        worst_shift=float(np.abs(wanted @ wanted.T - got @ got.T).max()),
    )
    if agreement.worst_cosine < MIN_COSINE or agreement.worst_shift > MAX_SHIFT:
        raise ModelInaccurateError(
            f"The int8 {exact.name} differs from float32: cosine {agreement.worst_cosine:.4f} (at least {MIN_COSINE}), "
            f"similarities move by {agreement.worst_shift:.4f} (at most {MAX_SHIFT}): use the float32 file."
        )
    return agreement


def draw_images(count: int, side: int = 288) -> list[RgbImage]:
    """Draw images with textures at several scales, gradients and shapes; the same ones each time.

    Args:
        count: How many.
        side: Width and height, pixels.

    Returns:
        `count` images, `(side, side, 3)` uint8 RGB.

    Example:
        >>> [image.shape for image in draw_images(2)]
        [(288, 288, 3), (288, 288, 3)]
    """
    rng = np.random.default_rng(20261121)
    rows, columns = np.mgrid[0:side, 0:side] / side
    images = []
    for _ in range(count):
        image = np.zeros((side, side, 3))
        for cells in (3, 9, 36, 144):  # Noise from coarse to fine, as photographs have it.
            coarse = rng.normal(size=(cells, cells, 3)) / np.sqrt(cells)
            image += np.kron(coarse, np.ones((side // cells, side // cells, 1)))
        image += rng.normal(size=3) * rows[..., None] + rng.normal(size=3) * columns[..., None]
        for _ in range(int(rng.integers(2, 9))):
            center, radius = rng.uniform(0, 1, 2), rng.uniform(0.03, 0.3, 2)
            inside = ((rows - center[0]) / radius[0]) ** 2 + ((columns - center[1]) / radius[1]) ** 2 < 1
            image[inside] = rng.normal(size=3) + 0.2 * image[inside]
        low, high = np.percentile(image, (1, 99))
        images.append(((image - low) / (high - low) * 255).clip(0, 255).astype(np.uint8))
    return images


def _normalize(rows: NDArray[np.float16]) -> NDArray[np.float64]:
    exact = rows.astype(np.float64)
    unit: NDArray[np.float64] = exact / np.linalg.norm(exact, axis=1, keepdims=True)
    return unit
