"""What the catalog knows of indexes: which items a segment holds, so that deleting items deletes what is kept of them.

What a segment is otherwise is up to `framesift.search`.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final

import numpy as np

from framesift import keys
from framesift.catalog.ids import Ids, find_rows, pack_ids
from framesift.errors import IndexLostError, NotFoundError
from framesift.storage import Store
from framesift.table import Records, VectorIndex

IDS: Final = "ids.npy"
"""The items of a segment's rows, ascending: `(N,)` S16."""
LEFT_OUT: Final = "left_out.npy"
"""Items whose vectors cannot be compared, in any order; there may be no such file."""


def read_ids(store: Store, collection: str, model: str, segment: str) -> Ids:
    """The items that a segment holds, or has left out, each once, ascending.

    Raises:
        IndexLostError: The segment is gone or damaged.
    """

    def read(name: str) -> Ids:
        body = store.get(keys.index_file(collection, model, segment, name))
        ids: Ids = np.load(io.BytesIO(body), allow_pickle=False)
        return ids

    try:
        held = read(IDS)
        if store.exists(keys.index_file(collection, model, segment, LEFT_OUT)):
            held = np.concatenate([held, read(LEFT_OUT)])
    except (NotFoundError, ValueError) as error:
        raise IndexLostError(f"A segment of the index of {model} in {collection} is gone: build it anew.") from error
    return np.unique(held)


def delete_segment(store: Store, collection: str, model: str, segment: str) -> None:
    """Delete the files of a segment for good."""
    store.delete_versions(store.versions(keys.index_file(collection, model, segment, "")))


def drop_segments(collection: str, ids: Sequence[str], store: Store, records: Records) -> None:
    """Take the segments that hold some items out of all indexes, and delete them for good.

    What else was in them is found by comparing the stored vectors, until the indexes are brought up to date.
    """
    gone = np.sort(pack_ids(ids))
    for found in list(records.indexes.of_collection(collection)):
        index: VectorIndex | None = found
        while index:
            names = [segment.name for segment in index.segments] + [segment.name for segment in index.retired]
            held = {name for name in names if _holds(store, collection, index.model, name, gone)}
            kept = index.model_copy(
                update={
                    "segments": [segment for segment in index.segments if segment.name not in held],
                    "retired": [segment for segment in index.retired if segment.name not in held],
                }
            )
            if not held or records.indexes.switch(collection, kept, replaces=index):
                for name in held:
                    delete_segment(store, collection, index.model, name)
                break
            index = records.indexes.get(collection, index.model)


def _holds(store: Store, collection: str, model: str, segment: str, gone: Ids) -> bool:
    try:
        ids = read_ids(store, collection, model, segment)
    except IndexLostError:
        return True
    return bool(np.any(find_rows(ids, gone) >= 0))
