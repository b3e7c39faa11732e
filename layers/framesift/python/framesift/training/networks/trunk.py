"""The trunk of our own small networks: features at 1/8 and 1/16 of the image's size, each with a view of the whole."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

STRIDES: Final = (8, 16)
_WIDTHS: Final = (16, 32, 64, 128)
_HEADS: Final = 4


class Trunk(nn.Module):
    """Residual convolutions to 1/16, self-attention there, and a way back to 1/8.

    Attributes:
        channels: Channels of the features at 1/8 and 1/16.
    """

    channels: Final = (64, 128)

    def __init__(self) -> None:
        super().__init__()
        first, second, third, fourth = _WIDTHS
        self.early = nn.Sequential(convolve(3, first, stride=2), convolve(first, second, stride=2), Residual(second))
        self.middle = nn.Sequential(convolve(second, third, stride=2), Residual(third), Residual(third))
        self.deep = nn.Sequential(convolve(third, fourth, stride=2), Residual(fourth), Residual(fourth))
        self.context = Attention(fourth)
        self.last = Residual(fourth)
        self.back = nn.Conv2d(fourth, third, 1)
        self.join = Residual(third)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """`(N, 3, H, W)` float, -1 to 1, to `(N, 64, H/8, W/8)` and `(N, 128, H/16, W/16)`."""
        middle = self.middle(self.early(images))
        deep = self.last(self.context(self.deep(middle)))
        wide = nn.functional.interpolate(self.back(deep), scale_factor=2.0, mode="nearest")
        return self.join(middle + wide), deep


class Residual(nn.Module):
    """Two convolutions beside a straight way.

    Args:
        channels: Of input and output.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = convolve(channels, channels)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, features: Tensor) -> Tensor:
        """`(N, C, H, W)` to the same shape."""
        added: Tensor = torch.relu(features + self.second(self.first(features)))
        return added


class Attention(nn.Module):
    """Self-attention over all places: whether a part is like the others shows nowhere else.

    Args:
        channels: Of input and output.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.read = nn.Conv2d(channels, 3 * channels, 1)
        self.write = nn.Conv2d(channels, channels, 1)
        nn.init.zeros_(self.write.weight)

    def forward(self, features: Tensor) -> Tensor:
        """`(N, C, H, W)` to the same shape."""
        count, channels, rows, columns = features.shape
        # As (N, heads, places, channels of a head).
        read = self.read(self.norm(features)).reshape(count, 3, _HEADS, channels // _HEADS, rows * columns)
        query, key, value = read.transpose(3, 4).unbind(1)
        seen = nn.functional.scaled_dot_product_attention(query, key, value)
        together = seen.transpose(2, 3).reshape(count, channels, rows, columns)
        added: Tensor = features + self.write(together)
        return added


def convolve(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """A convolution, normalised, then rectified."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )
