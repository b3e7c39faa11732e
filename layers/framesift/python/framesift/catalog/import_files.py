"""Labels and fields that come back from other programs: where their file is uploaded, before a job reads it."""

from __future__ import annotations

from datetime import UTC, datetime

from framesift import keys
from framesift.errors import ImportStateError, RequestTooLargeError
from framesift.settings import Settings
from framesift.storage import Store
from framesift.storage.direct import DirectUploads, UploadForm
from framesift.table import ImportRecord, Records
from framesift.table.batches import new_batch_id
from framesift.table.imports import ImportFormat

_TYPE = "application/octet-stream"


def new_import(
    collection: str, by: str, form: ImportFormat, size_bytes: int, settings: Settings, records: Records
) -> ImportRecord:
    """Record an import whose file has still to be uploaded.

    Args:
        collection: The collection.
        by: The user's id; empty: an operator.
        form: What the file is.
        size_bytes: The file's size.
        settings: Limits.
        records: The table.

    Raises:
        RequestTooLargeError: The file is larger than the settings allow.
    """
    limit = settings.catalog.max_import_bytes
    if size_bytes > limit:
        raise RequestTooLargeError(f"The file has {size_bytes:,} bytes, at most {limit:,} are allowed: split it.")
    now = datetime.now(UTC)
    import_id = new_batch_id(now)
    record = ImportRecord(
        collection=collection,
        id=import_id,
        by=by,
        format=form,
        key=keys.import_file(collection, import_id),
        size_bytes=size_bytes,
        created_at=now,
    )
    records.imports.create(record)
    return record


def upload_form(record: ImportRecord, settings: Settings, store: Store) -> UploadForm:
    """How an import's file is sent by whoever has no access to the bucket; S3 checks its size."""
    return DirectUploads(store.bucket, settings.intake.link_s).form(record.key, record.size_bytes, _TYPE)


def check_uploaded(record: ImportRecord, store: Store) -> None:
    """Refuse to start an import that cannot be started.

    Raises:
        ImportStateError: It runs or is done, or its file has not arrived.
    """
    if record.state not in ("open", "failed"):
        raise ImportStateError(f"The import {record.id} is {record.state}: open another one.")
    if not store.exists(record.key):
        raise ImportStateError(f"The file of the import {record.id} has not arrived: send it first.")
