"""What networks that were trained on ImageNet subtract from images and divide them by: R, G and B, 0 to 1."""

from __future__ import annotations

from typing import Final

IMAGENET_MEAN: Final = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION: Final = (0.229, 0.224, 0.225)
