"""Files of labels that are brought into a collection: whose each is, and what became of it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from framesift.table.jobs import JobRecord, JobState

ImportFormat = Literal["coco", "label-studio", "csv", "jsonl"]


class ImportRecord(JobRecord):
    """A file of labels or fields that somebody brings in, who is named by the annotations."""

    format: ImportFormat = "label-studio"
    key: str = Field(description="The object that the file is uploaded to; it is deleted once it is read.")
    size_bytes: int = Field(0, description="Of the file.")
    state: JobState = Field("open", description="`open`: the file has still to be uploaded.")
    starts: int = Field(0, description="Counts how often a job was started: names the execution.")
    items: int = Field(0, description="Items that were changed.")
    faults: int = Field(0, description="Tasks or lines that were not used.")
    first_faults: list[str] = Field([], description="The first of them, with the reason.")
