"""A run's report: one HTML file that opens without a server, or an image of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from framesift.cli.connection import DATA_DIR, Connection, StackOption, connect_to_read
from framesift.cli.console import print_text, write_file
from framesift.cli.runs import RunArgument, SourceArgument, find_run
from framesift.names import safe_name
from framesift.pipeline.branches import DEFAULT_SOURCE, branch_of
from framesift.table import RunRecord


def report(
    source: SourceArgument = DEFAULT_SOURCE,
    run_id: RunArgument = None,
    to: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE.html", help="The page; by default below .framesift.")
    ] = None,
    image: Annotated[
        Path | None,
        typer.Option(metavar="FILE.jpg", help="Also write an image of the page's beginning; needs Chromium."),
    ] = None,
    stack: StackOption = "",
) -> None:
    """Write a run as one HTML page: lists, what was dropped and why, detections or poses, and figures."""
    connection = connect_to_read(stack)
    path = write_report(connection, find_run(connection, source, run_id), to)
    print_text(path)
    if image:
        from framesift.reports.screenshot import write_screenshot

        write_screenshot(path, image)
        print_text(image)


def write_report(connection: Connection, record: RunRecord, path: Path | None = None) -> Path:
    """Write a run's report.

    Args:
        connection: Where the run is.
        record: Its record.
        path: The file; by default one below `.framesift/reports`.

    Returns:
        The file.
    """
    path = path or DATA_DIR / "reports" / f"{safe_name(f'{record.source}-{record.run.id}'.replace('/', '-'))}.html"
    write_file(path, _render(connection, record).encode())
    return path


def _render(connection: Connection, record: RunRecord) -> str:
    goal, store, records = branch_of(record.source).goal, connection.store, connection.records
    if goal == "lists":
        from framesift.reports.day import day_report

        return day_report(record, store, records)
    if goal == "detector":
        from framesift.reports.detector import detector_report

        return detector_report(record, store, records)
    from framesift.reports.poses import poses_report

    return poses_report(record.scopes[0], store, records)
