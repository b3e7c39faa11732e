"""The job that draws a map, or places new items on it: from the catalog and the stored vectors to the map's files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import numpy as np
import pyarrow as pa

from framesift import keys
from framesift.catalog.jobs import job_key
from framesift.catalog.query import compile_query
from framesift.catalog.reader import CatalogReader
from framesift.catalog.vectors import choose_model, read_vectors
from framesift.contracts.maps import MapCluster, MapJob, MapSummary, OutlierMethod
from framesift.errors import (
    CollectionDeletedError,
    CollectionMissingError,
    FramesiftError,
    MapMissingError,
    MapNotReadyError,
    TemporaryError,
)
from framesift.maps.chart import Chart, check_count, draw_chart, extend_chart
from framesift.maps.clusters import find_terms, name_clusters
from framesift.maps.picture import draw_picture
from framesift.maps.records import check_ready
from framesift.maps.table import make_table, pack_table, read_chart, unpack_table
from framesift.settings import CatalogSettings
from framesift.storage import Store, delete_for_good
from framesift.table import MapRecord, Records

_OUTLIERS: Final = 20
_METHODS: Final[tuple[OutlierMethod, ...]] = ("knn", "lof", "forest")


def read_map(record: MapRecord, store: Store) -> pa.Table:
    """A map's points; `maps.table` says which columns.

    Raises:
        MapNotReadyError: There are none yet, or the map could not be drawn.
    """
    check_ready(record)
    return unpack_table(store.get(keys.map_table(record.collection, record.id)))


def run_map(job: MapJob, settings: CatalogSettings, store: Store, records: Records) -> MapRecord | None:
    """Draw a map, or place the items on it that came since it was drawn.

    Returns:
        Its record when it is done; None where the map or its collection was deleted meanwhile: nothing is left.

    Raises:
        NoVectorsError: The collection has no vectors of the model.
        TooFewItemsError: There are fewer than 10 items with vectors.
        InvalidVectorError: A vector has a number that is none (NaN), or infinite.
    """
    try:
        record = records.maps.find(job.collection, job.map)
        if record.state != "running":
            return record
        reader = CatalogReader(job.collection, store, records, settings)
        summary = _extend(record, reader, store) if record.summary else _draw(record, reader, store)
        done = records.maps.update(
            job.collection, job.map, state="done", summary=summary, error=None, finished_at=datetime.now(UTC)
        )
        delete_for_good(store, [job_key(done, records.maps)])
        return done
    except (CollectionDeletedError, CollectionMissingError, MapMissingError):
        store.delete_versions(store.versions(keys.map_prefix(job.collection, job.map)))
        return None
    except TemporaryError:
        raise  # The next attempt draws it.
    except FramesiftError as error:
        records.maps.update(job.collection, job.map, state="failed", error=str(error), finished_at=datetime.now(UTC))
        raise


@dataclass
class _Found:
    """The items that a query finds."""

    ids: list[str] = field(default_factory=list)
    terms: dict[str, set[tuple[str, str]]] = field(default_factory=dict)


def _draw(record: MapRecord, reader: CatalogReader, store: Store) -> MapSummary:
    found = _find_items(record, reader)
    check_count(len(found.ids))
    model = choose_model(record.collection, record.options.model, found.ids, store)
    ids, vectors = read_vectors(record.collection, model, found.ids, store)
    chart, quality = draw_chart(vectors, record.options)
    summary = MapSummary(
        model=model,
        items=len(ids),
        fitted=int(chart.fitted.sum()),
        without_vector=len(found.ids) - len(ids),
        explained=quality.explained,
        trustworthiness=quality.trustworthiness,
        clusters=_describe_clusters(chart, [found.terms[each] for each in ids]),
        unclustered=int((chart.clusters < 0).sum()),
        outliers=_rank_outliers(ids, chart),
    )
    return _write(record, ids, chart, summary, store)


def _extend(record: MapRecord, reader: CatalogReader, store: Store) -> MapSummary:
    """Place the items that came since; those that are gone go."""
    if record.summary is None:
        raise MapNotReadyError(f"The map {record.id} is being drawn: ask again later.")
    found, table = _find_items(record, reader), read_map(record, store)
    wanted = set(found.ids)
    kept = table.filter(pa.array([each in wanted for each in table["id"].to_pylist()], pa.bool_()))
    known = set(kept["id"].to_pylist())
    new_ids, new = read_vectors(
        record.collection, record.summary.model, [each for each in found.ids if each not in known], store
    )
    chart, ids = read_chart(kept), kept["id"].to_pylist()
    if new_ids:
        fitted = [item_id for item_id, is_fitted in zip(ids, chart.fitted.tolist(), strict=True) if is_fitted]
        at = {item_id: row for row, item_id in enumerate(ids)}
        vector_ids, vectors = read_vectors(record.collection, record.summary.model, fitted, store)
        rows = [at[each] for each in vector_ids]
        placed = extend_chart(vectors, chart.places[rows], chart.clusters[rows], new, record.options.seed)
        kept, ids = pa.concat_tables([kept, make_table(new_ids, placed)]), ids + new_ids
        chart = read_chart(kept)
    names = {cluster.number: cluster for cluster in record.summary.clusters}
    sizes = {number: int((chart.clusters == number).sum()) for number in names}
    summary = record.summary.model_copy(
        update={
            "items": len(ids),
            "fitted": int(chart.fitted.sum()),
            "without_vector": len(found.ids) - len(ids),
            "clusters": [names[number].model_copy(update={"items": size}) for number, size in sizes.items() if size],
            "unclustered": int((chart.clusters < 0).sum()),
            "outliers": _rank_outliers(ids, chart),
        }
    )
    return _write(record, ids, chart, summary, store)


def _find_items(record: MapRecord, reader: CatalogReader) -> _Found:
    found = _Found()
    for items in reader.iterate(compile_query(record.query)):
        for item in items:
            found.ids.append(item.id)
            found.terms[item.id] = find_terms(item)
    return found


def _describe_clusters(chart: Chart, terms: Sequence[set[tuple[str, str]]]) -> list[MapCluster]:
    names: Mapping[int, list[str]] = name_clusters(chart.clusters, terms)
    described = []
    for number in range(int(chart.clusters.max(initial=-1)) + 1):
        members = chart.clusters == number
        chosen = names.get(number, [])
        described.append(
            MapCluster(
                number=number,
                name=", ".join(chosen) or f"cluster {number + 1}",
                terms=chosen,
                items=int(members.sum()),
                place=[float(middle) for middle in np.median(chart.places[members], axis=0)],
            )
        )
    return described


def _rank_outliers(ids: Sequence[str], chart: Chart) -> dict[OutlierMethod, list[str]]:
    return {
        method: [ids[row] for row in np.argsort(-chart.outliers.by(method), kind="stable")[:_OUTLIERS]]
        for method in _METHODS
    }


def _write(record: MapRecord, ids: Sequence[str], chart: Chart, summary: MapSummary, store: Store) -> MapSummary:
    title = f"{record.collection}{f': {record.query}' if record.query else ''} ({len(ids):,} items, {summary.model})"
    picture = draw_picture(chart, summary.clusters, title)
    store.put(keys.map_picture(record.collection, record.id), picture, "image/png")
    body = pack_table(make_table(ids, chart))
    store.put(keys.map_table(record.collection, record.id), body, "application/vnd.apache.parquet")
    return summary
