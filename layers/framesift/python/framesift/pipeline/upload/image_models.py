"""The models that look at a collection's images, by the names that the collection gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from framesift.classification import OnnxClassifier
from framesift.detection.onnx.looker import DetectorModel
from framesift.embedding.dual import ImageTower
from framesift.errors import ModelError, NotAClassifierError, NotFoundError
from framesift.models import Model, ModelRegistry
from framesift.vision.image_model import ImageModel


@dataclass(frozen=True)
class OpenedModels:
    """What a job looks with.

    Attributes:
        models: Those whose files are at hand.
        missing: For each of the others, by name: one line that says which command gets it.
    """

    models: tuple[ImageModel, ...]
    missing: dict[str, str]


def open_models(names: Sequence[str], registry: ModelRegistry, *, batch: int, threads: int = 0) -> OpenedModels:
    """Open models; one that is not at hand costs itself.

    Args:
        names: `name`, or `name@version`; an added model's version is part of its name.
        registry: Where models come from.
        batch: Images per run of a network.
        threads: Threads of one run; 0: one per core.
    """
    opened: list[ImageModel] = []
    missing: dict[str, str] = {}
    for name in dict.fromkeys(names):
        try:
            opened.append(open_model(registry.resolve(name), batch=batch, threads=threads))
        except (ModelError, NotFoundError, NotAClassifierError) as error:
            missing[name] = str(error)
    return OpenedModels(tuple(opened), missing)


def open_model(model: Model, *, batch: int, threads: int = 0) -> ImageModel:
    """Open a classifier, a detector or a dual encoder's tower for images, whichever its card describes.

    Raises:
        NotAClassifierError: It is none of them.
    """
    if model.card.detector is not None:
        return DetectorModel(model, batch=batch, threads=threads)
    if model.card.classifier is not None:
        return OnnxClassifier(model, batch=batch, threads=threads)
    if model.card.image_encoder is not None:
        return ImageTower(model, batch=batch, threads=threads)
    raise NotAClassifierError(
        f"The model {model.card.name} neither classifies, detects nor encodes images: choose one that `framesift "
        "models list` shows with labels, or whose output is a vector."
    )
