"""What each state of the workflow is given, and what it gives."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from framesift.contracts.base import Contract, Run
from framesift.contracts.start import UploadedObject


class CategoryInput(Contract):
    """A stage's work on one category (collect, curate)."""

    run: Run
    category: str
    dry_run: bool = Field(False, description="Only say what would be done, where the stage can.")
    object: UploadedObject | None = Field(None, description="Of `upload`: the one object; else all of the collection.")


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
    known: int = Field(0, description="Uploads that were done before; no items.")
    not_videos: int = Field(0, description="Uploads of other kinds; no items.")
    fetched: int = Field(0, description="Thumbnails that were asked for: those not in the bucket yet.")
    units: int = Field(0, description="Units of YouTube's quota that the feed cost.")
    cut_short: str | None = Field(None, description="Why the crawl ended before its target and the site's own end.")
    error: str | None = None
    cause: str | None = None


class StageInput(Contract):
    """A stage's work on all categories that were collected (plan, publish, archive)."""

    run: Run
    categories: list[str]
    dry_run: bool = Field(False, description="Only say what would be done, where the stage can.")


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


class JobSpec(Contract):
    """What a vision job is to do: its one argument is the S3 URI of this."""

    kind: Literal["pictures", "poses"] = "pictures"
    run: Run
    bucket: str
    table: str
    array_size: int = 1


class AnalysisJob(JobSpec):
    """What the vision job is to do with pictures."""

    categories: list[CategoryManifest]
    history: list[HistoryManifest] = Field([])
    summary_key: str
    shard_items: int


class AnalysisSummary(Contract):
    """What the vision job did; written by the join as `summary.json`."""

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
    tags_differ: str | None = Field(None, description="Of a dry run: why nothing would be predicted.")


class GateBaseline(Contract):
    """What a trained iteration has to hold its own against."""

    publish_name: str
    average_precision: float
    margin: float = Field(description="How much less average precision is let through.")


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
    gate: GateBaseline | None = Field(None, description="Of a dry run: what the gate would compare with.")


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
