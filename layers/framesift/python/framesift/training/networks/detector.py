"""A small anchor-free detector that trains from nothing.

Small objects are found at 1/8 of the image's size, large ones at 1/16. Each place predicts how much it is the middle of
an object of each class, and how far the object's sides are away. Around each middle several places learn, in an ellipse
that grows with the object, which makes training short (Liu et al., "Training-Time-Friendly Network for Real-Time Object
Detection", 2020).
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple, cast

import torch
from torch import Tensor, nn

from framesift.training.networks.trunk import STRIDES, Trunk, convolve

_LARGE_PX: Final = 52.0
"""Objects whose sides' geometric mean is larger are found at 1/16."""
_HEAT_SHARE: Final = 0.54
"""Of an object's half side: the ellipse in which places learn its sides."""
_RARE: Final = 0.01
"""The score that all places begin with: few are the middle of anything."""
_MAX_LOG_SIZE: Final = 4.5
_FIRST_LOG_SIDE: Final = 0.7
"""Of distances to the sides, in cells: all boxes begin with two cells to each side."""
_SIDES_WEIGHT: Final = 5.0


class LevelTargets(NamedTuple):
    """What a level should predict.

    Attributes:
        heat: (N, classes, H, W) float32: 1 in the middle of an object, less around it.
        sides: (N, 4, H, W) float32: pixels to the left, top, right and bottom side.
        weight: (N, H, W) float32: how much a place counts for the sides; an object's places sum to about 1.
    """

    heat: Tensor
    sides: Tensor
    weight: Tensor

    def to(self, device: torch.device) -> LevelTargets:
        """The same on a device."""
        return LevelTargets(*(tensor.to(device) for tensor in self))


class SmallDetector(nn.Module):
    """The network.

    Args:
        classes: The number of classes.

    Attributes:
        classes: The same.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.trunk = Trunk()
        self.heads = nn.ModuleList(_make_head(channels, classes) for channels in Trunk.channels)

    def forward(self, images: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Predict.

        Args:
            images: (N, 3, H, W) float, -1 to 1; the sides are multiples of 16.

        Returns:
            For 1/8 and 1/16: logits (N, classes, H, W), and the logarithms of the distances to the sides, in the
            level's cells, (N, 4, H, W).
        """
        found = []
        for head, features in zip(self.heads, self.trunk(images), strict=True):
            output = head(features).float()
            found.append((output[:, : self.classes], output[:, self.classes :].clamp(-_MAX_LOG_SIZE, _MAX_LOG_SIZE)))
        return found


def decode(levels: list[tuple[Tensor, Tensor]]) -> Tensor:
    """Turn predictions into `(N, 4 + classes, places)`: centre, size in pixels, and a score for each class.

    It is the form that YOLOv8's networks give.
    """
    columns = []
    for (logits, logs), stride in zip(levels, STRIDES, strict=True):
        boxes = _place_boxes(logs.exp() * stride, stride)
        left, top, right, bottom = boxes.unbind(1)
        centred = torch.stack([(left + right) / 2, (top + bottom) / 2, right - left, bottom - top], 1)
        columns.append(torch.cat([centred, logits.sigmoid()], 1).flatten(2))
    return torch.cat(columns, 2)


def make_targets(
    boxes: list[Tensor], class_ids: list[Tensor], classes: int, height: int, width: int
) -> list[LevelTargets]:
    """Say what the levels should predict.

    Args:
        boxes: Of each of N images: (n, 4) float32 xyxy in pixels.
        class_ids: (n,) int64 each.
        classes: Their number.
        height: Of the images, in pixels.
        width: Likewise.
    """
    levels = []
    for level, stride in enumerate(STRIDES):
        rows, columns = height // stride, width // stride
        heat = torch.zeros(len(boxes), classes, rows, columns)
        sides = torch.ones(len(boxes), 4, rows, columns)
        weight = torch.zeros(len(boxes), rows, columns)
        y = (torch.arange(rows) + 0.5)[:, None]
        x = (torch.arange(columns) + 0.5)[None]
        for number, (of_image, ids) in enumerate(zip(boxes, class_ids, strict=True)):
            size = (of_image[:, 2:] - of_image[:, :2]).clamp(min=1e-3)
            large = size.prod(1).sqrt() > _LARGE_PX
            mine = large if level else ~large
            # Small objects last: where two overlap, a place belongs to the smaller one.
            order = size.prod(1)[mine].argsort(descending=True)
            for box, class_id in zip(of_image[mine][order] / stride, ids[mine][order].tolist(), strict=True):
                left, top, right, bottom = box.tolist()
                middle_x = min(max((left + right) / 2, 0.01), columns - 0.01)
                middle_y = min(max((top + bottom) / 2, 0.01), rows - 0.01)
                spread_x = max((right - left) / 2 * _HEAT_SHARE / 3, 0.35)
                spread_y = max((bottom - top) / 2 * _HEAT_SHARE / 3, 0.35)
                # Counted from the middle of the place that the object's middle lies in, which is 1.
                off_x, off_y = x - (math.floor(middle_x) + 0.5), y - (math.floor(middle_y) + 0.5)
                bell = torch.exp(-((off_x / spread_x) ** 2) / 2 - (off_y / spread_y) ** 2 / 2)
                bell = bell * (bell > 0.01)
                torch.maximum(heat[number, class_id], bell, out=heat[number, class_id])
                # Only places within the object can tell its sides.
                inside = (bell > 0.1) & (x > left) & (x < right) & (y > top) & (y < bottom) | (bell == 1)
                to_sides = (x - left, y - top, right - x, bottom - y)
                distances = torch.stack([each.expand(rows, columns) for each in to_sides])
                sides[number][:, inside] = (distances[:, inside] * stride).clamp(min=0.5)
                weight[number][inside] = bell[inside] / bell[inside].sum()
        levels.append(LevelTargets(heat, sides, weight))
    return levels


def compute_loss(levels: list[tuple[Tensor, Tensor]], targets: list[LevelTargets]) -> Tensor:
    """The focal loss of the middles, and the generalised IoU of the boxes."""
    objects = sum(float(target.weight.sum()) for target in targets)
    total = torch.zeros((), device=levels[0][0].device)
    for (logits, logs), target, stride in zip(levels, targets, STRIDES, strict=True):
        total = total + _compute_focal_loss(logits, target.heat) / max(objects, 1.0)
        weight = target.weight
        if bool((weight > 0).any()):
            predicted = logs.exp() * stride
            overlap = _compute_giou(
                predicted.permute(0, 2, 3, 1)[weight > 0], target.sides.permute(0, 2, 3, 1)[weight > 0]
            )
            total = total + _SIDES_WEIGHT * ((1 - overlap) * weight[weight > 0]).sum() / max(objects, 1.0)
    return total


def _make_head(channels: int, classes: int) -> nn.Sequential:
    last = nn.Conv2d(64, classes + 4, 1)
    nn.init.normal_(last.weight, std=0.01)
    certainty = math.log(_RARE / (1 - _RARE))
    with torch.no_grad():
        cast(Tensor, last.bias).copy_(torch.tensor([certainty] * classes + [_FIRST_LOG_SIDE] * 4))
    return nn.Sequential(convolve(channels, 64), last)


def _place_boxes(sides: Tensor, stride: int) -> Tensor:
    """Boxes (N, 4, H, W) xyxy from distances to the sides, both in pixels."""
    rows, columns = sides.shape[2:]
    x = (torch.arange(columns, device=sides.device) + 0.5) * stride
    y = (torch.arange(rows, device=sides.device) + 0.5)[:, None] * stride
    left, top, right, bottom = sides.unbind(1)
    return torch.stack([x - left, y - top, x + right, y + bottom], 1)


def _compute_focal_loss(logits: Tensor, heat: Tensor) -> Tensor:
    """Places near a middle are punished less the nearer they are (Law and Deng, "CornerNet", 2018)."""
    scores = logits.sigmoid()
    middles = (heat == 1).float()
    found = nn.functional.logsigmoid(logits) * (1 - scores).square() * middles
    missed = nn.functional.logsigmoid(-logits) * scores.square() * (1 - heat).pow(4) * (1 - middles)
    return -(found + missed).sum()


def _compute_giou(sides: Tensor, wanted: Tensor) -> Tensor:
    """The generalised IoU of boxes around the same places: (n, 4) distances each, to (n,)."""
    inner = torch.minimum(sides, wanted)
    outer = torch.maximum(sides, wanted)
    both = (inner[:, 0] + inner[:, 2]) * (inner[:, 1] + inner[:, 3])
    areas = [(each[:, 0] + each[:, 2]) * (each[:, 1] + each[:, 3]) for each in (sides, wanted)]
    union = areas[0] + areas[1] - both
    hull = (outer[:, 0] + outer[:, 2]) * (outer[:, 1] + outer[:, 3])
    return both / union - (hull - union) / hull
