"""A map's points as a Parquet table.

Its columns are `id`, `x`, `y` (and `z`), `fitted`, `cluster`, `outlier_knn`, `outlier_lof` and `outlier_forest`. Places
are float32, about -1 to 1; `cluster` is -1 where a point is in none; scores are higher the farther an item stands
apart. Rows are in no order that means anything.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from framesift.maps.chart import Chart
from framesift.maps.outliers import OutlierScores

AXES: Final = ("x", "y", "z")


def make_table(ids: Sequence[str], chart: Chart) -> pa.Table:
    """The table of a chart's points.

    Args:
        ids: The items, N of them.
        chart: N points.
    """
    axes = {AXES[axis]: chart.places[:, axis].astype(np.float32) for axis in range(chart.places.shape[1])}
    return pa.table(
        {
            "id": pa.array(ids, pa.string()),
            **axes,
            "fitted": chart.fitted,
            "cluster": chart.clusters,
            "outlier_knn": chart.outliers.knn,
            "outlier_lof": chart.outliers.lof,
            "outlier_forest": chart.outliers.forest,
        }
    )


def read_chart(table: pa.Table) -> Chart:
    """The chart of a table's points."""
    axes = [table[axis].to_numpy() for axis in AXES if axis in table.column_names]
    scores = OutlierScores(*(table[f"outlier_{name}"].to_numpy() for name in ("knn", "lof", "forest")))
    return Chart(np.stack(axes, axis=1), table["fitted"].to_numpy(), table["cluster"].to_numpy(), scores)


def pack_table(table: pa.Table) -> bytes:
    """A table as the bytes of a Parquet file."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def unpack_table(body: bytes) -> pa.Table:
    """A table from the bytes of a Parquet file."""
    return pq.read_table(io.BytesIO(body))
