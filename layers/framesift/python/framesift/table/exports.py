"""Exports of a collection: who asked for what, how far each is, and where it lies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import AwareDatetime, Field

from framesift.contracts import Contract
from framesift.contracts.exports import ExportFormat, ExportOptions, ExportSummary
from framesift.table.table import Table

ExportState = Literal["running", "done", "failed"]
_EXPORT: Final = "EXPORT#"


class ExportRecord(Contract):
    """An export that somebody has asked for."""

    collection: str
    id: str = Field(description="Exports sort by their time.")
    by: str = Field("", description="The user's id; empty: an operator.")
    query: str = Field("", description="The items that it holds, in the query language; empty: all.")
    format: ExportFormat
    options: ExportOptions = ExportOptions()
    state: ExportState = "running"
    created_at: AwareDatetime
    finished_at: AwareDatetime | None = None
    number: int = Field(0, description="The change of the catalog's log up to which its items were read.")
    summary: ExportSummary | None = Field(None, description="What it holds, once it is done.")
    done: int = Field(0, description="Items that are written so far.")
    total: int = Field(0, description="Items to write; 0: not known yet.")
    starts: int = Field(1, description="Counts how often it was started: names the execution.")
    error: str | None = Field(None, description="Why it failed.")
    expires_at: AwareDatetime = Field(description="When its file is deleted.")
    revision: int = Field(1, description="Counts changes of this record.")


@dataclass(frozen=True)
class Exports:
    """Records of exports."""

    table: Table

    def get(self, collection_id: str, export: str) -> ExportRecord | None:
        """An export; None if there is none of that id."""
        found = self.table.get(_partition(collection_id), f"{_EXPORT}{export}")
        return ExportRecord.model_validate_json(found["export"]) if found else None

    def of_collection(self, collection_id: str) -> Iterator[ExportRecord]:
        """A collection's exports, the newest first."""
        found = self.table.query(_partition(collection_id), prefix=_EXPORT, newest_first=True)
        return (ExportRecord.model_validate_json(record["export"]) for record in found)

    def create(self, export: ExportRecord) -> bool:
        """Write a new export; False, and nothing is written, if there is one with its id."""
        return self._put(export, "attribute_not_exists(pk)")

    def change(self, export: ExportRecord, **changes: Any) -> ExportRecord | None:
        """Change some fields; None, and nothing is written, if the export is not as it was read, or is gone."""
        changed = export.model_copy(update={**changes, "revision": export.revision + 1})
        return changed if self._put(changed, "revision = :revision", revision=export.revision) else None

    def delete(self, collection_id: str, export: str) -> None:
        """Delete the record of an export; that there is none is no error."""
        self.table.delete(_partition(collection_id), f"{_EXPORT}{export}")

    def _put(self, export: ExportRecord, condition: str, **values: int) -> bool:
        fields = {"export": export.model_dump_json(), "revision": export.revision}
        return self.table.put(_partition(export.collection), f"{_EXPORT}{export.id}", fields, condition, **values)


def _partition(collection_id: str) -> str:
    return f"COLLECTION#{collection_id}"
