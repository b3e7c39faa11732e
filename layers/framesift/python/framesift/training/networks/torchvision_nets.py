"""torchvision's classifiers and detectors, fine-tuned from weights at hand."""

from __future__ import annotations

import pickle  # For its error: weights are read without unpickling objects.
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torchvision import models

from framesift.errors import RecipeError


def open_classifier(name: str, classes: int, start: str) -> nn.Module:
    """Make a classifier for some classes.

    Args:
        name: As torchvision calls it, such as `resnet18`.
        classes: Their number.
        start: A file of weights; empty: none. Those of an output layer of another size are left out.

    Raises:
        RecipeError: torchvision has no such classifier, or the weights are another network's.
    """
    return _open(name, models.list_models(module=models), start, num_classes=classes)


def open_detector(name: str, classes: int, side: int, start: str) -> nn.Module:
    """Make a detector for some classes and the background.

    Args:
        name: As torchvision calls it, such as `fasterrcnn_resnet50_fpn_v2`.
        classes: Their number, without the background.
        side: Of its square input, pixels.
        start: A file of weights; empty: none.

    Raises:
        RecipeError: torchvision has no such detector, or the weights are another network's.
    """
    sizes = {} if name.startswith("ssd") else {"min_size": side, "max_size": side}
    known = models.list_models(module=models.detection)
    return _open(name, known, start, num_classes=classes + 1, weights_backbone=None, **sizes)


def _open(name: str, known: list[str], start: str, **options: Any) -> nn.Module:
    if name not in known:
        raise RecipeError(f"network.name: there is no {name!r}: `small`, or one of {', '.join(known)}.")
    network: nn.Module = models.get_model(name, weights=None, **options)
    if start:
        _load(network, Path(start))
    return network


def _load(network: nn.Module, path: Path) -> None:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        current = network.state_dict()
        fitting = {key: value for key, value in state.items() if key in current and value.shape == current[key].shape}
    except (OSError, RuntimeError, AttributeError, ValueError, EOFError, pickle.UnpicklingError) as error:
        reason = str(error).partition("\n")[0]
        raise RecipeError(f"network.start: {path.name} has no weights that can be read: {reason}") from None
    # Of an output layer for other classes nothing fits; of another network next to nothing.
    if len(fitting) < 0.9 * len(current):
        raise RecipeError(
            f"network.start: only {len(fitting)} of {len(current)} weights of {path.name} fit the network: choose its "
            "own weights."
        )
    network.load_state_dict(fitting, strict=False)
