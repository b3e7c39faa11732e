"""A folder of images on disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from framesift.errors import MediaTooLargeError, NoImagesError, NotAnImageError

SUFFIXES: Final = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".avif"}
)
"""Files with these are images."""

_MAX_BYTES = 512 << 20  # a larger file is no photograph, and would fill the memory
# What a person should see of a name: format characters other than these two could reorder or hide the text around.
_HARMLESS = {"\u200d", "\u200c"}  # join emoji, and letters of some scripts


@dataclass(frozen=True)
class FoundFile:
    """A file as the folder lists it.

    Attributes:
        path: Below the folder, with `/` between folders. Bytes that are not UTF-8 are surrogates (PEP 383), so that
            the name leads back to the file.
        size_bytes: Its size.
        modified_ns: When it was changed last, nanoseconds since 1970.
    """

    path: str
    size_bytes: int
    modified_ns: int


def list_images(folder: Path) -> list[FoundFile]:
    """List the images of a folder and of the folders below, by path.

    Hidden files and folders are left out, and symbolic links: they are other names of files, not copies.

    Raises:
        NoImagesError: The folder does not exist, or holds no image.
    """
    if not folder.is_dir():
        raise NoImagesError(f"There is no folder {show_name(str(folder))}: give a folder of images.")
    found = sorted(_walk(folder, ""), key=lambda file: file.path)
    if not found:
        kinds = ", ".join(sorted(SUFFIXES))
        raise NoImagesError(f"{show_name(str(folder))} holds no image ({kinds}): give another folder.")
    return found


def read_file(folder: Path, file: FoundFile) -> bytes:
    """Read an image's bytes.

    Raises:
        MediaTooLargeError: It is no photograph: over 512 MiB.
        NotAnImageError: It cannot be read.
    """
    if file.size_bytes > _MAX_BYTES:
        raise MediaTooLargeError(f"The file has {file.size_bytes:,} bytes; at most {_MAX_BYTES:,} are read.")
    try:
        return (folder / file.path).read_bytes()
    except OSError as error:
        raise NotAnImageError(f"The file cannot be read: {error.strerror}.") from error


def show_name(name: str) -> str:
    r"""A file's name as it can be shown anywhere: what is not printable is escaped.

    >>> show_name("고양이 🐈.jpg")
    '고양이 🐈.jpg'
    >>> print(show_name("caf\udce9 \x1b[31m.jpg"))
    caf\xe9 \x1b[31m.jpg
    """
    return "".join(letter if letter.isprintable() or letter in _HARMLESS else _escape(letter) for letter in name)


def _escape(letter: str) -> str:
    if "\udc80" <= letter <= "\udcff":  # a byte that is not UTF-8
        return f"\\x{ord(letter) - 0xDC00:02x}"
    return letter.encode("unicode_escape", "surrogatepass").decode("ascii")


def _walk(folder: Path, prefix: str) -> Iterator[FoundFile]:
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return  # A folder that forbids reading costs only its own files.
    for entry in entries:
        if entry.name.startswith(".") or entry.is_symlink():
            continue
        path = prefix + entry.name
        if entry.is_dir():
            yield from _walk(Path(entry.path), f"{path}/")
        elif entry.is_file() and Path(entry.name).suffix.lower() in SUFFIXES:
            facts = entry.stat()
            yield FoundFile(path, facts.st_size, facts.st_mtime_ns)
