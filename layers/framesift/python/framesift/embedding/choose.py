"""Which embedder compares images, and why: every run reports it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from framesift.embedding.copydetect import CopyDetect
from framesift.embedding.embedder import Embedder
from framesift.embedding.resnet50 import open_on_cpu, open_on_torch
from framesift.errors import ModelMissingError, NotFoundError
from framesift.log import logger
from framesift.models import Model, ModelRegistry
from framesift.settings import Settings
from framesift.vision.onnx_session import cpu_flags, prefers_int8

_NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")


@dataclass(frozen=True)
class EmbedderChoice:
    """What compares images beside PDQ hashes.

    Attributes:
        embedder: None: PDQ alone.
        version: Of the embedder's model, from its card.
        threshold: The cosine from which two images are duplicates.
        candidate_threshold: The cosine from which they are if they agree when aligned; at most `threshold`.
        why: One sentence for a person.
    """

    embedder: Embedder | None
    version: str
    threshold: float
    candidate_threshold: float
    why: str

    @property
    def name(self) -> str:
        """`resnet50`, `copydetect` or `pdq`."""
        return self.embedder.name if self.embedder else "pdq"

    @property
    def label(self) -> str:
        """Name and version: features with the same label can be compared."""
        return f"{self.name}/{self.version}" if self.embedder else "pdq"

    @property
    def dimension(self) -> int:
        """Length of a feature vector; 0 without an embedder."""
        return self.embedder.dimension if self.embedder else 0

    @property
    def device(self) -> str:
        """What computes, for people."""
        return self.embedder.device if self.embedder else "CPU"


def choose_embedder(settings: Settings, registry: ModelRegistry) -> EmbedderChoice:
    """Take the embedder that the settings name, or the best one whose file is available.

    Raises:
        ModelMissingError: The settings name a model whose file is nowhere.
        ModelMismatchError: A file is not the one that its card describes.
    """
    wanted = settings.duplicates.model
    if wanted == "pdq":
        return _pdq_alone("The settings ask for PDQ hashes alone.")
    if wanted == "copydetect":
        return _copydetect(settings, registry, "The settings ask for our copy-detection model.")
    try:
        return _resnet50(settings, registry)
    except ModelMissingError as error:
        if wanted == "resnet50":
            raise
        logger.info(str(error))
    missing = "ResNet50's weights are not installed (`framesift models fetch resnet50` gets them)"
    try:
        return _copydetect(settings, registry, f"{missing}, so our own copy-detection model was used.")
    except (ModelMissingError, NotFoundError):
        return _pdq_alone(f"{missing}, so PDQ hashes alone were used.")


def _pdq_alone(why: str) -> EmbedderChoice:
    return EmbedderChoice(None, "", 0.0, 0.0, why)


def _resnet50(settings: Settings, registry: ModelRegistry) -> EmbedderChoice:
    on_gpu = _NVIDIA_DRIVER.exists()  # checked without importing torch, which takes seconds
    why = "ResNet50's weights are installed."
    if not on_gpu and prefers_int8(cpu_flags()) and (quantized := _int8(registry)):
        model, embedder = quantized, open_on_cpu(quantized, settings.analysis.threads, exact=True)
        why = "The 8-bit ResNet50 is installed, and this CPU computes it fastest."
    else:
        model = registry.resolve("resnet50")
        embedder = open_on_torch(model, "cuda") if on_gpu else open_on_cpu(model, settings.analysis.threads)
    threshold = settings.duplicates.resnet50_threshold or embedder.threshold
    return EmbedderChoice(embedder, model.card.version, threshold, threshold, why)


def _int8(registry: ModelRegistry) -> Model | None:
    """The 8-bit ResNet50, where someone has built it (`framesift models fetch resnet50-int8`)."""
    try:
        return registry.resolve("resnet50-int8")
    except (ModelMissingError, NotFoundError):
        return None


def _copydetect(settings: Settings, registry: ModelRegistry, why: str) -> EmbedderChoice:
    model = registry.resolve("copydetect")
    embedder = CopyDetect(model, settings.analysis.threads)
    threshold = settings.duplicates.copydetect_threshold or embedder.threshold
    candidate = settings.duplicates.copydetect_candidate_threshold or model.card.candidate_threshold or threshold
    return EmbedderChoice(embedder, model.card.version, threshold, min(candidate, threshold), why)
