"""What turns a search's images and texts into vectors, by the model that made the vectors of a collection."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from framesift.classification import OnnxClassifier
from framesift.embedding.copydetect import CopyDetect
from framesift.embedding.dual import open_encoder as open_dual_encoder
from framesift.embedding.embedder import Embedder
from framesift.embedding.encoder import Encoder
from framesift.embedding.resnet50 import open_on_cpu
from framesift.errors import NoTextEncoderError, NoVectorsError
from framesift.models import Model, ModelRegistry
from framesift.vision.decode import RgbImage
from framesift.vision.image_model import Prepared
from framesift.vision.inputs import prepare_input


class EmbedderEncoder:
    """An embedder as an encoder, of images alone.

    Args:
        name: `name@version`.
        embedder: The embedder.
    """

    def __init__(self, name: str, embedder: Embedder) -> None:
        self.name, self.dimension, self._embedder = name, embedder.dimension, embedder

    def encode_images(self, images: Sequence[RgbImage]) -> NDArray[np.float32]:
        """See `Encoder.encode_images`."""
        return self._embedder.embed([self._embedder.prepare(image) for image in images]).astype(np.float32)

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """See `Encoder.encode_texts`; it reads none."""
        raise _no_texts(self.name)


class ClassifierEncoder:
    """A classifier's features as an encoder, of images alone.

    Args:
        model: The registry's model.
        threads: Threads of one run; 0: one per core.
    """

    def __init__(self, model: Model, threads: int = 0) -> None:
        self.name, self._classifier = model.card.label, OnnxClassifier(model, threads=threads)
        self.dimension = int(self.encode_images([np.full((8, 8, 3), 128, np.uint8)]).shape[1])

    def encode_images(self, images: Sequence[RgbImage]) -> NDArray[np.float32]:
        """See `Encoder.encode_images`."""
        form = self._classifier.input_form
        prepared = [Prepared(prepare_input(image, form), image.shape[1], image.shape[0]) for image in images]
        looks = self._classifier.look(prepared, min_score=1.0, max_predictions=1)
        features = [look.features for look in looks if look.features is not None]
        if len(features) < len(looks):
            raise NoVectorsError(f"{self.name} gives no features: its file has no output of that name.")
        rows = np.stack(features).astype(np.float32)
        unit: NDArray[np.float32] = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
        return unit

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """See `Encoder.encode_texts`; it reads none."""
        raise _no_texts(self.name)


def open_encoder(name: str, registry: ModelRegistry, threads: int = 0) -> Encoder:
    """Open the model that made some vectors.

    Args:
        name: `name@version`, as the folder of the vectors is called.
        registry: Where models come from.
        threads: Threads of one run; 0: one per core.

    Raises:
        NotFoundError: There is no such model.
        ModelMissingError: Its file is nowhere.
        ModelMismatchError: Its file is not the one that its card describes.
        NoVectorsError: It makes no vectors.
    """
    if registry.card(name).image_encoder is not None:
        return open_dual_encoder(name, registry, threads)
    model = registry.resolve(name)
    if model.card.name == "copydetect":
        return EmbedderEncoder(name, CopyDetect(model, threads))
    if model.card.name in {"resnet50", "resnet50-int8"}:
        return EmbedderEncoder(name, open_on_cpu(model, threads, exact=model.card.name != "resnet50"))
    if model.card.classifier is not None:
        return ClassifierEncoder(model, threads)
    raise NoVectorsError(f"The model {name} makes no vectors of images: choose one that does.")


def _no_texts(name: str) -> NoTextEncoderError:
    return NoTextEncoderError(
        f"{name} cannot read texts. Add a model that reads texts and images with `framesift models add`, let it look "
        "at the collection, and search again."
    )
