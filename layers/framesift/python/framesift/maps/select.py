"""Which items a person means who points at a part of a map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from framesift.contracts.maps import OutlierMethod
from framesift.errors import MapOptionsError
from framesift.maps.table import read_chart


@dataclass(frozen=True)
class Selection:
    """A part of a map; an item has to meet all that is said.

    Attributes:
        clusters: It is in one of these; empty: in any, or in none.
        outliers: It is among those that stand apart most, by this method; None: any.
        count: How many those are.
        corners: It lies between these two, the edges included; None: anywhere.
    """

    clusters: tuple[int, ...] = ()
    outliers: OutlierMethod | None = None
    count: int = 20
    corners: tuple[tuple[float, ...], tuple[float, ...]] | None = None


def select_items(table: pa.Table, selection: Selection) -> list[str]:
    """The ids of a map's items that are selected; of outliers, what stands apart most comes first.

    Args:
        table: Of `maps.table`.
        selection: Which.

    Raises:
        MapOptionsError: The corners have other dimensions than the map.
    """
    chart = read_chart(table)
    chosen = np.ones(len(chart.clusters), np.bool_)
    if selection.clusters:
        chosen &= np.isin(chart.clusters, selection.clusters)
    if selection.corners:
        first, second = np.array(selection.corners)
        if len(first) != chart.places.shape[1]:
            raise MapOptionsError(f"The map has {chart.places.shape[1]} dimensions, and the corners {len(first)}.")
        low, high = np.minimum(first, second), np.maximum(first, second)
        chosen &= ((chart.places >= low) & (chart.places <= high)).all(axis=1)
    rows = np.flatnonzero(chosen)
    if selection.outliers:
        scores = chart.outliers.by(selection.outliers)[rows]
        rows = rows[np.argsort(-scores, kind="stable")[: selection.count]]
    ids = table["id"]
    return [ids[row].as_py() for row in rows.tolist()]
