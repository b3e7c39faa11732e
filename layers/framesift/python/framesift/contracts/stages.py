"""What each state of the workflow is given, and what it gives."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from framesift.contracts.base import Contract, Run


class CollectOutput(Contract):
    """What collecting a scope gave; each source adds its own figures."""

    scope: str = Field(description="A category of the source; of `upload` the collection.")
    status: Literal["done", "failed"] = "done"
    manifest_key: str | None = None
    seen: int = Field(0, description="Items that the source showed.")
    items: int = Field(0, description="Items in the manifest.")
    failed_items: int = Field(0, description="Of these, items whose media could not be had.")
    error: str | None = None
    cause: str | None = None

    def counts(self) -> dict[str, int]:
        """The figures that the run's record keeps."""
        return {"seen": self.seen, "items": self.items, "failed_items": self.failed_items}


class CrawlOutput(CollectOutput):
    """What a crawl of TikTok brought."""

    below_min_views: int = Field(0, description="Clips with fewer views than the settings ask for.")
    repeated: int = Field(0, description="Sightings of a clip that was seen before.")
    fetched: int = Field(0, description="Thumbnails that were downloaded: those not in the bucket yet.")
    cut_short: str | None = Field(None, description="Why the crawl ended before its target and the site's own end.")

    def counts(self) -> dict[str, int]:
        """The figures that the run's record keeps."""
        return {**super().counts(), "below_min_views": self.below_min_views, "repeated": self.repeated}


class FeedOutput(CollectOutput):
    """What listing a feed of YouTube brought."""

    fetched: int = Field(0, description="Thumbnails that were downloaded: those not in the bucket yet.")
    units: int = Field(0, description="Units of YouTube's quota that the feed cost.")
    cut_short: str | None = Field(None, description="Of a dry run: why it cannot report more.")


class UploadsOutput(CollectOutput):
    """What was found in a collection."""

    known: int = Field(0, description="Videos that were done before; no items.")
    not_videos: int = Field(0, description="Uploads of other kinds; no items.")

    def counts(self) -> dict[str, int]:
        """The figures that the run's record keeps."""
        return {**super().counts(), "known": self.known, "not_videos": self.not_videos}


class StageInput(Contract):
    """A stage's work on all scopes that were collected (plan, publish, archive)."""

    run: Run
    scopes: list[str]
    dry_run: bool = Field(False, description="Only report what would be done, where the stage can.")


class PlanOutput(Contract):
    """How the vision job is to run."""

    analyze: bool = Field(description="False where an earlier try finished it.")
    job_spec_uri: str
    array_size: int = Field(1, description="1: no array.")
    compute: Literal["gpu", "cpu"]
    items: int
    job_name: str
    queue: Literal["daily", "uploads"] = Field("daily", description="Which CPU queue takes the job.")
    timeout_s: int = Field(description="How long the whole job may take, the wait for a machine included.")
    gpu_timeout_s: int = Field(description="The same in the GPU queue, before the CPU queue takes what is missing.")
    attempt_timeout_s: int = Field(description="How long one attempt of it, or of an array child, may take.")
    tolerates_failed_job: bool = Field(
        False,
        description="Whether the run goes on where the job failed: publishing reports what is missing.",
    )


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

    kind: Literal["images", "poses"] = "images"
    run: Run
    bucket: str
    table: str
    array_size: int = 1


class AnalysisJob(JobSpec):
    """What the vision job is to do with images."""

    categories: list[CategoryManifest]
    collected_digest: str = Field("", description="Changes when a category is collected again.")
    history: list[HistoryManifest] = Field([])
    summary_key: str
    shard_items: int


class AnalysisSummary(Contract):
    """What the vision job did; written last, as `summary.json`."""

    items: int
    failed_items: int
    duplicates: int
    duplicates_by_method: dict[str, int]
    not_judged: int
    embedder: str = Field(description="`resnet50`, `copydetect` or `pdq`.")
    embedder_why: str = Field(description="One sentence: why this one was chosen.")
    device: str
    history_items: int
    seconds: float
    collected_digest: str = Field("", description="Of the job that it summarizes.")


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
    """What was detected in one category."""

    category: str
    manifest_key: str
    items: int = Field(description="Images that were analyzed.")
    failed_items: int
    confident: dict[str, int] = Field(description="Detections from their tag's threshold on, by tag.")
    to_review: int = Field(description="Detections between the two thresholds.")


class PredictOutput(Contract):
    """What was detected."""

    detector: str
    categories: list[PredictedCategory]
    tags_differ: str | None = Field(None, description="Of a dry run: why nothing would be predicted.")


class GateBaseline(Contract):
    """What a trained iteration has to hold its own against."""

    publish_name: str
    average_precision: float
    margin: float = Field(description="How much less average precision is let through.")


class TrainOutput(Contract):
    """Which training images were uploaded, and whether a training was started."""

    outcome: Literal["training", "nothing_changed", "not_enough_images", "no_project"]
    why: str
    iteration_id: str | None = None
    tags_made: list[str] = Field([])
    uploaded: int = 0
    known: int = Field(0, description="Images that the project had already.")
    waiting: int = Field(0, description="Images with a prediction that waits for a person.")
    refused: int = Field(0, description="Images that the service does not take.")
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
    scopes: list[str]
    collected: list[dict[str, Any]] = Field(
        description="Each scope's output of the collect stage, by its source's contract."
    )
    planned_compute: str
    analyzed_on: str
    gpu_fault: str | None = Field(None, description="Why the GPU queue did not do the job, where it was asked to.")
    execution_arn: str


class FinishOutput(Contract):
    """How the run ended."""

    status: Literal["SUCCEEDED", "FAILED"] = Field(
        description="Of this execution; the record's also counts earlier ones."
    )
    degraded: list[str]
    failed_categories: list[str]
    items: int = Field(0, description="Items that the execution collected.")
    error: str | None = None
    cause: str | None = None


class FailInput(Contract):
    """An error that ended the run."""

    run: Run | None = Field(None, description="None where Begin refused the start: there is no run then.")
    stage: str
    error: str
    cause: str = ""
    execution_arn: str | None = None
