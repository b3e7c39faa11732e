"""Exports that people have asked for: finding, downloading and deleting them."""

from __future__ import annotations

from datetime import UTC, datetime

from framesift import keys
from framesift.errors import ExportMissingError, ExportNotReadyError
from framesift.storage import Store, delete_folder
from framesift.table import ExportRecord, Records


def find_export(collection: str, export: str, records: Records) -> ExportRecord:
    """An export that has not expired.

    Raises:
        ExportMissingError: There is none.
    """
    found = records.exports.get(collection, export)
    if found is None or found.expires_at <= datetime.now(UTC):
        raise ExportMissingError(f"{collection} has no export {export}: it was deleted, or has expired.")
    return found


def link_export(export: ExportRecord, store: Store, seconds: int) -> str:
    """A link that downloads an export's file, for that many seconds.

    Raises:
        ExportNotReadyError: There is no file: it is being made, or could not be made.
    """
    if export.summary is None or export.state != "done":
        why = f"has failed: {export.error}" if export.state == "failed" else "is being made: ask again later."
        raise ExportNotReadyError(f"The export {export.id} {why}")
    return store.link(export.summary.key, seconds)


def delete_export(collection: str, export: str, store: Store, records: Records) -> None:
    """Delete an export with its file; a job that still makes it ends without one.

    Raises:
        ExportMissingError: There is none of that id.
    """
    records.exports.find(collection, export)
    delete_folder(store, keys.export_prefix(collection, export))
    # Last, so that whoever goes on after a kill finds what is left.
    records.exports.delete(collection, export)


def delete_expired(collection: str, store: Store, records: Records) -> int:
    """Delete a collection's exports that have expired; return how many there were."""
    now = datetime.now(UTC)
    expired = [export for export in records.exports.of_collection(collection) if export.expires_at <= now]
    for export in expired:
        delete_export(collection, export.id, store, records)
    return len(expired)
