"""Maps that people have asked for: recording, starting, finding and deleting them.

A map that is drawn stays: items that came since are placed on it by another job, and nothing moves.
"""

from __future__ import annotations

from datetime import UTC, datetime

from framesift import keys
from framesift.catalog.jobs import settle_job, start_job
from framesift.catalog.query import compile_query
from framesift.contracts.maps import MapJob, MapOptions
from framesift.errors import MapNotReadyError, MapOptionsError
from framesift.storage import Store
from framesift.table import MapRecord, Records
from framesift.table.batches import new_batch_id
from framesift.workflow import Workflow


def create_map(collection: str, by: str, query: str, options: MapOptions, *, records: Records) -> MapRecord:
    """Record that somebody wants a map of the items that a query finds.

    Raises:
        QueryError: The query cannot be understood.
        MapOptionsError: The method has no such dimensions.
        CollectionMissingError: There is no such collection.
        CollectionDeletedError: It is being deleted.
    """
    compile_query(query)
    if options.method == "tsne" and options.dimensions != 2:
        raise MapOptionsError("t-SNE draws maps in two dimensions: choose umap or pca for three.")
    records.collections.get(collection)
    now = datetime.now(UTC)
    record = MapRecord(
        collection=collection,
        id=new_batch_id(now),
        by=by,
        query=query,
        options=options,
        created_at=now,
        started_at=now,
    )
    records.maps.create(record)
    return record


def start_map(record: MapRecord, *, store: Store, records: Records, workflow: Workflow) -> None:
    """Start the job of a map that was created or reopened just now."""
    job = MapJob(bucket=store.bucket, table=records.name, collection=record.collection, map=record.id)
    start_job(record, job, records.maps, store, workflow)


def reopen_map(record: MapRecord, records: Records) -> MapRecord:
    """Let a map be drawn again that has failed, or let the items that came since be placed on one that is done.

    Raises:
        MapMissingError: It was deleted.
        MapNotReadyError: It is being drawn.
    """
    if record.state == "running":
        raise MapNotReadyError(f"The map {record.id} is being drawn: ask again later.")
    again = records.maps.change(
        record, state="running", error=None, starts=record.starts + 1, started_at=datetime.now(UTC)
    )
    return again or records.maps.find(record.collection, record.id)


def settle_map(record: MapRecord, records: Records, workflow: Workflow) -> MapRecord:
    """Return a map as it is: one whose job ended without saying so has failed."""
    return settle_job(record, records.maps, workflow, "start it again.")


def delete_map(collection: str, map_id: str, store: Store, records: Records) -> None:
    """Delete a map with its files; a job that still draws it ends without one.

    Raises:
        MapMissingError: There is none of that id.
    """
    records.maps.find(collection, map_id)
    store.delete_versions(store.versions(keys.map_prefix(collection, map_id)))
    records.maps.delete(collection, map_id)


def check_ready(record: MapRecord) -> None:
    """Refuse a map that has no files.

    Raises:
        MapNotReadyError: It is being drawn, or could not be drawn.
    """
    if record.summary is None:
        why = f"has failed: {record.error}" if record.state == "failed" else "is being drawn: ask again later"
        raise MapNotReadyError(f"The map {record.id} {why}.")
