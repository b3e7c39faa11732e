"""The vectors of a collection's images, in the bucket: for each model parts of rows, and the ids that they belong to.

A part is what one shard of a look job made: `{part}.npy`, a row for each image, and `{part}.json`, written after it.
PDQ hashes are kept the same way, as the model `pdq@1` whose rows are `(4, 4)` uint64; their JSON also has what PDQ
says of the image's detail.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Container, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from framesift import keys
from framesift.errors import NotFoundError, NoVectorsError
from framesift.storage import Store

CROPS: Final = ".crops"
"""What the name of a folder of vectors has behind the model's if they are of objects in images."""

PDQ_MODEL: Final = "pdq@1"
_READERS = 16


def write_part(
    store: Store, collection: str, model: str, part: str, ids: Sequence[str], rows: NDArray[Any], **facts: list[Any]
) -> None:
    """Write a part; a second write of the same part replaces it.

    Args:
        store: The bucket.
        collection: The collection.
        model: `name@version`.
        part: The part's name.
        ids: The items, N of them.
        rows: N rows.
        **facts: Lists of N values that go beside the ids.
    """
    folder, buffer = keys.collection_features(collection, model), io.BytesIO()
    np.save(buffer, rows, allow_pickle=False)
    store.put(f"{folder}{part}.npy", buffer.getvalue())
    store.put(f"{folder}{part}.json", json.dumps({"ids": list(ids), **facts}).encode(), "application/json")


@dataclass(frozen=True)
class Part:
    """A part as it is listed.

    Attributes:
        name: Its name.
        facts: Its JSON without the ids: lists of as many values.
        ids: The items of its rows.
    """

    name: str
    facts: dict[str, list[Any]]
    ids: list[str]


def list_models(store: Store, collection: str) -> list[str]:
    """The models, `name@version`, that a collection has vectors of."""
    return [model for model in store.folders(keys.features_of_collection(collection)) if model != PDQ_MODEL]


def list_parts(store: Store, collection: str, model: str, *, without: Container[str] = ()) -> list[Part]:
    """The parts that a collection has of a model's vectors, those written last first.

    Args:
        store: The bucket.
        collection: The collection.
        model: `name@version`.
        without: Names of parts that are left out.
    """
    prefix = keys.collection_features(collection, model)
    found = {
        one.key.removeprefix(prefix).removesuffix(".json"): one.modified_at
        for one in store.objects(prefix)
        if one.key.endswith(".json")
    }
    names = sorted((name for name in found if name not in without), key=lambda name: (found[name], name), reverse=True)

    def read(name: str) -> Part | None:
        try:
            facts: dict[str, list[Any]] = json.loads(store.get(f"{prefix}{name}.json"))
        except NotFoundError:  # It was deleted with its items just now.
            return None
        return Part(name, facts, facts.pop("ids"))

    with ThreadPoolExecutor(_READERS, thread_name_prefix="vectors") as pool:
        return [part for part in pool.map(read, names) if part]


def read_rows(store: Store, collection: str, model: str, part: Part) -> NDArray[Any] | None:
    """The vectors of a part, `(N, D)`, a row for each of its ids; None if it was deleted."""
    try:
        body = store.get(f"{keys.collection_features(collection, model)}{part.name}.npy")
    except NotFoundError:
        return None
    rows: NDArray[Any] = np.load(io.BytesIO(body), allow_pickle=False)
    return rows[: len(part.ids)]


def read_parts(
    store: Store, collection: str, model: str, wanted: Callable[[str], bool]
) -> list[tuple[dict[str, list[Any]], NDArray[Any]]]:
    """Read the rows of those ids that are wanted, each id once.

    Args:
        store: The bucket.
        collection: The collection.
        model: `name@version`.
        wanted: Whether an item's row is.

    Returns:
        For each part its JSON and its rows, both without what is not wanted.
    """
    names = [key for key in store.list(keys.collection_features(collection, model)) if key.endswith(".json")]
    found, known = [], set()
    with ThreadPoolExecutor(_READERS, thread_name_prefix="vectors") as pool:
        for part in pool.map(lambda name: _read_part(store, name), names):
            if part is None:
                continue
            facts, rows = part
            chosen = []
            for row, item_id in enumerate(facts["ids"][: len(rows)]):
                if item_id not in known and wanted(item_id):
                    known.add(item_id)
                    chosen.append(row)
            found.append(({name: [values[row] for row in chosen] for name, values in facts.items()}, rows[chosen]))
    return found


def choose_model(collection: str, wanted: str, ids: Sequence[str], store: Store) -> str:
    """The model whose vectors are taken: the one that is wanted, else the first that is no copy-detection model.

    Args:
        collection: The collection.
        wanted: `name@version`; empty: any.
        ids: Items that it should have vectors of.
        store: The bucket.

    Raises:
        NoVectorsError: There are no such vectors.
    """
    prefix = keys.features_of_collection(collection)
    names = {key.removeprefix(prefix).partition("/")[0] for key in store.list(prefix)}
    usable = sorted(name for name in names if name != PDQ_MODEL and not name.endswith(CROPS))
    if wanted:
        if wanted not in names or wanted == PDQ_MODEL:
            there = f"it has those of {', '.join(usable)}" if usable else "it has none at all"
            raise NoVectorsError(f"{collection} has no vectors of {wanted}: {there}.")
        return wanted
    # Copy-detection models are trained not to see what images have in common.
    usable.sort(key=lambda name: name.startswith("copydetect@"))
    for name in usable:
        if any(rows.size for _, rows in read_parts(store, collection, name, set(ids[:1000]).__contains__)):
            return name
    raise NoVectorsError(f"{collection} has no vectors of these items: look at them with a model that gives some.")


def read_vectors(
    collection: str, model: str, ids: Iterable[str], store: Store
) -> tuple[list[str], NDArray[np.floating[Any]]]:
    """The vectors of items, where they have one.

    Returns:
        The items' ids, sorted, and `(N, D)` float16.
    """
    parts = read_parts(store, collection, model, set(ids).__contains__)
    found = [item_id for facts, _ in parts for item_id in facts["ids"]]
    if not found:
        return [], np.zeros((0, 1), np.float16)
    order = np.argsort(found)
    return [found[row] for row in order], np.concatenate([rows for _, rows in parts])[order]


def _read_part(store: Store, key: str) -> tuple[dict[str, list[Any]], NDArray[Any]] | None:
    try:
        rows = np.load(io.BytesIO(store.get(f"{key.removesuffix('.json')}.npy")), allow_pickle=False)
        return json.loads(store.get(key)), rows
    except NotFoundError:  # It was deleted with its items just now.
        return None
