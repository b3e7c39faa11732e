"""Figures that every report of a run shows."""

from __future__ import annotations

from dataclasses import dataclass

from framesift.table import RunRecord


@dataclass(frozen=True)
class Figure:
    """A figure with its name."""

    name: str
    value: int | str


def run_figures(record: RunRecord) -> list[Figure]:
    """How long a run took, and what analyzed its images."""
    figures = []
    if record.finished_at:
        figures.append(Figure("seconds", round((record.finished_at - record.started_at).total_seconds())))
    if analysis := record.counts.get("analysis"):
        figures += [Figure("embedder", analysis["embedder"]), Figure("analyzed on", analysis["device"])]
    return figures
