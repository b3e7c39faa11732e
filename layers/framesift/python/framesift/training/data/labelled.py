"""Data sets with labels of one's own: folders in the form of COCO or YOLO, and collections."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import cast

from framesift.catalog.imports.read import read_data_set
from framesift.catalog.tags import find_split
from framesift.contracts import Annotation, CatalogItem
from framesift.errors import ImagesMissingError, LabelsMissingError, RecipeError
from framesift.training.data.dataset import SPLITS, Dataset, Example, Labels, Split, make_labels
from framesift.training.recipe import PRESETS, CollectionData, FolderData, Task
from framesift.vision.decode import RgbImage, decode_image

_IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".heic", ".heif", ".avif"}
)


@dataclass(frozen=True)
class Source:
    """An image of a data set before its classes are chosen.

    Attributes:
        image_id: Its file's name, or its item's id.
        sha256: Of its bytes.
        read: Reads them.
        annotations: What is in it.
        split: What it is meant for; None: not said.
    """

    image_id: str
    sha256: str
    read: Callable[[], bytes]
    annotations: Sequence[Annotation]
    split: str | None


@dataclass
class Sources:
    """The images of a data set, and what was wrong with it.

    Attributes:
        images: Those with labels, and those that are known to be empty.
        unlabelled: Ids of images about which nothing is said.
        faults: Labels that could not be used, each with its place: those without an image are among them.
    """

    images: list[Source] = field(default_factory=list)
    unlabelled: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def find_in_folder(path: Path) -> Sources:
    """Find the images and labels of a folder.

    Raises:
        ImagesMissingError: The labels are there, and none of their images.
        LabelsMissingError: Images are there, and no labels.
        RecipeError: There is no such folder.
    """
    if not path.is_dir():
        raise RecipeError(f"There is no folder {path}: correct data.path.")
    files = {file.relative_to(path).as_posix(): file for file in sorted(path.rglob("*")) if file.is_file()}
    found = read_data_set(files, lambda name: files[name].read_bytes())
    images = {name for name in files if Path(name).suffix.lower() in _IMAGE_SUFFIXES}
    if not images:
        raise ImagesMissingError(f"{path} has labels, but no images: put them beside the labels, or into images/.")
    if not found.images:
        first = f" ({found.faults.first[0]})" if found.faults.first else ""
        raise LabelsMissingError(
            f"{path} has {len(images)} images, but no labels for them{first}: add COCO's JSON, or YOLO's data.yaml."
        )
    sources = Sources(unlabelled=sorted(images - set(found.images)), faults=list(found.faults.first))
    for name, labelled in sorted(found.images.items()):
        digest = hashlib.sha256(files[name].read_bytes()).hexdigest()
        sources.images.append(Source(name, digest, files[name].read_bytes, labelled.annotations, labelled.split))
    return sources


def find_in_collection(items: Iterable[CatalogItem], read: Callable[[CatalogItem], bytes]) -> Sources:
    """Find those of a collection's items that a person has labelled.

    Args:
        items: What a query finds.
        read: Reads an item's image.

    Raises:
        LabelsMissingError: None of the items has labels.
        ImagesMissingError: There are no items.
    """
    sources = Sources()
    for item in items:
        if item.annotations:
            split = find_split(item.tags)
            sources.images.append(Source(item.id, item.sha256, partial(read, item), item.annotations, split))
        else:
            sources.unlabelled.append(item.id)
    if not sources.images and not sources.unlabelled:
        raise ImagesMissingError("The query finds no items of the collection: correct data.query.")
    if not sources.images:
        raise LabelsMissingError(
            f"None of the {len(sources.unlabelled)} items has labels: import some, or annotate them."
        )
    return sources


def choose_examples(sources: Sources, options: FolderData | CollectionData, task: Task) -> Dataset:
    """Choose classes and splits.

    A detector learns labels with boxes, a classifier those of whole images.

    Raises:
        LabelsMissingError: There are no labels of the kind that the task needs.
    """
    wanted = _resolve_classes(options.classes)
    with_boxes = task == "detector"
    known = sorted({each.label for source in sources.images for each in source.annotations if _fits(each, with_boxes)})
    if not known:
        needed = "with boxes" if with_boxes else "of whole images"
        raise LabelsMissingError(f"A {task} learns labels {needed}, and the data set has none.")
    classes = wanted or tuple(known)
    splits = _assign_splits(sources.images, options)
    examples = []
    for source, split in zip(sources.images, splits, strict=True):
        labels = _make_labels(source.annotations, classes, with_boxes)
        is_empty = not len(labels.class_ids) if with_boxes else labels.label < 0
        # A classifier has no class for what is empty.
        if is_empty and not (with_boxes and options.keep_empty):
            continue
        load = partial(_load, source.read, labels)
        examples.append(Example(source.image_id, split, load, labels, source.sha256))
    return Dataset(classes, tuple(examples))


def _resolve_classes(names: tuple[str, ...]) -> tuple[str, ...]:
    return PRESETS[names[0]] if len(names) == 1 and names[0] in PRESETS else names


def _fits(annotation: Annotation, with_boxes: bool) -> bool:
    return (annotation.box is not None) == with_boxes


def _make_labels(annotations: Iterable[Annotation], classes: tuple[str, ...], with_boxes: bool) -> Labels:
    mine = [each for each in annotations if _fits(each, with_boxes) and each.label in classes]
    if not with_boxes:
        return make_labels([], [], classes.index(mine[0].label) if mine else -1)
    boxes = [each.box for each in mine if each.box is not None]
    corners = [(box.left, box.top, box.left + box.width, box.top + box.height) for box in boxes]
    return make_labels(corners, [classes.index(each.label) for each in mine])


def _assign_splits(images: Sequence[Source], options: FolderData | CollectionData) -> list[Split]:
    """What each image is for; equal files are for the same, wherever the data set leaves it open."""
    given = {image.split for image in images}
    val_share = 0.0 if "val" in given else options.val_share
    test_share = 0.0 if "test" in given else options.test_share
    return [_assign_split(image, val_share, test_share) for image in images]


def _assign_split(image: Source, val_share: float, test_share: float) -> Split:
    if image.split in {"val", "test"}:
        return cast(Split, image.split)
    place = int(image.sha256[:8], 16) / (1 << 32)
    return SPLITS[1] if place < val_share else SPLITS[2] if place < val_share + test_share else SPLITS[0]


def _load(read: Callable[[], bytes], labels: Labels) -> tuple[RgbImage, Labels]:
    return decode_image(read()), labels
