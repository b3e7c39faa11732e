"""What a trainer needs to know of a task: the network, its loss, its predictions, and its file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from framesift.detection.onnx.heads import Boxes, read_finished, read_yolov8, suppress
from framesift.errors import RecipeError
from framesift.models import torchvision_export
from framesift.models.card import ClassifierForm, DetectorForm
from framesift.models.normalisation import IMAGENET_DEVIATION, IMAGENET_MEAN
from framesift.training import export
from framesift.training.augment import Batch
from framesift.training.networks.classifier import SmallClassifier
from framesift.training.networks.detector import SmallDetector, compute_loss, decode, make_targets
from framesift.training.networks.torchvision_nets import open_classifier, open_detector
from framesift.training.recipe import Recipe

MIN_SCORE = 0.02
"""Detections below it change no figure worth speaking of."""
_IOU_THRESHOLD = 0.45
_SMOOTHING = 0.05


class Learner(Protocol):
    """A network in training.

    Attributes:
        network: The network.
        classes: Names, by class id.
    """

    network: nn.Module
    classes: tuple[str, ...]

    @property
    def form(self) -> DetectorForm | ClassifierForm:
        """Input and output of its file."""

    def compute_loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """The loss of a batch, a mean over its images: a scalar."""

    def predict(self, network: nn.Module, images: Tensor) -> list[Boxes] | NDArray[np.float32]:
        """Predict for (N, 3, H, W) images, -1 to 1: boxes, or probabilities (N, classes)."""

    def export(self, network: nn.Module, path: Path) -> None:
        """Write a network's file.

        Raises:
            ModelInaccurateError: The file computes something else than torch; no file is left.
        """


class SmallDetectorLearner:
    """Our own detector; see `Learner`.

    Args:
        recipe: The size of its input.
        classes: Names, by class id.
    """

    def __init__(self, recipe: Recipe, classes: tuple[str, ...]) -> None:
        self.classes = classes
        size = recipe.network
        self.form = DetectorForm(head="yolov8", tags=classes, width=size.width, height=size.height)
        self.network: nn.Module = SmallDetector(len(classes))

    def compute_loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """See `Learner.compute_loss`."""
        height, width = batch.images.shape[2:]
        targets = make_targets(batch.boxes, batch.class_ids, len(self.form.tags), height, width)
        device = batch.images.device
        return compute_loss(network(batch.images), [each.to(device) for each in targets])

    def predict(self, network: nn.Module, images: Tensor) -> list[Boxes]:
        """See `Learner.predict`."""
        output = decode(network(images)).cpu().numpy()
        return [suppress(boxes, _IOU_THRESHOLD) for boxes in read_yolov8(output, len(self.form.tags), MIN_SCORE)]

    def export(self, network: nn.Module, path: Path) -> None:
        """See `Learner.export`."""
        export.export_detector(network, self.form.width, self.form.height, path)


class SmallClassifierLearner:
    """Our own classifier; see `Learner`.

    Args:
        recipe: The size of its input.
        classes: Names, by class id.
    """

    def __init__(self, recipe: Recipe, classes: tuple[str, ...]) -> None:
        self.classes = classes
        self.form = ClassifierForm(labels=classes, width=recipe.network.width, height=recipe.network.height)
        self.network: nn.Module = SmallClassifier(len(classes))

    def compute_loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """See `Learner.compute_loss`."""
        logits, _ = network(batch.images)
        return nn.functional.cross_entropy(logits, batch.labels, label_smoothing=_SMOOTHING)

    def predict(self, network: nn.Module, images: Tensor) -> NDArray[np.float32]:
        """See `Learner.predict`."""
        probabilities: NDArray[np.float32] = torch.softmax(network(images)[0], 1).cpu().numpy()
        return probabilities

    def export(self, network: nn.Module, path: Path) -> None:
        """See `Learner.export`."""
        export.export_classifier(network, self.form.width, self.form.height, path)


class TorchvisionClassifierLearner:
    """A classifier of torchvision's; see `Learner`.

    Args:
        recipe: The network's name and first weights.
        classes: Names, by class id.

    Raises:
        RecipeError: There is no such network, its input is of another size, or the weights do not fit.
    """

    def __init__(self, recipe: Recipe, classes: tuple[str, ...]) -> None:
        self.classes = classes
        _require_square(recipe, torchvision_export.CLASSIFIER_SIDE)
        self.form = ClassifierForm(labels=classes, width=recipe.network.width, height=recipe.network.height)
        self.network: nn.Module = open_classifier(recipe.network.name, len(classes), recipe.network.start)

    def compute_loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """See `Learner.compute_loss`."""
        return nn.functional.cross_entropy(network(_normalise(batch.images)), batch.labels, label_smoothing=_SMOOTHING)

    def predict(self, network: nn.Module, images: Tensor) -> NDArray[np.float32]:
        """See `Learner.predict`."""
        probabilities: NDArray[np.float32] = torch.softmax(network(_normalise(images)).float(), 1).cpu().numpy()
        return probabilities

    def export(self, network: nn.Module, path: Path) -> None:
        """See `Learner.export`."""
        torchvision_export.export_classifier(network.cpu().eval(), path)


class TorchvisionDetectorLearner:
    """A detector of torchvision's; see `Learner`.

    Args:
        recipe: The network's name, size and first weights.
        classes: Names, by class id.

    Raises:
        RecipeError: There is no such network, its input is of another size, or the weights do not fit.
    """

    def __init__(self, recipe: Recipe, classes: tuple[str, ...]) -> None:
        self.classes = classes
        options = recipe.network
        fixed = torchvision_export.SSDLITE_SIDE if options.name.startswith("ssdlite") else options.width
        _require_square(recipe, fixed)
        tags = ("__background__", *classes)
        self.form = DetectorForm(head="torchvision", tags=tags, width=options.width, height=options.height)
        self.network: nn.Module = open_detector(options.name, len(classes), options.width, options.start)

    def compute_loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """See `Learner.compute_loss`."""
        device = batch.images.device
        targets = [
            {"boxes": boxes.to(device), "labels": ids.to(device) + 1}
            for boxes, ids in zip(batch.boxes, batch.class_ids, strict=True)
        ]
        # Its own operations on regions exist for float32 only.
        with torch.autocast(device.type, enabled=False):
            losses: dict[str, Tensor] = network(_to_list(batch.images), targets)
            return torch.stack(list(losses.values())).sum()

    def predict(self, network: nn.Module, images: Tensor) -> list[Boxes]:
        """See `Learner.predict`."""
        with torch.autocast(images.device.type, enabled=False):
            found: list[dict[str, Tensor]] = network(_to_list(images))
        arrays: list[dict[str, Any]] = [{name: value.cpu().numpy() for name, value in each.items()} for each in found]
        return [read_finished(each["boxes"], each["scores"], each["labels"] - 1, MIN_SCORE) for each in arrays]

    def export(self, network: nn.Module, path: Path) -> None:
        """See `Learner.export`."""
        torchvision_export.export_detector(network.cpu().eval(), self.form.width, path)


def open_learner(recipe: Recipe, classes: tuple[str, ...]) -> Learner:
    """Make the network that a recipe names, with its first weights.

    Args:
        recipe: What is trained.
        classes: Names, by class id.

    Raises:
        RecipeError: There is no such network, its input is of another size, or the weights do not fit.
    """
    torch.manual_seed(recipe.seed)
    small = recipe.network.name == "small"
    if recipe.task == "detector":
        return SmallDetectorLearner(recipe, classes) if small else TorchvisionDetectorLearner(recipe, classes)
    return SmallClassifierLearner(recipe, classes) if small else TorchvisionClassifierLearner(recipe, classes)


def _require_square(recipe: Recipe, side: int) -> None:
    options = recipe.network
    if (options.width, options.height) != (side, side):
        raise RecipeError(f"network: {options.name} takes images of {side} × {side} pixels: set width and height.")


def _normalise(images: Tensor) -> Tensor:
    mean, deviation = (
        torch.tensor(values, device=images.device).reshape(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_DEVIATION)
    )
    return ((images + 1) / 2 - mean) / deviation


def _to_list(images: Tensor) -> list[Tensor]:
    return list(((images + 1) / 2).contiguous().unbind(0))
