"""The published lists."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from framesift.contracts.base import Contract


class TopItem(Contract):
    """One clip of a published list."""

    id: str = Field(description="`dance01` …", pattern=r"^[a-z0-9_-]+\d{2}$")
    rank: int = Field(ge=1)
    url: str
    title: str
    author: str
    author_name: str
    views: int = Field(ge=0)
    thumbnail: str = Field(description="Path relative to the list's folder: `thumbnails/dance01.jpg`.")
    thumbnail_width: int = Field(ge=1)
    thumbnail_height: int = Field(ge=1)
    thumbnail_sha256: str
    clip_id: str = Field(description="The site's own id.")
    language_confidence: float = Field(ge=0, le=1)
    previous_rank: int | None = Field(None, description="Its rank in the previous list; null: new.")


class TopList(Contract):
    """A published list: `{category}_top10.json`."""

    schema_version: Literal[1] = 1
    source: str
    category: str
    date: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")
    edition: str
    generated_at: datetime
    count: int = Field(ge=0)
    wanted: int = Field(ge=1, description="The requested length of the list.")
    note: str | None = Field(None, description="An explanation if there are fewer than wanted.")
    items: list[TopItem]
