"""Searches in one collection: the nearest vectors of the items that a query finds, and that the viewer may see.

The catalog says which items those are, as it is now; the search looks at no others. So nothing appears that was deleted
or is not for the viewer, whatever the index still holds, and the best that match are found however few match. Items
that came after the index was built are compared directly.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from framesift.catalog.condition import EVERYTHING, Condition
from framesift.catalog.ids import Ids, find_rows, pack_ids, unpack_ids
from framesift.catalog.reader import CatalogReader, Matches
from framesift.catalog.vectors import list_parts, read_rows
from framesift.contracts import Box
from framesift.errors import IndexLostError, NoVectorsError
from framesift.search.build import normalise
from framesift.search.segment import Query, Segment
from framesift.search.segment_files import open_segment
from framesift.settings import SearchSettings
from framesift.storage import Store
from framesift.table import Records, VectorIndex

_MORE: Final = 4
"""Where hits are folded, so many times as many are looked at."""
_TRIES: Final = 3
_SNAPSHOTS: Final = 4
"""Mappings to older snapshots that are kept: readers may be behind each other."""


@dataclass(frozen=True)
class Hit:
    """An item, or an object in it, that was found.

    Attributes:
        id: The item.
        score: The cosine, -1 to 1.
        box: Where the object is; None: it is the whole image.
        label: What the object is, of a crop.
        folded: How many hits are nearly identical to this one, and left out for it.
    """

    id: str
    score: float
    box: Box | None = None
    label: str = ""
    folded: int = 0


@dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes:
        hits: The best first.
        matching: How many vectors the query and the viewer left over.
        model: Whose vectors were compared.
    """

    hits: list[Hit]
    matching: int
    model: str


class Searcher:
    """Searches the vectors that one model made of one collection; safe to use from several threads.

    Args:
        collection: The collection.
        model: `name@version`.
        reader: Of the collection's catalog.
        store: The bucket.
        records: The table.
        settings: Of searches.
    """

    def __init__(
        self,
        collection: str,
        model: str,
        reader: CatalogReader,
        store: Store,
        records: Records,
        settings: SearchSettings,
    ) -> None:
        self.collection, self.model = collection, model
        self.reader, self._store, self._records, self._settings = reader, store, records, settings
        self._lock = threading.Lock()
        self._state = _State(VectorIndex(model=model), [])

    @property
    def model_sha256s(self) -> set[str]:
        """The digests of the models' files that the index was built with, as far as they were at hand."""
        return {segment.card.model_sha256 for segment in self._refresh().segments if segment.card} - {""}

    def search(
        self,
        query: Query,
        count: int,
        condition: Condition = EVERYTHING,
        *,
        viewer: str | None = None,
        min_score: float = -1.0,
        fold_from: float | None = None,
        without: Iterable[str] = (),
    ) -> Found:
        """Find the vectors nearest to one.

        Args:
            query: `(D,)` of length 1.
            count: Hits at most.
            condition: Only these items.
            viewer: The user who asks, who does not see items that only others may see; None: somebody who sees all.
            min_score: The least cosine.
            fold_from: Hits whose cosine to a better hit is this or more are left out, and counted with it.
            without: Items that are not to be found.

        Raises:
            NoVectorsError: The collection has no vectors of the model.
            IndexLostError: A segment is gone or damaged.
            QueryTimeoutError: The condition takes too long.
        """
        matches = self.reader.match(condition, viewer=viewer)
        state = self._refresh()
        excluded = np.sort(pack_ids(without))
        sources = [
            (segment, _allow(state.rows_of(segment, matches), matches, segment.ids, excluded))
            for segment in [*state.segments, *self._find_fresh(state, matches)]
        ]
        if not sources and (len(matches.ids) or matches.fresh):
            raise NoVectorsError(f"{self.collection} has no vectors of {self.model}: look at it with that model first.")
        matching = sum(int(np.count_nonzero(allowed)) for _, allowed in sources)
        asked = count if fold_from is None else _MORE * count
        while True:
            best = _search_all(sources, query, asked, min_score)
            hits = best if fold_from is None else _fold(best, fold_from)
            if len(hits) >= count or len(best) < asked:
                return Found([each.hit() for each in hits[:count]], matching, self.model)
            asked *= _MORE

    def vector_of(self, item_id: str) -> NDArray[np.float32]:
        """The stored vector of an item, `(D,)`.

        Raises:
            NoVectorsError: It has none of the model.
        """
        wanted = pack_ids([item_id])
        state = self._refresh()
        for segment in (*state.segments, *state.fresh):
            row = int(find_rows(segment.ids, wanted)[0])
            if row >= 0:
                return np.asarray(segment.vectors[row], np.float32)
        for part in list_parts(self._store, self.collection, self.model, without=state.covered):
            if item_id in part.ids and (rows := read_rows(self._store, self.collection, self.model, part)) is not None:
                return np.asarray(rows[part.ids.index(item_id)], np.float32)
        raise NoVectorsError(f"There is no vector of {self.model} of {item_id}: look at {self.collection} with it.")

    def _find_fresh(self, state: _State, matches: Matches) -> list[Segment]:
        """The stored vectors of items that no segment has."""
        changed = np.sort(pack_ids(matches.fresh))
        missing = np.concatenate([state.missing_of(matches), changed])
        for segment in state.segments:
            missing = missing[find_rows(segment.ids, missing) < 0]
        with self._lock:
            sought = state.sought
            if np.any(find_rows(sought, missing) < 0):
                state.add_fresh(self._read_fresh(state))
                state.sought = np.unique(np.concatenate([sought, missing]))
            return list(state.fresh)

    def _read_fresh(self, state: _State) -> Segment | None:
        """Read the stored parts that are neither in the segments nor read before."""
        parts = list_parts(self._store, self.collection, self.model, without=state.covered)
        ids, vectors, facts = [], [], []
        known = [segment.ids for segment in (*state.segments, *state.fresh)]
        taken: set[bytes] = set()
        for part in parts:
            rows = read_rows(self._store, self.collection, self.model, part)
            state.covered.add(part.name)
            if rows is None:
                continue
            packed = pack_ids(part.ids)
            unit, chosen = normalise(rows)
            for others in known:
                chosen &= find_rows(others, packed) < 0
            chosen &= np.array([one not in taken for one in packed.tolist()], bool)
            taken.update(packed[chosen].tolist())
            ids.append(packed[chosen])
            vectors.append(unit[chosen])
            facts.append(pa.table(part.facts).filter(pa.array(chosen)) if part.facts else None)
        if not sum(map(len, ids)):
            return None
        every = np.concatenate(ids)
        order = np.argsort(every, kind="stable")
        tables = [table for table in facts if table is not None]
        table = pa.concat_tables(tables, promote_options="default").take(order) if tables else None
        return Segment(every[order], np.concatenate(vectors)[order], table)

    def _refresh(self) -> _State:
        """Go over to the newest segments."""
        with self._lock:
            for attempt in range(_TRIES):
                index = self._records.indexes.get(self.collection, self.model) or VectorIndex(model=self.model)
                if index.segments == self._state.index.segments:
                    break
                names = dict(zip((each.name for each in self._state.index.segments), self._state.segments, strict=True))
                try:
                    opened = [
                        names.get(segment.name)
                        or open_segment(self._store, self.collection, self.model, segment.name, self._settings)
                        for segment in index.segments
                    ]
                except IndexLostError:  # It was replaced between the two; else it is lost.
                    if attempt == _TRIES - 1:
                        raise
                    continue
                self._state = _State(index, opened)
            return self._state


@dataclass
class _State:
    """Segments that are open.

    Attributes:
        index: The record that names them.
        segments: The same, open.
        fresh: Vectors that no segment has, read from the stored parts.
        sought: Items whose vectors were looked for in the stored parts.
        covered: Names of parts that need not be read any more.
    """

    index: VectorIndex
    segments: list[Segment]
    fresh: list[Segment] = field(default_factory=list)
    sought: Ids = field(default_factory=lambda: pack_ids([]))
    covered: set[str] = field(default_factory=set)
    _maps: OrderedDict[tuple[int, str], NDArray[np.int32]] = field(default_factory=OrderedDict)
    _missing: tuple[str, Ids] = ("", pack_ids([]))

    def __post_init__(self) -> None:
        self.covered.update(name for segment in self.segments if segment.card for name in segment.card.parts)

    def rows_of(self, segment: Segment, matches: Matches) -> NDArray[np.int32]:
        """For each row of a segment the row of the snapshot that its item has; -1: none."""
        key = (id(segment), matches.snapshot)
        if key not in self._maps:
            for other in [each for each in self._maps if each[1] != matches.snapshot][:-_SNAPSHOTS]:
                self._maps.pop(other, None)
            self._maps[key] = find_rows(matches.ids, segment.ids).astype(np.int32)
        return self._maps[key]

    def missing_of(self, matches: Matches) -> Ids:
        """The items of a snapshot that no segment has."""
        if self._missing[0] != matches.snapshot:
            is_held = np.zeros(len(matches.ids) + 1, bool)
            for segment in self.segments:
                is_held[self.rows_of(segment, matches)] = True
            self._missing = (matches.snapshot, np.asarray(matches.ids[~is_held[:-1]]))
        return self._missing[1]

    def add_fresh(self, segment: Segment | None) -> None:
        """Add vectors that were read."""
        if segment:
            self.fresh.append(segment)


def _allow(rows: NDArray[np.int32], matches: Matches, ids: Ids, excluded: Ids) -> NDArray[np.bool_]:
    """Which rows of a segment a search may return."""
    # A row that is not in the snapshot has the number -1: the last one, which does not match.
    allowed: NDArray[np.bool_] = np.append(matches.rows, False).take(rows)
    if matches.fresh:
        allowed |= find_rows(np.sort(pack_ids(matches.fresh)), ids) >= 0
    if len(excluded):
        allowed &= find_rows(excluded, ids) < 0
    return allowed


@dataclass(frozen=True)
class _Candidate:
    segment: Segment
    row: int
    score: float

    def hit(self, folded: int = 0) -> Hit:
        item_id = unpack_ids(self.segment.ids[self.row : self.row + 1])[0]
        facts = self.segment.facts.slice(self.row, 1).to_pylist()[0] if self.segment.facts is not None else {}
        box = facts.get("boxes")
        found = Box(left=box[0], top=box[1], width=box[2], height=box[3]) if box else None
        return Hit(item_id, self.score, found, facts.get("labels") or "", folded)


def _search_all(
    sources: Sequence[tuple[Segment, NDArray[np.bool_]]], query: Query, count: int, min_score: float
) -> list[_Candidate]:
    """The best of all segments, the best first; of equal ones the smaller id."""
    found = []
    for segment, allowed in sources:
        rows, scores = segment.search(query, count, allowed)
        found += [
            _Candidate(segment, row, score)
            for row, score in zip(rows.tolist(), scores.tolist(), strict=True)
            if score >= min_score
        ]
    found.sort(key=lambda each: (-each.score, each.segment.ids[each.row]))
    return found[:count]


@dataclass
class _Folded:
    candidate: _Candidate
    folded: int = 0

    def hit(self) -> Hit:
        return self.candidate.hit(self.folded)


def _fold(best: Sequence[_Candidate], fold_from: float) -> list[_Folded]:
    """Count those that are nearly identical to a better one with it."""
    kept: list[_Folded] = []
    vectors = np.zeros((0, best[0].segment.vectors.shape[1] if best else 0), np.float32)
    for each in best:
        vector = np.asarray(each.segment.vectors[each.row], np.float32)
        scores = vectors @ vector
        if len(scores) and scores.max() >= fold_from:
            kept[int(scores.argmax())].folded += 1
        else:
            kept.append(_Folded(each))
            vectors = np.concatenate([vectors, vector[None]])
    return kept
