"""Trains what a recipe says, from the data to a file that jobs open."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from framesift.contracts import CatalogItem
from framesift.errors import CheckpointMismatchError
from framesift.training.data.checks import CheckReport, check_dataset, check_pools
from framesift.training.data.dataset import SPLITS, Dataset
from framesift.training.data.drawn import draw_dataset
from framesift.training.data.labelled import Sources, choose_examples, find_in_collection, find_in_folder
from framesift.training.data.pool import Pool, open_pool
from framesift.training.export import make_card
from framesift.training.learner import Learner, open_learner
from framesift.training.recipe import CollectionData, DrawnData, FolderData, Recipe
from framesift.training.trainer import CHECKPOINT, CURVE, Trainer
from framesift.training.types import Outcome, Progress, Tracker
from framesift.vision.inputs import InputForm

CHECKS = "checks.json"
MODEL = "model.onnx"
CARD = "card.json"
_POOLS = "pools"


class Collection(Protocol):
    """What is needed of a collection; `OpenCollection` is one."""

    def query(self, query: str = "") -> Iterable[CatalogItem]:
        """Yield the items that a query finds."""

    def read(self, item: CatalogItem) -> bytes:
        """The bytes of an item's image."""


@dataclass(frozen=True)
class Listener:
    """What is told to a person as a training goes on.

    Attributes:
        on_checked: Is called with what the checks of the data found.
        on_prepared: Is called with a split, and how many of how many of its images are prepared.
        on_progress: Is called with each line of the learning curve.
        on_notice: Is called with what a person should know.
    """

    on_checked: Callable[[CheckReport], None] = lambda _: None
    on_prepared: Callable[[str, int, int], None] = lambda _split, _done, _total: None
    on_progress: Callable[[Progress], None] = lambda _: None
    on_notice: Callable[[str], None] = lambda _: None


def train_recipe(
    recipe: Recipe,
    folder: Path,
    *,
    resume: bool = False,
    workers: int = 1,
    tracker: Tracker | None = None,
    listener: Listener | None = None,
    open_collection: Callable[[str], Collection] | None = None,
) -> Outcome:
    """Train a network, or go on with a training that was interrupted.

    Writes into the folder: `checks.json`, `curve.jsonl`, `checkpoint.npz`, and in the end `model.onnx` and `card.json`.

    Args:
        recipe: What is trained, on what, and how.
        folder: Holds the training.
        resume: Go on from the folder's checkpoint.
        workers: Processes that draw images ahead.
        tracker: Records the training as it goes.
        listener: Tells a person.
        open_collection: Opens a collection by its name, for recipes that learn from one.

    Returns:
        The figures on the test split, and the files.

    Raises:
        TrainingError: It cannot be trained as requested; the subclass says why.
        ModelInaccurateError: The exported file computes something else than torch.
    """
    listener = listener or Listener()
    if not resume and (folder / CHECKPOINT).exists():
        raise CheckpointMismatchError(
            f"{folder} holds a training: go on with it by --resume, or train in another folder."
        )
    dataset, pools = _prepare(recipe, folder, workers, listener, open_collection)
    learner = open_learner(recipe, dataset.classes)

    def on_progress(progress: Progress) -> None:
        listener.on_progress(progress)
        if tracker:
            tracker.log(progress)

    trainer = Trainer(
        recipe, learner, pools, dataset.digest, folder, on_progress=on_progress, on_notice=listener.on_notice
    )
    if resume:
        trainer.resume()
    if tracker:
        tracker.start(recipe, dataset.digest)
    try:
        figures = {f"val/{name}": value for name, value in trainer.train().items()}
        if len(pools["test"]):
            figures |= {f"test/{name}": value for name, value in trainer.evaluate(pools["test"]).items()}
        files = _export(recipe, dataset, learner, trainer, folder, figures)
    except BaseException as error:
        if tracker:
            tracker.fail(error)
        raise
    outcome = Outcome(figures, files)
    if tracker:
        tracker.finish(outcome)
    return outcome


def _prepare(
    recipe: Recipe,
    folder: Path,
    workers: int,
    listener: Listener,
    open_collection: Callable[[str], Collection] | None,
) -> tuple[Dataset, dict[str, Pool]]:
    data, report = recipe.data, None
    if isinstance(data, DrawnData):
        dataset = draw_dataset(data, recipe.task)
    else:
        sources = _find_sources(data, open_collection)
        dataset = choose_examples(sources, data, recipe.task)
        report = check_dataset(dataset, sources)
    way = "letterbox" if recipe.task == "detector" else "stretch"
    form = InputForm(way=way, width=recipe.network.width, height=recipe.network.height)
    place = folder / _POOLS / f"{dataset.digest[:12]}-{form.width}x{form.height}"
    # Readers of collections cannot be sent to other processes; decoding has a process of its own in any case.
    drawers = workers if report is None else 0
    pools: dict[str, Pool] = {}
    for split in SPLITS:

        def on_prepared(done: int, total: int, split: str = split) -> None:
            listener.on_prepared(split, done, total)

        pools[split] = open_pool(
            place / f"{split}.pool", dataset.of(split), form, workers=drawers, on_prepared=on_prepared
        )
    if report is not None:
        report = replace(report, findings=(*report.findings, *check_pools(pools)))
        report.write(folder / CHECKS)
        listener.on_checked(report)
    return dataset, pools


def _find_sources(data: FolderData | CollectionData, open_collection: Callable[[str], Collection] | None) -> Sources:
    if isinstance(data, FolderData):
        return find_in_folder(Path(data.path))
    if open_collection is None:
        raise ValueError("a recipe that learns from a collection needs `open_collection`")
    opened = open_collection(data.collection)
    return find_in_collection(opened.query(data.query), opened.read)


def _export(
    recipe: Recipe, dataset: Dataset, learner: Learner, trainer: Trainer, folder: Path, figures: dict[str, float]
) -> tuple[Path, ...]:
    facts = {
        "recipe": recipe.model_dump(mode="json"),
        "recipe_digest": recipe.digest,
        "data_digest": dataset.digest,
        "steps": trainer.step,
        "epochs": round(trainer.epoch, 2),
        "minutes": round(trainer.elapsed_s / 60, 2),
        "figures": {name: round(value, 4) for name, value in figures.items()},
    }
    model, card = folder / MODEL, folder / CARD
    learner.export(trainer.averaged, model)
    card.write_text(
        json.dumps(make_card(recipe, learner.form, model, facts), indent=2, ensure_ascii=False) + "\n",
        encoding="utf-8",
    )
    return (model, card, folder / CURVE)
