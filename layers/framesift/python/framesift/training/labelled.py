"""Labelled images that a model is evaluated on: a COCO file, a YOLO data set, or a collection."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from framesift.catalog.imports import read_data_set
from framesift.catalog.imports.coco import looks_like_coco
from framesift.catalog.imports.data_set import Files, find_split
from framesift.catalog.labels import Faults, LabelFaultError
from framesift.catalog.tags import find_split as find_split_tag
from framesift.contracts.catalog import Annotation
from framesift.errors import ImagesMissingError, LabelFileError, NothingToEvaluateError
from framesift.training.types import Truth

if TYPE_CHECKING:
    from framesift.training.run import Collection

Split = Literal["train", "val", "test"]
_PREFERRED: Final[tuple[Split, ...]] = ("test", "val")


@dataclass(frozen=True)
class LabelledImage:
    """An image, and what is in it.

    Attributes:
        image_id: Unique in the data set: a file's name, or an item's id.
        read: Reads the file.
        class_ids: (n,) int64.
        boxes: (n, 4) float64: left, top, right, bottom; in pixels, or in shares of the image's width and height.
        in_shares: Whether boxes and areas are in shares of the image.
        crowd: (n,) bool.
        areas: (n,) float64.
        label: The class of the whole image; -1: it has none.
    """

    image_id: str
    read: Callable[[], bytes]
    class_ids: NDArray[np.int64]
    boxes: NDArray[np.float64]
    in_shares: bool
    crowd: NDArray[np.bool_]
    areas: NDArray[np.float64]
    label: int = -1

    def truth(self, width: int, height: int) -> Truth:
        """The objects in the image, which has so many pixels."""
        scale = np.array([width, height, width, height] if self.in_shares else [1] * 4, np.float64)
        return Truth(
            self.image_id,
            (self.boxes * scale).astype(np.float32),
            self.class_ids,
            self.crowd,
            self.areas * float(scale[0] * scale[1]),
        )


@dataclass(frozen=True)
class LabelledData:
    """Labelled images.

    Attributes:
        name: For people.
        classes: By number.
        images: The images.
        notes: What was left out, in sentences.
    """

    name: str
    classes: tuple[str, ...]
    images: tuple[LabelledImage, ...]
    notes: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """The sha256 of the classes, the images' ids and their labels."""
        digest = hashlib.sha256("\0".join(self.classes).encode())
        for image in sorted(self.images, key=lambda each: each.image_id):
            digest.update(f"\0{image.image_id}\0{image.label}".encode())
            for array in (image.class_ids, image.boxes, image.crowd, image.areas):
                digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    @property
    def has_boxes(self) -> bool:
        """Whether objects are known, not only classes of whole images."""
        return any(len(image.class_ids) for image in self.images)


def read_labelled_file(path: Path, *, images: Path | None = None, split: Split | None = None) -> LabelledData:
    """Read a COCO file, or a YOLO data set.

    Args:
        path: COCO's JSON, or YOLO's `data.yaml`.
        images: The folder of COCO's images; by default they are looked for around the file.
        split: The images of it; by default `test` if there are any, else `val`, else all.

    Raises:
        LabelFileError: The file is neither, or is damaged.
        ImagesMissingError: There are labels of images that are not there.
        NothingToEvaluateError: There are no labelled images.
    """
    if path.suffix.lower() == ".json":
        return _choose_split(path.name, *_read_coco(path, images), split)
    if path.suffix.lower() in {".yaml", ".yml"}:
        return _choose_split(path.name, *_read_yolo(path), split)
    raise LabelFileError(f"{path.name} is neither COCO's JSON nor a YOLO data set's data.yaml.")


def read_labelled_collection(
    collection: Collection, name: str, query: str = "", *, split: Split | None = None
) -> LabelledData:
    """Read the items of a collection that people have labelled.

    Args:
        collection: The collection.
        name: Its name, for people.
        query: Which items, in the query language; empty: all.
        split: As for `read_labelled_file`: `framesift collection splits` puts items into splits.

    Raises:
        QueryError: The query cannot be understood.
        NothingToEvaluateError: There are no labelled items.
    """
    found: list[tuple[str | None, LabelledImage]] = []
    items, without = [], 0
    classes: dict[str, int] = {}
    for item in collection.query(query):
        if item.annotations:
            items.append(item)
        else:
            without += 1
    for label in sorted({annotation.label for item in items for annotation in item.annotations}):
        classes[label] = len(classes)
    for item in items:
        read = partial(collection.read, item)
        found.append((find_split_tag(item.tags), _of_annotations(item.id, read, item.annotations, classes)))
    notes = [f"{without:,} items without labels were left out."] if without else []
    return _choose_split(name, tuple(classes), found, notes, split)


def _choose_split(
    name: str,
    classes: tuple[str, ...],
    found: Sequence[tuple[str | None, LabelledImage]],
    notes: Sequence[str],
    split: Split | None,
) -> LabelledData:
    there = {each for each, _ in found}
    chosen = split or next((each for each in _PREFERRED if each in there), None)
    images = tuple(image for each, image in found if chosen in (None, each))
    if not any(len(image.class_ids) or image.label >= 0 for image in images):
        what = f"the split {chosen} of {name}" if chosen else name
        raise NothingToEvaluateError(
            f"{what} has no labelled images: label some, or choose another split "
            f"({', '.join(sorted(each for each in there if each)) or 'there is none'})."
        )
    return LabelledData(f"{name}, {chosen}" if chosen else name, classes, images, tuple(notes))


def _read_coco(
    path: Path, folder: Path | None
) -> tuple[tuple[str, ...], list[tuple[str | None, LabelledImage]], list[str]]:
    content = path.read_bytes()
    try:
        document = json.loads(content) if looks_like_coco(content) else None
    except (ValueError, RecursionError) as error:
        raise LabelFileError(f"{path.name} is no JSON that can be read ({type(error).__name__}).") from None
    if not isinstance(document, dict):
        raise LabelFileError(f"{path.name} is not COCO's JSON: it lacks images, annotations or categories.")
    root = folder or (path.parent.parent if path.parent.name == "annotations" else path.parent)
    files = _list_files(root)
    near = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
    try:
        classes = {category["id"]: str(category["name"]) for category in document["categories"]}
        entries = {image["id"]: image for image in document["images"]}
        by_image: dict[Any, list[dict[str, Any]]] = {image_id: [] for image_id in entries}
        for annotation in document["annotations"]:
            by_image[annotation["image_id"]].append(annotation)
        numbers = {category_id: number for number, category_id in enumerate(classes)}
        names = {name: number for number, name in enumerate(classes.values())}
        missing, found = Faults(), []
        for image_id, entry in entries.items():
            try:
                name = files.find_image(entry["file_name"], near)
            except LabelFaultError as fault:
                missing.note(f"image {image_id}", fault)
                continue
            split = find_split(near) or find_split(name)
            found.append((split, _of_coco(name, root, entry, by_image[image_id], numbers, names)))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise LabelFileError(
            f"{path.name} is not COCO's JSON: {type(error).__name__}: {error}. Every image needs id and file_name, "
            "every annotation image_id, category_id and bbox."
        ) from None
    _refuse_missing(path, missing)
    return tuple(classes.values()), found, []


def _of_coco(
    name: str,
    root: Path,
    entry: dict[str, Any],
    annotations: Sequence[dict[str, Any]],
    numbers: dict[Any, int],
    names: dict[str, int],
) -> LabelledImage:
    boxes = np.array([annotation["bbox"] for annotation in annotations], np.float64).reshape(-1, 4)
    areas = [annotation.get("area", box[2] * box[3]) for annotation, box in zip(annotations, boxes, strict=True)]
    boxes[:, 2:] += boxes[:, :2]
    label = next((names[each] for each in entry.get("labels", ()) if each in names), -1)
    return LabelledImage(
        image_id=name,
        read=(root / name).read_bytes,
        class_ids=np.array([numbers[annotation["category_id"]] for annotation in annotations], np.int64),
        boxes=boxes,
        in_shares=False,
        crowd=np.array([bool(annotation.get("iscrowd", 0)) for annotation in annotations], np.bool_),
        areas=np.array(areas, np.float64),
        label=label,
    )


def _read_yolo(path: Path) -> tuple[tuple[str, ...], list[tuple[str | None, LabelledImage]], list[str]]:
    root = path.parent
    files = _list_files(root)
    data_set = read_data_set(files.names, lambda name: (root / name).read_bytes())
    if path.name not in data_set.label_files:
        first = data_set.faults.first[:1] or ["it has no `names`."]
        raise LabelFileError(f"{path.name} is no YOLO data set that can be read: {first[0]}")
    _refuse_missing(path, data_set.faults)
    labels = {annotation.label for image in data_set.images.values() for annotation in image.annotations}
    classes = {label: number for number, label in enumerate(sorted(labels))}
    found: list[tuple[str | None, LabelledImage]] = [
        (image.split, _of_annotations(name, (root / name).read_bytes, image.annotations, classes))
        for name, image in data_set.images.items()
    ]
    return tuple(classes), found, []


def _of_annotations(
    image_id: str, read: Callable[[], bytes], annotations: Iterable[Annotation], classes: dict[str, int]
) -> LabelledImage:
    boxed = [(each.box, classes[each.label]) for each in annotations if each.box is not None]
    label = next((classes[each.label] for each in annotations if each.box is None), -1)
    boxes = np.array([[box.left, box.top, box.width, box.height] for box, _ in boxed], np.float64).reshape(-1, 4)
    areas: NDArray[np.float64] = boxes[:, 2] * boxes[:, 3]
    boxes[:, 2:] += boxes[:, :2]
    return LabelledImage(
        image_id=image_id,
        read=read,
        class_ids=np.array([class_id for _, class_id in boxed], np.int64),
        boxes=boxes,
        in_shares=True,
        crowd=np.zeros(len(boxed), np.bool_),
        areas=areas,
        label=label,
    )


def _list_files(root: Path) -> Files:
    names = [path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()]
    return Files(names, lambda name: (root / name).read_bytes())


def _refuse_missing(path: Path, faults: Faults) -> None:
    if faults.count:
        raise ImagesMissingError(
            f"{path.name}: {faults.count:,} of its labels or images cannot be used, and figures without them would "
            f"mislead. The first: {faults.first[0]}"
        )
