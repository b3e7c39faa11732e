"""Files of labels that are brought into a collection: whose each is, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import AwareDatetime, Field

from framesift.contracts import Contract
from framesift.table.table import Table

ImportFormat = Literal["coco", "label-studio", "csv", "jsonl"]
ImportState = Literal["open", "running", "done", "failed"]
_IMPORT: Final = "IMPORT#"


class ImportRecord(Contract):
    """A file of labels or fields that somebody brings in."""

    collection: str
    id: str = Field(description="Imports sort by their time.")
    by: str = Field("", description="The user's id, who is named by the annotations; empty: an operator.")
    format: ImportFormat = "label-studio"
    key: str = Field(description="The object that the file is uploaded to; it is deleted once it is read.")
    size_bytes: int = Field(0, description="Of the file.")
    state: ImportState = Field("open", description="`open`: the file has still to be uploaded.")
    created_at: AwareDatetime
    finished_at: AwareDatetime | None = None
    items: int = Field(0, description="Items that were changed.")
    faults: int = Field(0, description="Tasks or lines that were not used.")
    first_faults: list[str] = Field([], description="The first of them, with the reason.")
    starts: int = Field(0, description="Counts how often it was started: names the execution.")
    error: str | None = Field(None, description="Why nothing was used.")
    revision: int = Field(1, description="Counts changes of this record.")


@dataclass(frozen=True)
class Imports:
    """Records of imports."""

    table: Table

    def get(self, collection_id: str, import_id: str) -> ImportRecord | None:
        """An import; None if there is none of that id."""
        found = self.table.get(_partition(collection_id), f"{_IMPORT}{import_id}")
        return ImportRecord.model_validate_json(found["import"]) if found else None

    def of_collection(self, collection_id: str) -> Iterator[ImportRecord]:
        """A collection's imports, the newest first."""
        found = self.table.query(_partition(collection_id), prefix=_IMPORT, newest_first=True)
        return (ImportRecord.model_validate_json(record["import"]) for record in found)

    def create(self, record: ImportRecord) -> bool:
        """Write a new import; False, and nothing is written, if there is one with its id."""
        return self._put(record, "attribute_not_exists(pk)")

    def change(self, record: ImportRecord, **changes: Any) -> ImportRecord | None:
        """Change some fields; None, and nothing is written, if the import is not as it was read, or is gone."""
        changed = record.model_copy(update={**changes, "revision": record.revision + 1})
        return changed if self._put(changed, "revision = :revision", revision=record.revision) else None

    def _put(self, record: ImportRecord, condition: str, **values: int) -> bool:
        fields = {"import": record.model_dump_json(), "revision": record.revision}
        return self.table.put(_partition(record.collection), f"{_IMPORT}{record.id}", fields, condition, **values)


def _partition(collection_id: str) -> str:
    return f"COLLECTION#{collection_id}"
