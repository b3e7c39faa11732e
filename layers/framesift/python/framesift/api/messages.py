"""The API's own messages, beyond the pipeline's contracts."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from framesift.contracts import Clip, Contract, DropReason, PublishedList, TopItem, TopList
from framesift.pipeline.branches import BRANCHES
from framesift.table import ItemDay, Review, RunRecord, TakenDown, Verdict

# The site's own ids, as `names.safe_id` leaves them.
CLIP_ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"

# `{edition}.{category}.{item}.{number}`.
REVIEW_ID_PATTERN = r"^[A-Za-z0-9._-]{1,160}$"

_ROUNDING: Final = 1e-6
"""By how much a box may pass the image's edge: shares are rounded on their way."""

CategoryName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,40}$")]
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


class StageProgress(Contract):
    """How far a stage is that is being worked on."""

    stage: str
    scope: str
    done: int = Field(ge=0)
    total: int = Field(ge=0)


class RunReport(Contract):
    """A run, its finished stages, and how far the others are."""

    record: RunRecord
    stages: list[StageReport]
    progress: list[StageProgress] = Field([], description="Of a run that is RUNNING.")
    screenshots: dict[str, str] = Field(
        {}, description="By category that failed: a link to what the crawler saw, which works for a while."
    )


class RunStart(BaseModel):
    """A run to start, or to take up again."""

    model_config = ConfigDict(extra="forbid")

    source: Source
    date: str | None = Field(
        None, pattern=r"^\d{4}-\d{2}-\d{2}$", description="null: today in the settings' time zone."
    )
    categories: list[CategoryName] | None = Field(None, min_length=1, max_length=50, description="null: all.")
    force: bool = Field(False, description="Run again even if the day is done.")


class StartedRun(Contract):
    """A run that was asked for: its record appears once the workflow has claimed the day."""

    source: str
    date: str
    execution_arn: str


class Outcome(StrEnum):
    """What became of an item: `listed`, `undecided` (yet), or why it was dropped."""

    LISTED = "listed"
    UNDECIDED = "undecided"
    FAILED = DropReason.FAILED.value
    REPEATED = DropReason.REPEATED.value
    DUPLICATE = DropReason.DUPLICATE.value
    LANGUAGE = DropReason.LANGUAGE.value
    TAKEN_DOWN = DropReason.TAKEN_DOWN.value
    BELOW_TOP = DropReason.BELOW_TOP.value


class SeenItem(Contract):
    """An item as a day has seen it."""

    item: Clip
    image_url: str | None = Field(None, description="A link that works for a while; null: it is no longer stored.")


class DayItem(SeenItem):
    """An item, and what it repeats."""

    outcome: Outcome
    keeper: SeenItem | None = Field(None, description="The item that it is a duplicate of, while it is stored.")


class DayItems(Contract):
    """A page of a category's items on a day."""

    source: str
    date: str
    category: str
    counts: dict[str, int] = Field(description="How many of all items have which outcome.")
    items: list[DayItem]
    next_cursor: int | None = Field(None, description="`after` of the next page; null: this is the last.")


class PublicationRequest(BaseModel):
    """A day whose lists are published again."""

    model_config = ConfigDict(extra="forbid")

    date: str | None = Field(None, pattern=r"^\d{4}-\d{2}-\d{2}$", description="null: the newest day.")
    categories: list[CategoryName] | None = Field(None, min_length=1, max_length=50, description="null: all.")


class Publication(Contract):
    """Lists that were published again."""

    date: str
    edition: str
    lists: list[PublishedList]


class LoginSettings(Contract):
    """How a page of this API logs people in."""

    authorize_url: str = Field(description="Where the authorization code flow with PKCE begins.")
    logout_url: str
    client_id: str
    scope: str
    sign_up: bool = Field(description="Whether anybody may sign up.")


class About(Contract):
    """What a page needs to know before anybody has logged in."""

    categories: list[str] = Field(description="Of the public lists, in the order to show them.")
    sources: list[str] = Field(description="What can be run.")
    login: LoginSettings


class LoginCode(BaseModel):
    """The code that a login has brought back."""

    model_config = ConfigDict(extra="forbid")

    code: str = Field(min_length=1, max_length=2_000)
    code_verifier: str = Field(min_length=43, max_length=128, pattern=r"^[A-Za-z0-9._~-]+$")
    redirect_uri: str = Field(min_length=1, max_length=500)


class AccessToken(Contract):
    """An access token; the refresh token stays in a cookie that no script can read."""

    access_token: str
    expires_in: int = Field(description="Seconds.")


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


class ServedReview(Review):
    """A prediction in review, with its image."""

    image_url: str = Field(description="A link that works for a while.")


class ReviewList(Contract):
    """A page of predictions that are pending, or that a person has decided; oldest first."""

    reviews: list[ServedReview]
    tags: list[str] = Field([], description="The tags that are trained.")
    next_cursor: str | None = Field(None, description="`cursor` of the next page; null: this is the last.")


class Correction(BaseModel):
    """A tag and a box as a person gives them, in shares of the image's width and height."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    tag: str = Field(min_length=1, max_length=200)
    left: float = Field(ge=0, lt=1)
    top: float = Field(ge=0, lt=1)
    width: float = Field(gt=0, le=1)
    height: float = Field(gt=0, le=1)

    @model_validator(mode="after")
    def _check(self) -> Correction:
        if self.left + self.width > 1 + _ROUNDING or self.top + self.height > 1 + _ROUNDING:
            raise ValueError("the box must lie inside the image")
        return self


class VerdictRequest(BaseModel):
    """A person's verdict on a prediction."""

    model_config = ConfigDict(extra="forbid")

    verdict: Verdict = Field(description="`pending` takes an earlier verdict back, and the correction with it.")
    correction: Correction | None = Field(
        None, description="Of `accepted`: the tag and the box as they should be; null: as they were predicted."
    )

    @model_validator(mode="after")
    def _check(self) -> VerdictRequest:
        if self.correction is not None and self.verdict != "accepted":
            raise ValueError("only what is accepted has a correction")
        return self


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
