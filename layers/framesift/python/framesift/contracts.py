"""What travels between the states of the workflow, and what lies in its manifests.

States pass references and small facts; items lie in manifests (JSONL, one `Item` a line). Only optional fields are
ever added, since functions, jobs and running executions change at different moments of a deployment.
"""

from __future__ import annotations

from datetime import date as Date  # noqa: N812 - `date` is a field's name here
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Contract(BaseModel):
    """Base of every message: what it does not know, it leaves aside."""

    model_config = ConfigDict(extra="ignore", frozen=True)


# --- items -----------------------------------------------------------------------------------------------------


class ItemError(Contract):
    """Why an item could not be used."""

    stage: str
    error: str = Field(description="The name of the error's class.")
    message: str


class Media(Contract):
    """An item's picture as it was collected."""

    key: str = Field(description="Its key in the bucket.")
    sha256: str
    content_type: str
    size_bytes: int
    width: int
    height: int


class Duplicate(Contract):
    """That an item is a re-upload, of what, and how that was seen."""

    of: str = Field(description="The id of the kept item that it repeats.")
    of_date: str | None = Field(None, description="The day of that item where it is not this run's.")
    of_category: str | None = None
    method: str = Field(description="`sha256`, `pdq`, or the embedder's name.")
    score: float = Field(description="Cosine similarity, or 1 - distance / 256 for PDQ.")


class Region(Contract):
    """Where something is in a picture, in shares of its width and height: 0 is left or top, 1 is right or bottom."""

    tag: str
    left: float
    top: float
    width: float
    height: float


class Detection(Region):
    """Something that a detector sees."""

    probability: float = Field(ge=0.0, le=1.0)


class Language(Contract):
    """Which language an item was taken for."""

    code: str = Field(description="ISO 639-1, or `und` where nothing could be said.")
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
    """What became of an item."""

    list_id: str | None = Field(None, description="`dance01` … where it is in the list.")
    rank: int | None = None
    dropped: DropReason | None = None
    why: str = Field("", description="One sentence for a person.")


class Item(Contract):
    """One piece of media with what is known of it; each stage adds its part."""

    source: str
    category: str
    id: str = Field(description="The site's own id.")
    url: str
    title: str = ""
    author: str = Field("", description="The author's account name.")
    author_name: str = Field("", description="The name that the author shows.")
    views: int = Field(ge=0)
    views_text: str | None = Field(None, description="The count as the page wrote it, if it was read there.")
    posted_at: datetime | None = None
    thumbnail_url: str | None = None
    smaller_thumbnail_urls: list[str] = Field([], description="Asked for in this order where the first cannot be had.")
    collected_at: datetime
    media: Media | None = None
    error: ItemError | None = None
    duplicate: Duplicate | None = None
    judged_by: str | None = Field(
        None,
        description="What looked for duplicates: an embedder's name, `pdq`, or `none` (too plain).",
    )
    language: Language | None = None
    decision: Decision | None = None
    detections: list[Detection] | None = Field(None, description="None where no detector has looked.")
    detected_by: str | None = Field(None, description="The detector and its version.")


# --- starting a run --------------------------------------------------------------------------------------------


class StartInput(Contract):
    """What starts a run, whoever starts it. An unknown field or value is refused by name."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    source: str
    date: str | None = Field(None, description="YYYY-MM-DD; today in the settings' time zone by default.")
    categories: list[str] | None = None
    force: bool = Field(False, description="Run again even if the day is done.")
    only_if_failed: bool = Field(False, description="Do nothing unless the day's run has failed.")
    scheduled_at: str | None = Field(
        None,
        description="When a schedule meant to start it (ISO 8601): a late start still means that day.",
    )


class BeginInput(Contract):
    """The start as the state machine hands it on."""

    start: dict[str, Any]
    execution_arn: str
    started_at: datetime


class Run(Contract):
    """One pass over one source for one date."""

    source: str
    date: str
    attempt: int = Field(description="Counts the forced repeats of a day, from 1.")

    @property
    def day(self) -> Date:
        """The date as a date."""
        return Date.fromisoformat(self.date)


class BeginOutput(Contract):
    """Whether to run, and what."""

    decision: Literal["run", "skip"]
    why: str
    run: Run
    categories: list[str]


# --- the stages ------------------------------------------------------------------------------------------------


class CategoryInput(Contract):
    """A stage's work on one category (collect, curate)."""

    run: Run
    category: str


class CollectOutput(Contract):
    """What a crawl brought."""

    category: str
    status: Literal["done", "failed"] = "done"
    manifest_key: str | None = None
    seen: int = Field(0, description="Clips that the site showed.")
    below_min_views: int = 0
    repeated: int = Field(0, description="Sightings of a clip that was seen before.")
    items: int = Field(0, description="Clips in the manifest.")
    failed_items: int = Field(0, description="Of these, clips whose thumbnail could not be had.")
    cut_short: str | None = Field(None, description="Why the crawl ended before its target and the site's own end.")
    error: str | None = None
    cause: str | None = None


class StageInput(Contract):
    """A stage's work on all categories that were collected (plan, publish, archive)."""

    run: Run
    categories: list[str]


class PlanOutput(Contract):
    """How the vision job is to run."""

    analyze: bool = Field(description="False where an earlier try finished it.")
    job_spec_uri: str
    array_size: int = Field(1, description="1: no array.")
    compute: Literal["gpu", "cpu"]
    items: int


class CategoryManifest(Contract):
    """One category's manifest, for the vision job."""

    category: str
    manifest_key: str
    items: int


class HistoryManifest(Contract):
    """What an earlier run kept: its items are keepers already."""

    run: Run
    category: str
    manifest_key: str = Field(description="The `analyzed` manifest; items without `duplicate` and `error` count.")


class AnalysisJob(Contract):
    """What the vision job is to do: its one argument is the S3 URI of this."""

    run: Run
    bucket: str
    table: str
    categories: list[CategoryManifest]
    history: list[HistoryManifest] = Field([])
    summary_key: str
    array_size: int = 1
    shard_items: int


class AnalysisSummary(Contract):
    """What the vision job did; written by the join as `analysis.json`."""

    items: int
    failed_items: int
    duplicates: int
    duplicates_by_method: dict[str, int]
    not_judged: int
    embedder: str = Field(description="`resnet50`, `copydetect` or `pdq`.")
    embedder_why: str = Field(description="One sentence: why this one judged.")
    device: str
    history_items: int
    seconds: float


class CurateOutput(Contract):
    """What a category's curation decided."""

    category: str
    manifest_key: str
    items: int
    ranked: int
    dropped: dict[str, int]
    degraded: str | None = Field(None, description="Why the language provider's answers are not its own.")


class PublishedList(Contract):
    """One category's list as it was published."""

    category: str
    edition: str
    key: str
    count: int


class PublishOutput(Contract):
    """What was published."""

    edition: str
    lists: list[PublishedList]


class ArchiveOutput(Contract):
    """What went to the residual archive."""

    objects: int
    prefix: str


class PredictedCategory(Contract):
    """What a detector saw in one category."""

    category: str
    manifest_key: str
    items: int = Field(description="Pictures that were looked at.")
    failed_items: int
    confident: dict[str, int] = Field(description="Detections from their tag's threshold on, by tag.")
    to_review: int = Field(description="Detections between the two thresholds.")


class PredictOutput(Contract):
    """What a detector saw."""

    detector: str
    categories: list[PredictedCategory]


class TeachOutput(Contract):
    """What was taught, and whether that makes a training."""

    outcome: Literal["training", "nothing_changed", "not_enough_images", "no_project"]
    why: str
    iteration_id: str | None = None
    tags_made: list[str] = Field([])
    uploaded: int = 0
    known: int = Field(0, description="Pictures that the project had already.")
    waiting: int = Field(0, description="Pictures with a prediction that waits for a person.")
    refused: int = Field(0, description="Pictures that the service does not take.")
    check_after_s: int = Field(60, description="When to ask whether the training is done.")


class TrainingInput(Contract):
    """A training that was begun."""

    run: Run
    iteration_id: str


class TrainingOutput(Contract):
    """How far a training is."""

    status: Literal["training", "completed"]
    iteration_id: str
    check_after_s: int = Field(60, description="When to ask again.")


class GateOutput(Contract):
    """Whether a trained iteration went into service."""

    outcome: Literal["published", "kept_former"]
    why: str
    iteration_id: str
    publish_name: str | None = None
    average_precision: float
    former_average_precision: float | None = None


class FinishInput(Contract):
    """All that the run's record should say."""

    run: Run
    categories: list[str]
    collected: list[CollectOutput]
    planned_compute: str
    analyzed_on: str
    execution_arn: str


class FinishOutput(Contract):
    """How the run ended."""

    status: Literal["SUCCEEDED", "FAILED"]
    degraded: list[str]
    failed_categories: list[str]
    error: str | None = None
    cause: str | None = None


class FailInput(Contract):
    """An error that ended the run."""

    run: Run | None = Field(None, description="None where Begin refused the start: there is no run then.")
    stage: str
    error: str
    cause: str = ""
    execution_arn: str | None = None


# --- what leaves the system ------------------------------------------------------------------------------------


class TopItem(Contract):
    """One clip of a published list."""

    id: str = Field(description="`dance01` …", pattern=r"^[a-z0-9_-]+\d{2}$")
    rank: int = Field(ge=1)
    url: str
    title: str
    author: str
    author_name: str
    views: int = Field(ge=0)
    thumbnail: str = Field(description="Beside the list: `thumbnails/dance01.jpg`.")
    thumbnail_width: int = Field(ge=1)
    thumbnail_height: int = Field(ge=1)
    thumbnail_sha256: str
    clip_id: str = Field(description="The site's own id.")
    language_confidence: float = Field(ge=0, le=1)
    previous_rank: int | None = Field(None, description="Its rank in the list before; null: new.")


class TopList(Contract):
    """A published list: `{category}_top10.json`."""

    schema_version: Literal[1] = 1
    source: str
    category: str
    date: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")
    edition: str
    generated_at: datetime
    count: int = Field(ge=0)
    wanted: int = Field(ge=1, description="How many there would be on a day with enough clips.")
    note: str | None = Field(None, description="Says so where there are fewer than wanted.")
    items: list[TopItem]
