"""A collection's catalog: its images, what is known about each, and the changes that made it so.

The catalog is a log of changes in DynamoDB, numbered without gaps. A snapshot (Parquet, in S3) holds every item as it
is after a certain change, so that a reader applies only the changes since; it can be rebuilt from the log alone.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from framesift.contracts.base import Contract

ItemId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$", description="The first 32 digits of its bytes' SHA-256.")]
MetadataValue = bool | int | float | str
"""A value of a field of the user's own: boolean, number or text; a date is text of the form YYYY-MM-DD."""


class Box(Contract):
    """A rectangle in an image, in shares of its width and height: 0 is left or top, 1 is right or bottom."""

    left: float = Field(ge=0, le=1)
    top: float = Field(ge=0, le=1)
    width: float = Field(ge=0, le=1)
    height: float = Field(ge=0, le=1)


class Prediction(Contract):
    """What a model says about an image: a class of the whole image, or an object in a box."""

    model: str = Field(description="The model's name and version, `resnet50@1`.")
    label: str
    score: float = Field(ge=0, le=1)
    box: Box | None = Field(None, description="None: the whole image.")


class Annotation(Contract):
    """What a person, or an imported data set, says is in an image."""

    label: str
    box: Box | None = Field(None, description="None: the whole image.")
    by: str = Field("", description="The user's id, or `import`.")


class Health(Contract):
    """Measures of an image's quality (`vision/health.py` says how each is computed), and what they amount to."""

    sharpness: float = Field(ge=0, description="Variance of the Laplacian; low: blurry.")
    brightness: float = Field(ge=0, le=1, description="Mean luma.")
    contrast: float = Field(ge=0, le=1, description="Standard deviation of luma.")
    entropy_bits: float = Field(ge=0, le=8, description="Entropy of the luma histogram; low: nearly empty.")
    flags: list[str] = Field(
        [], description="`blurry`, `dark`, `bright`, `low_contrast`, `odd_aspect`, `near_empty`; sorted."
    )


class NearDuplicate(Contract):
    """Which item of the collection this one nearly repeats."""

    of: ItemId
    method: str = Field(description="`pdq`, the embedder's name, or `aligned`.")
    score: float


class CatalogItem(Contract):
    """One image of a collection and all that is known about it.

    Identical bytes are one item, whatever their names.
    """

    id: ItemId
    sha256: str
    key: str | None = Field(None, description="The original in our bucket; None where it is read in place.")
    uri: str | None = Field(None, description="`s3://…` of an image that stays in the user's own bucket.")
    names: list[str] = Field(description="The file names that it came under, the first one first; at most 20.")
    content_type: str
    size_bytes: int
    width: int = Field(description="Pixels, after the EXIF orientation is applied.")
    height: int = Field(description="Pixels, after the EXIF orientation is applied.")
    source: str = Field("upload", description="Where it comes from: `upload`, `import`, `tiktok`, `youtube`.")
    taken_at: AwareDatetime | None = Field(None, description="From EXIF; UTC is assumed where it names no offset.")
    added_at: AwareDatetime
    added_by: str = Field("", description="The user's id; empty: put into the bucket directly.")
    batch: str = Field("", description="The upload batch that it came with first.")
    pdq: str | None = Field(None, description="The PDQ hash, 64 hexadecimal digits; None where the image is too plain.")
    health: Health | None = None
    duplicate: NearDuplicate | None = None
    predictions: list[Prediction] = Field([])
    annotations: list[Annotation] = Field([])
    tags: list[str] = Field([], description="As shown; unique when folded (`catalog/tags.py`).")
    metadata: dict[str, MetadataValue] = Field({}, description="The user's own fields.")
    viewers: list[str] | None = Field(
        None,
        description="User ids that may see it besides the collection's editors; None: whoever sees the collection.",
    )
    changed_at: AwareDatetime | None = None
    changed_by: str = ""
    version: int = Field(0, description="The number of the last change that touched it: its ETag.")


class _ChangeBase(Contract):
    """What every change has.

    The items that it touches are `ids`, or those of a payload in S3: a gzipped JSONL object, whose lines have each an
    `id` of their own and what is said about that item.
    """

    ids: list[ItemId] = Field([])
    ids_key: str | None = Field(
        None, description="JSONL of `{id}` in S3, gzipped, where `ids` would be too long for a record."
    )


class AddItems(_ChangeBase):
    """New items; one that is there gains names, and labels and a split where it has none, and loses nothing."""

    kind: Literal["add_items"] = "add_items"
    items_key: str = Field(description="JSONL of `CatalogItem` in S3, gzipped.")


class SetPredictions(_ChangeBase):
    """What one model says, in place of what it said before."""

    kind: Literal["set_predictions"] = "set_predictions"
    model: str
    predictions_key: str = Field(description="JSONL of `{id, predictions: [Prediction]}` in S3, gzipped.")


class SetTags(_ChangeBase):
    """Tags that are added to, and removed from, each of the items."""

    kind: Literal["set_tags"] = "set_tags"
    add: list[str] = Field([])
    remove: list[str] = Field([])


class SetMetadata(_ChangeBase):
    """Fields of the user's own that are set (None: removed): the same for all `ids`, or a row for each item in S3."""

    kind: Literal["set_metadata"] = "set_metadata"
    values: dict[str, MetadataValue | None] = Field({})
    values_key: str | None = Field(None, description="JSONL of `{id, values}` in S3, gzipped.")


class SetAnnotations(_ChangeBase):
    """A person's annotations of one item, or of many by a file, in place of those before."""

    kind: Literal["set_annotations"] = "set_annotations"
    annotations: list[Annotation] = Field([])
    annotations_key: str | None = Field(None, description="JSONL of `{id, annotations}` in S3, gzipped.")


class SetDuplicates(_ChangeBase):
    """Near-duplicates within the collection, in place of those before."""

    kind: Literal["set_duplicates"] = "set_duplicates"
    duplicates_key: str = Field(description="JSONL of `{id, duplicate: NearDuplicate | null}` in S3, gzipped.")


class SetViewers(_ChangeBase):
    """Who may see the items."""

    kind: Literal["set_viewers"] = "set_viewers"
    viewers: list[str] | None = None


class RemoveItems(_ChangeBase):
    """Items that are deleted."""

    kind: Literal["remove_items"] = "remove_items"


ChangeBody = Annotated[
    AddItems | SetPredictions | SetTags | SetMetadata | SetAnnotations | SetDuplicates | SetViewers | RemoveItems,
    Field(discriminator="kind"),
]


class Change(Contract):
    """One entry of a catalog's log."""

    number: int = Field(ge=1, description="Its place in the log, from 1, without gaps.")
    at: datetime
    by: str = Field(description="The user's id, or `pipeline`.")
    body: ChangeBody
