"""Writes the trained network as one ONNX file."""

from __future__ import annotations

import warnings
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from framesift.copydetect.network import INPUT_SIZE, CopyNet
from framesift.models.half_weights import halve_weights

_OPSET = 17


class _FromBytes(nn.Module):
    """The network with its preprocessing included, so that no caller can preprocess images differently."""

    def __init__(self, network: CopyNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """`(N, 128, 128, 3)` uint8 RGB to `(N, 192)` float32."""
        descriptors: Tensor = self.network(images.permute(0, 3, 1, 2).float() / 127.5 - 1)
        return descriptors


def export_onnx(network: CopyNet, path: Path) -> None:
    """Write a network in evaluation mode; weights are stored as float16 and used as float32.

    The file takes `images`, (N, 128, 128, 3) uint8 RGB, and gives `descriptors`, (N, 192) float32, L2-normalised.
    """
    example = torch.zeros(2, INPUT_SIZE, INPUT_SIZE, 3, dtype=torch.uint8)
    with warnings.catch_warnings():
        # The exporter that replaces this one needs onnxscript, without a benefit for so simple a network.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            _FromBytes(network).eval(),
            (example,),
            path,
            dynamo=False,
            opset_version=_OPSET,
            input_names=["images"],
            output_names=["descriptors"],
            dynamic_axes={"images": {0: "n"}, "descriptors": {0: "n"}},
        )
    model = onnx.load(path)
    halve_weights(model.graph)
    onnx.checker.check_model(model)
    onnx.save(model, path)
