"""A data set that has been uploaded: its files by name, and what its labels say of the images."""

from __future__ import annotations

import posixpath
import re
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final

from framesift.catalog.labels import MAX_ANNOTATIONS, Faults, LabelFaultError, show_value
from framesift.contracts.catalog import Annotation
from framesift.errors import LabelFileError

IMPORTED_BY: Final = "import"
"""`Annotation.by` of imported labels."""
MAX_FILE_BYTES: Final = 256 << 20
"""Of a file of labels: COCO's own largest has 470 MB and 118,000 images; read, it takes ten times as much memory."""

_IMAGE_SUFFIXES: Final = (
    ".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".heic", ".heif", ".avif",
)  # fmt: skip
_SPLIT = re.compile(r"(?:^|[^a-z])(train|valid(?:ation)?|val|test)(?:$|[^a-z])")


@dataclass
class LabelledImage:
    """What a data set says of an image.

    Attributes:
        annotations: What is in it; empty: nothing.
        split: `train`, `val`, `test`, or None.
    """

    annotations: list[Annotation] = field(default_factory=list)
    split: str | None = None

    def add(self, annotation: Annotation) -> None:
        """Add what is in it.

        Raises:
            LabelFaultError: It has as many annotations as an item can have.
        """
        if len(self.annotations) >= MAX_ANNOTATIONS:
            raise LabelFaultError(f"an image has at most {MAX_ANNOTATIONS:,} annotations, and this is one more.")
        self.annotations.append(annotation)


@dataclass
class DataSet:
    """What the label files of an upload say.

    Attributes:
        images: By the name of the image's file in the upload.
        label_files: The files that were read: they are no images, and not refused as such.
        faults: What could not be taken over, each with its file and place.
    """

    images: dict[str, LabelledImage] = field(default_factory=dict)
    label_files: set[str] = field(default_factory=set)
    faults: Faults = field(default_factory=Faults)


class Files:
    """The files of an upload.

    Args:
        names: Their paths, relative to the upload, with `/`.
        read: Reads a file by its name.
    """

    def __init__(self, names: Iterable[str], read: Callable[[str], bytes]) -> None:
        self.names = sorted(set(names))
        self._known = frozenset(self.names)
        self._read = read
        self._images = [name for name in self.names if name.lower().endswith(_IMAGE_SUFFIXES)]
        # Paths from their ends: those that end alike lie side by side.
        self._reversed = sorted(_reverse(name) for name in self._images)
        self._by_split: dict[str, dict[str | None, list[str]]] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._known

    def read(self, name: str, max_bytes: int = MAX_FILE_BYTES) -> bytes:
        """Read a file of labels.

        Raises:
            LabelFileError: It is too large.
        """
        content = self._read(name)
        if len(content) > max_bytes:
            raise LabelFileError(f"It has {len(content):,} bytes; {max_bytes:,} are read at most.")
        return content

    def find_image(self, path: str, near: str) -> str:
        """Find the image that a label file means.

        Data sets keep images beside the labels, below `images/`, or in a folder of the split: the end of the path has
        to fit, and of several images the one nearest to the label file is meant.

        Args:
            path: As the label file says.
            near: The label file.

        Raises:
            LabelFaultError: The path leaves the upload, or means none or several of its images.
        """
        clean = clean_path(path)
        by_split = self._find_ending(clean)
        found = next(iter(by_split.values()), [])
        if len(by_split) > 1 or len(found) > 1:
            beside = posixpath.join(posixpath.dirname(near), clean)
            found = [beside] if beside in self else by_split.get(find_split(near), [])
        if not found:
            raise LabelFaultError(f"there is no image {show_value(path)} in the upload.")
        if len(found) > 1:
            raise LabelFaultError(f"{show_value(path)} can mean {len(found)} images of the upload, such as {found[0]}.")
        return found[0]

    def list_images(self, folder: str) -> list[str]:
        """The images in a folder and below it; the empty name is the whole upload."""
        return _find_prefix(self._images, f"{folder}/" if folder else "")

    def match_images(self, pattern: str) -> list[str]:
        """The images whose names fit a pattern with `*`, `?` and `[…]`."""
        return [name for name in self._images if fnmatchcase(name, pattern)]

    def _find_ending(self, path: str) -> dict[str | None, list[str]]:
        """The images whose paths end with some parts, by their splits; kept, as many files may name the same."""
        if path not in self._by_split:
            found: dict[str | None, list[str]] = {}
            for backwards in _find_prefix(self._reversed, _reverse(path)):
                name = _reverse(backwards.removesuffix("/")).removesuffix("/")
                found.setdefault(find_split(name), []).append(name)
            self._by_split[path] = found
        return self._by_split[path]


def _reverse(path: str) -> str:
    """A path's parts from the last to the first, each with a `/` behind it."""
    return "".join(f"{part}/" for part in reversed(path.split("/")))


def _find_prefix(names: Sequence[str], prefix: str) -> list[str]:
    """Those of some sorted names that begin with a prefix."""
    start = bisect_left(names, prefix)
    end = bisect_left(names, True, lo=start, key=lambda name: not name.startswith(prefix))
    return list(names[start:end])


def clean_path(path: str) -> str:
    r"""Return a path that a label file names, relative and with `/`.

    Example:
        >>> clean_path(".\\images\\a.jpg")
        'images/a.jpg'

    Raises:
        LabelFaultError: It is no text, absolute, or leaves its folder.
    """
    if not isinstance(path, str) or not path.strip() or "\0" in path or len(path) > 1_000:
        raise LabelFaultError(f"{show_value(path)} is no path.")
    # Names of the upload are in this form of Unicode; those in a file from a Mac are not.
    clean = posixpath.normpath(unicodedata.normalize("NFC", path.strip()).replace("\\", "/"))
    if clean.startswith(("/", "../")) or clean == ".." or re.match(r"[A-Za-z]:", clean):
        raise LabelFaultError(f"the path {show_value(path)} leaves the upload.")
    return "" if clean == "." else clean


def find_split(path: str) -> str | None:
    """Find the split that a path names, the innermost.

    Example:
        >>> find_split("train/_annotations.coco.json"), find_split("annotations/instances_val2017.json")
        ('train', 'val')
    """
    found = None
    for part in path.lower().split("/"):
        for match in _SPLIT.finditer(part):
            found = match[1]
    return "val" if found and found.startswith("val") else found
