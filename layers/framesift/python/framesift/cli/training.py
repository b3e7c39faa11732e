"""Training: how good a model is, and what was tracked of trainings and evaluations."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from framesift.cli import train
from framesift.cli.connection import DATA_DIR, StackOption, connect
from framesift.cli.console import count_of, errors, output, print_text, show_time, write_file
from framesift.cli.models import CacheOption
from framesift.cli.tables import Column, show_table
from framesift.cli.tracking import TrackingOption, open_store
from framesift.errors import EmbeddedAwsDownError, ExtraMissingError, SlicesError, TrackingUnreachableError
from framesift.names import safe_name

if TYPE_CHECKING:
    from framesift.models import ModelRegistry
    from framesift.training.evaluate import Evaluation
    from framesift.training.labelled import LabelledData

_FIGURES = ("map", "map_50", "accuracy", "macro_f1", "loss")

_CHANGES = ("champion", "challenger", "difference from", "to")

Split: TypeAlias = Literal["train", "val", "test"]

app = typer.Typer(no_args_is_help=True)
app.command()(train.train)


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
    track: Annotated[bool, typer.Option(help="Keep the evaluation as a run in MLflow.")] = True,
    tracking: TrackingOption = "",
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
    if track:
        from framesift.training.tracking.tracker import record_evaluation

        store = open_store(tracking)
        record_evaluation(store.spool, evaluation, [folder / "report.html", folder / "figures.json"])
        try:
            store.send()
        except (TrackingUnreachableError, ExtraMissingError) as error:  # The spool keeps it.
            errors.print(str(error), style="yellow", highlight=False, markup=False, soft_wrap=True)


@app.command()
def compare(
    challenger: Annotated[str, typer.Argument(help="The new model, as `framesift models list` shows it.")],
    champion: Annotated[str, typer.Argument(help="The model in service.")],
    data: Annotated[str, typer.Argument(help="COCO's JSON, a YOLO data set's data.yaml, or a collection's name.")],
    margin: Annotated[float, typer.Option(min=0, max=1, help="By how much the challenger may be worse.")] = 0.01,
    class_margin: Annotated[float, typer.Option(min=0, max=1, help="By how much in one class.")] = 0.05,
    split: Annotated[Split | None, typer.Option(help="As for `evaluate`.")] = None,
    query: Annotated[str, typer.Option(help="Of a collection: which items, in the query language.")] = "",
    images: Annotated[Path | None, typer.Option(help="The folder of COCO's images, if it is elsewhere.")] = None,
    cache: CacheOption = None,
    stack: StackOption = "",
) -> None:
    """Say whether a new model may take over: it must be no worse on the same images. Exit code 1: it may not."""
    try:
        from framesift.training.evaluate import evaluate_model
        from framesift.training.gate import judge
    except ModuleNotFoundError as error:
        raise ExtraMissingError.for_module("Evaluation", error.name, "search") from None
    labelled, _ = _open_data(data, split, query, [], images, stack)
    registry = _open_registry(cache, stack)
    with errors.status(f"Evaluating both on {len(labelled.images):,} images …"):
        before, after = (evaluate_model(registry.resolve(name), labelled) for name in (champion, challenger))
        judgement = judge(before, after, margin=margin, class_margin=class_margin)
    show_table(
        (Column("class", keep=True), *(Column(name, align="right") for name in _CHANGES)),
        [
            (each.name or "mean of all", *(f"{value:.3f}" for value in (each.champion, each.challenger)),
             *(f"{value:+.3f}" for value in (each.low, each.high)))
            for each in (judgement.overall, *judgement.classes)
        ],
    )  # fmt: skip
    print_text(judgement.why)
    if not judgement.passed:
        raise typer.Exit(1)


@app.command()
def runs(
    count: Annotated[int, typer.Option(min=1, max=1000, help="Runs at most.")] = 20, tracking: TrackingOption = ""
) -> None:
    """List trainings and evaluations, the newest first."""
    found = open_store(tracking).list_runs(count)
    show_table(
        (Column("run", keep=True), Column("name"), Column("status"), Column("started"), Column("figures", priority=0)),
        [
            (
                run.info.run_id,
                run.info.run_name,
                run.info.status.lower(),
                show_time(datetime.fromtimestamp(run.info.start_time / 1000, UTC)),
                ", ".join(f"{name} {run.data.metrics[name]:.3f}" for name in _FIGURES if name in run.data.metrics),
            )
            for run in found
        ],
        if_empty="No run is tracked yet: `framesift training evaluate` makes one.",
    )


@app.command()
def weights(
    run: Annotated[str, typer.Argument(help="A run's id, or an experiment: its newest run with weights.")],
    to: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the file goes.")] = Path(),
    tracking: TrackingOption = "",
) -> None:
    """Fetch a run's weights, unless they are there already, and check them."""
    print_text(open_store(tracking).fetch_weights(run, to))


@app.command()
def send(tracking: TrackingOption = "") -> None:
    """Send what was recorded while the tracking server was away."""
    print_text(f"{count_of(open_store(tracking).send(), 'run')} sent.")


@app.command()
def rollback(
    model: Annotated[str, typer.Argument(help="The model's name in MLflow.")], tracking: TrackingOption = ""
) -> None:
    """Make the former champion the champion again; a second rollback undoes the first."""
    back = open_store(tracking).roll_back(model)
    print_text(f"{back.name} version {back.version} is the champion again.")


@app.command()
def ui(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where it listens, on this machine only.")] = 5000,
    tracking: TrackingOption = "",
) -> None:
    """Show the runs in MLflow's own page, until Ctrl-C."""
    store = open_store(tracking)
    if store.is_remote:
        print_text(f"The server has a page of its own: {store.uri}")
        return
    # The page is in MLflow's full package alone; mlflow-skinny, which the extra installs, has the rest.
    package = find_spec("mlflow")
    places = package.submodule_search_locations if package else None
    if not any((Path(place) / "server" / "js" / "build" / "index.html").exists() for place in places or ()):
        raise ExtraMissingError(
            f"MLflow's page needs its full package: run `{sys.executable} -m pip install mlflow`. `framesift training "
            "runs` lists the runs without it."
        )
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store.uri, "--host", "127.0.0.1"]
    raise typer.Exit(subprocess.call([*command, "--port", str(port)]))  # noqa: S603 - our own interpreter.


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
    return read_labelled_collection(collection, data, query, split=split), parts


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
