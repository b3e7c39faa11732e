"""Resolves `lite`, `full` and `heavy` to verified bundles."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from framesift.errors import ModelMissingError
from framesift.settings.pose import PoseModelName

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
    """Return the bundle's file; by default it is downloaded from its publisher where it is not cached.

    Raises:
        ModelMissingError: The bundle is not cached and cannot be downloaded; the message says what to do instead.
        ModelMismatchError: The file is not the one that its card describes.
    """
    # Brings AWS's client along, which the workers have no use for.
    from framesift.models import default_cache_dir, open_registry

    name = f"pose-{size}"
    try:
        model = (registry or open_registry(default_cache_dir(), public=True)).resolve(name)
    except ModelMissingError as error:
        if size == "full":
            raise
        raise ModelMissingError(
            f"The weights of {name} are not on this machine, and Google's model storage cannot be reached: choose "
            f"`--model full`, which PyPI carries, or run `framesift models fetch {name}` where there is a network."
        ) from error
    return Bundle(model.path, model.card.name, model.card.version, str(model.card.sha256))
