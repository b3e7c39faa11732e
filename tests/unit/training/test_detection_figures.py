"""The figures of detectors are pycocotools'."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from framesift.errors import UnknownImageError
from framesift.training.evaluation.detection import evaluate_detector
from framesift.training.types import Prediction, Truth
from tests.unit.training.coco_reference import make_evaluation, run_evaluation
from tests.unit.training.drawn import draw_data_set, predict, truth

CLASSES = ("a", "b", "c")
# A coarse grid and few scores: equal scores, equal overlaps and overlaps exactly at a threshold are frequent.
_SIDES = st.sampled_from([2, 10, 20, 31, 32, 33, 64, 96, 100, 200])
_BOXES = st.tuples(st.integers(0, 6).map(lambda n: n * 10), st.integers(0, 3).map(lambda n: n * 10), _SIDES, _SIDES)
_AREAS = st.none() | st.sampled_from([100.0, 32.0**2, 96.0**2, 1e5])
_OBJECTS = st.lists(st.tuples(_BOXES, st.integers(0, 2), st.booleans(), _AREAS), max_size=5)
_FOUND = st.lists(st.tuples(_BOXES, st.integers(0, 2), st.sampled_from([0.1, 0.3, 0.5, 0.7, 0.9])), max_size=14)
_IMAGES = st.lists(st.tuples(_OBJECTS, _FOUND), min_size=1, max_size=5)


def _check(truths: list[Truth], predictions: list[Prediction], classes: tuple[str, ...]) -> None:
    expected = run_evaluation(make_evaluation(truths, predictions, len(classes)))
    found = evaluate_detector(truths, predictions, classes)
    np.testing.assert_allclose(found.precision, expected["precision"], atol=1e-12)
    np.testing.assert_allclose(found.recall, expected["recall"], atol=1e-12)
    np.testing.assert_allclose(list(found.summary.values()), expected["stats"], atol=1e-12)


@given(_IMAGES)
@settings(max_examples=150, deadline=None)
def test_figures_are_those_of_pycocotools(images):
    truths, predictions = [], []
    for number, (objects, found) in enumerate(images):
        boxes = [(x, y, x + w, y + h) for (x, y, w, h), *_ in objects]
        areas = [w * h if area is None else area for (_, _, w, h), _, _, area in objects]
        truths.append(truth(str(number), boxes, [each[1] for each in objects], [each[2] for each in objects], areas))
        boxes = [(x, y, x + w, y + h) for (x, y, w, h), *_ in found]
        predictions.append(predict(str(number), boxes, [each[1] for each in found], [each[2] for each in found]))
    _check(truths, predictions, CLASSES)


def test_figures_are_those_of_pycocotools_with_more_detections_than_count():
    truths, predictions = draw_data_set(images=6, classes=2, objects=8, detections=260, seed=1)
    _check(truths, predictions, CLASSES[:2])


def test_figures_are_those_of_pycocotools_on_a_data_set_with_real_numbers():
    truths, predictions = draw_data_set(images=80, classes=5, objects=9, detections=40, seed=2)
    _check(truths, predictions, tuple("abcde"))


def test_no_detection_at_all_reaches_nothing():
    found = evaluate_detector([truth("1", [(0, 0, 50, 50)], [0])], [], CLASSES)
    assert found.summary["map"] == 0
    assert found.classes[0].f1 == 0


def test_a_class_without_objects_has_no_figure_and_lowers_no_mean():
    truths = [truth("1", [(0, 0, 50, 50)], [0])]
    found = evaluate_detector(truths, [predict("1", [(0, 0, 50, 50), (9, 9, 20, 20)], [0, 1], [0.9, 0.8])], CLASSES)
    assert found.summary["map"] == pytest.approx(1)
    assert math.isnan(found.classes[1].ap)
    assert found.classes[1].objects == 0
    assert math.isnan(found.summary["map_small"])


def test_the_threshold_of_the_best_f1_counts_equal_scores_together():
    truths = [truth("1", [(0, 0, 50, 50), (100, 0, 150, 50)], [0, 0])]
    boxes = [(0, 0, 50, 50), (100, 0, 150, 50), (200, 0, 250, 50), (0, 200, 50, 250)]
    found = evaluate_detector(truths, [predict("1", boxes, [0] * 4, [0.9, 0.6, 0.6, 0.1])], CLASSES)
    assert found.classes[0].f1 == pytest.approx(0.8)
    assert found.classes[0].threshold == pytest.approx(0.6)


def test_curves_begin_with_the_most_probable_detection():
    truths = [truth("1", [(0, 0, 50, 50)], [0]), truth("2", [(0, 0, 50, 50)], [0])]
    predictions = [predict("2", [(0, 0, 50, 50)], [0], [0.4]), predict("1", [(80, 80, 99, 99)], [0], [0.9])]
    curve = evaluate_detector(truths, predictions, CLASSES).curves["a"]
    assert curve.precision.tolist() == [0, 0.5]
    assert curve.recall.tolist() == [0, 0.5]


@pytest.mark.parametrize(
    ("truths", "predictions"),
    [
        ([truth("1", [], [])], [predict("2", [], [], [])]),
        ([truth("1", [], []), truth("1", [], [])], []),
        ([truth("1", [], [])], [predict("1", [], [], []), predict("1", [], [], [])]),
    ],
)
def test_images_and_predictions_must_belong_together(truths, predictions):
    with pytest.raises(UnknownImageError):
        evaluate_detector(truths, predictions, CLASSES)
