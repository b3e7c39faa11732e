"""Detectors: what predicts, its tags, the former one, and a project's rescue."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.markup import escape

from framesift.cli.connection import StackOption, connect, connect_to_read
from framesift.cli.console import output
from framesift.detection_records import DetectionRecords
from framesift.settings import load_settings

app = typer.Typer(no_args_is_help=True)


@app.command()
def status(stack: StackOption = "") -> None:
    """Show which iteration predicts, and which did before."""
    service = DetectionRecords(connect_to_read(stack).table).in_service()
    if service is None:
        output.print("Project A's newest published iteration predicts; none of B's was better yet.", soft_wrap=True)
        return
    for label, each in (("predicts", service), ("before", service.former)):
        if each:
            output.print(
                f"{label:<9}{each.publish_name}  average precision {each.average_precision:.3f}  project "
                f"{each.project_id}  since {each.since:%Y-%m-%d %H:%M}",
                highlight=False,
                soft_wrap=True,
            )


@app.command()
def rollback(stack: StackOption = "") -> None:
    """Let the iteration predict again that did before; once more undoes it."""
    from framesift.pipeline.training import roll_back

    back = roll_back(DetectionRecords(connect(stack).table))
    output.print(f"{back.publish_name} predicts again.", highlight=False)


@app.command()
def check(stack: StackOption = "") -> None:
    """Compare the settings' tags with the detector's, without predicting anything."""
    from framesift.detection import check_tags, open_detector

    connection, settings = connect(stack), load_settings()
    detector = open_detector(settings, connection.store, DetectionRecords(connection.table).in_service())
    check_tags(settings.detection.tags, detector.tags())
    output.print(f"{detector.name} finds exactly: {', '.join(settings.detection.tags)}.", highlight=False)


@app.command()
def export(
    project: Annotated[str, typer.Option(help="The Custom Vision project's id.")],
    to: Annotated[Path, typer.Option(help="A folder; what is there already is not fetched again.")],
    format_: Annotated[Literal["coco", "yolo"], typer.Option("--format", help="How regions are written.")] = "coco",
) -> None:
    """Take tags, pictures and regions out of a Custom Vision project, and say what was left."""
    from framesift.detection.azure.export import export_project

    settings = load_settings()
    report = export_project(settings.custom_vision, settings.download, project, to, format_)
    output.print(
        f"{report.images} pictures, {report.regions} regions, {len(report.tags)} tags in {to}"
        f" ({report.fetched} fetched now).",
        highlight=False,
        soft_wrap=True,
    )
    for image_id, why in report.left.items():
        output.print(f"[yellow]Left:[/] {image_id}: {escape(why)}", highlight=False, soft_wrap=True)
    if report.left:
        raise typer.Exit(69)


def show_detection(counts: dict[str, Any]) -> None:
    """Print what a run saw and taught, where it did."""
    for each in counts.get("predict", {}).get("categories", []):
        seen = ", ".join(f"{count} {tag}" for tag, count in each["confident"].items()) or "nothing"
        output.print(
            f"{each['category']}: {seen} in {each['items']} pictures; {each['to_review']} to review", highlight=False
        )
    if taught := counts.get("teach"):
        output.print(
            f"Taught: {taught['uploaded']} new pictures, {taught['known']} known, {taught['waiting']} wait for a "
            f"person. {taught['why']}",
            highlight=False,
            soft_wrap=True,
        )
    if gate := counts.get("gate"):
        former = gate["former_average_precision"]
        than = f" (before: {former:.3f})" if former is not None else ""
        output.print(
            f"The new iteration's average precision is {gate['average_precision']:.3f}{than}. {gate['why']}",
            highlight=False,
            soft_wrap=True,
        )
