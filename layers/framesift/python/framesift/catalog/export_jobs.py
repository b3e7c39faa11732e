"""Exports as jobs: somebody asks for one, a job makes it, and the record says how far it is.

The items that an export holds are fixed when its job first reads them, so that one that was stopped goes on with the
same. Before an export is said to be done, the job looks whether all its items are still there: what was removed
meanwhile is never published.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Final

from framesift import keys
from framesift.catalog.export import export
from framesift.catalog.jobs import job_key, restart_job, settle_job, start_job
from framesift.catalog.payloads import put_lines, read_lines
from framesift.catalog.query import compile_query
from framesift.catalog.reader import CatalogReader
from framesift.contracts import CatalogItem
from framesift.contracts.exports import ExportFormat, ExportJob, ExportOptions, ExportSummary
from framesift.errors import (
    CollectionDeletedError,
    CollectionMissingError,
    ExportMissingError,
    FramesiftError,
    ObjectMissingError,
    TemporaryError,
    UnstableCollectionError,
    UploadGoneError,
)
from framesift.log import logger
from framesift.settings import Settings
from framesift.storage import Store, delete_folder, delete_for_good
from framesift.table import ExportRecord, Records
from framesift.table.batches import new_batch_id
from framesift.workflow import Workflow

_TRIES: Final = 5
_CHECKED_AT_ONCE: Final = 10_000
_REPORT_EVERY_S: Final = 2.0


def start_export(
    collection: str,
    by: str,
    query: str,
    format: ExportFormat,  # noqa: A002 - the word for it
    options: ExportOptions,
    *,
    settings: Settings,
    store: Store,
    records: Records,
    workflow: Workflow,
) -> ExportRecord:
    """Start the job that exports the items that a query finds.

    Args:
        collection: The collection's id.
        by: The user's id; empty: an operator.
        query: In the query language; empty: all items.
        format: A key of `framesift.catalog.export.FORMATS`.
        options: Which labels, classes and images.
        settings: How long exports are kept.
        store: The bucket.
        records: The table.
        workflow: What runs jobs.

    Raises:
        QueryError: The query cannot be understood.
        CollectionMissingError: There is no such collection.
        CollectionDeletedError: It is being deleted.
    """
    compile_query(query)
    records.collections.get(collection)
    now = datetime.now(UTC)
    record = ExportRecord(
        collection=collection,
        id=new_batch_id(now),
        by=by,
        query=query,
        format=format,
        options=options,
        created_at=now,
        expires_at=now + timedelta(days=settings.catalog.export_days),
    )
    records.exports.create(record)
    start_job(record, _describe_job(record, store, records), records.exports, store, workflow)
    return record


def restart_export(record: ExportRecord, *, store: Store, records: Records, workflow: Workflow) -> ExportRecord:
    """Let an export that has failed go on where it stopped; one in another state stays as it is."""
    return restart_job(record, _describe_job(record, store, records), records.exports, store, workflow)


def settle_export(record: ExportRecord, records: Records, workflow: Workflow) -> ExportRecord:
    """Return an export as it is: one whose job ended without saying so has failed."""
    return settle_job(record, records.exports, workflow, "start it again, and it goes on.")


def run_export(job: ExportJob, settings: Settings, store: Store, records: Records) -> ExportRecord | None:
    """Make an export; one that was begun goes on.

    Returns:
        Its record when it is done; None where the export or its collection was deleted meanwhile: nothing is left.

    Raises:
        NoVectorsError: The collection has no vectors of the model that the options name.
        UnstableCollectionError: Items were removed from it each time that it was made.
    """
    maker = _Maker(job, settings, store, records)
    try:
        return maker.make()
    except (CollectionDeletedError, CollectionMissingError, ExportMissingError):
        maker.delete_all()
        return None
    except TemporaryError:
        raise  # The next attempt goes on.
    except FramesiftError as error:
        maker.change(state="failed", error=str(error), finished_at=datetime.now(UTC))
        raise


class _Maker:
    """Makes one export."""

    def __init__(self, job: ExportJob, settings: Settings, store: Store, records: Records) -> None:
        self._job, self._settings, self._store, self._records = job, settings, store, records
        self._prefix = keys.export_prefix(job.collection, job.export)
        self._reported_at = time.monotonic()

    def make(self) -> ExportRecord:
        record = self._records.exports.find(self._job.collection, self._job.export)
        if record.state == "done":
            return record
        reader = CatalogReader(self._job.collection, self._store, self._records, self._settings.catalog)
        for _ in range(_TRIES):
            with suppress(UploadGoneError):  # A purge has aborted it.
                summary = self._write(record, reader)
                # After the file is whole: whoever removes an item from now on finds the file, and deletes it.
                if self._is_whole(reader):
                    return self._finish(summary)
            logger.info("items were removed meanwhile", extra={"export": record.id})
            self.delete_all()
        raise UnstableCollectionError(
            f"Items were removed from {self._job.collection} each time that it was exported: try again."
        )

    def change(self, **changes: Any) -> ExportRecord:
        """Change the record.

        Raises:
            ExportMissingError: The export was deleted.
        """
        return self._records.exports.update(self._job.collection, self._job.export, **changes)

    def delete_all(self) -> None:
        """Delete what was written, and what is still arriving."""
        delete_folder(self._store, self._prefix)

    def _write(self, record: ExportRecord, reader: CatalogReader) -> ExportSummary:
        items = self._fixed_items() or self._fix_items(record, reader)
        return export(
            self._job.collection,
            items,
            record.format,
            record.options,
            self._store,
            self._prefix,
            on_progress=self._report,
        )

    def _fix_items(self, record: ExportRecord, reader: CatalogReader) -> Iterator[CatalogItem]:
        """Read the items from the catalog, and keep them for whoever goes on with the export."""
        found = reader.iterate(compile_query(record.query))
        lines = (item.model_dump_json(exclude_defaults=True).encode() for items in found for item in items)
        put_lines(self._store, self._items_key, lines)
        self.change(number=reader.number)
        return self._fixed_items() or iter(())

    def _fixed_items(self) -> Iterator[CatalogItem] | None:
        try:
            lines = read_lines(self._store, self._items_key)
        except ObjectMissingError:
            return None
        return (CatalogItem.model_validate_json(line) for line in lines)

    def _is_whole(self, reader: CatalogReader) -> bool:
        """Whether all items that were written are still in the collection."""
        self._records.collections.get(self._job.collection)
        items = self._fixed_items()
        if items is None:  # A purge has deleted the list with what was written.
            return False
        ids = (item.id for item in items)
        while some := list(islice(ids, _CHECKED_AT_ONCE)):
            if len(reader.known_ids(some)) < len(some):
                return False
        return True

    def _finish(self, summary: ExportSummary) -> ExportRecord:
        done = self.change(
            state="done",
            summary=summary,
            done=summary.items,
            total=summary.items,
            error=None,
            finished_at=datetime.now(UTC),
        )
        delete_for_good(self._store, [self._items_key, job_key(done, self._records.exports)])
        return done

    def _report(self, done: int, total: int) -> None:
        """Say in the record how far the export is, now and then."""
        if time.monotonic() - self._reported_at >= _REPORT_EVERY_S:
            self._reported_at = time.monotonic()
            self.change(done=done, total=total)

    @property
    def _items_key(self) -> str:
        return f"{self._prefix}items.jsonl.gz"


def _describe_job(record: ExportRecord, store: Store, records: Records) -> ExportJob:
    return ExportJob(bucket=store.bucket, table=records.name, collection=record.collection, export=record.id)
