"""Training is reproducible, resumes, converges, and exports a file that onnxruntime runs to the same vectors."""

import json
import sys
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from framesift.cli.copydetect import app
from framesift.copydetect.charts import draw_learning_curve
from framesift.copydetect.export import export_onnx
from framesift.copydetect.network import DIMENSION, CopyNet
from framesift.copydetect.pool import open_pool
from framesift.copydetect.train import Batches, Trainer, TrainingPlan, train
from framesift.errors import ExtraMissingError

PLAN = TrainingPlan(steps=4, seed=5, families=12, batch_images=8, early_share=1.0, workers=0)


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """So small a network waits for its threads more than it computes."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("training")


@pytest.fixture(scope="module")
def batches(folder):
    data = Batches(open_pool(folder, seed=PLAN.seed, families=PLAN.families), PLAN)
    return [torch.from_numpy(data[step]) for step in range(4)]


def seeded_trainer():
    torch.manual_seed(PLAN.seed)
    return Trainer(PLAN)


def weights(trainer):
    return {name: value.clone() for name, value in trainer.averaged.state_dict().items()}


def test_a_batch_is_a_function_of_seed_and_step(folder, batches):
    again = Batches(open_pool(folder, seed=PLAN.seed, families=PLAN.families), PLAN)[2]

    assert again.shape == (2, 8, 128, 128, 3)
    assert np.array_equal(again, batches[2].numpy())
    assert not np.array_equal(again, batches[1].numpy())


def test_a_stopped_training_ends_as_if_it_had_not_been_stopped(batches, tmp_path):
    straight, stopped = seeded_trainer(), seeded_trainer()
    for batch in batches:
        straight.train_step(batch)
    for batch in batches[:2]:
        stopped.train_step(batch)
    stopped.save(tmp_path / "checkpoint.npz")
    torch.manual_seed(99)
    resumed = Trainer(PLAN)
    resumed.load(tmp_path / "checkpoint.npz")
    for batch in batches[2:]:
        resumed.train_step(batch)

    assert resumed.step == straight.step == 4
    for name, value in weights(straight).items():
        assert torch.allclose(weights(resumed)[name], value, atol=1e-6), name


def test_steps_lower_the_loss_on_the_same_batch(batches):
    trainer = Trainer(TrainingPlan(steps=40, learning_rate=1e-3, early_share=1.0, batch_images=8))
    losses = [trainer.train_step(batches[0]).loss for _ in range(12)]

    assert np.mean(losses[-3:]) < 0.7 * losses[0]


def test_training_goes_on_from_its_checkpoint(folder, monkeypatch):
    monkeypatch.setattr("framesift.copydetect.train.REPORT_STEPS", 1)
    reports = []
    train(replace(PLAN, steps=2), folder, reports.append)
    train(replace(PLAN, steps=4), folder, reports.append)
    lines = [json.loads(line) for line in (folder / "curve.jsonl").read_text("utf-8").splitlines()]

    assert [report.step for report in reports] == [line["step"] for line in lines] == [1, 2, 3, 4]
    assert reports[-1].done == 1


def test_the_exported_file_gives_the_networks_vectors(tmp_path):
    torch.manual_seed(1)
    network = CopyNet().eval()
    export_onnx(network, tmp_path / "net.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    images = np.random.default_rng(1).integers(0, 256, (3, 128, 128, 3), np.uint8)
    with torch.inference_mode():
        expected = network(torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1).numpy()

    assert expected.shape == (3, DIMENSION)
    assert np.abs(session.run(None, {"images": images})[0] - expected).max() < 2e-3
    assert np.abs(session.run(None, {"images": images[:1]})[0] - expected[:1]).max() < 2e-3
    assert (tmp_path / "net.onnx").stat().st_size < 6_000_000
    assert not network.training


def test_the_command_trains_and_draws_the_curve(tmp_path, monkeypatch):
    monkeypatch.setattr("framesift.copydetect.train.make_plan", lambda **_: replace(PLAN, steps=1))
    result = CliRunner().invoke(app, ["train", "copydetect", "--folder", str(tmp_path)], catch_exceptions=False)

    assert result.exit_code == 0
    assert (tmp_path / "copydetect.onnx").exists()


def test_a_learning_curve_shows_both_lines():
    points = [
        {"elapsed_s": 60.0 * minute, "loss": 5 / minute, "found": 1 - 1 / minute, "step": minute, "done": 0.1}
        for minute in range(1, 20)
    ]
    colours = {colour for _, colour in Image.Image.getcolors(draw_learning_curve(points), 1 << 16)}

    assert {(0x1F, 0x5F, 0xBF), (0xC0, 0x39, 0x2B)} <= colours


def test_training_without_torch_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "framesift.copydetect.export", None)

    with pytest.raises(ExtraMissingError, match=r"pip install 'framesift\[torch\]'"):
        CliRunner().invoke(app, ["train", "copydetect", "--folder", str(tmp_path)], catch_exceptions=False)
