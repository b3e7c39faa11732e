"""Our files compute what torchvision computes: real networks with seeded random weights, through the real export."""

import numpy as np
import pytest
from PIL import Image

from framesift.classification import OnnxClassifier
from framesift.detection.onnx.looker import DetectorModel
from framesift.errors import ModelInaccurateError
from framesift.models import Model, shipped_card, shipped_cards
from framesift.models import torchvision_export as export
from framesift.vision.image_model import Prepared
from framesift.vision.inputs import prepare_input
from tests.unit.images import PHOTOGRAPHS, photograph

CLASSIFIERS = {
    "resnet50-imagenet": ("resnet50", 2048),
    "efficientnet-imagenet": ("efficientnet_b0", 1280),
    "convnext-imagenet": ("convnext_tiny", 768),
}
DETECTORS = {
    "fasterrcnn-coco": ("fasterrcnn_resnet50_fpn_v2", 2048),
    "retinanet-coco": ("retinanet_resnet50_fpn_v2", 2048),
    "ssdlite-coco": ("ssdlite320_mobilenet_v3_large", 672),
}


def random_model(name: str, **options):
    """Seeded random weights; batch normalisations take their statistics from photographs, or all images look alike."""
    import torch
    from torchvision import models

    torch.manual_seed(5)
    network = models.get_model(name, weights=None, **options)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
        elif hasattr(module, "block") and name == "efficientnet_b0":
            torch.nn.init.constant_(module.block[-1][1].weight, 0.3)  # As in trained networks, blocks add little each.
    small = [np.asarray(Image.fromarray(photograph(each)).resize((160, 160))) for each in PHOTOGRAPHS]
    planes = torch.from_numpy(np.stack(small).transpose(0, 3, 1, 2).astype(np.float32) / 128 - 1)
    with torch.inference_mode():
        if name == "ssdlite320_mobilenet_v3_large":
            network.train().head(list(network.backbone(planes).values()))
        elif not hasattr(network, "backbone"):
            network.train()(planes)
    return network.eval()


@pytest.mark.parametrize("name", [*CLASSIFIERS, *DETECTORS])
def test_cards_have_the_publishers_labels_and_a_builder(name):
    import importlib

    from torchvision import models

    card = shipped_card(name)
    weights = models.get_model_weights((CLASSIFIERS | DETECTORS)[name][0]).DEFAULT
    labels = card.classifier.labels if card.classifier else card.detector.tags
    assert list(labels) == weights.meta["categories"]
    assert weights.name.lower().replace("_", "-") == card.version
    module, _, function = card.builder.partition(":")
    assert callable(getattr(importlib.import_module(module), function))


def test_there_are_three_of_each_kind():
    cards = shipped_cards().values()
    assert sum(card.classifier is not None for card in cards) >= 3
    assert sum(card.detector is not None for card in cards) >= 3


@pytest.mark.slow
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_classifiers_file_gives_torchs_scores_and_features(tmp_path, name):
    import torch

    architecture, dimension = CLASSIFIERS[name]
    network, path, card = random_model(architecture), tmp_path / "network.onnx", shipped_card(name)
    export.export_classifier(network, path)
    classifier = OnnxClassifier(Model(card, path), exact=True)
    image = photograph("coffee")
    pixels = prepare_input(image, classifier.input_form)
    look = classifier.look([Prepared(pixels, 600, 400)] * 3, min_score=0, max_predictions=1000)[2]
    mean = np.array(export.IMAGENET_MEAN, np.float32).reshape(1, 3, 1, 1)
    deviation = np.array(export.IMAGENET_DEVIATION, np.float32).reshape(1, 3, 1, 1)
    planes = (pixels.transpose(0, 3, 1, 2) / np.float32(255) - mean) / deviation
    with torch.inference_mode():
        wanted = torch.softmax(network(torch.from_numpy(planes.astype(np.float32))), dim=1)[0].numpy()
    found = {each.label: each.score for each in look.predictions}
    labels = card.classifier.labels
    unique = [number for number, label in enumerate(labels) if labels.count(label) == 1]
    assert np.array([found[labels[number]] for number in unique]) == pytest.approx(wanted[unique], abs=1e-4)
    assert look.features.shape == (dimension,)
    assert np.isfinite(look.features.astype(float)).all()
    assert look.features.astype(float).std() > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", DETECTORS)
def test_a_detectors_file_gives_torchs_boxes_and_features(tmp_path, name):
    import torch

    architecture, dimension = DETECTORS[name]
    side = export.DETECTOR_SIDES.get(architecture, export.SSDLITE_SIDE)
    sizes = {"min_size": side, "max_size": side} if architecture in export.DETECTOR_SIDES else {}
    network = random_model(architecture, weights_backbone=None, num_classes=91, **sizes)
    path, card = tmp_path / "network.onnx", shipped_card(name)
    export.export_detector(network, side, path)
    detector = DetectorModel(Model(card, path), exact=True)
    image = photograph("coffee")
    pixels = prepare_input(image, detector.input_form)
    look = detector.look([Prepared(pixels, 600, 400)], min_score=0.0, max_predictions=300)[0]
    with torch.inference_mode():
        wanted = network([torch.from_numpy(pixels[0].transpose(2, 0, 1).astype(np.float32) / 255)])[0]
    assert look.features.shape == (dimension,)
    assert sorted((each.score for each in look.predictions), reverse=True)[:5] == pytest.approx(
        wanted["scores"].numpy()[:5].tolist(), abs=2e-3
    )
    assert all(each.box is not None and each.label in card.detector.tags for each in look.predictions)


def test_a_file_that_computes_something_else_is_refused(tmp_path, monkeypatch):
    import torch

    class Tiny(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = torch.nn.Linear(3, 5)

        def forward(self, planes):
            return self.fc(planes.mean(dim=(2, 3)))

    torch.manual_seed(1)
    network = Tiny().eval()
    export.export_classifier(network, tmp_path / "good.onnx")
    assert (tmp_path / "good.onnx").exists()
    monkeypatch.setattr(export, "MAX_DIFFERENCE", -1.0)
    with pytest.raises(ModelInaccurateError, match="features and scores"):
        export.export_classifier(network, tmp_path / "bad.onnx")
    assert not (tmp_path / "bad.onnx").exists()
