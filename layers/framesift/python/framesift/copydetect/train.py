"""Trains the copy-detection model: contrastive learning on synthetic images, seeded and resumable.

Each batch is a pure function of the seed and the step's number, so a stopped training resumes
where it was. Losses: InfoNCE over all views of a batch, and KoLeo, which spreads descriptors evenly so that
one threshold suits all images (Pizzi et al., "A Self-Supervised Descriptor for Image Copy Detection", 2022).
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from framesift.copydetect.edits import STRONG, WEAK, edit_image
from framesift.copydetect.network import INPUT_SIZE, CopyNet
from framesift.copydetect.pool import open_pool
from framesift.copydetect.synthetic import FAMILY_SIZE, is_homogeneous
from framesift.copydetect.textures import Rng
from framesift.vision.decode import RgbImage

_EARLY_SIZE = 96
"""Pixels: the first part of the training uses smaller images, at half the cost."""
REPORT_STEPS = 10
_SAVE_INTERVAL_S = 60.0


@dataclass(frozen=True)
class TrainingPlan:
    """The hyperparameters of a training.

    Attributes:
        minutes: Length of the training, which scales the learning-rate schedule; pauses do not count.
        steps: Length in steps instead, for a training that must be reproducible.
        seed: Seeds images, batches and initial weights.
        families: Families of four images to draw.
        batch_images: Images per batch, each in two views.
        learning_rate: AdamW's, at its peak.
        weight_decay: AdamW's.
        temperature: InfoNCE's.
        spread: Weight of KoLeo.
        early_share: The share of the training that uses smaller images.
        averaging: Decay of the exponential moving average of the weights.
        workers: Processes that prepare batches.
    """

    minutes: float = 25.0
    steps: int | None = None
    seed: int = 1
    families: int = 8000
    batch_images: int = 192
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    temperature: float = 0.05
    spread: float = 1.0
    early_share: float = 0.5
    averaging: float = 0.99
    workers: int = 1


def make_plan(**options: Any) -> TrainingPlan:
    """Make a plan for this machine: with a GPU, batches are larger and more processes prepare them.

    Args:
        options: Fields of `TrainingPlan`.
    """
    plan = TrainingPlan(**options)
    if not torch.cuda.is_available():
        return plan
    return replace(plan, batch_images=1024, early_share=0.0, workers=max(1, (os.cpu_count() or 2) - 1))


@dataclass(frozen=True)
class Progress:
    """One line of the learning curve.

    Attributes:
        step: Steps done.
        elapsed_s: Seconds of training.
        done: The completed share of the training, 0 to 1.
        loss: InfoNCE, nats.
        found: The share of views whose nearest neighbour in the batch is the same image's other view.
    """

    step: int
    elapsed_s: float
    done: float
    loss: float
    found: float


class Batches(Dataset[RgbImage]):
    """Batch number i: (2, P, 128, 128, 3) uint8, a weak and a strong view of each of P images.

    Half of the images are whole families, half of these uniform textures; the others are single members.

    Args:
        pool: (N, 192, 192, 3) uint8, a family's members are adjacent.
        plan: The seed and the batch's size.
    """

    def __init__(self, pool: RgbImage, plan: TrainingPlan) -> None:
        self._pool = pool
        self._plan = plan
        self._families = np.arange(len(pool) // FAMILY_SIZE)
        uniform = [is_homogeneous(plan.seed, int(family)) for family in self._families]
        self._uniform = self._families[uniform]

    def __len__(self) -> int:
        return 1 << 30

    def __getitem__(self, step: int) -> RgbImage:
        cv2.setNumThreads(1)
        rng = np.random.default_rng((self._plan.seed, step))
        chosen = self._choose(rng)
        # The weak view of half the images is strong too: both sides of a pair may be edited.
        recipes = [(STRONG if rng.random() < 0.3 else WEAK, STRONG) for _ in chosen]
        views = [
            [edit_image(self._pool[i], self._pool, rng, pair[side], INPUT_SIZE) for side in (0, 1)]
            for i, pair in zip(chosen, recipes, strict=True)
        ]
        return np.array(views, np.uint8).swapaxes(0, 1)

    def _choose(self, rng: Rng) -> list[int]:
        images = self._plan.batch_images
        count = images // (2 * FAMILY_SIZE)
        uniform = rng.permutation(self._uniform)[: count // 2]
        families = np.setdiff1d(self._families, uniform)
        rng.shuffle(families)
        whole = np.concatenate([uniform, families[: count - len(uniform)]])
        single = families[count - len(uniform) :][: images - count * FAMILY_SIZE]
        members = (whole[:, None] * FAMILY_SIZE + np.arange(FAMILY_SIZE)).ravel()
        others = single * FAMILY_SIZE + rng.integers(0, FAMILY_SIZE, len(single))
        chosen: list[int] = np.concatenate([members, others]).tolist()
        return chosen


def train(plan: TrainingPlan, folder: Path, report: Callable[[Progress], None]) -> CopyNet:
    """Train, or resume the training whose checkpoint is in the folder.

    Args:
        plan: What to train.
        folder: Holds the synthetic images, the checkpoint and the learning curve (`curve.jsonl`).
        report: Is called every ten steps.

    Returns:
        The network with its averaged weights, in evaluation mode, on the CPU.
    """
    pool = open_pool(folder, seed=plan.seed, families=plan.families)
    torch.manual_seed(plan.seed)
    trainer = Trainer(plan)
    checkpoint = folder / "checkpoint.npz"
    if checkpoint.exists():
        trainer.load(checkpoint)
    batches = _load_batches(pool, plan, start=trainer.step)
    last_saved_s = time.monotonic()
    with (folder / "curve.jsonl").open("a", encoding="utf-8") as curve:
        while trainer.done < 1:
            progress = trainer.train_step(next(batches))
            if trainer.step % REPORT_STEPS == 0:
                print(json.dumps(asdict(progress)), file=curve, flush=True)
                report(progress)
            if time.monotonic() - last_saved_s > _SAVE_INTERVAL_S:
                trainer.save(checkpoint)
                last_saved_s = time.monotonic()
    trainer.save(checkpoint)
    return trainer.averaged.cpu().eval()


class Trainer:
    """The network, its optimizer and the moving average of its weights.

    Args:
        plan: What to train.

    Attributes:
        averaged: The network with the moving average of the weights: the result.
        step: Steps done.
        elapsed_s: Seconds that they took.
    """

    def __init__(self, plan: TrainingPlan) -> None:
        self.plan = plan
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network = CopyNet().to(self.device).to(memory_format=torch.channels_last)
        self.averaged = CopyNet().to(self.device)
        self.averaged.load_state_dict(self.network.state_dict())
        decayed = [p for p in self.network.parameters() if p.ndim > 1]
        plain = [p for p in self.network.parameters() if p.ndim <= 1]
        groups: list[dict[str, Any]] = [{"params": decayed}, {"params": plain, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, weight_decay=plan.weight_decay, betas=(0.9, 0.98))
        self.step = 0
        self.elapsed_s = 0.0

    @property
    def done(self) -> float:
        """The completed share of the plan, 0 to 1."""
        if self.plan.steps is not None:
            return self.step / self.plan.steps
        return self.elapsed_s / (60 * self.plan.minutes)

    def train_step(self, views: Tensor) -> Progress:
        """Train on one batch: (2, P, 128, 128, 3) uint8."""
        started_s, done = time.monotonic(), self.done
        images = views.to(self.device).flatten(0, 1).permute(0, 3, 1, 2).float() / 127.5 - 1
        if done < self.plan.early_share:
            images = functional.interpolate(images, _EARLY_SIZE, mode="area")
        images = images.contiguous(memory_format=torch.channels_last)
        for group in self.optimizer.param_groups:
            group["lr"] = self.plan.learning_rate * _scale_learning_rate(done)
        with torch.autocast(self.device.type, torch.bfloat16):
            descriptors = self.network(images)
        loss, found = _compute_info_nce(descriptors, self.plan.temperature)
        self.optimizer.zero_grad(set_to_none=True)
        (loss + self.plan.spread * _compute_koleo(descriptors)).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.step += 1
        self._average()
        self.elapsed_s += time.monotonic() - started_s
        return Progress(self.step, self.elapsed_s, self.done, loss.item(), found.item())

    def _average(self) -> None:
        keep = min(self.plan.averaging, self.step / (10 + self.step))
        current = self.network.state_dict()
        for name, value in self.averaged.state_dict().items():
            if value.is_floating_point():
                value.lerp_(current[name], 1 - keep)

    def save(self, path: Path) -> None:
        """Write everything that the next step depends on, as plain arrays."""
        arrays = {"step": np.array(self.step), "elapsed_s": np.array(self.elapsed_s)}
        for name, value in self._tensors():
            arrays[name] = value.detach().cpu().numpy()
        unfinished = path.with_suffix(".part.npz")
        np.savez(unfinished, **arrays)  # type: ignore[arg-type]
        unfinished.replace(path)

    def load(self, path: Path) -> None:
        """Restore what `save` wrote."""
        with np.load(path, allow_pickle=False) as arrays:
            self.step, self.elapsed_s = int(arrays["step"]), float(arrays["elapsed_s"])
            for group in self.optimizer.param_groups:
                for parameter in group["params"]:
                    self.optimizer.state[parameter] = {
                        "step": torch.tensor(float(self.step)),
                        "exp_avg": torch.zeros_like(parameter),
                        "exp_avg_sq": torch.zeros_like(parameter),
                    }
            for name, value in self._tensors():
                value.data.copy_(torch.from_numpy(arrays[name]))

    def _tensors(self) -> Iterator[tuple[str, Tensor]]:
        for name, value in self.network.state_dict().items():
            yield f"network.{name}", value
        for name, value in self.averaged.state_dict().items():
            yield f"averaged.{name}", value
        for name, parameter in self.network.named_parameters():
            state = self.optimizer.state[parameter]
            for part in ("exp_avg", "exp_avg_sq"):
                yield f"{part}.{name}", state[part]


def _load_batches(pool: RgbImage, plan: TrainingPlan, *, start: int) -> Iterator[Tensor]:
    data = Batches(pool, plan)
    loader: DataLoader[RgbImage] = DataLoader(
        data,
        batch_size=None,
        sampler=range(start, len(data)),
        num_workers=plan.workers,
        prefetch_factor=4 if plan.workers else None,
    )
    return iter(loader)


def _scale_learning_rate(done: float) -> float:
    """A short warm-up, then cosine decay to one hundredth."""
    return min(done / 0.03 + 0.01, 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(done, 1))))


def _compute_info_nce(descriptors: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """InfoNCE over (2P, 192) descriptors, row i and row i + P being views of one image.

    Returns:
        The mean loss, and the share of views whose nearest neighbour is their partner.
    """
    rows = len(descriptors)
    similarity = (descriptors @ descriptors.T / temperature).fill_diagonal_(-math.inf)
    partner = torch.arange(rows, device=descriptors.device).roll(rows // 2)
    found = (similarity.argmax(dim=1) == partner).float().mean()
    return functional.cross_entropy(similarity, partner), found


def _compute_koleo(descriptors: Tensor) -> Tensor:
    """KoLeo: minus the mean logarithm of each descriptor's distance to the nearest other image."""
    rows = len(descriptors)
    similarity = (descriptors @ descriptors.T).detach().fill_diagonal_(-2)
    index = torch.arange(rows, device=descriptors.device)
    similarity[index, index.roll(rows // 2)] = -2
    nearest = similarity.argmax(dim=1)
    distance = (descriptors - descriptors[nearest]).pow(2).sum(dim=1).add(1e-8).sqrt()
    return -distance.log().mean()
