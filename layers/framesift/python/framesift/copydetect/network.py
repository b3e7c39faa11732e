"""The network: maps an image to a descriptor of 192 numbers, similar for copies of one image."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

DIMENSION = 192
"""Length of a descriptor."""
INPUT_SIZE = 128
"""Width and height of the input, pixels; images are resized to it without keeping their aspect ratio."""

_STAGES = ((48, 1), (96, 2), (96, 1), (192, 2))
"""Channels and stride of each residual block, after two convolutions of stride 2."""


class CopyNet(nn.Module):
    """Dense residual convolutions, one attention layer over the 8 by 8 map, GeM pooling.

    The attention relates distant parts of the map, such as those of an image that was pasted into a page. About
    2.2 million parameters and 270 million multiply-adds per image.
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [_convolution(3, 24, stride=2), nn.ReLU()]
        layers += [_convolution(24, 48, stride=2), nn.ReLU()]
        channels = 48
        for wider, stride in _STAGES:
            layers.append(_Residual(channels, wider, stride))
            channels = wider
        self.body = nn.Sequential(*layers)
        self.attention = _Attention(channels)
        self.tail = _Residual(channels, channels, stride=1)
        self.power = nn.Parameter(torch.tensor(3.0))
        self.projection = nn.Linear(channels, DIMENSION)

    def forward(self, images: Tensor) -> Tensor:
        """Compute descriptors.

        Args:
            images: (N, 3, H, W) float32 RGB, -1 to 1; H and W are multiples of 16.

        Returns:
            (N, 192) float32, L2-normalised.
        """
        features = self.tail(self.attention(self.body(images))).float()
        # Generalised mean: between the mean (power 1) and the maximum (infinite).
        pooled = features.clamp(min=1e-4).pow(self.power).mean(dim=(2, 3)).pow(1 / self.power)
        return functional.normalize(self.projection(pooled.float()).float(), dim=1)


class _Residual(nn.Module):
    def __init__(self, channels: int, wider: int, stride: int) -> None:
        super().__init__()
        self.first = _convolution(channels, wider, stride=stride)
        self.second = _convolution(wider, wider, stride=1)
        same = channels == wider and stride == 1
        self.shortcut = nn.Identity() if same else nn.Sequential(nn.AvgPool2d(stride), nn.Conv2d(channels, wider, 1))

    def forward(self, x: Tensor) -> Tensor:
        inner = self.second(functional.relu(self.first(x)))
        return functional.relu(inner + self.shortcut(x))


class _Attention(nn.Module):
    """Self-attention over the positions of a map, added with a gain that is initialized to zero."""

    def __init__(self, channels: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(channels)
        self.query_key_value = nn.Linear(channels, 3 * channels)
        self.output = nn.Linear(channels, channels)
        self.gain = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        n, channels, height, width = x.shape
        tokens = x.flatten(2).transpose(1, 2)
        mixed = self.query_key_value(self.norm(tokens))
        split = mixed.reshape(n, height * width, 3, self.heads, channels // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4).unbind(0)
        # Written out: the fused form's backward pass is ten times slower on a CPU.
        weights = (query @ key.transpose(-2, -1) / key.shape[-1] ** 0.5).softmax(dim=-1)
        attended = weights @ value
        gathered = self.output(attended.transpose(1, 2).reshape(n, height * width, channels))
        added: Tensor = (self.gain * gathered).transpose(1, 2).reshape(n, channels, height, width)
        return x + added


def _convolution(channels: int, wider: int, *, stride: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, wider, 3, stride, 1, bias=False), nn.BatchNorm2d(wider))
