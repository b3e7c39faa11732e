"""A map as a PNG: its points, coloured by cluster, with the clusters' names."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np

from framesift.contracts.maps import MapCluster
from framesift.maps.chart import Chart

_SIDE_INCHES, _DOTS_PER_INCH = 8, 150
_NAMED_CLUSTERS = 20
_MAX_NAME_CHARS = 40
_GREY = (0.62, 0.62, 0.62, 1.0)


def draw_picture(chart: Chart, clusters: Sequence[MapCluster], title: str) -> bytes:
    """Draw a map; in three dimensions it is seen from above one corner.

    Args:
        chart: Its points.
        clusters: The names of its clusters; the 20 largest are shown.
        title: Above it.

    Returns:
        A PNG of 1200 × 1200 pixels.
    """
    from matplotlib import font_manager
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure((_SIDE_INCHES, _SIDE_INCHES), dpi=_DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    is_solid = chart.places.shape[1] > 2
    axes = figure.add_subplot(projection="3d" if is_solid else None)
    size = float(np.clip(4_000 / max(1, len(chart.places)) ** 0.8, 0.3, 40))
    axes.scatter(*chart.places.T, c=_colour(chart), s=size, linewidths=0, rasterized=True)
    known = {font.name for font in font_manager.fontManager.ttflist}
    fonts = [name for name in ("Noto Sans CJK KR", "NanumGothic", "Noto Sans KR", "DejaVu Sans") if name in known]
    for cluster in sorted(clusters, key=lambda each: -each.items)[:_NAMED_CLUSTERS]:
        name = cluster.name if len(cluster.name) <= _MAX_NAME_CHARS else f"{cluster.name[:_MAX_NAME_CHARS]}…"
        axes.text(
            *cluster.place,
            _plain(name),
            ha="center",
            va="center",
            fontsize=8,
            family=fonts,
            bbox={"boxstyle": "round,pad=0.2", "fc": "white", "ec": "none", "alpha": 0.75},
        )
    axes.set_title(_plain(title), family=fonts, fontsize=10)
    axes.set_xticks([])
    axes.set_yticks([])
    if is_solid:
        axes.set_zticks([])
    else:
        axes.set_aspect("equal")
        for spine in axes.spines.values():
            spine.set_visible(False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _colour(chart: Chart) -> np.ndarray:
    """`(N, 4)` RGBA: the clusters' colours in turn, grey where a point is in none."""
    from matplotlib import colormaps

    colours = np.array([*colormaps["tab20"].colors[::2], *colormaps["tab20"].colors[1::2]])
    rgba = np.ones((len(chart.clusters), 4))
    rgba[:, :3] = colours[chart.clusters % len(colours)]
    rgba[chart.clusters < 0] = _GREY
    return rgba


def _plain(text: str) -> str:
    """Text without what matplotlib reads as mathematics."""
    return text.replace("$", r"\$")
