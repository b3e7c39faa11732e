"""The pairs of similar images that comparisons have found, an object for each comparison."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Final, NamedTuple

from framesift import keys
from framesift.storage import Store, StoredObject

_COMPARED: Final = "compared"  # Beside the methods.

Pairs = Mapping[str, list[tuple[str, str, float]]]
"""By the method that found them: the ids of two items, and how similar these are."""


class PairsPart(NamedTuple):
    """What one comparison has found.

    Attributes:
        stored: Its object.
        pairs: The pairs.
        compared: The ids of the items that were new then: they were compared with all that were there.
    """

    stored: StoredObject
    pairs: Pairs
    compared: list[str]


def write_pairs(store: Store, collection: str, part: str, pairs: Pairs, compared: Iterable[str]) -> None:
    """Keep what a comparison of new items has found; done again with the same, it replaces what it kept before."""
    new = sorted(compared)
    # What a batch gains when it is tried again is compared by itself, and is a part of its own.
    unique = sha256("".join(new).encode()).hexdigest()[:12]
    key = f"{keys.collection_duplicates(collection)}{part}~{unique}.json.gz"
    store.put(key, _pack(pairs, new), "application/gzip")


def read_pairs(store: Store, collection: str) -> Iterator[PairsPart]:
    """What each comparison has found."""
    for stored in store.objects(keys.collection_duplicates(collection)):
        found = json.loads(gzip.decompress(store.get(stored.key)))
        compared = found.pop(_COMPARED, [])
        pairs = {method: [tuple(pair) for pair in pairs] for method, pairs in found.items()}
        yield PairsPart(stored, pairs, compared)


def replace_pairs(store: Store, part: PairsPart, pairs: Pairs, compared: Iterable[str]) -> None:
    """Change what a comparison has found, unless it was done again meanwhile."""
    store.put(part.stored.key, _pack(pairs, compared), "application/gzip", replaces=part.stored.etag)


def _pack(pairs: Pairs, compared: Iterable[str]) -> bytes:
    return gzip.compress(json.dumps({**pairs, _COMPARED: list(compared)}).encode(), mtime=0)
