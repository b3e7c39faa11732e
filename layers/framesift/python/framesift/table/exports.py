"""Exports of a collection: who asked for what, how far each is, and where it lies."""

from __future__ import annotations

from pydantic import AwareDatetime, Field

from framesift.contracts.exports import ExportFormat, ExportOptions, ExportSummary
from framesift.table.jobs import JobRecord


class ExportRecord(JobRecord):
    """An export that somebody has asked for."""

    query: str = Field("", description="The items that it holds, in the query language; empty: all.")
    format: ExportFormat
    options: ExportOptions = ExportOptions()
    number: int = Field(0, description="The change of the catalog's log up to which its items were read.")
    summary: ExportSummary | None = Field(None, description="What it holds, once it is done.")
    done: int = Field(0, description="Items that are written so far.")
    total: int = Field(0, description="Items to write; 0: not known yet.")
    expires_at: AwareDatetime = Field(description="When its file is deleted.")
