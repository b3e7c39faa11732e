"""Which embedder judges, and why: the run says so."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from framesift.errors import ModelMissingError, NotFoundError
from framesift.models import ModelRegistry
from framesift.settings import Settings
from framesift.vision.embed import CopyDetect, Embedder, ResNet50Cpu, ResNet50Torch

logger = logging.getLogger(__name__)

_NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")


@dataclass(frozen=True)
class Choice:
    """What judges pictures beside PDQ.

    Attributes:
        embedder: None: PDQ alone.
        version: Of the embedder's model, from its card.
        threshold: The cosine from which two pictures are the same.
        candidate_threshold: That from which they are if they agree when laid over each other; at most `threshold`.
        why: One sentence.
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
    def device(self) -> str:
        """What computes, for people."""
        return self.embedder.device if self.embedder else "CPU"


def choose_embedder(settings: Settings, registry: ModelRegistry) -> Choice:
    """Take the embedder that the settings name, or the best one whose file is at hand.

    Raises:
        ModelMissingError: The settings name a model whose file is nowhere.
        ModelMismatchError: A file is not the one that its card describes.
    """
    wanted = settings.duplicates.model
    if wanted == "pdq":
        return Choice(None, "", 0.0, 0.0, "The settings ask for PDQ hashes alone.")
    if wanted == "copydetect":
        return _copydetect(settings, registry, "The settings ask for our copy-detection model.")
    try:
        return _resnet50(settings, registry)
    except ModelMissingError as error:
        if wanted == "resnet50":
            raise
        logger.info("%s", error)
    missing = "ResNet50's weights are not here (`framesift models fetch resnet50` gets them)"
    try:
        return _copydetect(settings, registry, f"{missing}, so our own copy-detection model judged.")
    except (ModelMissingError, NotFoundError):
        return Choice(None, "", 0.0, 0.0, f"{missing}, so PDQ hashes alone judged.")


def _resnet50(settings: Settings, registry: ModelRegistry) -> Choice:
    model = registry.resolve("resnet50")
    embedder: Embedder
    if _NVIDIA_DRIVER.exists():  # asked without importing torch, which takes seconds
        embedder = ResNet50Torch(model, "cuda")
    else:
        embedder = ResNet50Cpu(model, settings.analysis.threads)
    threshold = settings.duplicates.resnet50_threshold
    return Choice(embedder, model.card.version, threshold, threshold, "ResNet50's weights are at hand.")


def _copydetect(settings: Settings, registry: ModelRegistry, why: str) -> Choice:
    model = registry.resolve("copydetect")
    embedder = CopyDetect(model, settings.analysis.threads)
    threshold = settings.duplicates.copydetect_threshold or embedder.threshold
    candidate = settings.duplicates.copydetect_candidate_threshold or model.card.candidate_threshold or threshold
    return Choice(embedder, model.card.version, threshold, min(candidate, threshold), why)
