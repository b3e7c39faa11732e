"""Samples of a collection: who asked for which, and what came out: the recipe of their tags."""

from __future__ import annotations

from pydantic import Field

from framesift.contracts.samples import SampleOptions, SampleSummary
from framesift.table.jobs import JobRecord


class SampleRecord(JobRecord):
    """A sample that somebody has asked for."""

    tag: str = Field(description="What the chosen items are tagged with.")
    query: str = Field("", description="What it is taken of, in the query language; empty: all.")
    options: SampleOptions = SampleOptions()
    summary: SampleSummary | None = Field(None, description="What came out, once it is done.")
