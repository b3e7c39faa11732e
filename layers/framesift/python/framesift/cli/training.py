"""Training: how good a model is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from framesift.cli.connection import DATA_DIR, StackOption, connect
from framesift.cli.console import errors, output, print_text, write_file
from framesift.cli.models import CacheOption
from framesift.cli.tables import Column, show_table
from framesift.errors import EmbeddedAwsDownError, ExtraMissingError, SlicesError
from framesift.names import safe_name

if TYPE_CHECKING:
    from framesift.models import ModelRegistry
    from framesift.training.evaluate import Evaluation
    from framesift.training.labelled import LabelledData

Split: TypeAlias = Literal["train", "val", "test"]

app = typer.Typer(no_args_is_help=True)


@app.command()
def evaluate(
    model: Annotated[str, typer.Argument(help="A model that `framesift models list` shows.")],
    data: Annotated[str, typer.Argument(help="COCO's JSON, a YOLO data set's data.yaml, or a collection's name.")],
    split: Annotated[
        Split | None, typer.Option(help="The images of it; by default `test` if there are any, else `val`, else all.")
    ] = None,
    query: Annotated[str, typer.Option(help="Of a collection: which items, in the query language.")] = "",
    slices: Annotated[
        list[str] | None,
        typer.Option("--slice", help="Of a collection: also evaluate the items that this query finds; repeat it."),
    ] = None,
    images: Annotated[Path | None, typer.Option(help="The folder of COCO's images, if it is elsewhere.")] = None,
    to: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FOLDER", help="By default one below .framesift.")
    ] = None,
    cache: CacheOption = None,
    stack: StackOption = "",
) -> None:
    """Evaluate a detector or a classifier on labelled images: a report, and figures as JSON."""
    try:
        from framesift.reports.evaluation import evaluation_report
        from framesift.training.evaluate import evaluate_model
    except ModuleNotFoundError as error:
        raise ExtraMissingError.for_module("Evaluation", error.name, "search") from None
    labelled, parts = _open_data(data, split, query, slices or [], images, stack)
    with errors.status(f"Evaluating on {len(labelled.images):,} images …"):
        evaluation = evaluate_model(_open_registry(cache, stack).resolve(model), labelled, parts=parts)
    folder = to or DATA_DIR / "reports" / safe_name(f"{evaluation.model}-{labelled.name}".replace("/", "-"))
    write_file(folder / "figures.json", evaluation.to_json().encode())
    write_file(folder / "report.html", evaluation_report(evaluation).encode())
    _show(evaluation)
    print_text(folder / "report.html")


def _open_data(
    data: str, split: Split | None, query: str, slices: list[str], images: Path | None, stack: str
) -> tuple[LabelledData, dict[str, list[str]]]:
    from framesift.training.labelled import read_labelled_collection, read_labelled_file

    path = Path(data)
    if path.suffix.lower() in {".json", ".yaml", ".yml"}:
        if slices or query:
            raise SlicesError("Queries need a collection: `framesift collection add` takes COCO and YOLO data sets in.")
        return read_labelled_file(path, images=images, split=split), {}
    from framesift.cli.catalog import open_connected

    collection = open_connected(data, connect(stack))
    parts = {each: [item.id for item in collection.query(each)] for each in slices}
    return read_labelled_collection(collection, query, split=split), parts


def _open_registry(cache: Path | None, stack: str) -> ModelRegistry:
    from framesift.models import default_cache_dir, open_registry

    try:
        store = connect(stack).store
    except EmbeddedAwsDownError:
        store = None
    return open_registry(cache or default_cache_dir(), store)


def _show(evaluation: Evaluation) -> None:
    show_table(
        (Column("figure", keep=True), Column("value", align="right")),
        [(name, f"{value:.4f}") for name, value in evaluation.metrics.items()],
    )
    for note in evaluation.notes:
        errors.print(note, style="yellow", highlight=False, markup=False, soft_wrap=True)
    output.print()
