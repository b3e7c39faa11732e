"""Samples that people have asked for: recording, starting and finding them. A sample's record is its tag's recipe."""

from __future__ import annotations

from datetime import UTC, datetime

from framesift.catalog.jobs import settle_job, start_job
from framesift.catalog.query import compile_query
from framesift.catalog.query.tree import Match, Pattern
from framesift.catalog.reader import CatalogReader
from framesift.catalog.tags import normalize_tags
from framesift.contracts.samples import SampleJob, SampleOptions
from framesift.errors import SampleOptionsError, TagInUseError
from framesift.storage import Store
from framesift.table import Records, SampleRecord
from framesift.table.batches import new_batch_id
from framesift.workflow import Workflow


def create_sample(
    collection: str,
    by: str,
    tag: str,
    query: str,
    options: SampleOptions,
    *,
    reader: CatalogReader,
    records: Records,
) -> SampleRecord:
    """Record that somebody wants a sample of the items that a query finds.

    Args:
        collection: Its id.
        by: The user's id; empty: an operator.
        tag: What the chosen items are tagged with; no item may have it yet.
        query: In the query language; empty: all.
        options: How it is taken.
        reader: Of the collection's catalog.
        records: The table.

    Raises:
        InvalidTagError: The tag cannot be used.
        TagInUseError: Items have the tag already: it would say that they were chosen, too.
        SampleOptionsError: Only diverse samples know other items.
        QueryError: A query cannot be understood.
        CollectionMissingError: There is no such collection.
        CollectionDeletedError: It is being deleted.
    """
    for text in (query, options.known):
        compile_query(text)
    if options.known and options.method != "diverse":
        raise SampleOptionsError(
            f"What is known already matters to diverse samples only, not to {options.method} ones."
        )
    (tag,) = normalize_tags([tag])
    records.collections.get(collection)
    if count := reader.count(compile_query(Match("tag", Pattern((tag,))))):
        raise TagInUseError(f"{count:,} items have the tag {tag!r} already: choose another, or remove it first.")
    now = datetime.now(UTC)
    record = SampleRecord(
        collection=collection,
        id=new_batch_id(now),
        by=by,
        tag=tag,
        query=query,
        options=options,
        created_at=now,
        started_at=now,
    )
    records.samples.create(record)
    return record


def start_sample(record: SampleRecord, *, store: Store, records: Records, workflow: Workflow) -> None:
    """Start the job of a sample that was recorded just now."""
    job = SampleJob(bucket=store.bucket, table=records.name, collection=record.collection, sample=record.id)
    start_job(record, job, records.samples, store, workflow)


def settle_sample(record: SampleRecord, records: Records, workflow: Workflow) -> SampleRecord:
    """Return a sample as it is: one whose job ended without saying so has failed."""
    return settle_job(record, records.samples, workflow, "ask for another one.")
