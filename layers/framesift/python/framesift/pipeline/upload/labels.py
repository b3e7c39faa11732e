"""Data sets that are uploaded with their labels: what the label files of a batch say of its images.

It is read when the batch is listed, and kept until the images are added to the catalog, which may be in a later try.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Final

from pydantic import Field

from framesift import keys
from framesift.catalog.imports import DataSet, comes_along, may_describe, read_data_set
from framesift.catalog.imports.data_set import MAX_FILE_BYTES
from framesift.catalog.ledger import LedgerLine, LedgerStatus
from framesift.catalog.payloads import put_lines, read_lines
from framesift.catalog.tags import split_tag
from framesift.contracts import Annotation, CatalogItem, Contract, FileRef, ItemError
from framesift.errors import LabelFileError, MediaError, NotAnImageError, ObjectMissingError
from framesift.storage import Store
from framesift.storage.files import FileReader
from framesift.table import BatchRecord

_REQUESTS_AT_ONCE: Final = 16
_AHEAD_FILES: Final = 1_000
_SMALL_BYTES: Final = 1 << 20

__all__ = ["FileLabels", "may_describe", "read_kept_labels", "take_labels"]


class FileLabels(Contract):
    """What a batch's label files say of one of its images."""

    name: str
    annotations: list[Annotation] = Field([])
    split: str | None = None

    def add_to(self, item: CatalogItem) -> CatalogItem:
        """The item with its labels, and its split as a tag."""
        tags = [*item.tags, *([split_tag(self.split)] if self.split else [])]
        return item.model_copy(update={"annotations": self.annotations, "tags": tags})


def take_labels(
    batch: BatchRecord, images: Collection[str], files: Mapping[str, FileRef], store: Store
) -> Iterator[LedgerLine]:
    """Read a batch's label files, and keep what they say for when its images are added.

    Args:
        batch: The batch.
        images: The names of its images.
        files: Files that may be labels, by their names.
        store: The bucket.

    Yields:
        For each of the files, what became of it.
    """
    if not files:
        return
    found = read_data_set([*images, *files], _make_reader(files, store))
    if found.images:
        labels = (
            FileLabels(name=name, annotations=image.annotations, split=image.split)
            for name, image in found.images.items()
        )
        lines = (each.model_dump_json(exclude_defaults=True).encode() for each in labels)
        put_lines(store, keys.batch_labels(batch.collection, batch.id), lines)
    faults = _group_faults(found)
    for file in files.values():
        yield _describe(file, found, faults.get(file.name, []))


def read_kept_labels(batch: BatchRecord, store: Store) -> dict[str, FileLabels]:
    """What the label files of a batch say, by the names of its images."""
    try:
        lines = read_lines(store, keys.batch_labels(batch.collection, batch.id))
    except ObjectMissingError:
        return {}
    return {each.name: each for each in map(FileLabels.model_validate_json, lines)}


def _make_reader(files: Mapping[str, FileRef], store: Store) -> Callable[[str], bytes]:
    """A reader of files by name, which reads many small ones ahead, several at a time, in the order of their names."""
    small = sorted(name for name, file in files.items() if 0 < file.size_bytes <= _SMALL_BYTES and file.entry is None)
    place = {name: number for number, name in enumerate(small)}
    ahead: dict[str, bytes] = {}
    reader = FileReader(store, MAX_FILE_BYTES)  # Entries of a zip share its requests.

    def read_one(name: str) -> bytes:
        return FileReader(store, MAX_FILE_BYTES).read(files[name])

    def read(name: str) -> bytes:
        file = files[name]
        if file.size_bytes == 0:  # Of no such object is a range.
            return b""
        try:
            if name in ahead:
                return ahead.pop(name)
            if name not in place or len(files) == 1:
                return reader.read(file)
            ahead.clear()
            some = small[place[name] : place[name] + _AHEAD_FILES]
            with ThreadPoolExecutor(_REQUESTS_AT_ONCE, thread_name_prefix="labels") as pool:
                ahead.update(zip(some, pool.map(read_one, some), strict=True))
            return ahead.pop(name)
        except MediaError as error:
            raise LabelFileError(str(error)) from error

    return read


def _group_faults(found: DataSet) -> dict[str, list[str]]:
    """The faults of each label file; a fault begins with the file's name and the place in it."""
    faults: dict[str, list[str]] = {}
    for fault in found.faults.first:
        place = fault.partition(": ")[0]
        faults.setdefault(place if place in found.label_files else place.rpartition(", ")[0] or place, []).append(fault)
    return faults


def _describe(file: FileRef, found: DataSet, faults: list[str]) -> LedgerLine:
    status: LedgerStatus = "refused"
    error: MediaError | LabelFileError | None = None
    if file.name in found.label_files and not found.images:
        error = LabelFileError(
            f"{file.name}: none of the images that it describes is in this upload. For images that are in the "
            f"collection already: framesift collection import. {faults[0] if faults else ''}".rstrip()
        )
    elif file.name in found.label_files:
        status = "labels"
        if faults:
            entries, first = "1 entry" if len(faults) == 1 else f"{len(faults)} entries", faults[0]
            first = first.removeprefix(file.name).lstrip(",: ")
            error = LabelFileError(f"{entries} of {file.name} cannot be used; the first: {first}")
    elif found.images and comes_along(file.name):
        status = "skipped"
    elif faults:
        error = LabelFileError(faults[0])
    else:
        error = NotAnImageError(f"{file.name} is no image by its name, and describes none of this upload.")
    fault = ItemError(stage="collect", error=type(error).__name__, message=str(error)) if error else None
    return LedgerLine(
        name=file.name, status=status, error=fault, at=datetime.now(UTC), key=file.key, etag=file.etag or None
    )
