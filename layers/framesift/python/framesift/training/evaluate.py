"""Evaluates a model of the registry on labelled images."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from framesift.catalog.tags import fold
from framesift.classification import OnnxClassifier
from framesift.contracts import Prediction as Predicted
from framesift.detection.onnx.looker import DetectorModel
from framesift.errors import ClassesDifferError, ImagesMissingError, MediaError, NotADetectorError, ObjectMissingError
from framesift.models import Model
from framesift.training.evaluation.classification import ClassifierFigures, evaluate_classifier
from framesift.training.evaluation.detection import DetectionFigures, evaluate_detector
from framesift.training.evaluation.slices import Slice, slice_classifier, slice_detector
from framesift.training.labelled import LabelledData, LabelledImage
from framesift.training.types import Prediction, Truth
from framesift.vision.decode import decode_image
from framesift.vision.image_model import ImageModel, Look, Prepared
from framesift.vision.inputs import prepare_input

MIN_SCORE: Final = 0.001
"""Average precision needs the improbable detections, too."""
MAX_DETECTIONS: Final = 300
_AT_ONCE: Final = 32


@dataclass(frozen=True)
class Evaluation:
    """What a model reaches on labelled images.

    Attributes:
        model: Its name and version.
        task: What it does.
        data: The images.
        figures: What it reaches.
        slices: The same on parts of the images.
        truths: Of a detector's images, the objects; in the order of the images.
        predictions: Of a detector, what it found.
        sizes: (n, 2): the images' width and height, pixels.
        notes: What limits the figures, in sentences.
    """

    model: str
    task: Literal["detector", "classifier"]
    data: LabelledData
    figures: DetectionFigures | ClassifierFigures
    slices: Sequence[Slice]
    truths: Sequence[Truth]
    predictions: Sequence[Prediction]
    sizes: Sequence[tuple[int, int]]
    notes: Sequence[str]

    @property
    def metrics(self) -> dict[str, float]:
        """All figures by names that trackers take; those that are not defined are left out."""
        named = dict(self.figures.summary)
        for each in self.figures.classes:
            named[f"ap/{each.name}"] = each.ap
        for part in self.slices:
            named |= {f"slice/{part.name}/{name}": value for name, value in part.summary.items()}
        return {name: value for name, value in named.items() if not math.isnan(value)}

    def to_json(self) -> str:
        """The figures as JSON, for programs."""
        return json.dumps(
            {
                "model": self.model,
                "task": self.task,
                "data": self.data.name,
                "data_digest": self.data.digest,
                "images": len(self.data.images),
                "metrics": self.metrics,
                "notes": list(self.notes),
            },
            indent=2,
            ensure_ascii=False,
        )


def evaluate_model(
    model: Model,
    data: LabelledData,
    *,
    parts: Mapping[str, Collection[str]] | None = None,
    threads: int = 0,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Evaluation:
    """Let a model look at labelled images, and compute what it reaches.

    Args:
        model: A detector or a classifier of the registry.
        data: The images.
        parts: Slices: the image ids of each, by name.
        threads: Threads of the network; 0: one per core.
        on_progress: Is called with the images done and their number.

    Raises:
        NotADetectorError: The model is neither a detector nor a classifier, or the labels are none for it.
        ClassesDifferError: The model and the data have no class in common.
        ImagesMissingError: An image cannot be read.
    """
    if model.card.detector is not None:
        form = model.card.detector
        names = form.tags[1:] if form.head == "torchvision" else form.tags  # Its class 0 is the background.
        return _evaluate_detector(DetectorModel(model, threads=threads), names, data, parts or {}, on_progress)
    if model.card.classifier is not None:
        names = model.card.classifier.labels
        return _evaluate_classifier(OnnxClassifier(model, threads=threads), names, data, parts or {}, on_progress)
    raise NotADetectorError(f"The model {model.card.name} is neither a detector nor a classifier.")


def _evaluate_detector(
    model: ImageModel,
    names: Sequence[str],
    data: LabelledData,
    parts: Mapping[str, Collection[str]],
    on_progress: Callable[[int, int], None],
) -> Evaluation:
    if not data.has_boxes:
        raise NotADetectorError(f"{model.name} detects objects, and {data.name} has labels of whole images only.")
    numbers, notes = _match_classes(model.name, names, data)
    truths, predictions, sizes = [], [], []
    looks = _look(model, data.images, MIN_SCORE, MAX_DETECTIONS, on_progress)
    for image, (look, (width, height)) in zip(data.images, looks, strict=True):
        truths.append(image.truth(width, height))
        predictions.append(_to_prediction(image.image_id, look.predictions, numbers, width, height))
        sizes.append((width, height))
    figures = evaluate_detector(truths, predictions, data.classes)
    return Evaluation(
        model=model.name,
        task="detector",
        data=data,
        figures=figures,
        slices=slice_detector(truths, predictions, data.classes, parts),
        truths=truths,
        predictions=predictions,
        sizes=sizes,
        notes=[*notes, *_note_empty([(each.name, each.objects) for each in figures.classes]), *data.notes],
    )


def _evaluate_classifier(
    model: ImageModel,
    names: Sequence[str],
    data: LabelledData,
    parts: Mapping[str, Collection[str]],
    on_progress: Callable[[int, int], None],
) -> Evaluation:
    images = [image for image in data.images if image.label >= 0]
    if not images:
        raise NotADetectorError(f"{model.name} classifies whole images, and {data.name} has labels of boxes only.")
    numbers, notes = _match_classes(model.name, names, data)
    # A class that only the model has can be wrong, so it counts.
    classes = [*data.classes, *(name for name in names if fold(name) not in numbers)]
    numbers |= {fold(name): number for number, name in enumerate(classes)}
    probabilities = np.zeros((len(images), len(classes)), np.float32)
    sizes = []
    for row, (look, size) in enumerate(_look(model, images, 0.0, len(names), on_progress)):
        sizes.append(size)
        for predicted in look.predictions:
            probabilities[row, numbers[fold(predicted.label)]] = predicted.score
    figures = evaluate_classifier(np.array([image.label for image in images], np.int64), probabilities, classes)
    kept = LabelledData(data.name, data.classes, tuple(images), data.notes)
    if len(images) < len(data.images):
        notes.append(f"{len(data.images) - len(images):,} images without a label of the whole image were left out.")
    return Evaluation(
        model=model.name,
        task="classifier",
        data=kept,
        figures=figures,
        slices=slice_classifier(figures, [image.image_id for image in images], parts),
        truths=(),
        predictions=(),
        sizes=sizes,
        notes=[*notes, *_note_empty([(each.name, each.images) for each in figures.classes]), *data.notes],
    )


def _match_classes(model: str, names: Sequence[str], data: LabelledData) -> tuple[dict[str, int], list[str]]:
    """The numbers of the data's classes by their folded names, and what is not in both."""
    numbers = {fold(name): number for number, name in enumerate(data.classes)}
    known = {fold(name) for name in names}
    if not known & set(numbers):
        raise ClassesDifferError(
            f"{model} knows {_list(names)}, and {data.name} has {_list(data.classes)}: none is in both. Names are "
            "compared without case."
        )
    notes = []
    if unknown := [name for name in data.classes if fold(name) not in known]:
        notes.append(f"The model does not know {_list(unknown)}: it can find none of them.")
    if others := [name for name in names if fold(name) not in numbers]:
        notes.append(f"The data has no labels of {_list(others)}, which the model knows.")
    return numbers, notes


def _note_empty(counts: Sequence[tuple[str, int]]) -> list[str]:
    empty = [name for name, count in counts if not count]
    return [f"No example of {_list(empty)}: these classes have no figures, and means leave them out."] if empty else []


def _to_prediction(
    image_id: str, found: Sequence[Predicted], numbers: Mapping[str, int], width: int, height: int
) -> Prediction:
    kept = [(each, each.box) for each in found if each.box is not None and fold(each.label) in numbers]
    shares = [[box.left, box.top, box.left + box.width, box.top + box.height] for _, box in kept]
    boxes = np.array(shares, np.float64).reshape(-1, 4) * [width, height, width, height]
    return Prediction(
        image_id,
        boxes.astype(np.float32),
        np.array([numbers[fold(each.label)] for each, _ in kept], np.int64),
        np.array([each.score for each, _ in kept], np.float32),
    )


def _look(
    model: ImageModel,
    images: Sequence[LabelledImage],
    min_score: float,
    max_predictions: int,
    on_progress: Callable[[int, int], None],
) -> Iterator[tuple[Look, tuple[int, int]]]:
    """What a model sees in each image, and the image's size; images are decoded some at a time."""

    def prepare(image: LabelledImage) -> Prepared:
        try:
            pixels = decode_image(image.read())
        except (MediaError, ObjectMissingError, OSError) as error:
            raise ImagesMissingError(
                f"The image {image.image_id} cannot be read ({error}): mend it, or take it out of the data."
            ) from error
        return Prepared(prepare_input(pixels, model.input_form), pixels.shape[1], pixels.shape[0])

    with ThreadPoolExecutor(4, thread_name_prefix="decode") as pool:
        for start in range(0, len(images), _AT_ONCE):
            prepared = list(pool.map(prepare, images[start : start + _AT_ONCE]))
            looks = model.look(prepared, min_score=min_score, max_predictions=max_predictions)
            on_progress(min(start + _AT_ONCE, len(images)), len(images))
            yield from ((look, (each.width, each.height)) for look, each in zip(looks, prepared, strict=True))


def _list(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8:,} more" if len(names) > 8 else "")
