"""`framesift models train copydetect` and `framesift models evaluate copydetect`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from framesift.errors import ExtraMissingError

if TYPE_CHECKING:
    from framesift.copydetect.train import Progress

app = typer.Typer(help="Our own models: trained from scratch, evaluated on photos unseen in training.")

Name = Annotated[Literal["copydetect"], typer.Argument(help="The model.")]


@app.command()
def train(
    name: Name,
    minutes: Annotated[float, typer.Option(min=0.01, help="How long; a longer training resumes a shorter one.")] = 25,
    steps: Annotated[int | None, typer.Option(min=1, help="Length in steps instead: reproducible.")] = None,
    families: Annotated[int, typer.Option(min=32, help="Families of four images to draw.")] = 8000,
    seed: Annotated[int, typer.Option(help="Seeds images, batches and initial weights.")] = 1,
    folder: Annotated[Path, typer.Option(help="Holds the checkpoint of a stopped training.")] = Path("training"),
) -> None:
    """Train a model, or resume a stopped training.

    Writes the folder's `copydetect.onnx`, `curve.png` and `curve.jsonl`. Uses a GPU where there is one.
    """
    try:
        from framesift.copydetect.export import export_onnx
        from framesift.copydetect.train import make_plan
        from framesift.copydetect.train import train as train_network
    except ModuleNotFoundError as error:
        raise ExtraMissingError.for_module("Training", error.name, "torch") from None
    from framesift.copydetect.charts import draw_learning_curve

    plan = make_plan(minutes=minutes, steps=steps, seed=seed, families=families)
    typer.echo(f"{name}: drawing {4 * families} images, or opening those of {folder}")
    network = train_network(plan, folder, _show_progress)
    export_onnx(network, folder / f"{name}.onnx")
    lines = [json.loads(line) for line in (folder / "curve.jsonl").read_text("utf-8").splitlines()]
    if lines:  # A killed training repeats a few steps: the later line counts.
        points = sorted({line["step"]: line for line in lines}.values(), key=lambda point: point["step"])
        draw_learning_curve(points).save(folder / "curve.png")
    typer.echo(f"{name}: {folder / f'{name}.onnx'}")


@app.command()
def evaluate(
    name: Name,
    photos: Annotated[
        list[Path], typer.Option(help="Folders of photos, in addition to those inside installed packages.")
    ] = [],  # noqa: B006
    file: Annotated[Path | None, typer.Option(help="An ONNX file to evaluate instead of the included one.")] = None,
    half: Annotated[
        Literal["choose", "report", "all"], typer.Option(help="`choose` while deciding, `report` once decided.")
    ] = "report",
    to: Annotated[Path, typer.Option(help="Folder for `evaluation.json` and `recall.png`.")] = Path(),
    card: Annotated[Path | None, typer.Option(help="A card to fill in with the file's digest and figures.")] = None,
) -> None:
    """Compare a model with hashes: one threshold for all kinds of edit, on photos unseen in training."""
    from framesift.copydetect.charts import draw_recall_by_kind
    from framesift.copydetect.evaluate import find_folder_photos, find_packaged_photos
    from framesift.copydetect.report import compare, fill_card, format_table

    found = find_packaged_photos()
    for folder in photos:
        found |= find_folder_photos(folder)
    figures = compare(found, file=file, half=half)
    to.mkdir(parents=True, exist_ok=True)
    (to / "evaluation.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    recalls = {method: figure["recall_by_kind"] for method, figure in figures.items()}
    draw_recall_by_kind(recalls, "Recall at 1 false positive in 1,000").save(to / "recall.png")
    typer.echo(format_table(figures))
    if card is not None:
        fill_card(card, found, file=file)


def _show_progress(progress: Progress) -> None:
    typer.echo(
        f"{progress.done:4.0%}  step {progress.step}  loss {progress.loss:.2f}  "
        f"partner found {progress.found:.0%}  {progress.elapsed_s / 60:.1f} min"
    )
