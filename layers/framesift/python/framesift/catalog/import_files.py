"""Labels and fields that come back from other programs: where their file is uploaded, before a job reads it."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

from framesift import keys
from framesift.errors import ImportMissingError, ImportStateError, RequestTooLargeError
from framesift.settings import Settings
from framesift.storage import Store
from framesift.storage.direct import DirectUploads, UploadForm
from framesift.table import ImportRecord, Records
from framesift.table.imports import ImportFormat

_TYPE = "application/octet-stream"


def open_import(
    collection: str, by: str, form: ImportFormat, size_bytes: int, settings: Settings, store: Store, records: Records
) -> tuple[ImportRecord, UploadForm]:
    """Record an import, and say how its file is sent.

    Args:
        collection: The collection.
        by: The user's id.
        form: What the file is.
        size_bytes: The file's size, which S3 checks.
        settings: Limits.
        store: The bucket.
        records: The table.

    Raises:
        RequestTooLargeError: The file is larger than the settings allow.
    """
    limit = settings.catalog.max_import_bytes
    if size_bytes > limit:
        raise RequestTooLargeError(f"The file has {size_bytes:,} bytes, at most {limit:,} are allowed: split it.")
    now = datetime.now(UTC)
    import_id = f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"
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
    uploads = DirectUploads(store.bucket, settings.intake.link_s)
    return record, uploads.form(record.key, size_bytes, _TYPE)


def find_import(collection: str, import_id: str, records: Records) -> ImportRecord:
    """An import.

    Raises:
        ImportMissingError: There is none of that id.
    """
    found = records.imports.get(collection, import_id)
    if found is None:
        raise ImportMissingError(f"{collection} has no import {import_id}.")
    return found


def check_uploaded(record: ImportRecord, store: Store) -> None:
    """Refuse to start an import that cannot be started.

    Raises:
        ImportStateError: It runs or is done, or its file has not arrived.
    """
    if record.state not in ("open", "failed"):
        raise ImportStateError(f"The import {record.id} is {record.state}: open another one.")
    if not store.exists(record.key):
        raise ImportStateError(f"The file of the import {record.id} has not arrived: send it first.")
