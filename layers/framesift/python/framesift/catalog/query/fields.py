"""The fields that a query can name: what each compares, and with which column of the relation.

The catalog's reader offers the relation; its columns are named here and nowhere else in this package.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Final


class Kind(Enum):
    """How a field's values are compared."""

    FOLDED = "text"
    """Text whose case does not matter; the column is folded (`tags.fold`)."""
    EXACT = "name"
    """An id that we made: compared as it is."""
    NUMBER = "number"
    SIZE = "size"
    DATE = "date"
    CHOICE = "choice"
    """One of some words."""
    METADATA = "metadata"
    """A field of the user's own: text, a number, a date or a boolean."""


@dataclass(frozen=True)
class Field:
    """A field of the query language.

    Attributes:
        kind: How it is compared.
        column: The relation's column; empty where each choice has its own condition.
        is_list: The column is a list, and one matching element is enough.
        help: What it means, for people.
        example: A term with it.
        choices: For `Kind.CHOICE`, the condition of each word.
    """

    kind: Kind
    column: str
    help: str
    example: str
    is_list: bool = False
    choices: Mapping[str, str] = field(default_factory=dict)


FLAGS: Final = ("blurry", "bright", "dark", "low_contrast", "near_empty", "odd_aspect")
"""`Health.flags`."""
METADATA_FIELD: Final = "meta"

_STATES: Final = {flag: f"list_contains(flags, '{flag}')" for flag in FLAGS} | {
    "annotated": "annotated",
    "duplicate": "duplicate_of IS NOT NULL",
}
_PRESENCE: Final = {
    "annotation": "annotated",
    "batch": "batch <> ''",
    "date": "taken_at IS NOT NULL",
    "duplicate": "duplicate_of IS NOT NULL",
    "health": "sharpness IS NOT NULL",
    "label": "len(labels) > 0",
    METADATA_FIELD: "cardinality(metadata) > 0",
    "model": "len(models) > 0",
    "tag": "len(tags_folded) > 0",
}

FIELDS: Final[Mapping[str, Field]] = MappingProxyType(
    {
        "tag": Field(Kind.FOLDED, "tags_folded", "a tag", 'tag:"golden retriever"', is_list=True),
        "label": Field(
            Kind.FOLDED,
            "labels",
            "a label that a model predicts or a person gave; its best score can be compared",
            "label:person>0.8",
            is_list=True,
        ),
        "model": Field(Kind.EXACT, "models", "a model that predicted something", "model:resnet50*", is_list=True),
        "split": Field(Kind.FOLDED, "tags_folded", "train, val or test", "split:train", is_list=True),
        "name": Field(Kind.FOLDED, "names_folded", "a file name", "name:*.png", is_list=True),
        "type": Field(Kind.FOLDED, "content_type", "the media type", "type:jpeg"),
        "source": Field(Kind.FOLDED, "source", "where it comes from", "source:tiktok"),
        "batch": Field(Kind.EXACT, "batch", "the batch that it was uploaded with", "batch:20261120*"),
        "by": Field(Kind.EXACT, "added_by", "the id of the user who added it", "by:4f1c*"),
        "id": Field(Kind.FOLDED, "id", "the item's id", "id:3f2a90b1c4d5*"),
        "date": Field(Kind.DATE, "date", "when it was taken, or else added", "date>=2026-01-01"),
        "taken": Field(Kind.DATE, "taken_at", "when it was taken, from EXIF", "taken:2026-01..2026-03"),
        "added": Field(Kind.DATE, "added_at", "when it was added", "added:2026-11-20"),
        "width": Field(Kind.NUMBER, "width", "pixels", "width>=640"),
        "height": Field(Kind.NUMBER, "height", "pixels", "height:480..1080"),
        "size": Field(Kind.SIZE, "size_bytes", "bytes, or kB, MB, GB, KiB, MiB, GiB", "size>2MB"),
        "sharpness": Field(Kind.NUMBER, "sharpness", "variance of the Laplacian", "sharpness<100"),
        "brightness": Field(Kind.NUMBER, "brightness", "mean luma, 0 to 1", "brightness>0.9"),
        "contrast": Field(Kind.NUMBER, "contrast", "standard deviation of luma, 0 to 1", "contrast<0.1"),
        "entropy": Field(Kind.NUMBER, "entropy_bits", "of the luma histogram, 0 to 8 bits", "entropy<2"),
        "duplicate": Field(Kind.FOLDED, "duplicate_of", "the id of the item that it repeats", "duplicate:3f2a90*"),
        "is": Field(Kind.CHOICE, "", "what is true of it", "is:blurry", choices=_STATES),
        "has": Field(Kind.CHOICE, "", "what is known of it", "has:label", choices=_PRESENCE),
        METADATA_FIELD: Field(Kind.METADATA, "metadata", "a field of your own", "meta.line:3"),
    }
)
