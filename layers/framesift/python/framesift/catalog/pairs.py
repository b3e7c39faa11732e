"""The pairs of similar images that comparisons have found, an object for each comparison."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from framesift import keys
from framesift.storage import Store, StoredObject

Pairs = Mapping[str, list[tuple[str, str, float]]]
"""By the method that found them: the ids of two items, and how similar these are."""


class PairsPart(NamedTuple):
    """What one comparison has found.

    Attributes:
        stored: Its object.
        pairs: The pairs.
    """

    stored: StoredObject
    pairs: Pairs


def write_pairs(store: Store, collection: str, part: str, pairs: Pairs) -> None:
    """Keep what a comparison has found; done again, it replaces what it kept before."""
    store.put(f"{keys.collection_duplicates(collection)}{part}.json.gz", _pack(pairs), "application/gzip")


def read_pairs(store: Store, collection: str) -> Iterator[PairsPart]:
    """What each comparison has found."""
    for stored in store.objects(keys.collection_duplicates(collection)):
        found = json.loads(gzip.decompress(store.get(stored.key)))
        yield PairsPart(stored, {method: [tuple(pair) for pair in pairs] for method, pairs in found.items()})


def replace_pairs(store: Store, part: PairsPart, pairs: Pairs) -> None:
    """Change what a comparison has found, unless it was done again meanwhile."""
    store.put(part.stored.key, _pack(pairs), "application/gzip", replaces=part.stored.etag)


def _pack(pairs: Pairs) -> bytes:
    return gzip.compress(json.dumps(pairs).encode(), mtime=0)
