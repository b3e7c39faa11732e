"""Resolves `lite`, `full` and `heavy` to verified bundles."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from framesift.pose.presets import PoseModelName

if TYPE_CHECKING:
    from framesift.models import ModelRegistry


@dataclass(frozen=True)
class Bundle:
    """A verified bundle of networks (`.task`).

    Attributes:
        path: The file.
        name: The model's name in the registry.
        version: Likewise.
        sha256: The file's digest.
    """

    path: Path
    name: str
    version: str
    sha256: str


def resolve_bundle(size: PoseModelName, registry: ModelRegistry | None = None) -> Bundle:
    """Return the bundle's file; by default fetched from its maker when it is not at hand.

    Raises:
        ModelMissingError: The bundle is not at hand and cannot be fetched; the message says how to get it.
        ModelMismatchError: What was found is not what its card says.
    """
    # Brings AWS's client along, which the workers have no use for.
    from framesift.models import default_cache_dir, open_registry

    model = (registry or open_registry(default_cache_dir(), public=True)).resolve(f"pose-{size}")
    return Bundle(model.path, model.card.name, model.card.version, str(model.card.sha256))
