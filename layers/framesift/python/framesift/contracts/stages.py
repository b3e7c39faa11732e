"""Inputs and outputs of the workflow's states."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from framesift.contracts.base import Contract, Run


class CollectOutput(Contract):
    """The result of collecting a scope; each source adds its own counts."""

    scope: str = Field(description="A category of the source; for `upload`, the collection.")
    status: Literal["done", "failed"] = "done"
    manifest_key: str | None = None
    seen: int = Field(0, description="Items that the source listed.")
    items: int = Field(0, description="Items in the manifest.")
    failed_items: int = Field(0, description="Of these, items whose media could not be downloaded.")
    error: str | None = None
    cause: str | None = None

    def counts(self) -> dict[str, int]:
        """The counts that the run's record keeps."""
        return {"seen": self.seen, "items": self.items, "failed_items": self.failed_items}


class CrawlOutput(CollectOutput):
    """The result of crawling a TikTok category."""

    below_min_views: int = Field(0, description="Clips with fewer views than the settings require.")
    repeated: int = Field(0, description="Repeated occurrences of a clip.")
    fetched: int = Field(0, description="Thumbnails that were downloaded because the bucket did not have them.")
    cut_short: str | None = Field(None, description="Why the crawl ended before its target and the site's own end.")

    def counts(self) -> dict[str, int]:
        """The counts that the run's record keeps."""
        return {**super().counts(), "below_min_views": self.below_min_views, "repeated": self.repeated}


class FeedOutput(CollectOutput):
    """The result of listing a YouTube feed."""

    fetched: int = Field(0, description="Thumbnails that were downloaded because the bucket did not have them.")
    units: int = Field(0, description="Quota units of the YouTube Data API that were used.")
    cut_short: str | None = Field(None, description="In a dry run: why it cannot report more.")


class UploadsOutput(CollectOutput):
    """The uploads that were found in a collection: videos, or the images of a batch."""

    known: int = Field(0, description="Videos that were already processed; not items.")
    not_videos: int = Field(0, description="Other files; not items.")
    batch: str = Field("", description="The batch of images; empty: these are videos.")
    shards_prefix: str = Field("", description="Of a batch: the folder of its shards; empty: nothing is looked at.")
    shards: int = 0
    skipped: int = Field(0, description="Of a batch: files that only serve the system that they come from.")
    ended: str | None = Field(None, description="Of a batch: why there is nothing to do, such as a deleted collection.")

    def counts(self) -> dict[str, int]:
        """The counts that the run's record keeps."""
        own = {"skipped": self.skipped} if self.batch else {"known": self.known, "not_videos": self.not_videos}
        return {**super().counts(), **own}


class CatalogOutput(Contract):
    """What became of a batch's files in the catalog."""

    collection: str
    batch: str
    counts: dict[str, int] = Field({}, description="Files of the whole batch, by what became of them.")
    lost: int = Field(0, description="Of the refused ones, those that a job ended without reporting.")
    first_error: str | None = None
    ended: str | None = Field(None, description="Why nothing was added: the collection is deleted, for example.")
    compare_spec_uri: str | None = Field(
        None, description="The specification of the job that compares what is new; None: nothing is."
    )


class StageInput(Contract):
    """Input of a stage that covers all collected scopes (plan, publish, archive)."""

    run: Run
    scopes: list[str]
    dry_run: bool = Field(False, description="Only report what would be done, if the stage supports it.")


class PlanOutput(Contract):
    """How the vision job is to run."""

    analyze: bool = Field(description="False if an earlier attempt finished it.")
    job_spec_uri: str
    array_size: int = Field(1, description="1: no array.")
    compute: Literal["gpu", "cpu"]
    items: int
    job_name: str
    queue: Literal["daily", "uploads"] = Field("daily", description="Which CPU queue takes the job.")
    timeout_s: int = Field(description="How long the whole job may take, including the wait for a machine.")
    gpu_timeout_s: int = Field(description="The same in the GPU queue, before the CPU queue takes over.")
    attempt_timeout_s: int = Field(description="How long one attempt of it, or of an array child, may take.")
    tolerates_failed_job: bool = Field(
        False,
        description="Whether the run continues if the job fails: publishing reports what is missing.",
    )


class ScopeManifest(Contract):
    """The manifest of one scope, for the vision job."""

    scope: str = Field(description="A category of the source, or a collection.")
    manifest_key: str
    items: int


class HistoryManifest(Contract):
    """Items that an earlier run kept, to compare with."""

    run: Run
    scope: str
    manifest_key: str = Field(description="The `analyzed` manifest; items without `duplicate` and `error` count.")


JobKind = Literal["images", "poses", "look", "compare", "export", "import", "map", "sample"]


class JobSpec(Contract):
    """A vision job's specification; its S3 URI is the job's only argument."""

    kind: JobKind = "images"
    bucket: str
    table: str


class RunJobSpec(JobSpec):
    """The specification of a job that is a step of a run."""

    run: Run
    array_size: int = 1


class AnalysisJob(RunJobSpec):
    """A vision job that analyzes images."""

    scopes: list[ScopeManifest]
    collected_digest: str = Field("", description="Changes when a scope is collected again.")
    history: list[HistoryManifest] = Field([])
    summary_key: str
    shard_items: int


class AnalysisSummary(Contract):
    """A vision job's results; written last, as `summary.json`."""

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
    collected_digest: str = Field("", description="As in the job's specification.")


class CurateOutput(Contract):
    """The result of curating a category."""

    category: str
    manifest_key: str
    items: int
    ranked: int
    dropped: dict[str, int]
    degraded: str | None = Field(None, description="Why the fallback decided languages instead of the provider.")


class PublishedList(Contract):
    """One published list."""

    category: str
    edition: str
    key: str
    count: int


class PublishOutput(Contract):
    """The published lists."""

    edition: str
    lists: list[PublishedList]


class ArchiveOutput(Contract):
    """The objects that were moved to the residual archive."""

    objects: int
    prefix: str


class PredictedCategory(Contract):
    """The detections in one category."""

    category: str
    manifest_key: str
    items: int = Field(description="Images that were analyzed.")
    failed_items: int
    confident: dict[str, int] = Field(description="Detections at or above their tag's threshold, by tag.")
    to_review: int = Field(description="Detections between the two thresholds.")


class PredictOutput(Contract):
    """The detections in all categories."""

    detector: str
    categories: list[PredictedCategory]
    tags_differ: str | None = Field(None, description="In a dry run: why nothing would be predicted.")


class GateBaseline(Contract):
    """What a trained iteration is compared with."""

    publish_name: str
    average_precision: float
    margin: float = Field(description="How much lower average precision is accepted.")


class TrainOutput(Contract):
    """Which training images were uploaded, and whether a training was started."""

    outcome: Literal["training", "nothing_changed", "not_enough_images", "no_project"]
    why: str
    iteration_id: str | None = None
    tags_made: list[str] = Field([])
    uploaded: int = 0
    known: int = Field(0, description="Images that the project already had.")
    waiting: int = Field(0, description="Images with a detection in review.")
    refused: int = Field(0, description="Images that the service does not accept.")
    check_after_s: int = Field(60, description="When to check whether the training is done.")
    gate: GateBaseline | None = Field(None, description="In a dry run: what the gate would compare with.")


class TrainingInput(Contract):
    """A started training."""

    run: Run
    iteration_id: str


class TrainingOutput(Contract):
    """A training's progress."""

    status: Literal["training", "completed"]
    iteration_id: str
    check_after_s: int = Field(60, description="When to check again.")


class GateOutput(Contract):
    """Whether a trained iteration was put into service."""

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
    gpu_fault: str | None = Field(None, description="Why the GPU queue did not run the job, if it was planned there.")
    execution_arn: str


class FinishOutput(Contract):
    """How the run ended."""

    status: Literal["SUCCEEDED", "FAILED"] = Field(
        description="This execution's; the record's status also covers earlier ones."
    )
    degraded: list[str]
    failed_categories: list[str]
    items: int = Field(0, description="Items that the execution collected.")
    error: str | None = None
    cause: str | None = None


class FailInput(Contract):
    """An error that ended the run."""

    run: Run | None = Field(None, description="None if Begin rejected the start, so that there is no run.")
    stage: str
    error: str
    cause: str = ""
    execution_arn: str | None = None
