"""Detectors: which iteration serves, its tags, rollback, and the export of a project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from framesift.cli.connection import StackOption, connect, connect_to_read
from framesift.cli.console import output, print_text, safe_text, show_time
from framesift.settings import load_settings

app = typer.Typer(no_args_is_help=True)


@app.command()
def status(stack: StackOption = "") -> None:
    """Show which iteration serves predictions, and which one did before."""
    service = connect_to_read(stack).records.training.in_service()
    if service is None:
        print_text("The serving project's newest iteration predicts; no candidate was better yet.")
        return
    for label, each in (("predicts", service), ("before", service.former)):
        if each:
            output.print(
                f"{label:<9}{each.publish_name}  average precision {each.average_precision:.3f}  project "
                f"{each.project_id}  since {show_time(each.since)}",
                highlight=False,
                soft_wrap=True,
            )


@app.command()
def rollback(stack: StackOption = "") -> None:
    """Return to the previous iteration; a second rollback undoes the first."""
    from framesift.pipeline.youtube.gate import roll_back

    back = roll_back(connect(stack).records)
    print_text(f"{back.publish_name} predicts again.")


@app.command()
def check(stack: StackOption = "") -> None:
    """Compare the settings' tags with the detector's, without predicting anything."""
    from framesift.detection import check_tags, open_detector

    connection, settings = connect(stack), load_settings()
    detector = open_detector(settings, connection.store, connection.records.training.in_service())
    check_tags(settings.detection.tags, detector.tags())
    print_text(f"{detector.name} detects exactly: {', '.join(settings.detection.tags)}.")


@app.command()
def export(
    project: Annotated[str, typer.Option(help="The Custom Vision project's id.")],
    to: Annotated[Path, typer.Option(help="The folder; images that it has already are not downloaded again.")],
    format_: Annotated[Literal["coco", "yolo"], typer.Option("--format", help="How regions are written.")] = "coco",
) -> None:
    """Download tags, images and regions from a Custom Vision project."""
    from framesift.detection.azure.export import export_project

    settings = load_settings()
    report = export_project(settings.custom_vision, settings.download, project, to, format_)
    output.print(
        f"{report.images} images, {report.regions} regions, {len(report.tags)} tags in {safe_text(to)}"
        f" ({report.fetched} downloaded now).",
        highlight=False,
        soft_wrap=True,
    )
    for image_id, why in report.failed.items():
        output.print(f"[yellow]Skipped:[/] {safe_text(image_id)}: {safe_text(why)}", highlight=False, soft_wrap=True)
    if report.failed:
        raise typer.Exit(69)


def show_detection(counts: dict[str, Any]) -> None:
    """Print a run's detections, and what it trained."""
    for each in counts.get("predict", {}).get("categories", []):
        seen = ", ".join(f"{count} {tag}" for tag, count in each["confident"].items()) or "nothing"
        output.print(
            safe_text(f"{each['category']}: {seen} in {each['items']} images; {each['to_review']} to review"),
            highlight=False,
        )
    if trained := counts.get("train"):
        output.print(
            f"Training images: {trained['uploaded']} uploaded, {trained['known']} known, "
            f"{trained['waiting']} in review. {safe_text(trained['why'])}",
            highlight=False,
            soft_wrap=True,
        )
    if gate := counts.get("gate"):
        former = gate["former_average_precision"]
        than = f" (before: {former:.3f})" if former is not None else ""
        output.print(
            f"The new iteration's average precision is {gate['average_precision']:.3f}{than}. {safe_text(gate['why'])}",
            highlight=False,
            soft_wrap=True,
        )
