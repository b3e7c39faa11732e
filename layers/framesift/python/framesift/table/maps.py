"""Maps of a collection: who asked for which, how far each is, and what it shows."""

from __future__ import annotations

from pydantic import Field

from framesift.contracts.maps import MapOptions, MapSummary
from framesift.table.jobs import JobRecord


class MapRecord(JobRecord):
    """A map that somebody has asked for."""

    query: str = Field("", description="The items that it shows, in the query language; empty: all.")
    options: MapOptions = MapOptions()
    summary: MapSummary | None = Field(None, description="What it shows, once it was done for the first time.")
