"""Our own networks: what the detector should predict, what it then means, and the files that jobs open."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from framesift.classification import OnnxClassifier
from framesift.detection.onnx.added import read_detector
from framesift.detection.onnx.heads import read_yolov8, suppress
from framesift.detection.onnx.looker import DetectorModel
from framesift.errors import ModelInaccurateError, RecipeError
from framesift.models import Model, ModelCard
from framesift.training import export
from framesift.training.augment import make_batch
from framesift.training.data.dataset import make_labels
from framesift.training.learner import open_learner
from framesift.training.networks.detector import compute_loss, decode, make_targets
from framesift.training.recipe import DrawnData, NetworkOptions, Recipe
from framesift.vision.image_model import Prepared

CLASSES = ("bolt", "nut", "pin")


def make_recipe(task="detector", **network):
    options = NetworkOptions(**{"width": 96, "height": 64, **network})
    return Recipe(name="tiny", task=task, data=DrawnData(kind="drawn"), network=options)


def test_perfect_predictions_decode_to_the_boxes_that_were_given():
    boxes = torch.tensor([[10, 8, 26, 20], [50, 20, 94, 62], [2, 40, 14, 63], [0, 0, 95, 64]], dtype=torch.float32)
    ids = torch.tensor([0, 1, 2, 2])
    targets = make_targets([boxes, torch.zeros(0, 4)], [ids, torch.zeros(0, dtype=torch.int64)], 3, 64, 96)
    levels = [
        (torch.logit(target.heat.clamp(1e-6, 1 - 1e-6)), (target.sides / stride).log())
        for target, stride in zip(targets, (8, 16), strict=True)
    ]
    first, second = (suppress(found, 0.45) for found in read_yolov8(decode(levels).numpy(), 3, 0.9))
    order = np.argsort(first.xyxy[:, 0] + 1000 * first.classes)
    assert first.classes[order].tolist() == [0, 1, 2, 2]
    assert first.xyxy[order] == pytest.approx(boxes[[0, 1, 3, 2]].numpy(), abs=0.01)
    assert not len(second.scores)
    # And nothing is left to learn but the certainty of the places around the middles.
    assert compute_loss(levels, targets) < 0.5
    worse = [(logits, logs + 0.3) for logits, logs in levels]
    assert compute_loss(worse, targets) > compute_loss(levels, targets) + 0.3


def test_a_place_belongs_to_the_smaller_of_two_objects():
    boxes = torch.tensor([[20, 20, 36, 36], [8, 8, 48, 48]], dtype=torch.float32)
    (small, _) = make_targets([boxes], [torch.tensor([0, 1])], 2, 64, 64)
    assert small.sides[0, :, 3, 3].tolist() == [8, 8, 8, 8]


def prepare(random, height=64, width=96):
    return Prepared(random.integers(0, 256, (1, height, width, 3), np.uint8), width, height)


def test_a_detectors_file_is_what_models_add_takes_and_finds_what_torch_finds(tmp_path):
    learner = open_learner(make_recipe(), CLASSES)
    network = learner.network.eval()
    # Untrained scores are all low: nothing would be found.
    nn.init.normal_(network.heads[1][1].weight, std=0.5)
    nn.init.zeros_(network.heads[1][1].bias)
    image = prepare(np.random.default_rng(3))
    with torch.inference_mode():
        planes = torch.from_numpy(image.pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
        (wanted,) = learner.predict(network, planes)
    learner.export(network, tmp_path / "model.onnx")
    card = ModelCard.model_validate(export.make_card(make_recipe(), learner.form, tmp_path / "model.onnx", {}))
    (look,) = DetectorModel(Model(card, tmp_path / "model.onnx"), exact=True).look(
        [image], min_score=0.02, max_predictions=500
    )
    found = sorted(each.score for each in look.predictions)
    assert len(found) > 3
    assert found == pytest.approx(sorted(wanted.scores.tolist()), abs=5e-3)
    added = read_detector(tmp_path / "model.onnx", "tiny", head="yolov8", tags=CLASSES)
    assert added.card.detector == card.detector


def test_a_classifiers_file_gives_torchs_probabilities_and_features(tmp_path):
    learner = open_learner(make_recipe("classifier"), CLASSES)
    network = learner.network.eval()
    image = prepare(np.random.default_rng(4))
    with torch.inference_mode():
        wanted = learner.predict(network, torch.from_numpy(image.pixels).permute(0, 3, 1, 2).float() / 127.5 - 1)
    learner.export(network, tmp_path / "model.onnx")
    card = ModelCard.model_validate(
        export.make_card(make_recipe("classifier"), learner.form, tmp_path / "model.onnx", {"steps": 1})
    )
    (look,) = OnnxClassifier(Model(card, tmp_path / "model.onnx"), exact=True).look(
        [image], min_score=0, max_predictions=3
    )
    scores = {each.label: each.score for each in look.predictions}
    assert [scores[name] for name in CLASSES] == pytest.approx(wanted[0].tolist(), abs=2e-3)
    assert look.features.shape == (384,)


def test_files_are_small_enough_to_be_shipped(tmp_path):
    for task in ("detector", "classifier"):
        learner = open_learner(make_recipe(task), CLASSES)
        learner.export(learner.network, tmp_path / "model.onnx")
        assert (tmp_path / "model.onnx").stat().st_size <= 4_000_000


def test_a_file_that_computes_something_else_is_refused(tmp_path, monkeypatch):
    learner = open_learner(make_recipe("classifier"), CLASSES)

    def spoil(graph):
        for tensor in graph.initializer:
            if len(tensor.dims) == 4:
                tensor.raw_data = bytes(len(tensor.raw_data))

    monkeypatch.setattr(export, "halve_weights", spoil)
    with pytest.raises(ModelInaccurateError, match="features"):
        learner.export(learner.network, tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()


def test_the_recipe_decides_the_first_weights():
    first, same = (open_learner(make_recipe(), CLASSES).network.state_dict() for _ in range(2))
    assert all(torch.equal(first[name], same[name]) for name in first)


@pytest.mark.parametrize(
    ("task", "network", "complaint"),
    [
        ("classifier", {"name": "resnet1", "width": 224, "height": 224}, "no 'resnet1'"),
        ("detector", {"name": "resnet18", "width": 224, "height": 224}, "no 'resnet18'"),
        ("classifier", {"name": "resnet18", "width": 96, "height": 96}, "224 × 224"),
        ("detector", {"name": "ssdlite320_mobilenet_v3_large", "width": 640, "height": 640}, "320 × 320"),
    ],
)
def test_networks_that_there_are_not_and_sizes_that_they_do_not_take(task, network, complaint):
    with pytest.raises(RecipeError, match=complaint):
        open_learner(make_recipe(task, **network), CLASSES)


def test_torchvisions_classifier_starts_from_weights_at_hand_without_their_output_layer(tmp_path):
    options = {"name": "squeezenet1_1", "width": 224, "height": 224}
    trained = open_learner(make_recipe("classifier", **options), ("a", "b")).network
    torch.save(trained.state_dict(), tmp_path / "weights.pth")
    options["start"] = str(tmp_path / "weights.pth")
    begun = open_learner(make_recipe("classifier", **options), CLASSES).network.state_dict()
    assert torch.equal(begun["features.0.weight"], trained.state_dict()["features.0.weight"])
    assert begun["classifier.1.weight"].shape[0] == 3
    with pytest.raises(RecipeError, match=r"weights of weights\.pth fit"):
        open_learner(make_recipe("classifier", **{**options, "name": "resnet18"}), CLASSES)
    (tmp_path / "weights.pth").write_bytes(b"none")
    with pytest.raises(RecipeError, match="no weights"):
        open_learner(make_recipe("classifier", **options), CLASSES)


def test_torchvisions_detector_learns_and_predicts():
    recipe = make_recipe(name="ssdlite320_mobilenet_v3_large", width=320, height=320)
    learner = open_learner(recipe, CLASSES)
    labels = [make_labels([[40, 40, 200, 160]], [2]), make_labels([], [])]
    pixels = np.random.default_rng(0).integers(0, 256, (2, 320, 320, 3), np.uint8)
    batch = make_batch(pixels, labels, torch.device("cpu"))
    loss = learner.compute_loss(learner.network.train(), batch)
    loss.backward()
    assert 0 < loss.item() < 100
    with torch.inference_mode():
        found = learner.predict(learner.network.eval(), batch.images)
    assert len(found) == 2
    assert all(((boxes.classes >= 0) & (boxes.classes < 3)).all() for boxes in found)
    assert learner.form.tags == ("__background__", *CLASSES)
