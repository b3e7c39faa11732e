"""Resolves `lite`, `full` and `heavy` to verified bundles."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from framesift.pose.presets import PoseModelName
from framesift.settings import load_settings


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


def cache_dir() -> Path:
    """The folder where model files are kept on this machine."""
    configured = load_settings().analysis.model_cache
    return Path(configured) if configured else Path.home() / ".cache" / "framesift" / "models"


def resolve_bundle(size: PoseModelName) -> Bundle:
    """Return the bundle's file; fetched from its maker when it is not at hand.

    Raises:
        ModelMissingError: The bundle is not at hand and cannot be fetched; the message says how to get it.
        ModelMismatchError: What was found is not what its card says.
    """
    from framesift.models import open_registry  # Brings AWS's client along, which the workers have no use for.

    model = open_registry(cache_dir(), public=True).resolve(f"pose-{size}")
    return Bundle(model.path, model.card.name, model.card.version, str(model.card.sha256))
