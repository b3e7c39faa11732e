"""The report of an evaluation: figures, curves, confusions, calibration, slices, and the worst mistakes as pictures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from framesift.contracts import Box
from framesift.errors import MediaError, ObjectMissingError
from framesift.reports.figures import Figure
from framesift.reports.images import embed_image
from framesift.reports.page import render
from framesift.training.evaluation.calibration import Calibration
from framesift.training.evaluation.classification import ClassifierFigures
from framesift.training.evaluation.confusion import Confusion, count_confusions, pair_up
from framesift.training.evaluation.detection import Curve, DetectionFigures
from framesift.training.evaluation.mistakes import Mistake, find_mistakes, rank_images

if TYPE_CHECKING:
    from framesift.training.evaluate import Evaluation

MAX_IMAGES: Final = 24
CHART_SIDE: Final = 300
_MAX_CLASSES: Final = 30
"""Rows and columns of the matrix, and curves, at most; those of most examples are shown."""
_CURVE_POINTS: Final = 200
_IMAGE_SIDE: Final = 520


@dataclass(frozen=True)
class Line:
    """A curve of a chart.

    Attributes:
        name: What it shows.
        points: Of an SVG polyline; the chart is `CHART_SIDE` wide and high.
        hue: Of its colour, degrees.
    """

    name: str
    points: str
    hue: int


@dataclass(frozen=True)
class Bar:
    """A bin of the chart of calibration, in the chart's coordinates.

    Attributes:
        x: Its left side.
        height: How often predictions are right.
        expected: How often they should be, by their scores.
        title: The same in words.
    """

    x: float
    height: float
    expected: float
    title: str


@dataclass(frozen=True)
class Cell:
    """A cell of the matrix.

    Attributes:
        count: How often.
        share: Of its row, 0 to 1.
        is_right: Whether it lies on the diagonal.
    """

    count: int
    share: float
    is_right: bool


@dataclass(frozen=True)
class Mark:
    """A box on a picture.

    Attributes:
        box: Where, in shares.
        text: What it says; empty: nothing.
        state: `found`, `missed`, or `wrong`.
    """

    box: Box
    text: str
    state: str


@dataclass(frozen=True)
class Shown:
    """An image with mistakes.

    Attributes:
        image_id: Its id.
        image: As a data URI; empty: it cannot be shown.
        marks: The boxes on it.
        words: What is wrong.
    """

    image_id: str
    image: str
    marks: Sequence[Mark]
    words: Sequence[str]


def evaluation_report(evaluation: Evaluation) -> str:
    """An evaluation as one HTML page.

    Args:
        evaluation: The figures and the images.

    Returns:
        The page, with everything in it.
    """
    figures = evaluation.figures
    if isinstance(figures, DetectionFigures):
        values = _describe_detector(evaluation, figures)
    else:
        values = _describe_classifier(evaluation, figures)
    return render("evaluation.html", evaluation=evaluation, side=CHART_SIDE, **values)


def draw_curve(curve: Curve) -> str:
    """Precision over recall as points of a polyline; empty where there is nothing."""
    if not curve.objects or not len(curve.scores):
        return ""
    # Precision is the best that is reached at this recall or more, as average precision counts it.
    precision = np.maximum.accumulate(curve.precision[::-1])[::-1]
    step = max(1, len(precision) // _CURVE_POINTS)
    recall = np.append(curve.recall[::step], curve.recall[-1])
    return _to_points(np.append(0.0, recall), np.append(precision[0], np.append(precision[::step], precision[-1])))


def _describe_detector(evaluation: Evaluation, figures: DetectionFigures) -> dict[str, Any]:
    f1, threshold = figures.curve.choose_threshold()
    pairing = pair_up(figures.matches, threshold if math.isfinite(threshold) else math.inf)
    mistakes = find_mistakes(figures.matches, pairing)
    names = evaluation.data.classes
    summary = figures.summary
    return {
        "figures": [
            Figure("mAP", _show(summary["map"])),
            Figure("AP at IoU 0.50", _show(summary["map_50"])),
            Figure("AP at IoU 0.75", _show(summary["map_75"])),
            Figure("average recall", _show(summary["mar_100"])),
            Figure("best F1", _show(f1)),
            Figure("at score", _show(threshold)),
            Figure("images", len(evaluation.data.images)),
            Figure("objects", figures.curve.objects),
        ],
        "columns": ("objects", "AP 0.50:0.95", "AP 0.50", "AP 0.75", "recall", "best F1", "at score"),
        "rows": [
            (
                each.name,
                each.ap,
                [f"{each.objects:,}", *map(_show, (each.ap, each.ap_50, each.ap_75, each.ar, each.f1, each.threshold))],
            )
            for each in figures.classes
        ],
        "sizes": [
            (size, _show(summary[f"map_{size}"]), _show(summary[f"mar_{size}"]))
            for size in ("small", "medium", "large")
        ],
        "slice_columns": ("mAP", "AP 0.50", "recall"),
        "slices": _describe_slices(evaluation, ("map", "map_50", "mar_100")),
        "lines": _draw_lines(figures.curves),
        "bars": _draw_bars(figures.calibration),
        "calibration_error": _show(figures.calibration.error),
        "matrix": _describe_matrix(count_confusions(figures.matches, pairing, names)),
        "kinds": _count_kinds(mistakes),
        "shown": [_show_mistakes(evaluation, number, found) for number, found in rank_images(mistakes, MAX_IMAGES)],
    }


def _describe_classifier(evaluation: Evaluation, figures: ClassifierFigures) -> dict[str, Any]:
    summary = figures.summary
    return {
        "figures": [
            Figure("accuracy", _show(summary["accuracy"])),
            Figure("macro F1", _show(summary["macro_f1"])),
            Figure("macro precision", _show(summary["macro_precision"])),
            Figure("macro recall", _show(summary["macro_recall"])),
            Figure("mean AP", _show(summary["map"])),
            Figure("images", len(evaluation.data.images)),
        ],
        "columns": ("images", "F1", "precision", "recall", "AP"),
        "rows": [
            (each.name, each.f1, [f"{each.images:,}", *map(_show, (each.f1, each.precision, each.recall, each.ap))])
            for each in figures.classes
        ],
        "sizes": [],
        "slice_columns": ("accuracy", "macro F1", "mean AP"),
        "slices": _describe_slices(evaluation, ("accuracy", "macro_f1", "map")),
        "lines": _draw_lines(figures.curves),
        "bars": _draw_bars(figures.calibration),
        "calibration_error": _show(figures.calibration.error),
        "matrix": _describe_matrix(figures.confusion),
        "kinds": [],
        "shown": [_show_wrong(evaluation, figures, row) for row in figures.find_worst(MAX_IMAGES)],
    }


def _describe_slices(evaluation: Evaluation, names: Sequence[str]) -> list[tuple[str, int, list[str]]]:
    return [
        (part.name, part.images, [_show(part.summary.get(name, math.nan)) for name in names])
        for part in evaluation.slices
    ]


def _draw_lines(curves: Any) -> list[Line]:
    chosen = sorted(curves.items(), key=lambda entry: -entry[1].objects)[:_MAX_CLASSES]
    drawn = [(name, points) for name, curve in chosen if (points := draw_curve(curve))]
    return [Line(name, points, round(number * 137.5) % 360) for number, (name, points) in enumerate(drawn)]


def _draw_bars(calibration: Calibration) -> list[Bar]:
    bins = len(calibration.counts)
    return [
        Bar(
            x=place * CHART_SIDE / bins,
            height=float(share) * CHART_SIDE,
            expected=float(score) * CHART_SIDE,
            title=f"{count:,} predictions with scores of {score:.2f} on average: {share:.2f} are right",
        )
        for place, (count, score, share) in enumerate(
            zip(calibration.counts.tolist(), calibration.scores.tolist(), calibration.shares.tolist(), strict=True)
        )
        if count
    ]


def _describe_matrix(confusion: Confusion) -> dict[str, Any]:
    """The rows and columns of most examples; the last, `background`, always."""
    total = confusion.counts.sum(axis=1)
    order = sorted(np.argsort(-total, kind="stable")[:_MAX_CLASSES].tolist())
    last = len(confusion.names) - 1
    if last not in order:
        order[-1] = last
    rows = [
        (
            confusion.names[row],
            [
                Cell(
                    int(confusion.counts[row, column]),
                    _divide(confusion.counts[row, column], total[row]),
                    row == column,
                )
                for column in order
            ],
        )
        for row in order
    ]
    return {
        "names": [confusion.names[column] for column in order],
        "rows": rows,
        "left_out": len(confusion.names) - len(order),
    }


def _divide(part: Any, whole: Any) -> float:
    return float(part) / float(whole) if whole else 0.0


def _count_kinds(mistakes: Iterable[Mistake]) -> list[tuple[str, int]]:
    counts: dict[str, int] = {}
    for mistake in mistakes:
        counts[mistake.kind] = counts.get(mistake.kind, 0) + 1
    return sorted(counts.items(), key=lambda entry: -entry[1])


def _show_mistakes(evaluation: Evaluation, number: int, mistakes: Sequence[Mistake]) -> Shown:
    names, (width, height) = evaluation.data.classes, evaluation.sizes[number]
    missed = {mistake.box for mistake in mistakes if mistake.kind == "missed"}
    marks = [
        Mark(_to_shares(box, width, height), "", "found")
        for box in evaluation.truths[number].boxes.tolist()
        if tuple(box) not in missed
    ]
    words = []
    for mistake in mistakes:
        name = names[mistake.class_id]
        box, is_missed = _to_shares(mistake.box, width, height), mistake.kind == "missed"
        marks.append(Mark(box, name, "missed") if is_missed else Mark(box, f"{name} {mistake.score:.2f}", "wrong"))
        is_name = f", which is {names[mistake.is_class_id]}" if mistake.is_class_id is not None else ""
        score = f" {mistake.score:.2f}" if mistake.score else ""
        words.append(f"{mistake.kind}: {name}{score}{is_name}")
    image = evaluation.data.images[number]
    return Shown(image.image_id, _embed(evaluation, number), marks, words)


def _show_wrong(evaluation: Evaluation, figures: ClassifierFigures, row: int) -> Shown:
    names = [each.name for each in figures.classes]
    taken, right = int(figures.predicted[row]), int(figures.labels[row])
    words = [
        f"taken for {names[taken]} {figures.probabilities[row, taken]:.2f}",
        f"is {names[right]} {figures.probabilities[row, right]:.2f}",
    ]
    return Shown(evaluation.data.images[row].image_id, _embed(evaluation, row), [], words)


def _embed(evaluation: Evaluation, number: int) -> str:
    try:
        return embed_image(evaluation.data.images[number].read(), _IMAGE_SIDE)
    except (MediaError, ObjectMissingError, OSError):
        return ""


def _to_shares(box: Sequence[float], width: int, height: int) -> Box:
    left, right = (min(max(value / width, 0.0), 1.0) for value in (box[0], box[2]))
    top, bottom = (min(max(value / height, 0.0), 1.0) for value in (box[1], box[3]))
    return Box(left=left, top=top, width=right - left, height=bottom - top)


def _to_points(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> str:
    return " ".join(
        f"{a * CHART_SIDE:.1f},{(1 - b) * CHART_SIDE:.1f}" for a, b in zip(x.tolist(), y.tolist(), strict=True)
    )


def _show(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"
