"""Reads the data sets of an upload, whichever format they are in."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable
from typing import Final

from framesift.catalog.imports.coco import looks_like_coco, read_coco
from framesift.catalog.imports.data_set import DataSet, Files
from framesift.catalog.imports.yolo import read_class_list, read_yolo
from framesift.errors import LabelFileError

_DESCRIBING: Final = frozenset({".json", ".yaml", ".yml", ".txt", ".names", ".data", ".cache", ".md"})
_COMPANIONS: Final = frozenset({"notes.json", "classes.txt", "train.txt", "val.txt", "valid.txt", "test.txt"})


def read_data_set(names: Iterable[str], read: Callable[[str], bytes]) -> DataSet:
    """Read what the label files of an upload say of its images.

    A `.yaml` file with `names` is the description of a YOLO data set, a `.json` file with `images`, `annotations` and
    `categories` is one of COCO, and a list of classes beside images and labels is YOLO's, too; other files are left
    alone.

    Args:
        names: The paths of all uploaded files, relative to the upload, with `/`.
        read: Reads a file by its name; called for files of labels only.

    Returns:
        What they say. Whatever cannot be used is a fault, with its file and place; nothing is raised for it.
    """
    files, found = Files(names, read), DataSet()
    for name in files.names:
        suffix = posixpath.splitext(name)[1].lower()
        try:
            if suffix == ".json" and looks_like_coco(content := files.read(name)):
                found.label_files.add(name)
                read_coco(name, content, files, found)
            elif suffix in {".yaml", ".yml"}:
                read_yolo(name, files, found)
        except LabelFileError as error:
            found.faults.note(name, error)
    for name in filter(_is_class_list, files.names):  # After what describes images better.
        try:
            read_class_list(name, files, found)
        except LabelFileError as error:
            found.faults.note(name, error)
    return found


def may_describe(name: str) -> bool:
    """Whether a file can be part of a data set without being an image, by its name.

    Example:
        >>> may_describe("labels/1.txt"), may_describe("LICENSE"), may_describe("1.jpg")
        (True, True, False)
    """
    suffix = posixpath.splitext(name)[1].lower()
    return suffix in _DESCRIBING or (not suffix and comes_along(name))


def comes_along(name: str) -> bool:
    """Whether programs put a file beside their data sets that says nothing about single images, by its name.

    Example:
        >>> comes_along("set/README.roboflow.txt"), comes_along("labels/1.txt")
        (True, False)
    """
    base = posixpath.basename(name).lower()
    return base.startswith(("readme", "license")) or base in _COMPANIONS or base.endswith((".cache", ".md", ".data"))


def _is_class_list(name: str) -> bool:
    return posixpath.basename(name).lower() == "classes.txt" or name.lower().endswith(".names")
