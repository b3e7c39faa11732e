"""The items of an export, kept on disk: formats read them several times, and memory holds one of them at a time."""

from __future__ import annotations

import hashlib
import mimetypes
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from framesift.catalog.tags import SPLITS, find_split, fold
from framesift.contracts.catalog import Box, CatalogItem
from framesift.contracts.exports import ExportOptions

_SUFFIX = re.compile(r"\.[a-z0-9]{1,5}")


@dataclass(frozen=True)
class Label:
    """What an export says is in an image.

    Attributes:
        number: The class's place in the export's order, from 0.
        name: The class.
        box: None: the whole image.
        score: None: a person says it.
        model: Who predicts it; empty: a person says it.
    """

    number: int
    name: str
    box: Box | None
    score: float | None
    model: str = ""


@dataclass
class Rows:
    """The items of an export, in their order, and what is known of all of them.

    Attributes:
        path: Their lines of JSON.
        options: What the person has chosen.
        every_label: Annotations and predictions both, whichever the options choose.
        digest: The SHA-256 of the lines.
        classes: In the order of their numbers.
        splits: Items in each split.
        metadata: The names of the metadata fields, sorted.
        boxes: Labels with a box.
        image_labels: Labels without one.
        left_out: Labels of other classes.
        without_vector: Items that the model has no vector of; counted while vectors are written.
    """

    path: Path
    options: ExportOptions
    every_label: bool = False
    digest: str = ""
    classes: list[str] = field(default_factory=list)
    splits: dict[str, int] = field(default_factory=dict)
    metadata: list[str] = field(default_factory=list)
    boxes: int = 0
    image_labels: int = 0
    left_out: int = 0
    without_vector: int = 0
    _numbers: dict[str, int] = field(default_factory=dict)

    def __iter__(self) -> Iterator[CatalogItem]:
        with self.path.open("rb") as file:
            for line in file:
                yield CatalogItem.model_validate_json(line)

    def __len__(self) -> int:
        return sum(self.splits.values())

    def labels(self, item: CatalogItem) -> list[Label]:
        """The labels of an item that are exported."""
        return [
            Label(number, self.classes[number], box, score, model)
            for name, box, score, model in _choose_labels(item, self.options, self.every_label)
            if (number := self._numbers.get(fold(name))) is not None
        ]


def spool_rows(items: Iterable[CatalogItem], options: ExportOptions, path: Path, *, every_label: bool = False) -> Rows:
    """Write items to a file, and find the classes, splits and fields that they have.

    Of a class's forms that are the same when folded, the first in the order of their characters is shown.
    """
    digest = hashlib.sha256()
    boxes: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    splits: Counter[str] = Counter()
    shown: dict[str, str] = {}
    metadata: set[str] = set()
    with path.open("wb") as file:
        for item in items:
            line = item.model_dump_json(exclude_defaults=True).encode() + b"\n"
            file.write(line)
            digest.update(line)
            splits[split_of(item)] += 1
            metadata.update(item.metadata)
            for name, box, _, _ in _choose_labels(item, options, every_label):
                folded = fold(name)
                (whole if box is None else boxes)[folded] += 1
                shown[folded] = min(shown.get(folded, name), name)
    classes = [shown[folded] for folded in sorted(shown)] if options.classes is None else options.classes
    numbers: dict[str, int] = {}
    for number, name in enumerate(classes):
        numbers.setdefault(fold(name), number)
    return Rows(
        path=path,
        options=options,
        every_label=every_label,
        digest=digest.hexdigest(),
        classes=list(classes),
        splits={split: splits[split] for split in SPLITS if splits[split]},
        metadata=sorted(metadata),
        boxes=sum(count for name, count in boxes.items() if name in numbers),
        image_labels=sum(count for name, count in whole.items() if name in numbers),
        left_out=sum(count for name, count in (boxes + whole).items() if name not in numbers),
        _numbers=numbers,
    )


def split_of(item: CatalogItem) -> str:
    """The split that an item is exported in."""
    return find_split(item.tags) or SPLITS[0]


def file_name(item: CatalogItem) -> str:
    """The name of an item's image in an export: its id."""
    return f"{item.id}{_suffix(item)}"


def _suffix(item: CatalogItem) -> str:
    for name in (item.key, item.uri, *item.names[:1]):
        suffix = PurePosixPath(name or "").suffix.lower()
        if _SUFFIX.fullmatch(suffix):
            return suffix
    return mimetypes.guess_extension(item.content_type) or ""


def _choose_labels(
    item: CatalogItem, options: ExportOptions, every_label: bool
) -> Iterator[tuple[str, Box | None, float | None, str]]:
    """The labels that are exported: name, box, score and model."""
    if every_label or options.labels != "predictions":
        for annotation in item.annotations:
            yield annotation.label, annotation.box, None, ""
    if not every_label and (options.labels == "annotations" or (options.labels == "either" and item.annotations)):
        return
    for prediction in item.predictions:
        if prediction.score >= options.min_score and options.model in {None, prediction.model}:
            yield prediction.label, prediction.box, prediction.score, prediction.model
