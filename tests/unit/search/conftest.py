from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from framesift.catalog.condition import EVERYTHING, Condition
from framesift.catalog.log import CatalogLog
from framesift.catalog.reader import CatalogReader
from framesift.catalog.vectors import write_part
from framesift.search.searcher import Found, Searcher
from framesift.search.segment import make_query
from framesift.search.update import IndexUpdate, update_index
from framesift.settings import CatalogSettings, SearchSettings
from framesift.storage import S3Store
from framesift.table import Collection, Records
from tests.unit.catalog.items import item_id, make_item

COLLECTION, MODEL, DIMENSION = "parts", "look@1", 24


class Parts:
    """A collection whose items have vectors."""

    def __init__(self, store: S3Store, records: Records, folder: Path) -> None:
        records.collections.create(Collection(id=COLLECTION, owner="kim", created_at=datetime.now(UTC)))
        self.store, self.records = store, records
        self.settings = SearchSettings(cache_dir=str(folder / "indexes"))
        catalogs = CatalogSettings(cache_dir=str(folder / "catalogs"), query_memory_mb=256)
        self.log = CatalogLog(COLLECTION, store, records)
        self.reader = CatalogReader(COLLECTION, store, records, catalogs)
        self.vectors: dict[str, NDArray[np.float32]] = {}
        self._parts = 0

    def searcher(self) -> Searcher:
        return Searcher(COLLECTION, MODEL, self.reader, self.store, self.records, self.settings)

    def store_vectors(self, numbers: Sequence[int], rows: NDArray[Any]) -> None:
        self._parts += 1
        ids = [item_id(number) for number in numbers]
        write_part(self.store, COLLECTION, MODEL, f"part-{self._parts}", ids, rows)
        self.vectors |= {one: np.asarray(row, np.float32) for one, row in zip(ids, rows, strict=True)}

    def add(self, numbers: Sequence[int], rows: NDArray[Any] | None = None, **fields: Any) -> None:
        """Add items with vectors, those of their numbers by default."""
        made = np.stack([vector_of(number) for number in numbers]) if rows is None else rows
        self.store_vectors(numbers, made)
        self.log.add_items([make_item(number, **fields) for number in numbers], "kim")

    def update(self, **options: Any) -> IndexUpdate | None:
        living = self.reader.ids()
        return update_index(COLLECTION, MODEL, living, self.store, self.records, self.settings, **options)

    def brute_force(
        self, query: NDArray[np.float32], count: int, condition: Condition = EVERYTHING, viewer: str | None = None
    ) -> list[tuple[str, float]]:
        """What a search must find."""
        ids = [one for one in self.reader.ids(condition, viewer=viewer) if one in self.vectors]
        scores = [float(unit(self.vectors[one]) @ query) for one in ids]
        return sorted(zip(ids, scores, strict=True), key=lambda each: (-each[1], each[0]))[:count]


def unit(row: NDArray[Any]) -> NDArray[np.float32]:
    """A row as it is kept: of length 1, in float16."""
    return np.asarray((row / np.linalg.norm(row)).astype(np.float16), np.float32)


def vector_of(number: int) -> NDArray[np.float16]:
    return np.random.default_rng(number).standard_normal(DIMENSION).astype(np.float16)


def a_query(seed: int = 0) -> NDArray[np.float32]:
    return make_query(np.random.default_rng(10_000 + seed).standard_normal(DIMENSION))


def check(found: Found, expected: list[tuple[str, float]]) -> None:
    """That hits are the expected ones; those whose cosines differ by rounding alone may change places."""
    assert [hit.score for hit in found.hits] == pytest.approx([score for _, score in expected], abs=1e-4)
    best = {one for one, score in expected if score > expected[-1][1] + 2e-4}
    assert best <= {hit.id for hit in found.hits}
    assert len({hit.id for hit in found.hits}) == len(found.hits)


@pytest.fixture
def parts(store: S3Store, records: Records, tmp_path: Path) -> Parts:
    return Parts(store, records, tmp_path)
