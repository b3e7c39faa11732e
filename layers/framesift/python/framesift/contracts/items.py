"""Items: one piece of media each, with the results of each stage."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal, Self

from pydantic import Field

from framesift.contracts.base import Contract


class ItemError(Contract):
    """Why an item could not be used."""

    stage: str
    error: str = Field(description="The name of the error's class.")
    message: str

    @classmethod
    def of(cls, error: Exception, stage: str) -> Self:
        """What an error says, and the stage that it came up in."""
        return cls(stage=stage, error=type(error).__name__, message=str(error))


class Media(Contract):
    """An item's image as it was collected."""

    key: str = Field(description="Its key in the bucket.")
    sha256: str
    content_type: str
    size_bytes: int
    width: int
    height: int


class Duplicate(Contract):
    """Which item this one is a duplicate of, and how that was found."""

    of: str = Field(description="The id of the kept item that it repeats.")
    of_date: str | None = Field(None, description="The day of that item if it is not this run's.")
    of_category: str | None = Field(None, description="The category of that clip.")
    method: str = Field(description="`sha256`, `pdq`, the embedder's name, or `aligned` (confirmed by alignment).")
    score: float = Field(description="Cosine similarity, or 1 - distance / 256 for PDQ.")


class Region(Contract):
    """A tagged box in an image, in shares of its width and height: 0 is left or top, 1 is right or bottom."""

    tag: str
    left: float
    top: float
    width: float
    height: float


class Detection(Region):
    """An object that a detector found."""

    probability: float = Field(ge=0.0, le=1.0)


class Language(Contract):
    """The language that was detected for a clip."""

    code: str = Field(description="ISO 639-1, or `und` if undetermined.")
    confidence: float = Field(ge=0.0, le=1.0)
    decided_by: Literal["title", "author", "none"]
    provider: str


class DropReason(StrEnum):
    """Why an item is not in the list."""

    FAILED = "failed"
    REPEATED = "repeated_url"
    DUPLICATE = "duplicate"
    LANGUAGE = "language"
    TAKEN_DOWN = "taken_down"
    BELOW_TOP = "below_top"


class Decision(Contract):
    """Whether an item is in the list, and why."""

    list_id: str | None = Field(None, description="`dance01` … if it is in the list.")
    rank: int | None = None
    dropped: DropReason | None = None
    why: str = Field("", description="One sentence for a person.")


class Item(Contract):
    """One piece of media and what is known about it; each stage adds its results."""

    source: str
    id: str = Field(description="Its id within the source: the site's own, or a digest of its content.")
    title: str = ""
    collected_at: datetime
    media: Media | None = None
    error: ItemError | None = None
    duplicate: Duplicate | None = None
    judged_by: str | None = Field(
        None,
        description="What the item was compared by: an embedder's name, `pdq`, or `none` (too plain).",
    )
    detections: list[Detection] | None = Field(None, description="None before detection.")
    detected_by: str | None = Field(None, description="The detector's name and version.")

    @property
    def rank(self) -> tuple[int, ...]:
        """Of two duplicates the one with the smaller rank is kept: the larger image, of equals the larger file."""
        return (-self.media.width * self.media.height, -self.media.size_bytes) if self.media else ()


class Clip(Item):
    """An item that was posted on a site, with the site's data about it and the decision."""

    category: str
    url: str
    author: str = Field("", description="The author's account name.")
    author_name: str = Field("", description="The author's display name.")
    views: int = Field(ge=0)
    views_text: str | None = Field(None, description="The count as shown on the page, if it was read there.")
    posted_at: datetime | None = None
    thumbnail_url: str | None = None
    smaller_thumbnail_urls: list[str] = Field([], description="Tried in this order if `thumbnail_url` fails.")
    language: Language | None = None
    decision: Decision | None = None

    @property
    def rank(self) -> tuple[int, ...]:
        """Of two clips the one with more views is kept."""
        return (-self.views,)
