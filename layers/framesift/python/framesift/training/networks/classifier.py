"""A small classifier that trains from nothing, on the trunk of the small detector."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from framesift.training.networks.trunk import Trunk


class SmallClassifier(nn.Module):
    """The network.

    Args:
        classes: The number of classes.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.trunk = Trunk()
        # A defect is in one place: the strongest response tells more than the mean.
        self.output = nn.Linear(2 * sum(Trunk.channels), classes)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """`(N, 3, H, W)` float, -1 to 1, to logits `(N, classes)` and features `(N, 384)`."""
        levels = self.trunk(images)
        features = torch.cat([each for level in levels for each in (level.amax((2, 3)), level.mean((2, 3)))], 1)
        features = features.float()
        return self.output(features), features
