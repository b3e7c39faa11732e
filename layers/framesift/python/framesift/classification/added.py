"""Adds classifiers: any ONNX file with its labels named.

The file is not trusted: the network is loaded and tried in a process with limits on memory and time (see
`framesift.sandbox`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from framesift.detection.onnx.added import MAX_MODEL_BYTES, AddedModel, check_labels, inspect_network
from framesift.errors import NotAClassifierError
from framesift.models.card import ClassifierForm, ModelCard
from framesift.models.normalisation import IMAGENET_DEVIATION, IMAGENET_MEAN


def read_classifier(
    path: Path,
    name: str,
    *,
    labels: Sequence[str],
    version: str = "",
    size: int = 0,
    resize: int = 0,
    imagenet: bool = False,
    licence: str = "its owner's",
) -> AddedModel:
    """Read and test a classifier, and make its card.

    Args:
        path: An ONNX file: one input, `(N, 3, H, W)` float of 0 to 1 or `(N, H, W, 3)` uint8; the first output has a
            score for each label. Features come from an output named `features`.
        name: The model's name.
        labels: Its classes, in the order of their numbers.
        version: Its version; by default the file's digest.
        size: The side of its square input in pixels, if the file does not fix it.
        resize: What the short side is resized to before the middle is cut out; 0: the image is stretched.
        imagenet: Whether it takes images less ImageNet's mean, by ImageNet's deviation, as torchvision's do.
        licence: The model's licence.

    Raises:
        NotAClassifierError: It is not a classifier, or its labels are other than its scores.
        ExternalDataError: The network's weights are in other files.
        RowCountError: The network gives other than one row for each image.
        ModelTooCostlyError: The network takes more memory or time than its size justifies.
    """
    if path.stat().st_size > MAX_MODEL_BYTES:
        raise NotAClassifierError(f"{path.name} has more than {MAX_MODEL_BYTES:,} bytes: too large for a classifier.")
    if not labels:
        raise NotAClassifierError(f"{path.name} has no labels: name its classes in order with --tag.")
    check_labels(labels, path.name)
    data = path.read_bytes()
    module = "framesift.classification.add_worker"
    found = inspect_network(module, data, file_name=path.name, labels=len(labels), size=size)
    digest = hashlib.sha256(data).hexdigest()
    dimension = found["dimension"]
    try:
        form = ClassifierForm(
            labels=tuple(labels),
            width=found["width"],
            height=found["height"],
            resize=resize,
            scores=found["scores"],
            **({"mean": IMAGENET_MEAN, "deviation": IMAGENET_DEVIATION} if imagenet else {}),
        )
        card = ModelCard(
            name=name,
            version=version or digest[:12],
            file="model.onnx",
            sha256=digest,
            size_bytes=len(data),
            licence=licence,
            source="an ONNX file",
            input=f"an image in {form.width} × {form.height} pixels",
            output=f"labels: {', '.join(labels[:10])}{', …' if len(labels) > 10 else ''}"
            + (f"; features: ({dimension},)" if dimension else ""),
            classifier=form,
        )
    except ValidationError as error:
        fault = error.errors()[0]
        raise NotAClassifierError(f"{path.name} cannot be added: {fault['loc'][-1]}: {fault['msg']}.") from error
    return AddedModel(card, data)
