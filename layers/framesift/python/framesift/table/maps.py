"""Maps of a collection: who asked for which, how far each is, and what it shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import AwareDatetime, Field

from framesift.contracts import Contract
from framesift.contracts.maps import MapOptions, MapSummary
from framesift.table.table import Table

MapState = Literal["running", "done", "failed"]
_MAP: Final = "MAP#"


class MapRecord(Contract):
    """A map that somebody has asked for."""

    collection: str
    id: str = Field(description="Maps sort by their time.")
    by: str = Field("", description="The user's id; empty: an operator.")
    query: str = Field("", description="The items that it shows, in the query language; empty: all.")
    options: MapOptions = MapOptions()
    state: MapState = "running"
    created_at: AwareDatetime
    started_at: AwareDatetime = Field(description="When its last job was started.")
    finished_at: AwareDatetime | None = None
    summary: MapSummary | None = Field(None, description="What it shows, once it was done for the first time.")
    starts: int = Field(1, description="Counts how often a job was started: names the execution.")
    error: str | None = Field(None, description="Why the last job failed.")
    revision: int = Field(1, description="Counts changes of this record.")


@dataclass(frozen=True)
class Maps:
    """Records of maps."""

    table: Table

    def get(self, collection_id: str, map_id: str) -> MapRecord | None:
        """A map; None if there is none of that id."""
        found = self.table.get(_partition(collection_id), f"{_MAP}{map_id}")
        return MapRecord.model_validate_json(found["map"]) if found else None

    def of_collection(self, collection_id: str) -> Iterator[MapRecord]:
        """A collection's maps, the newest first."""
        found = self.table.query(_partition(collection_id), prefix=_MAP, newest_first=True)
        return (MapRecord.model_validate_json(record["map"]) for record in found)

    def create(self, record: MapRecord) -> bool:
        """Write a new map; False, and nothing is written, if there is one with its id."""
        return self._put(record, "attribute_not_exists(pk)")

    def change(self, record: MapRecord, **changes: Any) -> MapRecord | None:
        """Change some fields; None, and nothing is written, if the map is not as it was read, or is gone."""
        changed = record.model_copy(update={**changes, "revision": record.revision + 1})
        return changed if self._put(changed, "revision = :revision", revision=record.revision) else None

    def delete(self, collection_id: str, map_id: str) -> None:
        """Delete the record of a map; that there is none is no error."""
        self.table.delete(_partition(collection_id), f"{_MAP}{map_id}")

    def _put(self, record: MapRecord, condition: str, **values: int) -> bool:
        fields = {"map": record.model_dump_json(), "revision": record.revision}
        return self.table.put(_partition(record.collection), f"{_MAP}{record.id}", fields, condition, **values)


def _partition(collection_id: str) -> str:
    return f"COLLECTION#{collection_id}"
