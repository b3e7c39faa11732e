"""Reads the data sets of an upload, whichever format they are in."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable

from framesift.catalog.imports.coco import looks_like_coco, read_coco
from framesift.catalog.imports.data_set import DataSet, Files
from framesift.catalog.imports.yolo import read_yolo
from framesift.errors import LabelFileError


def read_data_set(names: Iterable[str], read: Callable[[str], bytes]) -> DataSet:
    """Read what the label files of an upload say of its images.

    A `.yaml` file with `names` is the description of a YOLO data set, a `.json` file with `images`, `annotations` and
    `categories` is one of COCO; other files are left alone.

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
    return found
