"""Maps of a collection: what one is made with, and what it shows."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from framesift.contracts.base import Contract
from framesift.contracts.stages import JobKind, JobSpec

MapMethod = Literal["tsne", "umap", "pca"]
OutlierMethod = Literal["knn", "lof", "forest"]
"""By the distance of the k-th neighbour, by the local outlier factor, by an isolation forest."""


class MapOptions(Contract):
    """What a person can choose about a map."""

    method: MapMethod = Field("tsne", description="How vectors become places, after PCA; t-SNE has two dimensions.")
    dimensions: Literal[2, 3] = 2
    model: str = Field("", description="Whose vectors, `name@version`; empty: the best that the collection has.")
    neighbors: int = Field(
        30, ge=2, le=200, description="How many neighbours keep near each other: t-SNE's perplexity, UMAP's neighbours."
    )
    seed: int = Field(0, ge=0, lt=1 << 32, description="The same one draws the same map.")
    max_fitted: int = Field(
        50_000, ge=10, le=200_000, description="Of more items, a sample is laid out, and the others are placed by it."
    )


class MapCluster(Contract):
    """Items that lie together."""

    number: int = Field(ge=0)
    name: str = Field(description="What its items have in common, more often than others do.")
    terms: list[str] = Field(description="The same, one by one.")
    items: int
    place: list[float] = Field(description="Its middle: x, y, and z in three dimensions.")


class MapSummary(Contract):
    """What a map shows."""

    model: str = Field(description="Whose vectors, `name@version`.")
    items: int
    fitted: int = Field(description="Items that the layout was computed of; the others are placed by their neighbours.")
    without_vector: int = Field(0, description="Items that the query finds, and the model has no vector of.")
    explained: float = Field(description="The share of the vectors' variance that PCA leaves.")
    trustworthiness: float = Field(
        description="Whether neighbours on the map are neighbours of the vectors; 1: all are. Of the items laid out."
    )
    clusters: list[MapCluster]
    unclustered: int = Field(description="Items in no cluster.")
    outliers: dict[OutlierMethod, list[str]] = Field(description="The ids that stand apart most, the first 20 by each.")


class MapJob(JobSpec):
    """A job that draws a map, which its record describes, or places new items on it."""

    kind: JobKind = "map"
    collection: str
    map: str
