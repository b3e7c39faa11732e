"""The look job: which files of a collection are looked at, and what came of each.

The files are listed in shards, one object each (`keys.look_shard`): JSONL of `FileRef`. Child `i` of `n` looks at the
shards `i`, `i + n`, …, and writes what came of a shard as one object (`keys.look_results`): gzipped JSONL of
`LookOutcome`, a line for each file, in the shard's order. It is written after all that the shard's images became
(originals, thumbnails, features), so a shard with results is complete, and a killed child repeats at most one.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from framesift.contracts.base import Contract
from framesift.contracts.catalog import CatalogItem, ItemId
from framesift.contracts.items import ItemError
from framesift.contracts.stages import JobKind, RunJobSpec


class ZipEntry(Contract):
    """A file within a zip, as the zip's central directory describes it; its local header must agree."""

    name: str = Field(description="As decoded; the path within the zip.")
    offset: int = Field(ge=0, description="Of its local header, bytes from the zip's beginning.")
    compressed_bytes: int = Field(ge=0)
    size_bytes: int = Field(ge=0)
    method: Literal[0, 8] = Field(description="0: stored; 8: deflated.")
    crc32: int = Field(ge=0, le=0xFFFFFFFF)


class FileRef(Contract):
    """A file to look at: an object, or an entry of a zip that is an object."""

    name: str = Field(
        description="As the user knows it: the path in the upload; of an entry, the zip's name and its own."
    )
    key: str | None = Field(None, description="The object in our bucket that holds it.")
    uri: str | None = Field(
        None, description="The object, `s3://…`, where it is read in place; then there is no `key`."
    )
    etag: str = Field("", description="The object's; another one means that it was replaced. Empty: any.")
    version_id: str | None = None
    size_bytes: int = Field(ge=0, description="The file's own size.")
    sha256: str | None = Field(None, description="As its uploader announced it: other bytes are refused.")
    entry: ZipEntry | None = Field(None, description="Where the object is a zip: which part of it.")
    item_id: ItemId | None = Field(None, description="The item, where it is looked at again.")


class LookJob(RunJobSpec):
    """A vision job that looks at a collection's images."""

    kind: JobKind = "look"
    collection: str
    batch: str
    added_by: str = Field("", description="The user's id; empty: put into the bucket directly.")
    shards_prefix: str = Field(description="The folder of the shards and of their results.")
    shards: int = Field(ge=1)
    models: list[str] = Field([], description="Names of models, each with `@version` or not.")
    relook: bool = Field(
        False, description="True: the files are items of the catalog, and only the models look at them."
    )


class CompareJob(RunJobSpec):
    """A vision job that compares a collection's new images with all of it, once they are in the catalog."""

    kind: JobKind = "compare"
    collection: str
    batch: str


class CompareOutput(Contract):
    """What the comparison of a collection's new images came to."""

    collection: str
    compared: int = Field(0, description="Images that were new.")
    changed: int = Field(0, description="Items of which the catalog says something else now.")
    indexed: dict[str, int] = Field({}, description="Vectors that came into an index, by model.")
    ended: str | None = Field(None, description="Why nothing was compared.")


class LookStatus(StrEnum):
    """What came of a file."""

    ADDED = "added"
    KNOWN = "known"
    LOOKED = "looked"
    REFUSED = "refused"


class LookOutcome(Contract):
    """What came of a file: a line of a shard's results."""

    name: str = Field(description="As in its `FileRef`.")
    status: LookStatus
    item: CatalogItem | None = Field(
        None,
        description="Added: the item. Known (these bytes are in the collection): the item as its bytes and this name "
        "tell, which need not be looked at again. Looked at again: the item with the predictions of the job's models.",
    )
    models: list[str] = Field([], description="Looked at again: the models that did, `name@version`.")
    error: ItemError | None = Field(None, description="Why it was refused.")
    note: str | None = Field(None, description="What its owner should know, though it was taken.")
