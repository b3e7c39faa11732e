"""Models are evaluated on labelled images, and the report shows what was found."""

from __future__ import annotations

import json

import pytest

from framesift.errors import ClassesDifferError, ImagesMissingError, NotADetectorError
from framesift.models import Model
from framesift.reports.evaluation import evaluation_report
from framesift.training.evaluate import evaluate_model
from framesift.training.labelled import read_labelled_file
from tests.unit.training.colours import BLUE, RED, classifier, coco, detector, opened

HALVES = [
    {"file_name": "both.png", "boxes": [("red", RED), ("blue", BLUE)]},
    {"file_name": "left.png", "blue": False, "boxes": [("red", RED)]},
    {"file_name": "false.png", "red": False, "boxes": []},
]


def test_a_detector_is_evaluated(tmp_path):
    data = read_labelled_file(coco(tmp_path, HALVES))
    seen = []
    evaluation = evaluate_model(
        opened(detector(tmp_path), tmp_path),
        data,
        parts={"left": ["left.png"]},
        on_progress=lambda done, total: seen.append((done, total)),
    )
    # Blue is found twice, in both.png and, where nothing is labelled, in false.png, with equal scores.
    assert evaluation.metrics["ap/red"] == pytest.approx(1)
    assert evaluation.metrics["ap/blue"] == pytest.approx(1)
    assert evaluation.slices[0].summary["map"] == pytest.approx(1)
    assert evaluation.sizes == [(64, 64)] * 3
    assert seen == [(3, 3)]
    assert json.loads(evaluation.to_json())["metrics"]["map_50"] == pytest.approx(1)
    page = evaluation_report(evaluation)
    assert "not there: blue" in page
    assert "halves@1" in page


def test_a_missed_object_lowers_recall_and_is_shown(tmp_path):
    images = [{"file_name": "a.png", "red": False, "boxes": [("red", RED), ("blue", BLUE)]}]
    evaluation = evaluate_model(
        opened(detector(tmp_path), tmp_path), read_labelled_file(coco(tmp_path, images)), parts={}
    )
    assert evaluation.metrics["ap/red"] == 0
    assert "missed: red" in evaluation_report(evaluation)


def test_classes_of_one_side_only_are_named(tmp_path):
    path = coco(tmp_path, [{"file_name": "a.png", "boxes": [("Red", RED)]}], classes=("Red", "green"))
    evaluation = evaluate_model(opened(detector(tmp_path), tmp_path), read_labelled_file(path))
    notes = " ".join(evaluation.notes)
    assert evaluation.metrics["ap/Red"] == pytest.approx(1)
    assert "does not know green" in notes
    assert "no labels of blue" in notes
    assert "No example of green" in notes
    assert "background" not in notes


def test_without_a_common_class_nothing_is_evaluated(tmp_path):
    path = coco(tmp_path, [{"file_name": "a.png", "boxes": [("cat", RED)]}], classes=("cat",))
    with pytest.raises(ClassesDifferError, match="cat"):
        evaluate_model(opened(detector(tmp_path), tmp_path), read_labelled_file(path))


def test_an_image_that_cannot_be_read_is_named(tmp_path):
    data = read_labelled_file(coco(tmp_path, HALVES))
    (tmp_path / "left.png").write_bytes(b"no image")
    with pytest.raises(ImagesMissingError, match=r"left\.png"):
        evaluate_model(opened(detector(tmp_path), tmp_path), data)


def test_a_classifier_is_evaluated(tmp_path):
    images = [
        {"file_name": "red.png", "blue": False, "label": "red"},
        {"file_name": "blue.png", "red": False, "label": "blue"},
        {"file_name": "wrong.png", "red": False, "label": "red"},
        {"file_name": "none.png"},
    ]
    data = read_labelled_file(coco(tmp_path, images))
    evaluation = evaluate_model(opened(classifier(tmp_path), tmp_path), data, parts={"wrong": ["wrong.png"]})
    assert evaluation.metrics["accuracy"] == pytest.approx(2 / 3)
    assert evaluation.slices[0].summary["accuracy"] == 0
    assert any("1 images without a label" in note for note in evaluation.notes)
    page = evaluation_report(evaluation)
    assert "taken for blue" in page
    assert "wrong.png" in page
    assert "IoU" not in page


def test_labels_must_be_of_the_models_kind(tmp_path):
    boxes = read_labelled_file(coco(tmp_path, HALVES))
    with pytest.raises(NotADetectorError, match="boxes only"):
        evaluate_model(opened(classifier(tmp_path), tmp_path), boxes)
    whole = read_labelled_file(coco(tmp_path, [{"file_name": "red.png", "label": "red"}]))
    with pytest.raises(NotADetectorError, match="whole images only"):
        evaluate_model(opened(detector(tmp_path), tmp_path), whole)
    card = detector(tmp_path).card.model_copy(update={"detector": None})
    with pytest.raises(NotADetectorError, match="neither"):
        evaluate_model(Model(card, tmp_path / "halves.onnx"), boxes)


def test_names_from_outside_are_never_markup(tmp_path):
    name = "<script>alert(1)</script>"
    path = coco(tmp_path, [{"file_name": "a.png", "boxes": [(name, RED)]}], classes=(name,))
    page = evaluation_report(
        evaluate_model(opened(detector(tmp_path, ("background", name, "blue")), tmp_path), read_labelled_file(path))
    )
    assert "<script" not in page
