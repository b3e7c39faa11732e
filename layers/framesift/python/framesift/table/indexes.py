"""Indexes of collections' vectors: which segments each has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pydantic import AwareDatetime, Field

from framesift.contracts import Contract
from framesift.table.table import Table

_INDEX: Final = "INDEX#"


class IndexSegment(Contract):
    """A segment of an index; its files never change."""

    name: str = Field(description="The digest of its card, and its folder's name.")
    rows: int = Field(ge=0)
    size_bytes: int = Field(ge=0, description="All files together.")


class RetiredSegment(Contract):
    """A segment that others have replaced, and that some reader may still be about to fetch."""

    name: str
    at: AwareDatetime


class VectorIndex(Contract):
    """The index of one model's vectors."""

    model: str = Field(description="`name@version`, the folder of the vectors.")
    segments: list[IndexSegment] = Field([])
    retired: list[RetiredSegment] = Field([])

    @property
    def rows(self) -> int:
        """Vectors of all segments."""
        return sum(segment.rows for segment in self.segments)


@dataclass(frozen=True)
class Indexes:
    """Records of indexes."""

    table: Table

    def of_collection(self, collection_id: str) -> Iterator[VectorIndex]:
        """A collection's indexes, by model."""
        found = self.table.query(_partition(collection_id), prefix=_INDEX)
        return (VectorIndex.model_validate_json(record["index"]) for record in found)

    def get(self, collection_id: str, model: str) -> VectorIndex | None:
        """The index of a model's vectors; None: there is none."""
        found = self.table.get(_partition(collection_id), f"{_INDEX}{model}")
        return VectorIndex.model_validate_json(found["index"]) if found else None

    def switch(self, collection_id: str, index: VectorIndex, replaces: VectorIndex | None) -> bool:
        """Record which segments an index has.

        Args:
            collection_id: The collection.
            index: The index.
            replaces: The record as it was read; None where there was none.

        Returns:
            False, and nothing is written, if the record is not as it was read.
        """
        condition = "#index = :index" if replaces else "attribute_not_exists(pk)"
        values = {"index": replaces.model_dump_json()} if replaces else {}
        record = {"index": index.model_dump_json()}
        return self.table.put(_partition(collection_id), f"{_INDEX}{index.model}", record, condition, **values)


def _partition(collection_id: str) -> str:
    return f"COLLECTION#{collection_id}"
