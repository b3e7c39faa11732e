"""The model registry: cards, origins of files, verification.

A new model is a card in `cards/` and one of: a file in `files/` (included in the package), a `url` (the publisher
hosts the file) or a `builder` (which builds the file from what the publisher hosts).
"""

from framesift.models.card import ModelCard, shipped_card, shipped_cards
from framesift.models.origins import BucketOrigin, Origin
from framesift.models.registry import Model, ModelRegistry, default_cache_dir, open_registry

__all__ = [
    "BucketOrigin",
    "Model",
    "ModelCard",
    "ModelRegistry",
    "Origin",
    "default_cache_dir",
    "open_registry",
    "shipped_card",
    "shipped_cards",
]
