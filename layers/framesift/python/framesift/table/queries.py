"""Queries that people have saved with a collection."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pydantic import AwareDatetime, Field

from framesift.contracts import Contract
from framesift.table.table import Table

_QUERY: Final = "QUERY#"


class SavedQuery(Contract):
    """A query under a name."""

    name: str
    query: str
    sort: str = Field("", description="How its items are sorted; empty: the newest first.")
    by: str = ""
    at: AwareDatetime


@dataclass(frozen=True)
class SavedQueries:
    """Records of saved queries."""

    table: Table

    def of_collection(self, collection_id: str) -> Iterator[SavedQuery]:
        """A collection's saved queries, by name."""
        found = self.table.query(_partition(collection_id), prefix=_QUERY)
        return (SavedQuery.model_validate_json(record["saved"]) for record in found)

    def put(self, collection_id: str, saved: SavedQuery) -> None:
        """Save a query, in place of the one of that name."""
        self.table.put(_partition(collection_id), f"{_QUERY}{saved.name}", {"saved": saved.model_dump_json()})

    def delete(self, collection_id: str, name: str) -> None:
        """Delete a saved query; that there is none is no error."""
        self.table.delete(_partition(collection_id), f"{_QUERY}{name}")


def _partition(collection_id: str) -> str:
    return f"COLLECTION#{collection_id}"
