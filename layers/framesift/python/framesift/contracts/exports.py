"""What an export of a collection takes, and what it says of itself."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from framesift.contracts.base import Contract
from framesift.contracts.stages import JobKind, JobSpec

ExportFormat = Literal["coco", "yolo", "voc", "label-studio", "parquet", "csv", "jsonl", "images"]


class ExportOptions(Contract):
    """What a person can choose about an export."""

    labels: Literal["annotations", "predictions", "either"] = Field(
        "either", description="`either`: an item's annotations, or its predictions where nobody has annotated it."
    )
    model: str | None = Field(None, description="Only the predictions of this model, `name@version`; None: of all.")
    min_score: float = Field(0.5, ge=0, le=1, description="Predictions below it are left out.")
    classes: list[str] | None = Field(
        None, description="The classes in their order, others are left out; None: all, sorted by name."
    )
    images: bool = Field(True, description="Whether the images are in the zip, for formats that are one.")
    vectors: str | None = Field(
        None, description="The model, `name@version`, whose vectors are a column of the Parquet table."
    )


class ExportSummary(Contract):
    """What an export holds."""

    format: ExportFormat
    key: str = Field(description="The object to download.")
    size_bytes: int
    items: int
    splits: dict[str, int] = Field(description="Items in each split; those without a split are in `train`.")
    classes: list[str] = Field(description="In the order of their numbers.")
    boxes: int = Field(description="Objects with a box.")
    image_labels: int = Field(
        description="Labels of a whole image; COCO has them as `labels` of an image, YOLO and VOC not at all."
    )
    left_out: int = Field(description="Labels of other classes than those that were asked for.")
    images_missing: int = Field(0, description="Images that are gone, or cannot be read where they lie.")
    first_missing: list[str] = Field([], description="The ids of the first 100 of them.")
    without_vector: int = Field(0, description="Items that the model has no vector of.")
    digest: str = Field(description="Identifies the items and options: the same ones are not exported again.")


class ExportJob(JobSpec):
    """A job that makes an export, which its record describes."""

    kind: JobKind = "export"
    collection: str
    export: str


class ImportJob(JobSpec):
    """A job that brings labels or fields from a file into a catalog, as the import's record says."""

    kind: JobKind = "import"
    collection: str
    import_id: str
