"""The training loop: resumable at any step, and as quick as the network allows.

Each batch is a pure function of the recipe's seed and the step's number, so a training that was killed goes on where
its last checkpoint was.
"""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from framesift.errors import LossNotFiniteError, TrainingMemoryError
from framesift.training.augment import Batch, augment, make_batch
from framesift.training.checkpoint import load_checkpoint, save_checkpoint
from framesift.training.data.pool import Pool
from framesift.training.learner import Learner
from framesift.training.recipe import Recipe
from framesift.training.scores import score_predictions
from framesift.training.types import Progress

CHECKPOINT = "checkpoint.npz"
CURVE = "curve.jsonl"
_REPORT_STEPS = 10
_SAVE_INTERVAL_S = 60.0
_BETAS = (0.9, 0.98)


class Trainer:
    """A training of one network.

    Args:
        recipe: What is trained.
        learner: The network and its loss.
        pools: Prepared images of the splits `train` and `val`.
        data_digest: Of the data set.
        folder: Holds the checkpoint and the learning curve.
        on_progress: Is called with each line of the learning curve.
        on_notice: Is called with what a person should know: that batches became smaller.

    Attributes:
        averaged: The network with the moving average of its weights: the result.
        step: Steps done.
        elapsed_s: Seconds of computing: processor time by the number of threads, or time with a GPU.
    """

    def __init__(
        self,
        recipe: Recipe,
        learner: Learner,
        pools: Mapping[str, Pool],
        data_digest: str,
        folder: Path,
        *,
        on_progress: Callable[[Progress], None] = lambda _: None,
        on_notice: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.recipe, self.learner, self.folder = recipe, learner, folder
        self._train, self._val = pools["train"], pools["val"]
        self._digests = {"recipe": recipe.digest, "data": data_digest}
        self._on_progress, self._on_notice = on_progress, on_notice
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network: nn.Module = learner.network.to(self.device).to(memory_format=torch.channels_last)
        self.averaged: nn.Module = copy.deepcopy(self.network)
        decayed = [p for p in self.network.parameters() if p.requires_grad and p.ndim > 1]
        plain = [p for p in self.network.parameters() if p.requires_grad and p.ndim <= 1]
        groups: list[dict[str, Any]] = [{"params": decayed}, {"params": plain, "weight_decay": 0.0}]
        schedule = recipe.schedule
        self.optimizer = torch.optim.AdamW(groups, weight_decay=schedule.weight_decay, betas=_BETAS)
        self.step = 0
        self.elapsed_s = 0.0
        self._best = -math.inf
        self._not_better = 0
        self._part = schedule.batch
        self._epoch_order: tuple[int, np.ndarray[Any, np.dtype[np.int64]]] = (-1, np.zeros(0, np.int64))

    @property
    def epoch(self) -> float:
        """Passes over the images done."""
        return self.step * self.recipe.schedule.batch / len(self._train)

    @property
    def done(self) -> float:
        """The completed share of the training, 0 to 1."""
        schedule = self.recipe.schedule
        share = self.epoch / schedule.epochs if schedule.epochs else self.elapsed_s / (60 * schedule.minutes)
        return min(1.0, share)

    def resume(self) -> bool:
        """Go on from the folder's checkpoint.

        Returns:
            Whether there was one.

        Raises:
            CheckpointMismatchError: It belongs to another recipe or to other data.
        """
        path = self.folder / CHECKPOINT
        if not path.exists():
            return False
        facts = load_checkpoint(path, self.network, self.averaged, self.optimizer, self._digests)
        self.step, self.elapsed_s, self._part = int(facts["step"]), float(facts["elapsed_s"]), int(facts["part"])
        self._best, self._not_better = float(facts["best"]), int(facts["not_better"])
        return True

    def train(self) -> dict[str, float]:
        """Train to the end, or until validations get no better.

        Returns:
            The figures of the last validation.

        Raises:
            LossNotFiniteError: The loss became infinite or not a number.
            TrainingMemoryError: Not even one image fits into memory.
        """
        schedule = self.recipe.schedule
        figures: dict[str, float] = {}
        last_saved_s = time.monotonic()
        losses: list[float] = []
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / CURVE).open("a", encoding="utf-8") as curve:

            def note(metrics: Mapping[str, float]) -> None:
                progress = Progress(self.step, round(self.epoch, 4), metrics, round(self.elapsed_s, 2))
                print(json.dumps(asdict(progress)), file=curve, flush=True)
                self._on_progress(progress)

            while self.done < 1:
                validations = int(self.epoch / schedule.validate_epochs)
                losses.append(self.train_step(self.make_batch(self.step)))
                if self.step % _REPORT_STEPS == 0:
                    note({"loss": float(np.mean(losses)), "learning_rate": self._learning_rate()})
                    losses.clear()
                is_last = self.done >= 1
                if len(self._val) and (is_last or int(self.epoch / schedule.validate_epochs) > validations):
                    figures = self.evaluate(self._val)
                    note({f"val/{name}": value for name, value in figures.items()})
                    if self._should_stop(next(iter(figures.values()))):
                        self._on_notice(f"Stopped: {schedule.patience} validations brought nothing better.")
                        break
                if time.monotonic() - last_saved_s > _SAVE_INTERVAL_S:
                    self.save()
                    last_saved_s = time.monotonic()
        self.save()
        return figures

    def train_step(self, batch: Batch) -> float:
        """Train on a batch; return the loss."""
        started_s = self._clock()
        self.network.train()
        for group in self.optimizer.param_groups:
            group["lr"] = self._learning_rate()
        while True:
            try:
                loss = self._accumulate(batch)
                break
            except (MemoryError, RuntimeError) as error:
                if not _is_out_of_memory(error):
                    raise
            # Outside the `except`: the error holds the tensors of the failed step.
            self._halve_part()
        if not math.isfinite(loss):
            raise LossNotFiniteError(
                f"The loss became {loss} in step {self.step + 1}: lower schedule.learning_rate, or set precision to "
                f"float32. The last checkpoint is in {self.folder}."
            )
        nn.utils.clip_grad_norm_(self.network.parameters(), 10.0)
        self.optimizer.step()
        self.step += 1
        self._average()
        self.elapsed_s += self._clock() - started_s
        return loss

    def evaluate(self, pool: Pool) -> dict[str, float]:
        """Score the averaged network on a pool; the first figure is the one that decides."""
        self.averaged.eval()
        predictions: list[Any] = []
        with torch.inference_mode(), self._autocast():
            for start in range(0, len(pool), self.recipe.schedule.batch):
                chosen = slice(start, start + self.recipe.schedule.batch)
                batch = make_batch(pool.pixels[chosen], pool.labels[chosen], self.device)
                predictions += list(self.learner.predict(self.averaged, batch.images))
        return score_predictions(self.recipe.task, predictions, pool.labels, self.learner.classes)

    def save(self) -> None:
        """Write the checkpoint."""
        facts = {
            **self._digests,
            "step": self.step,
            "elapsed_s": self.elapsed_s,
            "best": self._best,
            "not_better": self._not_better,
            "part": self._part,
        }
        save_checkpoint(self.folder / CHECKPOINT, self.network, self.averaged, self.optimizer, facts)

    def make_batch(self, step: int) -> Batch:
        """The batch of a step, changed at random."""
        batch, count = self.recipe.schedule.batch, len(self._train)
        places = np.arange(step * batch, (step + 1) * batch)
        chosen = np.asarray([self._order(int(place) // count)[int(place) % count] for place in places])
        made = make_batch(self._train.pixels[chosen], [self._train.labels[i] for i in chosen], self.device)
        return augment(made, self.recipe.augmentation, np.random.default_rng((self.recipe.seed, 1, step)))

    def _order(self, epoch: int) -> np.ndarray[Any, np.dtype[np.int64]]:
        if self._epoch_order[0] != epoch:
            random = np.random.default_rng((self.recipe.seed, 2, epoch))
            self._epoch_order = (epoch, random.permutation(len(self._train)))
        return self._epoch_order[1]

    def _accumulate(self, batch: Batch) -> float:
        """Compute gradients in parts that fit into memory."""
        self.optimizer.zero_grad(set_to_none=True)
        images, total = len(batch.images), 0.0
        for start in range(0, images, self._part):
            part = batch.part(start, self._part)
            with self._autocast():
                loss = self.learner.compute_loss(self.network, part)
            share = len(part.images) / images
            (loss * share).backward()  # type: ignore[no-untyped-call]
            total += loss.item() * share
        return total

    def _halve_part(self) -> None:
        if self._part == 1:
            raise TrainingMemoryError(
                f"One image of {self.recipe.network.width} × {self.recipe.network.height} pixels does not fit into "
                "memory: make network.width and network.height smaller."
            )
        self._part //= 2
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        self._on_notice(f"Out of memory: each step now computes {self._part} images at a time; the result is the same.")

    def _autocast(self) -> torch.autocast:
        precision = self.recipe.precision
        quick = precision == "bfloat16" or (precision == "auto" and _has_quick_bfloat16(self.device))
        return torch.autocast(self.device.type, torch.bfloat16, enabled=quick)

    def _learning_rate(self) -> float:
        schedule, done = self.recipe.schedule, self.done
        rise = min(1.0, done / schedule.warm_up + 0.01) if schedule.warm_up else 1.0
        return schedule.learning_rate * min(rise, 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))

    def _average(self) -> None:
        keep = min(self.recipe.schedule.averaging, self.step / (10 + self.step))
        current = self.network.state_dict()
        for name, value in self.averaged.state_dict().items():
            if value.is_floating_point():
                value.lerp_(current[name], 1 - keep)
            else:
                value.copy_(current[name])

    def _should_stop(self, figure: float) -> bool:
        self._not_better = 0 if figure > self._best else self._not_better + 1
        self._best = max(self._best, figure)
        patience = self.recipe.schedule.patience
        return bool(patience) and self._not_better >= patience

    def _clock(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize()
            return time.monotonic()
        return time.process_time() / torch.get_num_threads()


def _has_quick_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return "allocate memory" in str(error) or "out of memory" in str(error)
