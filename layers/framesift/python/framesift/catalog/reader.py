"""Reading a catalog: queries over the newest snapshot, with every change since.

A process keeps a snapshot as a DuckDB file (`local_copy.py`), and in memory the rows of the items that later changes
touched. Each query first applies the changes that it has not seen, so whoever has changed something sees it at once. A
newer snapshot is fetched in the background, while queries go on with the old one.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, Final

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from framesift.catalog.apply import Effect, apply_effects, effect_of
from framesift.catalog.columns import SCHEMA, make_batch, read_item
from framesift.catalog.condition import EVERYTHING, Condition
from framesift.catalog.ids import Ids
from framesift.catalog.local_copy import OFFLINE, LocalCopy, open_copy
from framesift.catalog.log import CatalogLog
from framesift.catalog.paging import Order
from framesift.catalog.tags import fold
from framesift.catalog.terms import KINDS, Terms, load_terms
from framesift.contracts import CatalogItem, Change, RemoveItems
from framesift.errors import (
    ItemMissingError,
    ObjectMissingError,
    QueryTimeoutError,
    QueryTooLargeError,
    SnapshotLostError,
    UnknownFacetError,
)
from framesift.settings import CatalogSettings
from framesift.storage import Store
from framesift.table import CatalogPointer, Records, Snapshot

FETCH_ROWS: Final = 1_000
"""Items that a walk over all of them parses at a time."""
_TRIES: Final = 3
_DELETED: Final = (FileNotFoundError, duckdb.IOException)
"""What opening a copy fails with that another process has just deleted."""
_FIELD: Final = "metadata:"
_SEPARATOR: Final = "\x1f"

# `base` is the snapshot, `stale` the numbers of its rows that are not true any more, `fresh` the rows in their place.
_RELATIONS: Final = """
CREATE TABLE stale (row BIGINT);
CREATE TABLE fresh AS SELECT *, []::VARCHAR[] AS terms FROM base.items LIMIT 0;
CREATE VIEW unchanged AS SELECT b.rowid AS row, b.* FROM base.items b ANTI JOIN stale ON b.rowid = stale.row;
CREATE VIEW items AS SELECT * FROM unchanged UNION ALL SELECT NULL AS row, * EXCLUDE (terms) FROM fresh;
"""


@dataclass(frozen=True)
class Page:
    """A page of items.

    Attributes:
        items: The items, sorted.
        next: The cursor of the next page; None: this is the last one.
        number: The change up to which the items are read at least.
    """

    items: list[CatalogItem]
    next: str | None
    number: int


@dataclass(frozen=True)
class FacetValue:
    """A value that some items have.

    Attributes:
        value: The value as it is shown.
        count: Items that have it.
    """

    value: str
    count: int


@dataclass(frozen=True)
class Matches:
    """Which items meet a condition, as rows of a snapshot and ids of what has changed since.

    Attributes:
        snapshot: What tells snapshots apart.
        ids: `(N,)` the ids of the snapshot's rows, ascending.
        rows: `(N,)` whether each row is true still and meets the condition.
        fresh: The ids of items that have changed since, and meet the condition.
    """

    snapshot: str
    ids: Ids
    rows: NDArray[np.bool_]
    fresh: list[str]


class CatalogReader:
    """Answers queries on one catalog; safe to use from several threads.

    Args:
        collection: The collection's id.
        store: The bucket.
        records: The table.
        settings: Limits, and where snapshots are kept.
        fixed: A named version's snapshot, which no change concerns; None: the catalog as it is.

    Raises:
        CollectionMissingError: There is no such collection.
        SnapshotLostError: The snapshot is gone or damaged.
    """

    def __init__(
        self,
        collection: str,
        store: Store,
        records: Records,
        settings: CatalogSettings,
        *,
        fixed: Snapshot | None = None,
    ) -> None:
        self._log = CatalogLog(collection, store, records)
        self._settings = settings
        self._fixed = fixed
        self._lock = threading.Lock()
        self._fetching: tuple[Snapshot, Future[LocalCopy]] | None = None
        self._fetcher = ThreadPoolExecutor(1, thread_name_prefix="catalog-fetch")
        if fixed:
            self._state = self._open_state("", fixed)
        else:
            self._state = self._open_newest()

    @property
    def number(self) -> int:
        """The number of the newest change that has been read."""
        return self._state.number

    @property
    def snapshot(self) -> Snapshot | None:
        """The snapshot that queries run on; None: the empty one before the first change."""
        return self._state.snapshot

    def page(
        self,
        condition: Condition = EVERYTHING,
        *,
        order: Order | None = None,
        limit: int = 50,
        cursor: str = "",
        viewer: str | None = None,
        max_bytes: int | None = None,
    ) -> Page:
        """A page of the items that meet a condition.

        Args:
            condition: The condition.
            order: How they are sorted; by default the newest first.
            limit: Items on the page at most.
            cursor: Where it begins: `Page.next` of the page before; empty: at the first item.
            viewer: The user who asks, who does not see items that only others may see; None: somebody who sees all.
            max_bytes: The page ends before the item whose JSON goes beyond this, but has one item; None: no such end.

        Raises:
            InvalidCursorError: The cursor belongs to another query.
            QueryTimeoutError: It takes too long.
            QueryTooLargeError: It takes too much memory.
        """
        order = order or Order()
        state = self._refresh()
        number = state.number
        wanted = [condition, _visible_to(viewer)]
        if cursor:
            wanted.append(order.read_cursor(condition, cursor))
        where = _all_of(wanted)
        ending = f"ORDER BY {order.sql} LIMIT {int(limit) + 1}"
        with state.transaction(self._settings) as run:
            found = run(_select(f"row, id, {order.column}", where, ending), where.parameters).fetchall()
            documents = _read_documents(run, [(row, item_id) for row, item_id, _ in found[:limit]])
        shown = found[: _count_fitting([documents[item_id] for _, item_id, _ in found[:limit]], max_bytes)]
        more = len(found) > len(shown)
        return Page(
            items=[read_item(documents[item_id]) for _, item_id, _ in shown],
            next=order.write_cursor(condition, shown[-1][2], shown[-1][1]) if more else None,
            number=number,
        )

    def count(self, condition: Condition = EVERYTHING, *, viewer: str | None = None) -> int:
        """How many items meet a condition."""
        where = _all_of([condition, _visible_to(viewer)])
        with self._refresh().transaction(self._settings) as run:
            return int(run(_select("count(*)", where), where.parameters).fetchall()[0][0])

    def facets(
        self,
        condition: Condition = EVERYTHING,
        *,
        kinds: Sequence[str] = tuple(KINDS),
        limit: int = 50,
        viewer: str | None = None,
    ) -> dict[str, list[FacetValue]]:
        """Which values the items that meet a condition have, and how many have each, most frequent first.

        Args:
            condition: The condition.
            kinds: What to count: `tags`, `labels`, `flags`, `models`, `source`, `content_type`, `metadata` (the names
                of fields), or `metadata:NAME` (the values of one).
            limit: Values of each kind at most.
            viewer: As for `page`.

        Raises:
            UnknownFacetError: There is no such kind.
        """
        unknown = [kind for kind in kinds if kind not in KINDS and not kind.startswith(_FIELD)]
        if unknown:
            names = ", ".join([*KINDS, f"{_FIELD}NAME"])
            raise UnknownFacetError(f"Items cannot be counted by {unknown[0]!r}: use one of {names}.")
        state = self._refresh()
        where = _all_of([condition, _visible_to(viewer)])
        with state.transaction(self._settings) as run:
            listed = [kind for kind in kinds if kind in KINDS]
            rows = _matching_rows(run, state.terms, where) if listed else np.zeros(0, np.int64)
            fresh = _count_fresh(run, where) if listed else {}
            return {
                kind: _count_values(state.terms[kind], rows, fresh.get(kind, {}), limit)
                if kind in KINDS
                else _count_field(run, kind.removeprefix(_FIELD), where, limit)
                for kind in kinds
            }

    def ids(self, condition: Condition = EVERYTHING, *, viewer: str | None = None) -> list[str]:
        """The ids of the items that meet a condition, in their order."""
        where = _all_of([condition, _visible_to(viewer)])
        with self._refresh().transaction(self._settings) as run:
            found = run(_select("id", where, "ORDER BY id"), where.parameters).fetchnumpy()
        return [str(item_id) for item_id in found["id"]]

    def match(self, condition: Condition = EVERYTHING, *, viewer: str | None = None) -> Matches:
        """Which items meet a condition, in the form that takes the least time for a million.

        Args:
            condition: The condition.
            viewer: As for `page`.
        """
        state = self._refresh()
        where = _all_of([condition, _visible_to(viewer)])
        with state.transaction(self._settings) as run:
            rows = np.zeros(len(state.ids), bool)
            rows[_matching_rows(run, state.terms, where)] = True
            fresh = run(_select("id", where, relation="fresh"), where.parameters).fetchall()
        return Matches(state.copy.folder.name, state.ids, rows, [item_id for (item_id,) in fresh])

    def get_many(self, ids: Sequence[str], *, viewer: str | None = None) -> dict[str, CatalogItem]:
        """Those of some items that the viewer may see, by id."""
        where = _all_of([Condition("id IN (SELECT unnest(?::VARCHAR[]))", [list(ids)]), _visible_to(viewer)])
        with self._refresh().transaction(self._settings) as run:
            found = run(_select("row, id", where), where.parameters).fetchall()
            documents = _read_documents(run, found)
        return {item_id: read_item(json) for item_id, json in documents.items()}

    def known_ids(self, ids: Iterable[str]) -> list[str]:
        """Those of some ids that items have."""
        with self._refresh().transaction(self._settings) as run:
            found = run("SELECT id FROM items WHERE id IN (SELECT unnest(?::VARCHAR[]))", [list(ids)]).fetchall()
        return [item_id for (item_id,) in found]

    def ids_by_name(self, names: Iterable[str]) -> dict[str, list[str]]:
        """The items that have each of some names; a name that none has is left out."""
        wanted = "SELECT DISTINCT unnest(?::VARCHAR[]) AS name"
        named = "SELECT id, unnest(names) AS name FROM items"
        with self._refresh().transaction(self._settings) as run:
            found = run(
                f"SELECT name, list(id ORDER BY id) FROM ({wanted}) JOIN ({named}) USING (name) GROUP BY name",  # noqa: S608
                [list(names)],
            ).fetchall()
        return dict(found)

    def get(self, item_id: str, *, viewer: str | None = None) -> CatalogItem:
        """One item.

        Raises:
            ItemMissingError: There is none of that id that the viewer may see.
        """
        where = _all_of([Condition("id = ?", [item_id]), _visible_to(viewer)])
        with self._refresh().transaction(self._settings) as run:
            found = run(_select("json", where), where.parameters).fetchall()
        if not found:
            raise ItemMissingError(f"There is no item {item_id} in {self._log.collection}.")
        return read_item(found[0][0])

    def iterate(self, condition: Condition = EVERYTHING, *, viewer: str | None = None) -> Iterator[list[CatalogItem]]:
        """All items that meet a condition, as they are now, some at a time in the order of their ids.

        What changes while the walk goes on is not in it.
        """
        where = _all_of([condition, _visible_to(viewer)])
        connection = self._refresh().connection.cursor()  # A cursor of its own: a result is read from it for long.
        result = connection.execute(_select("json", where, "ORDER BY id"), where.parameters)
        while rows := result.fetchmany(FETCH_ROWS):
            yield [read_item(json) for (json,) in rows]

    def _refresh(self) -> _State:
        """Apply what has changed; return what queries run on."""
        if self._fixed:
            return self._state
        with self._lock:
            pointer = self._log.records.collections.pointer(self._log.collection)
            # Another collection under the same name; or changes that this reader has not applied do not say any more
            # which items they removed.
            if pointer.log != self._state.log or pointer.purged > self._state.number:
                self._go_over(self._open_newest())
            self._take_newer(pointer)
            self._state.catch_up(self._log)
            return self._state

    def _take_newer(self, pointer: CatalogPointer) -> None:
        """Go over to a newer snapshot once it is here; ask for it if nobody has."""
        newest = pointer.snapshot
        if newest is None or newest == self._state.snapshot:
            return
        if self._fetching is None or self._fetching[0] != newest:
            fetch = self._fetcher.submit(open_copy, newest, self._log.store, self._settings)
            self._fetching = (newest, fetch)
            return
        fetch = self._fetching[1]
        if not fetch.done():
            return
        self._fetching = None
        if fetch.exception() is None:
            with suppress(*_DELETED):  # The next query fetches it again.
                self._go_over(_State(fetch.result(), self._settings, pointer.log, newest))

    def _go_over(self, state: _State) -> None:
        old, self._state = self._state, state
        if old.copy.folder != state.copy.folder:
            old.copy.delete()

    def _open_newest(self) -> _State:
        for _ in range(_TRIES):
            pointer = self._log.records.collections.pointer(self._log.collection)
            with suppress(ObjectMissingError):  # Replaced between the two; else lost.
                return self._open_state(pointer.log, pointer.snapshot)
        raise SnapshotLostError(f"The snapshot of {self._log.collection} is gone: compact its catalog.")

    def _open_state(self, log: str, snapshot: Snapshot | None) -> _State:
        for _ in range(_TRIES):
            with suppress(*_DELETED):
                return _State(open_copy(snapshot, self._log.store, self._settings), self._settings, log, snapshot)
        raise SnapshotLostError(f"The copy of the snapshot of {self._log.collection} is deleted again and again.")


Run = Any
"""Executes a statement with parameters in the transaction that it belongs to."""


@dataclass
class _State:
    """A snapshot with the changes since.

    Attributes:
        copy: The snapshot on this machine.
        log: The id of the catalog's log.
        snapshot: The snapshot; None: the empty one before the first change.
        number: The last change that is applied.
        terms: The terms of each kind. They are opened with the copy, which another process may delete at any time.
    """

    copy: LocalCopy
    settings: CatalogSettings
    log: str
    snapshot: Snapshot | None
    connection: duckdb.DuckDBPyConnection = field(init=False)
    number: int = field(init=False)
    terms: dict[str, Terms] = field(init=False)
    ids: Ids = field(init=False)

    def __post_init__(self) -> None:
        self.ids = self.copy.load_ids()
        self.terms = {kind: load_terms(self.copy.folder, kind) for kind in KINDS}
        self.number = self.snapshot.number if self.snapshot else 0
        config = {
            **OFFLINE,
            "threads": str(self.settings.query_threads),
            "memory_limit": f"{self.settings.query_memory_mb}MB",
            "temp_directory": "",
        }
        self.connection = duckdb.connect(":memory:", config=config)  # type: ignore[arg-type]
        path = str(self.copy.database).replace("'", "''")
        self.connection.execute(f"ATTACH '{path}' AS base (READ_ONLY)")
        self.connection.execute(_RELATIONS)
        # From here on no statement reaches a file, a network or a setting.
        self.connection.execute("SET enable_external_access = false; SET lock_configuration = true")

    @contextmanager
    def transaction(self, settings: CatalogSettings) -> Iterator[Run]:
        """A transaction of a cursor of its own, ended after the time limit.

        Raises:
            QueryTimeoutError: It takes too long.
            QueryTooLargeError: It takes too much memory.
        """
        cursor = self.connection.cursor()
        timer = threading.Timer(settings.query_time_limit_s, cursor.interrupt)
        timer.start()
        try:
            cursor.execute("BEGIN TRANSACTION READ ONLY")
            yield cursor.execute
        except duckdb.InterruptException:
            raise QueryTimeoutError(
                f"The query takes longer than {settings.query_time_limit_s:g} s: narrow it down."
            ) from None
        except duckdb.OutOfMemoryException:
            raise QueryTooLargeError(
                f"The query needs more than {settings.query_memory_mb} MB: narrow it down."
            ) from None
        finally:
            timer.cancel()
            cursor.close()

    def catch_up(self, log: CatalogLog) -> None:
        """Apply the changes since."""
        changes = list(log.records.changes.after(self.log, self.number))
        if not changes:
            return
        effects, removals = _sort_by_item(changes, log)
        cursor = self.connection.cursor()
        touched = pa.table({"id": pa.array(list(effects), pa.string())})
        removed = pa.table({"id": pa.array(list(removals), pa.string())})
        cursor.register("touched", touched)
        cursor.register("removed", removed)
        cursor.execute("BEGIN")
        found = cursor.execute(
            "SELECT row, id FROM items WHERE uid IN (SELECT TRY_CAST(id AS UUID) FROM touched)"
        ).fetchall()
        if removals:
            others = "SELECT row, id FROM items WHERE duplicate_of IN (SELECT id FROM removed)"
            found = list({*found, *cursor.execute(others).fetchall()})
        documents = _read_documents(cursor.execute, found)
        before = {item_id: read_item(json) for item_id, json in documents.items()}
        applied = (
            apply_effects(before.get(item_id), effects.get(item_id, ()), removals)
            for item_id in before.keys() | effects
        )
        rows = pa.Table.from_batches([make_batch(item for item in applied if item)], SCHEMA)
        rows = rows.append_column("terms", pa.array(_list_terms(rows), pa.list_(pa.string())))
        stale = pa.table({"row": pa.array([row for row, _ in found if row is not None], pa.int64())})
        gone = pa.table({"id": pa.array(list(before), pa.string())})
        for name, arriving in (("stale_rows", stale), ("gone", gone), ("arriving", rows)):
            cursor.register(name, arriving)
        cursor.execute("INSERT INTO stale SELECT row FROM stale_rows")
        cursor.execute("DELETE FROM fresh WHERE id IN (SELECT id FROM gone)")
        cursor.execute("INSERT INTO fresh SELECT * EXCLUDE (terms), id::UUID, terms FROM arriving")
        cursor.execute("COMMIT")
        cursor.close()
        self.number = changes[-1].number


def _sort_by_item(changes: Iterable[Change], log: CatalogLog) -> tuple[dict[str, list[Effect]], dict[str, int]]:
    """What changes do to each item, and which items they remove last at which change."""
    effects: dict[str, list[Effect]] = {}
    removals: dict[str, int] = {}
    for change in changes:
        is_removal = isinstance(change.body, RemoveItems)
        for row in log.rows(change):
            effects.setdefault(row.id, []).append(effect_of(change, row))
            if is_removal:
                removals[row.id] = change.number
    return effects, removals


def _read_documents(run: Run, found: Sequence[tuple[int | None, str]]) -> dict[str, str]:
    """The items' JSON, by id; only the rows that are wanted are unpacked."""
    rows = [row for row, _ in found if row is not None]
    ids = [item_id for row, item_id in found if row is None]
    base = run("SELECT id, json FROM base.items WHERE rowid IN (SELECT unnest(?::BIGINT[]))", [rows]) if rows else None
    documents = dict(base.fetchall()) if base else {}
    if ids:
        fresh = run("SELECT id, json FROM fresh WHERE id IN (SELECT unnest(?::VARCHAR[]))", [ids])
        documents |= dict(fresh.fetchall())
    return documents


def _count_fitting(documents: Sequence[str], max_bytes: int | None) -> int:
    """How many documents, one at least, have together no more bytes."""
    if max_bytes is None:
        return len(documents)
    sizes = accumulate(len(document.encode()) for document in documents)
    return max(min(1, len(documents)), sum(size <= max_bytes for size in sizes))


def _matching_rows(run: Run, terms: Mapping[str, Terms], where: Condition) -> NDArray[np.int64]:
    """The numbers of the snapshot's rows that are true still and meet a condition, ascending."""
    if where == EVERYTHING:
        is_true = np.ones(len(terms["source"].offsets) - 1, bool)
        is_true[np.asarray(run("SELECT row FROM stale").fetchnumpy()["row"], np.int64)] = False
        return np.flatnonzero(is_true)
    found = run(_select("row", where, relation="unchanged"), where.parameters).fetchnumpy()["row"]
    return np.sort(np.asarray(found, np.int64))


def _list_terms(rows: pa.Table) -> list[list[str]]:
    """What can be counted of each row: the kind, what tells the value apart, and how it is shown."""
    columns = {name: rows[name].to_pylist() for name in {name for pair in KINDS.values() for name in pair}}
    lists: list[list[str]] = [[] for _ in range(rows.num_rows)]
    for kind, (key_column, shown_column) in KINDS.items():
        for terms, keys, shown in zip(lists, columns[key_column], columns[shown_column], strict=True):
            pairs = zip(_values_of(keys), _values_of(shown), strict=True)
            terms += [_SEPARATOR.join((kind, key, form)) for key, form in pairs]
    return lists


def _values_of(cell: Any) -> list[str]:
    """A cell's values: of a list, of a map (its names), or the one there is."""
    return [cell] if isinstance(cell, str) else [each[0] if isinstance(each, tuple) else each for each in cell]


def _count_fresh(run: Run, where: Condition) -> dict[str, dict[str, tuple[str, int]]]:
    """For each kind and each value of the fresh rows that meet a condition: how it is shown, and how many have it."""
    terms = _select("unnest(terms) AS term", where, relation="fresh")
    grouped = _select("term, count(*)", EVERYTHING, "GROUP BY term", relation=f"({terms})")
    counts: dict[str, dict[str, tuple[str, int]]] = {}
    for term, count in run(grouped, where.parameters).fetchall():
        kind, key, shown = term.split(_SEPARATOR, 2)
        of_kind = counts.setdefault(kind, {})
        of_kind[key] = (shown, count + of_kind.get(key, (shown, 0))[1])
    return counts


def _count_values(
    terms: Terms, rows: NDArray[np.int64], fresh: dict[str, tuple[str, int]], limit: int
) -> list[FacetValue]:
    counts = terms.count(rows)
    new = [FacetValue(shown, count) for key, (shown, count) in fresh.items() if key not in terms.numbers]
    for key, (_, count) in fresh.items():
        if key in terms.numbers:
            counts[terms.numbers[key]] += count
    largest = np.argsort(-counts, kind="stable")[:limit]
    known = [FacetValue(terms.shown[number], int(counts[number])) for number in largest.tolist() if counts[number]]
    return sorted([*known, *new], key=lambda each: (-each.count, each.value))[:limit]


def _count_field(run: Run, name: str, where: Condition, limit: int) -> list[FacetValue]:
    """How many items have each value of a field."""
    values = _select("metadata[?] AS value", where)
    ending = "GROUP BY value ORDER BY n DESC, value LIMIT ?"
    counted = _select("value, count(*) AS n", Condition("value IS NOT NULL"), ending, relation=f"({values})")
    found = run(counted, [fold(name), *where.parameters, limit]).fetchall()
    return [FacetValue(value, count) for value, count in found]


def _select(columns: str, where: Condition, ending: str = "", *, relation: str = "items") -> str:
    """A statement of names and of conditions, whose values are parameters."""
    return f"SELECT {columns} FROM {relation} WHERE {where.sql} {ending}"  # noqa: S608


def _visible_to(viewer: str | None) -> Condition:
    if viewer is None:
        return EVERYTHING
    return Condition("(viewers IS NULL OR list_contains(viewers, ?))", [viewer])


def _all_of(conditions: Sequence[Condition]) -> Condition:
    wanted = [condition for condition in conditions if condition != EVERYTHING]
    if not wanted:
        return EVERYTHING
    sql = " AND ".join(f"({condition.sql})" for condition in wanted)
    return Condition(sql, [value for condition in wanted for value in condition.parameters])


_opened: OrderedDict[tuple[str, str, str], CatalogReader] = OrderedDict()
_opening = threading.Lock()


def open_reader(collection: str, store: Store, records: Records, settings: CatalogSettings) -> CatalogReader:
    """The process's reader of a collection's catalog; of many, those that were not used for longest are closed.

    Raises:
        CollectionMissingError: There is no such collection.
        SnapshotLostError: Its snapshot is gone or damaged.
    """
    key = (store.bucket, records.name, collection)
    with _opening:
        reader = _opened.pop(key, None) or CatalogReader(collection, store, records, settings)
        _opened[key] = reader
        while len(_opened) > settings.open_readers:
            _opened.popitem(last=False)
    return reader
