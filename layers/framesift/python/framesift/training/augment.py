"""Changes pictures and their boxes before each step, a whole batch at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from framesift.training.data.dataset import Labels
from framesift.training.recipe import Augmentation

_LEAST_SHARE = 0.35
"""Boxes of which less stays in the picture are dropped."""


@dataclass(frozen=True)
class Batch:
    """What a network learns from in a step.

    Attributes:
        images: (N, 3, H, W) float32 RGB, -1 to 1, channels last in memory.
        boxes: Of each image (n, 4) float32 xyxy in pixels.
        class_ids: Of each image (n,) int64.
        labels: (N,) int64, classes of whole images; -1: none.
    """

    images: Tensor
    boxes: list[Tensor]
    class_ids: list[Tensor]
    labels: Tensor

    def part(self, start: int, count: int) -> Batch:
        """Some of its images."""
        end = start + count
        return Batch(self.images[start:end], self.boxes[start:end], self.class_ids[start:end], self.labels[start:end])


def make_batch(pixels: NDArray[np.uint8], labels: Sequence[Labels], device: torch.device) -> Batch:
    """Make a batch of images as they are: (N, H, W, 3) uint8."""
    images = torch.from_numpy(np.ascontiguousarray(pixels)).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1
    return Batch(
        images.contiguous(memory_format=torch.channels_last),
        [torch.from_numpy(each.boxes) for each in labels],
        [torch.from_numpy(each.class_ids) for each in labels],
        torch.tensor([each.label for each in labels], device=device),
    )


def augment(batch: Batch, options: Augmentation, random: np.random.Generator) -> Batch:
    """Mirror, move, scale and recolour each picture at random; boxes go along."""
    images, boxes, ids = batch.images, batch.boxes, batch.class_ids
    count, _, height, width = images.shape
    flips = np.ones((count, 2))
    for axis, wanted in ((0, options.mirror), (1, options.flip)):
        if wanted:
            flips[:, axis] = random.choice([-1.0, 1.0], count)
    scale = np.exp(random.uniform(-1, 1, count) * np.log1p(options.scale))
    shift = random.uniform(-2, 2, (count, 2)) * options.shift
    if options.mirror or options.flip or options.scale or options.shift:
        # A picture's point p, -1 to 1, comes from (p - shift) / (flip · scale).
        factors = flips * scale[:, None]
        theta = np.zeros((count, 2, 3), np.float32)
        theta[:, 0, 0], theta[:, 1, 1] = 1 / factors[:, 0], 1 / factors[:, 1]
        theta[:, :, 2] = -shift / factors
        grid = functional.affine_grid(
            torch.from_numpy(theta).to(images.device), list(images.shape), align_corners=False
        )
        images = functional.grid_sample(images, grid, align_corners=False)
        size = np.asarray([width, height], np.float32)
        moved = [_move(each, ids[i], factors[i], shift[i], size) for i, each in enumerate(boxes)]
        boxes, ids = [each[0] for each in moved], [each[1] for each in moved]
    if options.colour:
        gain = (
            1
            + options.colour * random.uniform(-1, 1, (count, 1, 1, 1))
            + 0.4 * options.colour * random.uniform(-1, 1, (count, 3, 1, 1))
        )
        offset = 0.6 * options.colour * random.uniform(-1, 1, (count, 1, 1, 1))
        images = images * torch.from_numpy(gain.astype(np.float32)).to(images.device)
        images = (images + torch.from_numpy(offset.astype(np.float32)).to(images.device)).clamp(-1, 1)
    return Batch(images.contiguous(memory_format=torch.channels_last), boxes, ids, batch.labels)


def _move(
    boxes: Tensor, ids: Tensor, factors: NDArray[np.float64], shift: NDArray[np.float64], size: NDArray[np.float32]
) -> tuple[Tensor, Tensor]:
    """Boxes after a picture was scaled by `factors` around its middle, and moved; those that left it are dropped."""
    corners = boxes.numpy().reshape(-1, 2, 2)
    moved = ((corners / size * 2 - 1) * factors + shift + 1) / 2 * size
    ends = np.concatenate([moved.min(1), moved.max(1)], 1)
    clipped = np.clip(ends, 0, np.concatenate([size, size]))
    whole = (ends[:, 2] - ends[:, 0]) * (ends[:, 3] - ends[:, 1])
    kept = (clipped[:, 2] - clipped[:, 0]) * (clipped[:, 3] - clipped[:, 1]) > _LEAST_SHARE * np.maximum(whole, 1e-6)
    return torch.from_numpy(clipped[kept].astype(np.float32)), ids[torch.from_numpy(kept)]
