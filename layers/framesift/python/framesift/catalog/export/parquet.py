"""Items as a Parquet table, each row with the item's vector."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from framesift import keys
from framesift.catalog.export.document import Document, Source
from framesift.catalog.export.rows import Rows
from framesift.catalog.export.tables import make_record
from framesift.contracts.catalog import CatalogItem
from framesift.errors import NoVectorsError

ROW_GROUP: Final = 10_000
_MAX_VECTOR_ROWS: Final = 2_000  # Of a group with vectors: 2,048 numbers each take 8 MB.

_TEXTS: Final = pa.list_(pa.string())
_TIME: Final = pa.timestamp("us", tz="UTC")
_SCHEMA: Final = pa.schema(
    [
        ("id", pa.string()),
        ("file", pa.string()),
        ("names", _TEXTS),
        ("split", pa.string()),
        ("content_type", pa.string()),
        ("size_bytes", pa.int64()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("source", pa.string()),
        ("taken_at", _TIME),
        ("added_at", _TIME),
        ("batch", pa.string()),
        ("flags", _TEXTS),
        ("duplicate_of", pa.string()),
        ("tags", _TEXTS),
        ("labels", _TEXTS),
        ("sha256", pa.string()),
        ("item", pa.string()),
    ]
)


def make_parquet(rows: Rows, source: Source) -> Iterator[Document]:
    """Make `items.parquet`: the columns of the CSV, `item` (the whole `CatalogItem` as JSON), and `vector`.

    `vector` is a list of a fixed size, of the type that the vectors are kept in; null where the model has none.

    Raises:
        NoVectorsError: The collection has no vectors of the model that the options name.
    """
    vectors = Vectors.download(source, rows.options.vectors) if rows.options.vectors else None
    schema = _SCHEMA
    if vectors is not None:
        schema = schema.append(pa.field("vector", pa.list_(pa.from_numpy_dtype(vectors.dtype), vectors.length)))
    path = source.folder / "items.parquet"
    items = iter(rows)
    group_rows = ROW_GROUP if vectors is None else _MAX_VECTOR_ROWS
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        while group := list(islice(items, group_rows)):
            records = [make_record(rows, item) | {"item": item.model_dump_json()} for item in group]
            columns = pa.RecordBatch.from_pylist(records, schema=_SCHEMA).columns
            if vectors is not None:
                columns.append(vectors.take(group))
                rows.without_vector += columns[-1].null_count
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))
    yield path.name, path


class Vectors:
    """A model's vectors, on disk.

    Args:
        parts: Arrays of vectors, `(N, length)`.
        ids: The ids of their rows.
    """

    def __init__(self, parts: Sequence[NDArray[Any]], ids: Sequence[Sequence[str]]) -> None:
        self._parts = parts
        self.dtype, self.length = parts[0].dtype, parts[0].shape[1]
        # 16 bytes an id, sorted: a dictionary of a million would take ten times as much.
        every = np.array([bytes.fromhex(one) for part in ids for one in part], dtype="V16").view("S16")
        places = [(number, row) for number, part in enumerate(ids) for row in range(len(part))]
        order = np.argsort(every, kind="stable")
        self._ids = every[order]
        self._places = np.array(places, np.int32)[order]

    @classmethod
    def download(cls, source: Source, model: str) -> Vectors:
        """Fetch a model's vectors to a folder; they are mapped into memory, not read.

        Raises:
            NoVectorsError: There are none.
        """
        prefix = keys.collection_features(source.collection, model)
        names = [key for key in source.store.list(prefix) if key.endswith(".json")]
        if not names:
            raise NoVectorsError(f"{source.collection} has no vectors of {model}: look at it with that model first.")
        parts, ids = [], []
        for number, name in enumerate(names):
            path = source.folder / f"vectors-{number}.npy"
            source.store.download(f"{name.removesuffix('.json')}.npy", path)
            part = np.load(path, mmap_mode="r", allow_pickle=False)
            parts.append(part)
            ids.append(json.loads(source.store.get(name))["ids"][: len(part)])
        return cls(parts, ids)

    def take(self, items: Sequence[CatalogItem]) -> pa.Array:
        """The vectors of items, null where there is none."""
        wanted = np.array([bytes.fromhex(item.id) for item in items], dtype="V16").view("S16")
        found = np.searchsorted(self._ids, wanted)
        is_there = np.zeros(len(wanted), bool)
        inside = found < len(self._ids)
        is_there[inside] = self._ids[found[inside]] == wanted[inside]
        values = np.zeros((len(wanted), self.length), self.dtype)
        for row in np.flatnonzero(is_there):
            part, place = self._places[found[row]]
            values[row] = self._parts[part][place]
        flat = pa.array(values.ravel())
        return pa.FixedSizeListArray.from_arrays(flat, self.length, mask=pa.array(~is_there))
