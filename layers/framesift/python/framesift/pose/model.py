"""Resolves `lite`, `full` and `heavy` to verified bundles."""

from __future__ import annotations

from pathlib import Path

from framesift.models import Model, open_registry
from framesift.pose.presets import PoseModelName
from framesift.settings import load_settings


def cache_dir() -> Path:
    """The folder where model files are kept on this machine."""
    configured = load_settings().analysis.model_cache
    return Path(configured) if configured else Path.home() / ".cache" / "framesift" / "models"


def resolve_model(size: PoseModelName) -> Model:
    """Return the bundle's file and card; fetched from its maker when it is not at hand.

    Raises:
        ModelMissingError: The bundle is not at hand and cannot be fetched; the message says how to get it.
        ModelMismatchError: What was found is not what its card says.
    """
    return open_registry(cache_dir(), public=True).resolve(f"pose-{size}")
