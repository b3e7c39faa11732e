"""The ResNet50 file as a torch network, for GPUs. Needs `framesift[torch]`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from framesift.embedding.resnet50_graph import read_torch_network


class TorchNetwork:
    """ResNet50 on torch, channels last; see `Network`.

    Args:
        path: The file that `resnet50_graph.write_onnx` wrote.
        device: `cuda` or `cpu`.
    """

    def __init__(self, path: Path, device: str) -> None:
        network, mean = read_torch_network(path)
        on_cuda = device == "cuda"
        self._dtype = choose_dtype(device, has_bfloat16=on_cuda and _has_bfloat16())
        self._device = torch.device(device)
        self._network = network.to(self._device, self._dtype, memory_format=torch.channels_last)
        self._mean = torch.from_numpy(mean.copy()).to(self._device)
        hardware = torch.cuda.get_device_name() if on_cuda else "CPU"
        self.device = f"{hardware} (torch, {str(self._dtype).removeprefix('torch.')})"

    def run(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Turn `(N, 224, 224, 3)` uint8 RGB into `(N, 2048)` float32."""
        with torch.inference_mode():
            pixels = torch.from_numpy(batch).to(self._device, non_blocking=True)
            planes = (pixels - self._mean).permute(0, 3, 1, 2)  # permuted, it is channels last
            return np.asarray(self._network(planes.to(self._dtype)).float().cpu().numpy())


def choose_dtype(device: str, *, has_bfloat16: bool) -> torch.dtype:
    """The number type that a device multiplies fast.

    Args:
        device: `cuda` or `cpu`.
        has_bfloat16: Whether the GPU multiplies bfloat16 in hardware: Ampere and later do, a T4 does not.
    """
    if device != "cuda":
        return torch.float32
    return torch.bfloat16 if has_bfloat16 else torch.float16


def _has_bfloat16() -> bool:
    # By default torch also says yes where it emulates bfloat16, which is slower than float32.
    return bool(torch.cuda.is_bf16_supported(including_emulation=False))
