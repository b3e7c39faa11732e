"""What people have asked jobs of a collection for, whatever it is: who asked, how far it is, and how it ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from pydantic import AwareDatetime, Field

from framesift.contracts import Contract
from framesift.errors import FramesiftError
from framesift.table.table import Table

JobState = Literal["open", "running", "done", "failed"]


class JobRecord(Contract):
    """What every such record says."""

    collection: str
    id: str = Field(description="Sorts by the time.")
    by: str = Field("", description="The user's id; empty: an operator.")
    state: JobState = Field("running", description="`open`: not started yet.")
    created_at: AwareDatetime
    started_at: AwareDatetime | None = Field(None, description="When its last job was started.")
    finished_at: AwareDatetime | None = None
    starts: int = Field(1, description="Counts how often a job was started: names the execution.")
    error: str | None = Field(None, description="Why the last job failed.")
    revision: int = Field(1, description="Counts changes of this record.")


R = TypeVar("R", bound=JobRecord)


@dataclass(frozen=True)
class Jobs(Generic[R]):
    """The records of one kind.

    Attributes:
        table: The table.
        kind: In a word, which names keys and executions: `export`.
        record: The kind's model.
        missing: Raised where there is none.
    """

    table: Table
    kind: str
    record: type[R]
    missing: type[FramesiftError]

    def get(self, collection: str, job_id: str) -> R | None:
        """A record; None if there is none of that id."""
        found = self.table.get(_partition(collection), self._sort_key(job_id))
        return self.record.model_validate_json(found[self.kind]) if found else None

    def find(self, collection: str, job_id: str) -> R:
        """A record; raises `missing` if there is none of that id."""
        found = self.get(collection, job_id)
        if found is None:
            raise self.missing(f"{collection} has no {self.kind} {job_id}.")
        return found

    def of_collection(self, collection: str) -> Iterator[R]:
        """A collection's, the newest first."""
        found = self.table.query(_partition(collection), prefix=self._sort_key(""), newest_first=True)
        return (self.record.model_validate_json(record[self.kind]) for record in found)

    def create(self, record: R) -> bool:
        """Write a new record; False, and nothing is written, if there is one with its id."""
        return self._put(record, "attribute_not_exists(pk)")

    def change(self, record: R, **changes: Any) -> R | None:
        """Change some fields; None, and nothing is written, if the record is not as it was read, or is gone."""
        changed = record.model_copy(update={**changes, "revision": record.revision + 1})
        return changed if self._put(changed, "revision = :revision", revision=record.revision) else None

    def update(self, collection: str, job_id: str, **changes: Any) -> R:
        """Change some fields of a record as it is by now; raises `missing` if there is none of that id."""
        while True:
            if changed := self.change(self.find(collection, job_id), **changes):
                return changed

    def delete(self, collection: str, job_id: str) -> None:
        """Delete a record; that there is none is no error."""
        self.table.delete(_partition(collection), self._sort_key(job_id))

    def execution(self, record: R) -> str:
        """The name of the execution that runs its last job."""
        return f"{self.kind}-{record.id}-{record.starts}"

    def _sort_key(self, job_id: str) -> str:
        return f"{self.kind.upper()}#{job_id}"

    def _put(self, record: R, condition: str, **values: int) -> bool:
        fields = {self.kind: record.model_dump_json(), "revision": record.revision}
        return self.table.put(_partition(record.collection), self._sort_key(record.id), fields, condition, **values)


def _partition(collection: str) -> str:
    return f"COLLECTION#{collection}"
