"""`framesift train`: a network of one's own, by a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from framesift.cli.catalog import open_collection
from framesift.cli.connection import StackOption
from framesift.cli.console import errors, plain_text, print_text
from framesift.cli.tracking import TrackingOption, open_store
from framesift.errors import ExtraMissingError, RecipeError
from framesift.training.recipe import Recipe, included_recipes, read_recipe

if TYPE_CHECKING:
    from framesift.training.data.checks import CheckReport
    from framesift.training.types import Progress

_EVERY_STEPS = 50


def train(
    recipe: Annotated[str, typer.Argument(help="A recipe's file (TOML or JSON), or the name of an included one.")],
    folder: Annotated[
        Path | None, typer.Option(help="Holds the training; by default `training/NAME`.", show_default=False)
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the training that the folder holds.")] = False,
    workers: Annotated[int, typer.Option(min=0, max=64, help="Processes that draw images ahead.")] = 1,
    minutes: Annotated[
        float | None, typer.Option(min=0.01, help="Instead of the recipe's; a longer one resumes a shorter one.")
    ] = None,
    track: Annotated[bool, typer.Option(help="Keep the training as a run in MLflow.")] = True,
    tracking: TrackingOption = "",
    stack: StackOption = "",
) -> None:
    """Train a detector or a classifier by a recipe, and write it as an ONNX file with its card.

    Uses a GPU where there is one. A training that was stopped goes on with --resume.
    """
    chosen = _find_recipe(recipe)
    if minutes is not None:
        schedule = chosen.schedule.model_copy(update={"minutes": minutes, "epochs": None})
        chosen = chosen.model_copy(update={"schedule": schedule})
    try:
        from framesift.training.run import Listener, train_recipe
        from framesift.training.tracking.tracker import MlflowTracker
    except ModuleNotFoundError as error:
        raise ExtraMissingError.for_module("Training", error.name, "torch") from None
    listener = Listener(
        on_checked=_show_checks, on_prepared=_show_prepared, on_progress=_show_progress, on_notice=_show_notice
    )
    tracker = MlflowTracker(open_store(tracking), chosen.name) if track else None
    outcome = train_recipe(
        chosen,
        folder or Path("training") / chosen.name,
        resume=resume,
        workers=workers,
        tracker=tracker,
        listener=listener,
        open_collection=lambda name: open_collection(name, stack),
    )
    for name, value in outcome.metrics.items():
        print_text(f"{name:>16}  {value:.3f}")
    for fault in tracker.faults[-1:] if tracker else ():
        errors.print(plain_text(fault), style="yellow", highlight=False, markup=False, soft_wrap=True)
    print_text(f"{outcome.files[0]}: its card beside it says what it was trained on.")


def _find_recipe(name: str) -> Recipe:
    included = included_recipes()
    path = included.get(name) or Path(name)
    if not path.is_file():
        known = ", ".join(included)
        raise RecipeError(f"There is no recipe {plain_text(name)}: name a file, or one of {known}.")
    return read_recipe(path)


def _show_checks(report: CheckReport) -> None:
    for split, counts in report.counts.items():
        classes = ", ".join(f"{count} {name}" for name, count in counts.items() if name != "images")
        print_text(f"{split}: {counts['images']} images ({classes})")
    for finding in report.findings:
        _show_notice(f"{finding.message} {'; '.join(finding.examples)}".strip())


def _show_prepared(split: str, done: int, total: int) -> None:
    if done == total or done % 500 == 0:
        _show_notice(f"{split}: {done} of {total} images are prepared")


def _show_progress(progress: Progress) -> None:
    validated = any(name.startswith("val/") for name in progress.metrics)
    if validated or progress.step % _EVERY_STEPS == 0:
        figures = ", ".join(f"{name} {value:.4g}" for name, value in progress.metrics.items())
        print_text(f"{progress.elapsed_s / 60:6.1f} min  step {progress.step}  epoch {progress.epoch:.1f}  {figures}")


def _show_notice(message: str) -> None:
    errors.print(plain_text(message), markup=False, highlight=False, soft_wrap=True)
