"""Samples of a collection: how a few items are chosen of many, and what came out."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from framesift.contracts.base import Contract
from framesift.contracts.stages import JobKind, JobSpec

SampleMethod = Literal["diverse", "representative", "unique", "uncertain", "boundary"]
"""By vectors: far from each other, in the midst of many, far from all others. By what models say: least sure, nearest
to a threshold."""


class SampleOptions(Contract):
    """What a person can choose about a sample."""

    method: SampleMethod = "diverse"
    count: int = Field(100, ge=1, le=10_000, description="Items that are chosen.")
    model: str = Field(
        "", description="Whose vectors or predictions, `name@version`; empty: the best vectors, any predictions."
    )
    known: str = Field(
        "", description="For `diverse`: items that this query finds are known already; what is chosen is far from them."
    )
    threshold: float = Field(0.5, ge=0, le=1, description="For `boundary`: the score that decides.")
    seed: int = Field(0, ge=0, lt=1 << 32, description="The same one chooses the same items.")
    max_considered: int = Field(
        100_000, ge=1, le=200_000, description="Of more items with vectors, a random part is looked at."
    )


class SampleSummary(Contract):
    """What came out."""

    model: str = Field(description="Whose vectors or predictions; empty: of any model.")
    found: int = Field(description="Items that the query finds, without those that are known.")
    considered: int = Field(description="Of these, the items that were looked at.")
    chosen: int = Field(description="Items that have the tag.")


class SampleJob(JobSpec):
    """A job that takes a sample, which its record describes."""

    kind: JobKind = "sample"
    collection: str
    sample: str
