"""Writes our own trained networks as ONNX files that jobs open, and the cards of all trained ones.

A file is refused unless it computes what torch computes.
"""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from framesift.errors import ModelInaccurateError
from framesift.models.card import ClassifierForm, DetectorForm, ModelCard
from framesift.models.half_weights import halve_weights
from framesift.training.networks.detector import decode
from framesift.training.recipe import Recipe

_OPSET = 17
_MAX_DIFFERENCE = 5e-3
"""Relative to the largest output: weights are stored as float16."""


class _DetectorFile(nn.Module):
    """(N, 3, H, W) float32 RGB, 0 to 1, to (N, 4 + classes, places)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return decode(self.network(images * 2 - 1))


class _ClassifierFile(nn.Module):
    """(N, H, W, 3) uint8 RGB to probabilities and features."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        logits, features = self.network(images.permute(0, 3, 1, 2).float() / 127.5 - 1)
        return torch.softmax(logits, 1), features


def export_detector(network: nn.Module, width: int, height: int, path: Path) -> None:
    """Write our own detector: (N, 3, height, width) float32 RGB, 0 to 1, to (N, 4 + classes, places).

    Args:
        network: With its trained weights.
        width: Of its input, pixels.
        height: Of its input, pixels.
        path: Where the file goes.

    Raises:
        ModelInaccurateError: The file computes something else than torch; no file is left.
    """
    example = np.random.default_rng(0).random((2, 3, height, width), np.float32)
    _export(_DetectorFile(network), example, ["output0"], path)


def export_classifier(network: nn.Module, width: int, height: int, path: Path) -> None:
    """Write our own classifier: (N, height, width, 3) uint8 RGB to `scores` and `features`.

    Args:
        network: With its trained weights.
        width: Of its input, pixels.
        height: Of its input, pixels.
        path: Where the file goes.

    Raises:
        ModelInaccurateError: The file computes something else than torch; no file is left.
    """
    example = np.random.default_rng(0).integers(0, 256, (2, height, width, 3), np.uint8)
    _export(_ClassifierFile(network), example, ["scores", "features"], path)


def make_card(recipe: Recipe, form: DetectorForm | ClassifierForm, path: Path, facts: dict[str, Any]) -> dict[str, Any]:
    """Make the card of an exported file, with what a person should know of its training.

    Args:
        recipe: What it was trained by.
        form: Its input and output.
        path: The file.
        facts: The digest of the data, figures, the length of the training: kept under `training`.
    """
    data = path.read_bytes()
    is_detector = isinstance(form, DetectorForm)
    names = form.tags if isinstance(form, DetectorForm) else form.labels
    floats = f"(N, 3, {form.height}, {form.width}) float32 RGB, 0 to 1; the image within grey margins"
    integers = f"(N, {form.height}, {form.width}, 3) uint8 RGB, 0 to 255; the whole image, stretched"
    card = ModelCard(
        name=recipe.name,
        version=recipe.version,
        file=path.name,
        sha256=hashlib.sha256(data).hexdigest(),
        size_bytes=len(data),
        licence=recipe.licence,
        source="trained by `framesift train`",
        input=floats if is_detector else integers,
        output=f"{'objects' if is_detector else 'a probability for each class'}: {', '.join(names)}",
        detector=form if isinstance(form, DetectorForm) else None,
        classifier=form if isinstance(form, ClassifierForm) else None,
    )
    return {**card.model_dump(mode="json", exclude_none=True), "training": facts}


def _export(network: nn.Module, example: NDArray[Any], outputs: list[str], path: Path) -> None:
    network = network.cpu().float().eval()
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings(), torch.inference_mode():
        # The exporter that replaces this one needs onnxscript, without a benefit for so simple a network.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (torch.from_numpy(example),),
            str(path),
            dynamo=False,
            opset_version=_OPSET,
            input_names=["images"],
            output_names=outputs,
            dynamic_axes={name: {0: "n"} for name in ("images", *outputs)},
        )
        computed = network(torch.from_numpy(example))
    model = onnx.load(path)
    halve_weights(model.graph)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    _compare(path, example, [each.numpy() for each in (computed if isinstance(computed, tuple) else (computed,))])


def _compare(path: Path, example: NDArray[Any], wanted: list[NDArray[np.float32]]) -> None:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    found = session.run(None, {"images": example})
    names = [output.name for output in session.get_outputs()]
    differing = [
        name
        for name, one, other in zip(names, wanted, found, strict=True)
        if one.shape != other.shape or np.abs(one - other).max() > _MAX_DIFFERENCE * max(1.0, float(np.abs(one).max()))
    ]
    if differing:
        path.unlink()
        raise ModelInaccurateError(
            f"The exported network's {' and '.join(differing)} differ from torch's: use another version of torch."
        )
