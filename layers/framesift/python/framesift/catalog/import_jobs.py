"""Labels of images that a collection has already: a file of another program's, read by a job.

What the file says of an image takes the place of all its annotations; images that it does not name stay as they are.
A job that is done again changes nothing twice: each change carries the import's id.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import PurePosixPath
from typing import Any, Final

from framesift.catalog.export import read_label_studio
from framesift.catalog.export.rows import file_name
from framesift.catalog.imports import DataSet, LabelledImage
from framesift.catalog.imports.coco import looks_like_coco, read_coco
from framesift.catalog.imports.data_set import IMPORTED_BY, Files
from framesift.catalog.imports.tables import LabelTable, read_csv_labels, read_jsonl_labels
from framesift.catalog.jobs import job_key, restart_job, settle_job
from framesift.catalog.labels import Faults, LabelFaultError, show_value
from framesift.catalog.log import CatalogLog
from framesift.catalog.reader import CatalogReader
from framesift.catalog.tags import SPLITS, split_tag
from framesift.contracts.exports import ImportJob
from framesift.errors import (
    CollectionDeletedError,
    CollectionMissingError,
    FramesiftError,
    ImportMissingError,
    LabelFileError,
    TemporaryError,
)
from framesift.settings import Settings
from framesift.storage import Store, delete_for_good
from framesift.table import ImportRecord, Records
from framesift.table.imports import ImportFormat
from framesift.workflow import Workflow

_ITEMS_PER_CHANGE: Final = 10_000
_FIRST_FAULTS: Final = 100


@dataclass(frozen=True)
class ImportedLabels:
    """What a file came to.

    Attributes:
        items: Items whose annotations it has set.
        faults: What could not be used, each with its place in the file.
    """

    items: int
    faults: Faults


def guess_format(name: str, content: bytes) -> ImportFormat:
    """Guess what a file of labels is, by its name and its beginning.

    Raises:
        LabelFileError: It is none that can be read.
    """
    suffix = PurePosixPath(name).suffix.lower()
    if suffix == ".csv":
        return "csv"
    if suffix == ".jsonl":
        return "jsonl"
    if suffix == ".json":
        return "coco" if looks_like_coco(content) else "label-studio"
    raise LabelFileError(f"{name} is no file of labels by its name: name its --format.")


def import_labels(
    log: CatalogLog, reader: CatalogReader, content: bytes, form: ImportFormat, by: str, request_id: str = ""
) -> ImportedLabels:
    """Set the annotations of items as a file says.

    Args:
        log: Where the changes are written.
        reader: Reads the same catalog.
        content: The file.
        form: What it is.
        by: The user's id, who is named by the changes; empty: an operator.
        request_id: Unique for the import: called again with it, nothing is changed twice.

    Raises:
        LabelFileError: It is no such file.
        CollectionMissingError: There is no such collection.
    """
    found, faults = _READERS[form](content, reader)
    ordered = iter(sorted(found.items()))
    number = 0
    while some := dict(islice(ordered, _ITEMS_PER_CHANGE)):
        annotations = {item_id: _name_author(image, by) for item_id, image in some.items()}
        log.set_annotations(annotations, by, request_id=f"{request_id}-{number}" if request_id else "")
        for split in SPLITS:
            ids = [item_id for item_id, image in some.items() if image.split == split]
            if ids:
                others = [split_tag(other) for other in SPLITS if other != split]
                unique = f"{request_id}-{number}-{split}" if request_id else ""
                log.set_tags(ids, by, add=[split_tag(split)], remove=others, request_id=unique)
        number += 1
    return ImportedLabels(len(found), faults)


def start_import(record: ImportRecord, *, store: Store, records: Records, workflow: Workflow) -> ImportRecord:
    """Start the job that reads an import's file; one that runs or is done stays as it is."""
    job = ImportJob(bucket=store.bucket, table=records.name, collection=record.collection, import_id=record.id)
    return restart_job(record, job, records.imports, store, workflow)


def settle_import(record: ImportRecord, records: Records, workflow: Workflow) -> ImportRecord:
    """Return an import as it is: one whose job ended without saying so has failed."""
    return settle_job(record, records.imports, workflow, "nothing is lost by bringing the file in again.")


def run_import(job: ImportJob, settings: Settings, store: Store, records: Records) -> ImportRecord | None:
    """Bring an import's file in, and delete it.

    Returns:
        Its record when it is done; None where the collection was deleted meanwhile.

    Raises:
        LabelFileError: It is no file of the format that the record says.
        ObjectMissingError: It is gone.
    """
    record = records.imports.get(job.collection, job.import_id)
    if record is None or record.state == "done":
        return record
    try:
        reader = CatalogReader(job.collection, store, records, settings.catalog)
        log = CatalogLog(job.collection, store, records)
        done = import_labels(log, reader, store.get(record.key), record.format, record.by, f"import-{record.id}")
        changes = {
            "state": "done",
            "items": done.items,
            "faults": done.faults.count,
            "first_faults": done.faults.first[:_FIRST_FAULTS],
        }
        record = records.imports.update(
            job.collection, job.import_id, **changes, error=None, finished_at=datetime.now(UTC)
        )
    except (CollectionDeletedError, CollectionMissingError, ImportMissingError):
        delete_for_good(store, [record.key, job_key(record, records.imports)])
        return None
    except TemporaryError:
        raise
    except FramesiftError as error:
        records.imports.update(
            job.collection, job.import_id, state="failed", error=str(error), finished_at=datetime.now(UTC)
        )
        raise
    delete_for_good(store, [record.key, job_key(record, records.imports)])
    return record


def _name_author(image: LabelledImage, by: str) -> list[Any]:
    """The image's annotations; those of a file that names nobody are by who brought it in."""
    return [one.model_copy(update={"by": by}) if by and one.by == IMPORTED_BY else one for one in image.annotations]


_Found = tuple[dict[str, LabelledImage], Faults]


def _read_label_studio(content: bytes, reader: CatalogReader) -> _Found:
    corrections = read_label_studio(content, frozenset(reader.ids()))
    found = {item_id: LabelledImage(annotations) for item_id, annotations in corrections.annotations.items()}
    return found, corrections.faults


def _read_coco(content: bytes, reader: CatalogReader) -> _Found:
    """Match COCO's file names with the names that items came under, and with those of our own exports."""
    ids: dict[str, set[str]] = {}
    for items in reader.iterate():
        for item in items:
            for name in (*item.names, file_name(item)):
                ids.setdefault(name, set()).add(item.id)
    described = DataSet()
    read_coco("The file", content, Files(ids, _read_nothing), described)
    found: dict[str, LabelledImage] = {}
    for name, image in described.images.items():
        _put_named(name, image, ids.get(name, set()), found, described.faults)
    return found, described.faults


def _read_table(read: Callable[[bytes], LabelTable]) -> Callable[[bytes, CatalogReader], _Found]:
    def read_and_match(content: bytes, reader: CatalogReader) -> _Found:
        table = read(content)
        known = set(reader.known_ids(table.by_id))
        found = {item_id: image for item_id, image in table.by_id.items() if item_id in known}
        for item_id in table.by_id.keys() - known:
            table.faults.note(show_value(item_id), "there is no item of that id in the collection.")
        ids = reader.ids_by_name(table.by_name)
        for name, image in table.by_name.items():
            _put_named(name, image, set(ids.get(name, [])), found, table.faults)
        return found, table.faults

    return read_and_match


def _put_named(name: str, image: LabelledImage, ids: set[str], found: dict[str, LabelledImage], faults: Faults) -> None:
    if len(ids) == 1:
        (item_id,) = ids
        mine = found.setdefault(item_id, LabelledImage())
        mine.split = image.split or mine.split
        try:
            for annotation in image.annotations:
                mine.add(annotation)
        except LabelFaultError as fault:
            faults.note(show_value(name), fault)
    elif ids:
        faults.note(show_value(name), f"{len(ids)} items are called so: name them by their ids.")
    else:
        faults.note(show_value(name), "no item is called so.")


def _read_nothing(name: str) -> bytes:
    raise LabelFileError(f"{name} is not there.")


_READERS: Final[Mapping[ImportFormat, Callable[[bytes, CatalogReader], _Found]]] = {
    "label-studio": _read_label_studio,
    "coco": _read_coco,
    "csv": _read_table(read_csv_labels),
    "jsonl": _read_table(read_jsonl_labels),
}
