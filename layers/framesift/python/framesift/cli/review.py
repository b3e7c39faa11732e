"""Predictions that wait for a person."""

from __future__ import annotations

import getpass
import json
from typing import Annotated, Literal

import typer
from rich.markup import escape
from rich.table import Table as Grid

from framesift.cli.connection import StackOption, connect_to_read
from framesift.cli.console import output
from framesift.detection_records import DetectionRecords, Verdict

app = typer.Typer(no_args_is_help=True)

IdsArgument = Annotated[list[str], typer.Argument(help="Ids that `framesift review list` shows.")]


@app.command("list")
def list_reviews(
    verdict: Annotated[Literal["pending", "accepted", "rejected"], typer.Option(help="Which to show.")] = "pending",
    json_: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
    stack: StackOption = "",
) -> None:
    """Show predictions that wait for a person, or that one has decided."""
    connection = connect_to_read(stack)
    reviews = DetectionRecords(connection.table).reviews(verdict)
    if json_:
        output.print_json(json.dumps([review.model_dump(mode="json") for review in reviews]))
        return
    grid = Grid(box=None, pad_edge=False)
    for column in ("id", "tag", "probability", "where", "picture", "title"):
        grid.add_column(column, header_style="dim", overflow="fold")
    for review in reviews:
        seen = review.detection
        where = f"{seen.left:.0%} {seen.top:.0%} {seen.width:.0%}×{seen.height:.0%}"
        grid.add_row(review.id, seen.tag, f"{seen.probability:.2f}", where, review.media_key, escape(review.title[:40]))
    output.print(grid)


@app.command()
def accept(ids: IdsArgument, stack: StackOption = "") -> None:
    """Say that predictions are right: they teach from the next run on."""
    _decide(ids, "accepted", stack)


@app.command()
def reject(ids: IdsArgument, stack: StackOption = "") -> None:
    """Say that predictions are wrong: they are left out when their picture teaches."""
    _decide(ids, "rejected", stack)


def _decide(ids: list[str], verdict: Verdict, stack: str) -> None:
    records = DetectionRecords(connect_to_read(stack).table)
    for review_id in ids:
        review = records.decide(review_id, verdict, by=getpass.getuser())
        output.print(f"{review.id}: {review.detection.tag} {verdict}", highlight=False)
