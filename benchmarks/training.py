"""Training steps of the small networks on batches out of a pool, against the same steps on one batch in memory.

    python -m benchmarks.training [--steps 8]

Processor time is measured, on one thread: other work on the machine changes it least. Writes
`benchmarks/results/training.md`.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks.rounds import machine, report, table
from framesift.training.data.drawn import draw_dataset
from framesift.training.data.pool import open_pool
from framesift.training.learner import open_learner
from framesift.training.recipe import DrawnData, Recipe, included_recipes, read_recipe
from framesift.training.trainer import Trainer
from framesift.vision.inputs import InputForm

IMAGES = 48


def measure(recipe: Recipe, steps: int, folder: Path) -> tuple[float, float, float]:
    """Images per second of processor time: of steps on one batch, of steps on batches of a pool, and of drawing."""
    dataset = draw_dataset(DrawnData(kind="drawn", train=IMAGES, val=0, test=0), recipe.task)
    size = recipe.network
    form = InputForm(way="stretch", width=size.width, height=size.height)
    started_s = time.process_time()
    pool = open_pool(folder / "train.pool", dataset.of("train"), form, workers=0)
    drawn = IMAGES / (time.process_time() - started_s)
    empty = open_pool(folder / "val.pool", [], form, workers=0)
    learner = open_learner(recipe, dataset.classes)
    trainer = Trainer(recipe, learner, {"train": pool, "val": empty}, "benchmark", folder)
    batch = trainer.make_batch(0)
    in_memory, pooled = [], []
    for step in range(steps + 1):
        # By turns, so that both meet the same machine.
        started_s = time.process_time()
        trainer.train_step(batch)
        in_memory.append(time.process_time() - started_s)
        started_s = time.process_time()
        trainer.train_step(trainer.make_batch(step))
        pooled.append(time.process_time() - started_s)
    images = recipe.schedule.batch
    # The first of each allocates.
    return images / float(np.median(in_memory[1:])), images / float(np.median(pooled[1:])), drawn


def main() -> None:
    """Measure and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=8)
    steps = parser.parse_args().steps
    torch.set_num_threads(1)
    rows = []
    for name, path in included_recipes().items():
        recipe = read_recipe(path)
        with tempfile.TemporaryDirectory() as folder:
            memory, pooled, drawn = measure(recipe, steps, Path(folder))
        size = f"{recipe.network.width} × {recipe.network.height}"
        ratio = f"{pooled / memory:.2f}"
        rows.append((name, size, str(recipe.schedule.batch), f"{memory:.1f}", f"{pooled:.1f}", ratio, f"{drawn:.1f}"))
    columns = ["recipe", "pixels", "batch", "in memory", "out of a pool", "ratio", "drawn and prepared"]
    report(
        "training",
        [
            "# Training steps: images per second of processor time, one thread",
            "",
            *table(columns, rows),
            "",
            *machine(["torch"]),
        ],
    )


if __name__ == "__main__":
    main()
