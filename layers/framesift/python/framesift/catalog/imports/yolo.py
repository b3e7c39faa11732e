"""YOLO's data sets: a description in YAML, and a file of boxes for each image."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any, Final

from framesift.catalog.imports.data_set import (
    IMPORTED_BY,
    DataSet,
    Files,
    LabelledImage,
    clean_path,
    find_split,
)
from framesift.catalog.labels import LabelFaultError, read_box, read_label, show_value
from framesift.catalog.tags import SPLITS
from framesift.contracts.catalog import Annotation, Box
from framesift.errors import LabelFileError

_MAX_YAML_BYTES: Final = 1 << 20
_MAX_YAML_DEPTH: Final = 20
_MAX_LIST_BYTES: Final = 64 << 20
_MAX_LABEL_BYTES: Final = 4 << 20
_MAX_PATHS: Final = 100  # Folders, patterns and lists of a split.
_SPLIT_KEYS: Final = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


def read_yolo(name: str, files: Files, found: DataSet) -> None:
    """Read a description and the labels that belong to it; a YAML file without `names` is left alone.

    Args:
        name: The description, usually `data.yaml`.
        files: The upload.
        found: What it says is added here.

    Raises:
        LabelFileError: It cannot be read at all.
    """
    import yaml

    try:
        described = _load(files.read(name, _MAX_YAML_BYTES))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise LabelFileError(f"It is no YAML that can be read ({type(error).__name__}).") from None
    if not isinstance(described, dict) or "names" not in described:
        return
    found.label_files.add(name)
    classes = _read_classes(name, described["names"], found)
    folder = _find_folder(name, described.get("path"), files)
    for key, split in _SPLIT_KEYS.items():
        if not described.get(key):
            continue
        # Each image once: paths may name the same folder again and again.
        listed = dict.fromkeys(
            _list_split(described[key], f"{name}, {key}", (folder, posixpath.dirname(name)), files, found)
        )
        if not listed:
            found.faults.note(f"{name}, {key}", f"no image of the upload is at {show_value(described[key])}.")
        for image in listed:
            _read_labels(image, split, classes, files, found)
    if not any(described.get(key) for key in _SPLIT_KEYS):
        found.faults.note(name, f"it names no images: one of {', '.join(SPLITS)} is expected.")


def read_class_list(name: str, files: Files, found: DataSet) -> None:
    """Read a list of classes, and the labels of the images in its folder: without a description, as programs export it.

    Label Studio writes `classes.txt` beside `images/` and `labels/`, CVAT `obj.names` beside the images' folder.
    Images that a description has named are left alone, and so is a list that no image has labels for.

    Args:
        name: The list, a class in a line.
        files: The upload.
        found: What it says is added here.

    Raises:
        LabelFileError: It cannot be read at all.
    """
    images = [image for image in files.list_images(posixpath.dirname(name)) if image not in found.images]
    if not any(_label_file(image) in files for image in images):
        return
    found.label_files.add(name)
    classes = _read_classes(name, [line for line in _read_lines(name, _MAX_YAML_BYTES, files) if line.strip()], found)
    for image in images:
        _read_labels(image, find_split(image), classes, files, found)


def _load(content: bytes) -> Any:
    """Load YAML of lists, mappings and texts.

    Raises:
        LabelFileError: It is nested deeply, which takes much time, or has aliases, which make a small file endless.
    """
    import yaml  # Only images that list uploads have it.

    depth = 0
    # Reads lists, mappings and texts: a class can be called `no` or 3. LibYAML takes a hundredth of the time.
    loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    for event in yaml.parse(content, loader):
        if isinstance(event, yaml.AliasEvent):
            raise LabelFileError("It has an alias (*…), which is not followed: write out what it stands for.")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_YAML_DEPTH:
            raise LabelFileError(f"It is nested more than {_MAX_YAML_DEPTH} deep.")
    return yaml.load(content, loader)  # noqa: S506 - it makes texts only


def _read_classes(name: str, names: Any, found: DataSet) -> dict[int, str]:
    entries = names.items() if isinstance(names, dict) else enumerate(names) if isinstance(names, list) else None
    if entries is None:
        raise LabelFileError(f"Its names are {show_value(names)}, and neither a list nor numbers with names.")
    classes = {}
    for key, text in entries:
        try:
            classes[int(key)] = read_label(text)
        except (LabelFaultError, ValueError, TypeError) as fault:
            found.faults.note(f"{name}, class {show_value(key)}", fault)
    return classes


def _find_folder(name: str, path: Any, files: Files) -> str:
    """The folder that the paths of a description start from: often one of another machine, which is left aside."""
    beside = posixpath.dirname(name)
    try:
        folder = posixpath.normpath(posixpath.join(beside, clean_path(path))) if path else beside
    except LabelFaultError:
        return beside
    return folder if folder not in {"", "."} and files.list_images(folder) else beside


def _list_split(paths: Any, place: str, folders: tuple[str, str], files: Files, found: DataSet) -> Iterator[str]:
    """The images of a split: of folders, patterns, and lists of paths."""
    several = paths if isinstance(paths, list) else [paths]
    if len(several) > _MAX_PATHS:
        found.faults.note(place, f"it names {len(several):,} paths; {_MAX_PATHS:,} are read at most.")
    for path in several[:_MAX_PATHS]:
        try:
            yield from _list_path(_clean_climbing(path), place, folders, files, found)
        except (LabelFaultError, LabelFileError) as fault:
            found.faults.note(place, fault)


def _clean_climbing(path: Any) -> str:
    """Return a path that may begin with `../` once: some programs write it so, and mean the description's folder."""
    return clean_path(path.removeprefix("../") if isinstance(path, str) else path)


def _list_path(path: str, place: str, folders: tuple[str, str], files: Files, found: DataSet) -> Iterator[str]:
    for folder in dict.fromkeys(folders):
        full = posixpath.normpath(posixpath.join(folder, path))
        full = "" if full == "." else full
        if full in files and full.endswith(".txt"):
            found.label_files.add(full)
            yield from _read_list(full, place, files, found)
            return
        listed = files.match_images(full) if any(sign in full for sign in "*?[") else files.list_images(full)
        if listed:
            yield from listed
            return


def _read_list(name: str, place: str, files: Files, found: DataSet) -> Iterator[str]:
    for number, line in enumerate(_read_lines(name, _MAX_LIST_BYTES, files), start=1):
        if line.strip():
            try:
                # CVAT's lists begin with `data/`, the folder that darknet has everything in.
                yield files.find_image(line.strip().removeprefix("data/"), name)
            except LabelFaultError as fault:
                found.faults.note(f"{name}, line {number}", fault)


def _read_labels(image: str, split: str | None, classes: Mapping[int, str], files: Files, found: DataSet) -> None:
    labelled = found.images.setdefault(image, LabelledImage())
    labelled.split = labelled.split or split
    name = _label_file(image)
    if name not in files or name in found.label_files:
        return  # An image without labels shows nothing; one in two splits is read once.
    found.label_files.add(name)
    try:
        lines = _read_lines(name, _MAX_LABEL_BYTES, files)
    except LabelFileError as error:
        found.faults.note(name, error)
        return
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                labelled.add(_read_line(line.split(), classes))
            except LabelFaultError as fault:
                found.faults.note(f"{name}, line {number}", fault)


def _label_file(image: str) -> str:
    """The file of an image's boxes: below `labels/` instead of `images/`, or beside it."""
    before, images, after = f"/{image}".rpartition("/images/")
    path = f"{before}/labels/{after}" if images else f"/{image}"
    return posixpath.splitext(path)[0].removeprefix("/") + ".txt"


def _read_lines(name: str, max_bytes: int, files: Files) -> list[str]:
    return files.read(name, max_bytes).decode("utf-8-sig", errors="replace").splitlines()


def _read_line(fields: list[str], classes: Mapping[int, str]) -> Annotation:
    """Read a box, or the box around a polygon; a confidence after a box is left aside."""
    try:
        number, numbers = int(fields[0]), [float(text) for text in fields[1:]]
    except ValueError:
        raise LabelFaultError(f"{show_value(' '.join(fields))} is no class and numbers.") from None
    if number not in classes:
        raise LabelFaultError(f"there is no class {show_value(number)}, or it cannot be used.")
    return Annotation(label=classes[number], box=_read_numbers(numbers), by=IMPORTED_BY)


def _read_numbers(numbers: list[float]) -> Box:
    if len(numbers) in {4, 5}:
        x, y, width, height = numbers[:4]
        return read_box(x - width / 2, y - height / 2, width, height)
    if len(numbers) < 6 or len(numbers) % 2:
        raise LabelFaultError(f"a line has {len(numbers)} numbers: 4 are a box, and 6 or more, in pairs, a polygon.")
    across, down = numbers[::2], numbers[1::2]
    return read_box(min(across), min(down), max(across) - min(across), max(down) - min(down))
