"""Compare a collection's new images with all of it, and bring the catalog's snapshot and the indexes up to date.

It is a job of its own that follows the catalog's update: it holds every fingerprint of the collection, which is more
than a function's memory and time allow, and nobody waits for it, since the images are in the catalog by then. A batch
whose comparison failed is compared together with the next one.
"""

from __future__ import annotations

from framesift.catalog.compact import compact_if_long
from framesift.catalog.log import CatalogLog
from framesift.catalog.reader import CatalogReader
from framesift.contracts import CompareJob, CompareOutput
from framesift.embedding.choose import choose_embedder
from framesift.errors import CollectionDeletedError, CollectionMissingError
from framesift.models import default_cache_dir, open_registry
from framesift.pipeline.stage import run_once
from framesift.pipeline.upload.near_duplicates import ComparedImage, find_near_duplicates, read_compared
from framesift.search.collection import CollectionSearch
from framesift.settings import Settings
from framesift.storage import Store
from framesift.table import BatchRecord, Records

_PIPELINE = "pipeline"
_TRIES = 3


def compare_collection(job: CompareJob, settings: Settings, store: Store, records: Records) -> CompareOutput:
    """Find the near-duplicates of the images that were not compared yet, and add their vectors to the indexes.

    The catalog is compacted if its log is long.

    Args:
        job: The job.
        settings: This process's settings.
        store: The bucket.
        records: The table.

    Returns:
        What it came to; that the collection was deleted meanwhile is no error.
    """

    def work() -> CompareOutput:
        try:
            output = _compare(job, settings, store, records)
            compact_if_long(job.collection, store, records, settings.catalog)
            updates = CollectionSearch(job.collection, store, records, settings).update()
        except (CollectionDeletedError, CollectionMissingError):
            return CompareOutput(collection=job.collection, ended="the collection was deleted meanwhile")
        return output.model_copy(update={"indexed": {update.index.model: update.added for update in updates}})

    return run_once(records.stages, job.run, "compare", [job.collection], CompareOutput, work)


def _compare(job: CompareJob, settings: Settings, store: Store, records: Records) -> CompareOutput:
    collection = job.collection
    records.collections.get(collection)
    waiting = {batch.id: batch for batch in records.batches.of_collection(collection) if not batch.compared}
    if not waiting:
        return CompareOutput(collection=collection)
    log = CatalogLog(collection, store, records)
    reader = CatalogReader(collection, store, records, settings.catalog)
    copies = settings.duplicates.model_copy(update={"model": "copydetect"})
    registry = open_registry(default_cache_dir(), store)
    choice = choose_embedder(settings.model_copy(update={"duplicates": copies}), registry)
    compared = changed = 0
    for attempt in range(_TRIES):
        images: list[ComparedImage] = []
        new_ids: set[str] = set()
        known = read_compared(collection, store)  # Of batches that were tried again, most images.
        for items in reader.iterate():
            images += map(ComparedImage.of, items)
            new_ids |= {item.id for item in items if item.batch in waiting and item.id not in known}
        read = reader.number
        found = find_near_duplicates(collection, images, new_ids, job.batch, settings, store, choice)
        compared += len(new_ids)
        # What others decided meanwhile rests on images that this comparison has not seen.
        if log.head() != read and attempt + 1 < _TRIES:
            continue
        if found:
            log.set_duplicates(found, _PIPELINE)
        changed = len(found)
        break
    for batch in waiting.values():
        _note_compared(batch, records)
    return CompareOutput(collection=collection, compared=compared, changed=changed)


def _note_compared(batch: BatchRecord, records: Records) -> None:
    """Record that a batch's images were compared, unless it was published anew meanwhile."""
    found: BatchRecord | None = batch
    while found and found.published == batch.published and not records.batches.change(found, compared=True):
        found = records.batches.get(batch.collection, batch.id)
