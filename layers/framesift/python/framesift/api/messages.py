"""The API's own messages, beyond the pipeline's contracts."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from framesift.contracts import Contract, TopItem, TopList
from framesift.pipeline.branches import BRANCHES
from framesift.table import ItemDay, Review, RunRecord, TakenDown

# The site's own ids, as `names.safe_id` leaves them.
CLIP_ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"

# `{edition}.{category}.{item}.{number}`.
REVIEW_ID_PATTERN = r"^[A-Za-z0-9._-]{1,160}$"

Source = Annotated[str, StringConstraints(pattern=f"^({'|'.join(BRANCHES)})$")]


class ServedItem(TopItem):
    """One clip of a list, with its thumbnail's address."""

    thumbnail_url: str = Field(description="Relative to the list's own address.")


class ServedList(TopList):
    """A list as it was published, with its thumbnails' addresses."""

    items: list[ServedItem]  # type: ignore[assignment]  # a list that is only read


class Moved(Contract):
    """A clip that is in both lists, at different ranks."""

    clip_id: str
    title: str
    from_rank: int = Field(ge=1)
    to_rank: int = Field(ge=1)


class ListDiff(Contract):
    """What a list changed from the one before."""

    category: str
    edition: str
    previous_edition: str | None = Field(None, description="None if there is no earlier list: everything is new then.")
    new: list[TopItem]
    gone: list[TopItem]
    moved: list[Moved]


class RunList(Contract):
    """The newest runs of a source, newest first."""

    runs: list[RunRecord]


class StageReport(Contract):
    """A finished stage of a run."""

    stage: str
    scope: str = Field(description="The categories that it worked on.")
    output: dict[str, Any]


class RunReport(Contract):
    """A run and its finished stages."""

    record: RunRecord
    stages: list[StageReport]


class ClipHistory(Contract):
    """A clip's outcome on each day, newest first."""

    source: str
    id: str
    taken_down: str | None = Field(None, description="Why it must not be listed; null: it may be.")
    days: list[ItemDay]


class TakedownRequest(BaseModel):
    """A clip that must not be listed, and why."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    source: Source
    id: str = Field(pattern=CLIP_ID_PATTERN)
    why: str = Field(min_length=1, max_length=500)


class ReviewList(Contract):
    """A page of predictions that are pending, or that a person has decided; oldest first."""

    reviews: list[Review]
    next_cursor: str | None = Field(None, description="`cursor` of the next page; null: this is the last.")


class VerdictRequest(BaseModel):
    """A person's verdict on a prediction."""

    model_config = ConfigDict(extra="forbid")

    verdict: Literal["accepted", "rejected"]


class Takedown(Contract):
    """A recorded takedown."""

    source: str
    id: str
    why: str
    listed_in: list[str] = Field(description="The categories whose newest list was published with the clip.")
    effect: str = "It is left out of every view at once; the ranks close up in the next edition of the list."


class TakedownList(Contract):
    """The clips that must not be listed, the latest takedown first."""

    takedowns: list[TakenDown]


class Restored(Contract):
    """A takedown that was undone."""

    source: str
    id: str
    listed_in: list[str] = Field(description="The categories whose newest list shows the clip again.")


class FieldFault(BaseModel):
    """What is wrong with one field of a request."""

    field: str = Field(description="Such as `query.limit` or `body.why`.")
    message: str


class GatewayMessage(BaseModel):
    """What the gateway itself answers, before the API is asked."""

    message: str


class Problem(BaseModel):
    """A problem detail (RFC 9457)."""

    type: str = Field(description="Names the kind of problem, for a program.")
    title: str
    status: int
    detail: str = Field(description="What to do, for a person.")
    instance: str = Field(description="The path of the request.")
    request_id: str = Field("", description="Finds the request in the logs.")
    errors: list[FieldFault] | None = None
    column: int | None = Field(None, description="Of a query: where it cannot be understood, from 1.")
    expected: list[str] | None = Field(None, description="Of a query: what could stand there.")
