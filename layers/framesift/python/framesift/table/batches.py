"""Upload batches: what came into a collection together, and how far it is."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import AwareDatetime, Field

from framesift.contracts import Contract
from framesift.table.table import Table

BatchState = Literal["open", "running", "done", "failed", "aborted"]
BatchKind = Literal["upload", "inbox", "references", "relook"]


class BatchRecord(Contract):
    """What was uploaded together."""

    collection: str
    id: str
    kind: BatchKind = Field(description="`inbox`: dropped into the bucket; `references`: read where it lies.")
    state: BatchState = Field(description="`open`: files are still arriving.")
    by: str = Field("", description="The user's id; empty: whoever may write to the bucket.")
    date: str = Field(description="The date of its run, YYYY-MM-DD.")
    created_at: AwareDatetime
    completed_at: AwareDatetime | None = Field(None, description="When all files had arrived.")
    finished_at: AwareDatetime | None = Field(None, description="When its latest run ended.")
    files: int = Field(0, description="Files as they were uploaded; a zip is one.")
    size_bytes: int = 0
    lists: list[str] = Field([], description="The objects that list the announced files, in order.")
    digest: str = Field("", description="Of what is uploaded: the same again takes up this batch.")
    references: list[str] = Field([], description="`s3://…` prefixes, where the images stay.")
    models: list[str] = Field([], description="What looks at the images; empty: the collection's models.")
    counts: dict[str, int] = Field({}, description="Files by what became of them, those in zips included.")
    runs: list[str] = Field([], description="Editions of its runs, the first one first.")
    published: str = Field("", description="The folder of the shards whose results the ledger has; empty: no ledger.")
    compared: bool = Field(True, description="False while its images wait to be compared with the collection's others.")
    error: str | None = Field(None, description="Why its latest run failed.")
    revision: int = Field(1, description="Counts changes of this record.")


class PartUpload(Contract):
    """An upload in parts that is not complete."""

    file: int = Field(description="The file's number in its batch.")
    key: str
    upload_id: str


def new_batch_id(now: datetime) -> str:
    """A new id; ids sort by their time."""
    return f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"


@dataclass(frozen=True)
class Batches:
    """Records of upload batches."""

    table: Table

    def get(self, collection: str, batch: str) -> BatchRecord | None:
        """A batch; None if there is none."""
        found = self.table.get(_pk(collection), f"BATCH#{batch}")
        return BatchRecord.model_validate_json(found["batch"]) if found else None

    def of_collection(self, collection: str) -> Iterator[BatchRecord]:
        """A collection's batches, the newest first."""
        found = self.table.query(_pk(collection), prefix="BATCH#", newest_first=True)
        return (BatchRecord.model_validate_json(record["batch"]) for record in found)

    def create(self, batch: BatchRecord) -> bool:
        """Write a new batch; False, and nothing is written, if there is one with its id."""
        return self._put(batch, "attribute_not_exists(pk)")

    def change(self, batch: BatchRecord, **changes: Any) -> BatchRecord | None:
        """Change some fields of a batch; None, and nothing is written, if it is not as it was read, or is gone."""
        changed = batch.model_copy(update={**changes, "revision": batch.revision + 1})
        return changed if self._put(changed, "revision = :revision", revision=batch.revision) else None

    def part_uploads(self, collection: str, batch: str) -> dict[int, PartUpload]:
        """Uploads in parts that are not complete, by the number of their file."""
        found = self.table.query(_pk(collection), prefix=f"PARTS#{batch}#")
        uploads = (PartUpload.model_validate_json(record["upload"]) for record in found)
        return {upload.file: upload for upload in uploads}

    def part_upload(self, collection: str, batch: str, file: int) -> PartUpload | None:
        """An upload in parts that is not complete; None if there is none of that file."""
        found = self.table.get(_pk(collection), _parts(batch, file))
        return PartUpload.model_validate_json(found["upload"]) if found else None

    def put_part_upload(self, collection: str, batch: str, upload: PartUpload, expires_at: int) -> bool:
        """Record that an upload in parts has begun; False if another one of the file has."""
        fields = {"upload": upload.model_dump_json(), "expires_at": expires_at}
        return self.table.put(_pk(collection), _parts(batch, upload.file), fields, "attribute_not_exists(pk)")

    def end_part_upload(self, collection: str, batch: str, file: int) -> None:
        """Forget an upload in parts: it is complete, or given up."""
        self.table.delete(_pk(collection), _parts(batch, file))

    def _put(self, batch: BatchRecord, condition: str, **values: int) -> bool:
        fields = {"batch": batch.model_dump_json(), "revision": batch.revision}
        return self.table.put(_pk(batch.collection), f"BATCH#{batch.id}", fields, condition, **values)


def is_expired(batch: BatchRecord, now: datetime, open_days: int) -> bool:
    """Whether a batch was never completed, and the bucket has deleted what had arrived of it."""
    return batch.state == "open" and now - batch.created_at > timedelta(days=open_days)


def _pk(collection: str) -> str:
    return f"COLLECTION#{collection}"


def _parts(batch: str, file: int) -> str:
    return f"PARTS#{batch}#{file:07d}"
