"""The job that takes a sample: from the catalog and the stored vectors to a tag."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from framesift.catalog.jobs import job_key
from framesift.catalog.log import CatalogLog
from framesift.catalog.query import compile_query
from framesift.catalog.reader import CatalogReader
from framesift.catalog.vectors import choose_model, read_vectors
from framesift.contracts import CatalogItem
from framesift.contracts.samples import SampleJob, SampleOptions, SampleSummary
from framesift.errors import (
    CollectionDeletedError,
    CollectionMissingError,
    FramesiftError,
    InvalidVectorError,
    NothingToSampleError,
    SampleMissingError,
    TemporaryError,
)
from framesift.samples.choose import (
    Vectors,
    choose_diverse,
    choose_highest,
    choose_representative,
    choose_unique,
    score_boundary,
    score_uncertainty,
)
from framesift.settings import CatalogSettings
from framesift.storage import Store, delete_for_good
from framesift.table import Records, SampleRecord


def run_sample(job: SampleJob, settings: CatalogSettings, store: Store, records: Records) -> SampleRecord | None:
    """Choose the items of a sample, and tag them.

    Returns:
        Its record when it is done; None where the sample or its collection was deleted meanwhile: nothing is tagged.

    Raises:
        NothingToSampleError: The query finds nothing, or nothing that has what the method looks at.
        NoVectorsError: The collection has no vectors of the model.
        InvalidVectorError: A vector has a number that is none (NaN), or infinite, or its length is zero.
    """
    try:
        record = records.samples.find(job.collection, job.sample)
        if record.state != "running":
            return record
        reader = CatalogReader(job.collection, store, records, settings)
        ids, summary = _choose(record, reader, store)
        records.samples.find(job.collection, job.sample)
        # A job that was killed after this finds its change by the request's id, and tags nothing twice.
        log = CatalogLog(job.collection, store, records)
        log.set_tags(ids, record.by, add=[record.tag], request_id=f"sample {record.id}")
        done = records.samples.update(
            job.collection, job.sample, state="done", summary=summary, error=None, finished_at=datetime.now(UTC)
        )
        delete_for_good(store, [job_key(done, records.samples)])
        return done
    except (CollectionDeletedError, CollectionMissingError, SampleMissingError):
        return None
    except TemporaryError:
        raise  # The next attempt takes it.
    except FramesiftError as error:
        records.samples.update(
            job.collection, job.sample, state="failed", error=str(error), finished_at=datetime.now(UTC)
        )
        raise


def _choose(record: SampleRecord, reader: CatalogReader, store: Store) -> tuple[list[str], SampleSummary]:
    if record.options.method in ("uncertain", "boundary"):
        return _choose_by_scores(record, reader)
    return _choose_by_vectors(record, reader, store)


def _choose_by_scores(record: SampleRecord, reader: CatalogReader) -> tuple[list[str], SampleSummary]:
    options, found = record.options, 0
    ids, scores = list[str](), list[float]()
    for items in reader.iterate(compile_query(record.query)):
        for item in items:
            found += 1
            score = _score(item, options)
            if score is not None:
                ids.append(item.id)
                scores.append(score)
    if not ids:
        what = f"the model {options.model}" if options.model else "any model"
        raise NothingToSampleError(f"Of {found:,} items, none has predictions of {what}: look at them with one first.")
    chosen = choose_highest(ids, scores, options.count)
    return chosen, SampleSummary(model=options.model, found=found, considered=len(ids), chosen=len(chosen))


def _score(item: CatalogItem, options: SampleOptions) -> float | None:
    predictions = [each for each in item.predictions if options.model in ("", each.model)]
    if options.method == "uncertain":
        return score_uncertainty(predictions)
    return score_boundary(predictions, options.threshold)


def _choose_by_vectors(record: SampleRecord, reader: CatalogReader, store: Store) -> tuple[list[str], SampleSummary]:
    options, collection = record.options, record.collection
    known = set(reader.ids(compile_query(options.known))) if options.known else set[str]()
    found = [item_id for item_id in reader.ids(compile_query(record.query)) if item_id not in known]
    if not found:
        raise NothingToSampleError(
            "There is nothing to choose from: the query finds no items but those that are known."
        )
    model = choose_model(collection, options.model, found, store)
    ids, vectors = _read_some(collection, model, found, options, store)
    if not ids:
        raise NothingToSampleError(f"None of {len(found):,} items has a vector of {model}: look at them with it first.")
    if options.method == "diverse":
        before = _read_some(collection, model, sorted(known), options, store)[1] if known else None
        rows = choose_diverse(vectors, options.count, options.seed, before)
    elif options.method == "representative":
        rows = choose_representative(vectors, options.count, options.seed)
    else:
        rows = choose_unique(vectors, options.count)
    chosen = [ids[row] for row in rows.tolist()]
    return chosen, SampleSummary(model=model, found=len(found), considered=len(ids), chosen=len(chosen))


def _read_some(
    collection: str, model: str, ids: Sequence[str], options: SampleOptions, store: Store
) -> tuple[list[str], Vectors]:
    """The vectors of items, of length 1; of more than may be looked at, a random part."""
    if len(ids) > options.max_considered:
        rows = np.random.default_rng(options.seed).choice(len(ids), options.max_considered, replace=False)
        ids = [ids[row] for row in np.sort(rows).tolist()]
    found, vectors = read_vectors(collection, model, ids, store)
    points = vectors.astype(np.float32)
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    wrong = np.flatnonzero(~(np.isfinite(lengths[:, 0]) & (lengths[:, 0] > 0)))
    if wrong.size and found:
        raise InvalidVectorError(
            f"The vector of {found[int(wrong[0])]} by {model} cannot be compared: look at the item again."
        )
    return found, np.ascontiguousarray(points / lengths) if found else points
