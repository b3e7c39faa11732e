"""The training loop: resumes as if nothing had happened, and says what goes wrong."""

from __future__ import annotations

import json
from functools import partial

import cv2
import numpy as np
import pytest
import torch

from framesift.detection.onnx.heads import Boxes
from framesift.errors import CheckpointMismatchError, LossNotFiniteError, TrainingMemoryError
from framesift.training.data.dataset import Example, make_labels
from framesift.training.data.pool import Pool, open_pool
from framesift.training.learner import SmallDetectorLearner, open_learner
from framesift.training.recipe import Augmentation, DrawnData, NetworkOptions, Recipe, Schedule
from framesift.training.scores import score_predictions
from framesift.training.trainer import CHECKPOINT, CURVE, Trainer
from framesift.vision.inputs import InputForm

SIDE = 64
STILL = Augmentation(mirror=False, flip=False, colour=0, scale=0, shift=0)


def draw_square(number):
    """A red or blue square on noise, of some size at some place."""
    random = np.random.default_rng(number)
    image = random.integers(90, 140, (SIDE, SIDE, 3), np.uint8)
    size = int(random.integers(12, 40))
    x, y = random.integers(0, SIDE - size, 2).tolist()
    label = number % 2
    cv2.rectangle(image, (x, y), (x + size - 1, y + size - 1), ((230, 30, 30), (30, 30, 230))[label], -1)
    box = [x / SIDE, y / SIDE, (x + size) / SIDE, (y + size) / SIDE]
    return image, make_labels([box], [label], label)


@pytest.fixture(scope="module")
def pool(tmp_path_factory) -> Pool:
    examples = [Example(str(i), "train", partial(draw_square, i), None, str(i)) for i in range(16)]
    form = InputForm(way="letterbox", width=SIDE, height=SIDE)
    return open_pool(tmp_path_factory.mktemp("pool") / "train.pool", examples, form, workers=0)


def make_recipe(task="detector", **schedule):
    return Recipe(
        name="squares",
        task=task,
        precision="float32",
        data=DrawnData(kind="drawn"),
        network=NetworkOptions(width=SIDE, height=SIDE),
        schedule=Schedule(**{"epochs": 2, "batch": 4, "averaging": 0.9, **schedule}),
    )


def make_trainer(recipe, pool, folder, learner=None, **listeners):
    learner = learner or open_learner(recipe, ("red", "blue"))
    return Trainer(recipe, learner, {"train": pool, "val": pool}, "data", folder, **listeners)


@pytest.mark.parametrize("task", ["detector", "classifier"])
def test_it_learns(task, pool, tmp_path):
    epochs = 32 if task == "detector" else 14
    recipe = make_recipe(task, epochs=epochs, batch=8, learning_rate=4e-3, validate_epochs=epochs)
    recipe = recipe.model_copy(update={"augmentation": STILL})
    figures = make_trainer(recipe, pool, tmp_path).train()
    assert figures["map_50" if task == "detector" else "macro_f1"] > 0.9
    lines = [json.loads(line) for line in (tmp_path / CURVE).read_text().splitlines()]
    losses = [line["metrics"]["loss"] for line in lines if "loss" in line["metrics"]]
    assert losses[-1] < losses[0] / 2
    assert lines[-1]["epoch"] == epochs


def test_a_resumed_training_ends_with_the_weights_of_one_that_was_never_stopped(pool, tmp_path):
    recipe = make_recipe(epochs=1.5)
    whole = make_trainer(recipe, pool, tmp_path / "whole")
    whole.train()
    stopped = make_trainer(recipe, pool, tmp_path / "stopped", on_progress=lambda _: None)

    class KilledError(Exception):
        pass

    compute = stopped.learner.compute_loss

    def die_in_step_four(network, batch):
        if stopped.step == 3:
            stopped.save()
            raise KilledError
        return compute(network, batch)

    stopped.learner.compute_loss = die_in_step_four
    with pytest.raises(KilledError):
        stopped.train()
    resumed = make_trainer(recipe, pool, tmp_path / "stopped")
    assert resumed.resume()
    assert resumed.step == 3
    resumed.train()
    assert resumed.step == whole.step == 6
    for name, value in whole.averaged.state_dict().items():
        assert torch.equal(value, resumed.averaged.state_dict()[name]), name


def test_a_checkpoint_of_another_recipe_or_other_data_is_refused(pool, tmp_path):
    first = make_trainer(make_recipe(), pool, tmp_path)
    assert not first.resume()
    first.train_step(first.make_batch(0))
    first.save()
    with pytest.raises(CheckpointMismatchError, match="another recipe"):
        make_trainer(make_recipe(batch=8), pool, tmp_path).resume()
    recipe = make_recipe(epochs=50)
    assert make_trainer(recipe, pool, tmp_path).resume()
    other = Trainer(recipe, open_learner(recipe, ("a", "b")), {"train": pool, "val": pool}, "other", tmp_path)
    with pytest.raises(CheckpointMismatchError, match="another data"):
        other.resume()
    (tmp_path / CHECKPOINT).write_bytes(b"PK half of a file")
    with pytest.raises(CheckpointMismatchError, match="cannot be read"):
        make_trainer(recipe, pool, tmp_path).resume()


class Spoilt(SmallDetectorLearner):
    """A detector whose loss is not a number from some step on, or that fits only so many images into memory."""

    def __init__(self, *, fits=1000, sound=1000):
        super().__init__(make_recipe(), ("red", "blue"))
        self.fits, self.sound = fits, sound
        self.parts = []

    def compute_loss(self, network, batch):
        if len(batch.images) > self.fits:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        self.parts.append(len(batch.images))
        self.sound -= 1
        loss = super().compute_loss(network, batch)
        return loss if self.sound >= 0 else loss * float("nan")


def test_a_loss_that_is_no_number_ends_the_training_and_keeps_the_checkpoint(pool, tmp_path):
    trainer = make_trainer(make_recipe(), pool, tmp_path, Spoilt(sound=2))
    trainer.train_step(trainer.make_batch(0))
    trainer.save()
    before = (tmp_path / CHECKPOINT).read_bytes()
    with pytest.raises(LossNotFiniteError, match=r"step 3.*learning_rate"):
        trainer.train()
    assert (tmp_path / CHECKPOINT).read_bytes() == before


def test_out_of_memory_makes_smaller_parts_of_the_same_step(pool, tmp_path):
    notices = []
    recipe = make_recipe("classifier", batch=8)
    torch.manual_seed(1)
    small = make_trainer(make_recipe(batch=8), pool, tmp_path, Spoilt(fits=3), on_notice=notices.append)
    small.train_step(small.make_batch(0))
    assert small.learner.parts == [2, 2, 2, 2]
    assert [notice.split(":")[1].split()[4] for notice in notices] == ["4", "2"]
    assert small.step == 1
    # It stays so in later steps, and after a resumption.
    small.save()
    again = make_trainer(make_recipe(batch=8), pool, tmp_path, Spoilt(fits=3), on_notice=notices.append)
    again.resume()
    again.train_step(again.make_batch(1))
    assert again.learner.parts == [2, 2, 2, 2]
    assert len(notices) == 2
    assert recipe.digest != make_recipe(batch=8).digest


def test_not_even_one_image_fits_into_memory(pool, tmp_path):
    trainer = make_trainer(make_recipe(), pool, tmp_path, Spoilt(fits=0))
    with pytest.raises(TrainingMemoryError, match="64 × 64"):
        trainer.train_step(trainer.make_batch(0))


def test_it_stops_when_validations_bring_nothing_better(pool, tmp_path):
    notices = []
    recipe = make_recipe(epochs=20, validate_epochs=0.25, patience=2, learning_rate=1e-9)
    trainer = make_trainer(recipe, pool, tmp_path, on_notice=notices.append)
    trainer.evaluate = lambda _pool: {"map_50": 0.5}
    trainer.train()
    assert trainer.step == 3
    assert "nothing better" in notices[0]


def test_what_decides_is_cocos():
    truth = [make_labels([[0, 0, 10, 10], [20, 20, 30, 30]], [0, 0]), make_labels([[0, 0, 10, 10]], [1])]
    found = [
        Boxes(
            np.array([[0, 0, 10, 9], [0, 0, 9, 10], [21, 20, 30, 30]], np.float32),
            np.array([0.9, 0.8, 0.7], np.float32),
            np.zeros(3, np.int64),
        ),
        Boxes(np.array([[0, 0, 4, 4]], np.float32), np.array([0.9], np.float32), np.ones(1, np.int64)),
    ]
    figures = score_predictions("detector", found, truth, ("bolt", "nut"))
    # The first of class 0 is right, the second repeats it, the third finds the other: 51 points at 1, 50 at 2/3.
    assert figures["map_50"] == pytest.approx((51 + 50 * 2 / 3) / 101 / 2)
    assert next(iter(figures)) == "map_50"


def test_a_classifiers_mean_f1_decides():
    labels = [make_labels([], [], label) for label in (0, 0, 1, 2)]
    probabilities = np.eye(3, dtype=np.float32)[[0, 1, 1, 2]]
    figures = score_predictions("classifier", probabilities, labels, ("good", "dent", "hole"))
    assert figures == {"macro_f1": pytest.approx((2 / 3 + 2 / 3 + 1) / 3), "accuracy": 0.75}
