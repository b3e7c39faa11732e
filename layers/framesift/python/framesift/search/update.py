"""Bringing an index up to date: a segment for what is new, small segments folded into it, deleted items left out.

An index is made from the stored vectors alone, so it can be made anew at any time. Of segments the larger ones are each
at least twice as large as the next: a vector is written again only a few times, however often something is added.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Final

import numpy as np

from framesift.catalog.ids import Ids, find_rows, pack_ids
from framesift.catalog.segments import delete_segment, read_ids
from framesift.catalog.vectors import Part, list_models, list_parts, read_rows
from framesift.errors import IndexBusyError, IndexLostError
from framesift.search.build import Batch, build_segment
from framesift.search.segment import SegmentCard
from framesift.search.segment_files import read_card, upload_segment
from framesift.settings import SearchSettings
from framesift.storage import Store
from framesift.table import IndexSegment, Records, RetiredSegment, VectorIndex

KEEP_RETIRED: Final = timedelta(hours=1)
"""How long a replaced segment stays: longer than any reader needs to fetch it."""
_DEAD_SHARE: Final = 0.2
"""A segment with more deleted items is written again without them."""
_TRIES: Final = 3


@dataclass(frozen=True)
class IndexUpdate:
    """What an update came to.

    Attributes:
        index: The index.
        added: Rows that no segment had.
        card: Of the segment that was built; None: nothing was to be done.
    """

    index: VectorIndex
    added: int = 0
    card: SegmentCard | None = None


def models_to_index(store: Store, collection: str, settings: SearchSettings) -> list[str]:
    """The models whose vectors of a collection are indexed, the one that searches use by default first."""
    return choose_models(list_models(store, collection), settings)


def choose_models(found: Sequence[str], settings: SearchSettings) -> list[str]:
    """Those of some models that the settings name, the one that searches use by default first."""
    if settings.models:
        return [model for model in settings.models if model in found]
    # Copies of an image are what copy detection finds; anything else finds what looks alike.
    return sorted(found, key=lambda model: (model.startswith("copydetect@"), model))


def update_index(
    collection: str,
    model: str,
    living: Sequence[str],
    store: Store,
    records: Records,
    settings: SearchSettings,
    *,
    model_sha256: str = "",
    rebuild: bool = False,
) -> IndexUpdate | None:
    """Bring the index of a model's vectors up to date.

    Whoever searches goes on with the old segments until it has read the new record. Of two updates at once one wins,
    and the other is made again.

    Args:
        collection: The collection.
        model: `name@version`.
        living: The ids of all items of the collection.
        store: The bucket.
        records: The table.
        settings: Of searches.
        model_sha256: The digest of the model's file, if it is at hand.
        rebuild: Make all of it anew, as one segment.

    Returns:
        What it came to; None: the collection has no vectors of the model.

    Raises:
        IndexBusyError: Others were quicker, again and again.
    """
    ids = np.sort(pack_ids(living))
    for _ in range(_TRIES):
        index = records.indexes.get(collection, model)
        parts = list_parts(store, collection, model)
        if index is None and not parts:
            return None
        work = _plan(index or VectorIndex(model=model), ids, parts, store, collection, rebuild=rebuild)
        if not work.is_needed:
            return IndexUpdate(work.index)
        update = _carry_out(work, collection, store, settings, model_sha256)
        if records.indexes.switch(collection, update.index, replaces=index):
            _delete_retired(collection, index, update.index, store)
            return update
        for segment in update.index.segments:
            if segment not in work.kept:
                delete_segment(store, collection, model, segment.name)
    raise IndexBusyError(f"Others change the index of {model} in {collection} at the same moment: try again.")


@dataclass(frozen=True)
class _Work:
    """What an update is to do.

    Attributes:
        index: The index as it is.
        kept: Segments that stay as they are.
        wanted: `(N,)` the items whose vectors go into a new segment, sorted.
        parts: The stored parts.
        whole: Names of the parts of which every item is indexed afterwards.
        new: How many of the items no segment has.
        is_needed: Whether anything changes.
    """

    index: VectorIndex
    kept: list[IndexSegment]
    wanted: Ids
    parts: list[Part]
    whole: list[str]
    new: int
    is_needed: bool


def _plan(index: VectorIndex, living: Ids, parts: list[Part], store: Store, collection: str, *, rebuild: bool) -> _Work:
    stored = np.unique(np.concatenate([pack_ids([]), *(pack_ids(part.ids) for part in parts)]))
    stored = stored[find_rows(living, stored) >= 0]
    held: dict[str, Ids] = {}
    fold = []
    for segment in index.segments:
        try:
            read_card(store, collection, index.model, segment.name)
            ids = read_ids(store, collection, index.model, segment.name)
            dead = len(ids) - int(np.count_nonzero(find_rows(stored, ids) >= 0))
        except IndexLostError:
            ids, dead = pack_ids([]), 1
        held[segment.name] = ids
        if rebuild or dead > _DEAD_SHARE * len(ids):
            fold.append(segment)
    known = np.unique(np.concatenate([pack_ids([]), *held.values()]))
    new = stored[find_rows(known, stored) < 0]
    rows = len(new) + sum(segment.rows for segment in fold)
    if rows:
        for segment in sorted(index.segments, key=lambda each: each.rows):
            if segment not in fold and segment.rows <= 2 * rows:
                fold.append(segment)
                rows += segment.rows
    kept = [segment for segment in index.segments if segment not in fold]
    staying = np.unique(np.concatenate([pack_ids([]), *(held[segment.name] for segment in kept)]))
    wanted = stored[find_rows(staying, stored) < 0]
    whole = [part.name for part in parts if np.all(find_rows(living, pack_ids(part.ids)) >= 0)]
    return _Work(index, kept, wanted, parts, whole, len(new), bool(len(new) or fold))


def _carry_out(work: _Work, collection: str, store: Store, settings: SearchSettings, model_sha256: str) -> IndexUpdate:
    model, now = work.index.model, datetime.now(UTC)
    segments, card = list(work.kept), None
    if len(work.wanted):
        with tempfile.TemporaryDirectory() as scratch:
            batches = _read_batches(work, collection, store)
            if first := next(batches, None):
                card = build_segment(
                    Path(scratch),
                    chain([first], batches),
                    model=model,
                    dimension=first[1].shape[1],
                    recall_target=settings.recall_target,
                    model_sha256=model_sha256,
                    parts=work.whole,
                )
                segments.append(upload_segment(store, collection, card, Path(scratch)))
    names = {segment.name for segment in segments}
    replaced = [segment for segment in work.index.segments if segment.name not in names]
    retired = [one for one in work.index.retired if one.at > now - KEEP_RETIRED]
    retired += [RetiredSegment(name=segment.name, at=now) for segment in replaced]
    return IndexUpdate(VectorIndex(model=model, segments=segments, retired=retired), work.new, card)


def _read_batches(work: _Work, collection: str, store: Store) -> Iterator[Batch]:
    """The wanted rows, part by part; an item's rows are those of the part that was written last."""
    taken = np.zeros(len(work.wanted), bool)
    for part in work.parts:
        places = find_rows(work.wanted, pack_ids(part.ids))
        chosen = np.flatnonzero((places >= 0) & ~taken[places])
        if not len(chosen):
            continue
        rows = read_rows(store, collection, work.index.model, part)
        if rows is None:
            continue
        taken[places[chosen]] = True
        facts = {name: [values[row] for row in chosen.tolist()] for name, values in part.facts.items()}
        yield [part.ids[row] for row in chosen.tolist()], rows[chosen], facts


def _delete_retired(collection: str, before: VectorIndex | None, after: VectorIndex, store: Store) -> None:
    """Delete segments that nobody can be about to fetch any more."""
    kept = {segment.name for segment in after.retired} | {segment.name for segment in after.segments}
    for segment in before.retired if before else ():
        if segment.name not in kept:
            delete_segment(store, collection, after.model, segment.name)
