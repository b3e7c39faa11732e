"""Predictions in human review."""

from __future__ import annotations

import getpass
import json
from pathlib import Path
from typing import Annotated

import typer

from framesift.cli.connection import StackOption, connect_to_read
from framesift.cli.console import count_of, errors, output, print_text, write_file
from framesift.cli.tables import Column, show_table
from framesift.errors import NotFoundError
from framesift.table import Review, Verdict

app = typer.Typer(no_args_is_help=True)

IdsArgument = Annotated[list[str], typer.Argument(help="Ids that `framesift review list` shows.")]
VerdictOption = Annotated[Verdict, typer.Option(help="Which to show.")]


@app.command("list")
def list_reviews(
    verdict: VerdictOption = "pending",
    limit: Annotated[int, typer.Option(min=1, help="How many at most, the oldest first.")] = 100,
    json_: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
    stack: StackOption = "",
) -> None:
    """List predictions that are pending, or that a person has decided."""
    page = connect_to_read(stack).records.reviews.page(verdict, limit=limit)
    if json_:
        output.print_json(json.dumps([review.model_dump(mode="json") for review in page.reviews]))
    else:
        show_table(
            (
                Column("id", keep=True),
                Column("tag", priority=4),
                Column("score", priority=3, align="right"),
                Column("title", priority=2, min_width=24),
                Column("category", priority=1),
                Column("box: left, top, size", priority=0),
            ),
            [_row(review) for review in page.reviews],
            if_empty=f"No prediction is {verdict}.",
        )
    if page.next:
        errors.print(f"The {limit} oldest are shown; --limit {2 * limit} shows more.", highlight=False)


@app.command()
def show(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids to show; by default the oldest ones.")] = None,
    to: Annotated[Path, typer.Option(help="The PNG file to write.")] = Path("review.png"),
    verdict: VerdictOption = "pending",
    limit: Annotated[int, typer.Option(min=1, max=200, help="Without ids: how many at most.")] = 24,
    stack: StackOption = "",
) -> None:
    """Draw predictions on their images, as one contact sheet."""
    from framesift.cli.review_sheet import draw_sheet

    connection = connect_to_read(stack)
    records = connection.records
    reviews = [records.reviews.get(each) for each in ids] if ids else records.reviews.page(verdict, limit=limit).reviews
    if not reviews:
        raise NotFoundError(f"No prediction is {verdict}: there is nothing to draw.")
    sheet = draw_sheet(reviews, connection.store)
    write_file(to, sheet)
    for number, review in enumerate(reviews, start=1):
        print_text(f"{number:>3}  {review.id}  {review.title}")
    print_text(f"{to}: {count_of(len(reviews), 'prediction')}")


@app.command()
def accept(ids: IdsArgument, stack: StackOption = "") -> None:
    """Accept predictions: their images are trained on from the next run on."""
    _decide(ids, "accepted", stack)


@app.command()
def reject(ids: IdsArgument, stack: StackOption = "") -> None:
    """Reject predictions: they are left out when their image is trained on."""
    _decide(ids, "rejected", stack)


def _decide(ids: list[str], verdict: Verdict, stack: str) -> None:
    reviews = connect_to_read(stack).records.reviews
    for review_id in ids:
        review = reviews.decide(review_id, verdict, by=getpass.getuser())
        print_text(f"{review.id}: {review.detection.tag} {verdict}")


def _row(review: Review) -> tuple[str, ...]:
    found = review.detection
    box = f"{found.left:.0%} {found.top:.0%} {found.width:.0%}×{found.height:.0%}"
    return (review.id, found.tag, f"{found.probability:.2f}", review.title, review.category, box)
