"""The models' registry: cards, where files come from, and verification.

A new model is a card in `cards/`, and one of: a file in `files/` (it ships), a `url` (its publisher
offers the file itself) or a `builder` (we build the file from what its publisher offers).
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
