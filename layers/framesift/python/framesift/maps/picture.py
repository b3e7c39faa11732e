"""A map as a PNG: its points, coloured by cluster, with the clusters' names."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framesift.contracts.maps import MapCluster
from framesift.maps.chart import Chart

_SIDE_INCHES, _DOTS_PER_INCH = 8, 150
_NAMED_CLUSTERS = 20
_MAX_NAME_CHARS = 40
_FONTS = ("Noto Sans CJK KR", "Noto Sans KR", "NanumGothic", "Malgun Gothic", "Apple SD Gothic Neo", "DejaVu Sans")
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
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure((_SIDE_INCHES, _SIDE_INCHES), dpi=_DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    is_solid = chart.places.shape[1] > 2
    axes: Any = figure.add_subplot(projection="3d" if is_solid else None)
    size = float(np.clip(4_000 / max(1, len(chart.places)) ** 0.8, 0.3, 40))
    axes.scatter(*chart.places.T, c=_colour(chart), s=size, linewidths=0, rasterized=True)
    font = _find_font()
    for cluster in sorted(clusters, key=lambda each: -each.items)[:_NAMED_CLUSTERS]:
        name = _shorten(font.show(cluster.name) or f"cluster {cluster.number}")
        axes.text(
            *cluster.place,
            name,
            ha="center",
            va="center",
            fontsize=8,
            family=font.name,
            bbox={"boxstyle": "round,pad=0.2", "fc": "white", "ec": "none", "alpha": 0.75},
        )
    axes.set_title(font.show(title) or f"{len(chart.places):,} items", family=font.name, fontsize=10)
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


def _colour(chart: Chart) -> NDArray[np.float64]:
    """`(N, 4)` RGBA: the clusters' colours in turn, grey where a point is in none."""
    from matplotlib import colormaps

    shades = colormaps["tab20"](np.arange(20))[:, :3]
    colours = np.concatenate([shades[::2], shades[1::2]])
    rgba = np.ones((len(chart.clusters), 4))
    rgba[:, :3] = colours[chart.clusters % len(colours)]
    rgba[chart.clusters < 0] = _GREY
    return rgba


@dataclass(frozen=True)
class _Font:
    name: str
    letters: frozenset[int]

    def show(self, text: str) -> str:
        """Text as it is drawn; empty where the font lacks some of its letters."""
        return text.replace("$", r"\$") if self.letters.issuperset(map(ord, text)) else ""


@cache
def _find_font() -> _Font:
    """The first font of this machine that has Hangul, else the one that matplotlib brings."""
    from matplotlib import font_manager

    installed = {font.name for font in font_manager.fontManager.ttflist}
    name = next(name for name in _FONTS if name in installed)
    found = font_manager.get_font(font_manager.findfont(name))
    return _Font(name, frozenset(found.get_charmap()))


def _shorten(text: str) -> str:
    return text if len(text) <= _MAX_NAME_CHARS else f"{text[: _MAX_NAME_CHARS - 1]}…"
