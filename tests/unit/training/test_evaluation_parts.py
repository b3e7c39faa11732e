"""Confusions, mistakes, calibration, slices."""

from __future__ import annotations

import numpy as np
import pytest

from framesift.training.evaluation.calibration import measure_calibration
from framesift.training.evaluation.confusion import count_confusions, pair_up
from framesift.training.evaluation.detection import evaluate_detector
from framesift.training.evaluation.matching import match_detections
from framesift.training.evaluation.mistakes import find_mistakes, rank_images
from framesift.training.evaluation.slices import slice_detector
from tests.unit.training.drawn import predict, truth

CLASSES = ("bolt", "nut")
LEFT, MIDDLE, RIGHT = (0, 0, 50, 50), (100, 0, 150, 50), (200, 0, 250, 50)


def _look(truths, predictions, min_score=0.5):
    matches = match_detections(truths, predictions)
    pairing = pair_up(matches, min_score)
    return count_confusions(matches, pairing, CLASSES).counts.tolist(), find_mistakes(matches, pairing)


def test_background_stands_for_what_is_missed_and_what_is_not_there():
    truths = [truth("1", [LEFT, MIDDLE], [0, 1])]
    counts, mistakes = _look(truths, [predict("1", [LEFT, RIGHT], [0, 1], [0.9, 0.8])])
    assert counts == [[1, 0, 0], [0, 0, 1], [0, 1, 0]]
    assert [(each.kind, each.severity) for each in mistakes] == [("missed", 1), ("not there", pytest.approx(0.8))]


def test_an_object_that_is_found_in_its_class_is_not_confused():
    counts, mistakes = _look([truth("1", [LEFT], [0])], [predict("1", [LEFT, LEFT], [1, 0], [0.9, 0.6])])
    assert counts == [[1, 0, 0], [0, 0, 0], [0, 1, 0]]
    assert [each.kind for each in mistakes] == ["not there"]


def test_a_wrong_class_says_what_it_is():
    counts, mistakes = _look([truth("1", [LEFT], [0])], [predict("1", [LEFT], [1], [0.7])])
    assert counts == [[0, 1, 0], [0, 0, 0], [0, 0, 0]]
    assert [(each.kind, each.class_id, each.is_class_id) for each in mistakes] == [("wrong class", 1, 0)]


def test_detections_in_a_crowd_are_no_mistakes():
    truths = [truth("1", [(0, 0, 250, 50)], [0], crowd=[True])]
    counts, mistakes = _look(truths, [predict("1", [LEFT, MIDDLE], [0, 0], [0.9, 0.8])])
    assert not np.any(counts)
    assert mistakes == []


def test_repeated_and_misplaced_detections_are_told_apart():
    truths = [truth("1", [LEFT, MIDDLE], [0, 0])]
    found = predict("1", [LEFT, (4, 0, 54, 50), (125, 0, 175, 50)], [0, 0, 0], [0.9, 0.8, 0.7])
    assert [each.kind for each in _look(truths, [found])[1]] == ["missed", "repeated", "misplaced"]


def test_a_missed_object_weighs_less_where_the_model_was_in_doubt():
    truths = [truth("1", [LEFT, MIDDLE], [0, 0])]
    mistakes = _look(truths, [predict("1", [LEFT], [0], [0.4])])[1]
    assert [each.severity for each in mistakes] == [1, pytest.approx(0.6)]


def test_images_with_the_worst_mistakes_come_first():
    truths = [truth("1", [LEFT], [0]), truth("2", [LEFT, MIDDLE], [0, 0]), truth("3", [LEFT], [0])]
    mistakes = _look(truths, [predict("1", [LEFT], [0], [0.45]), predict("3", [LEFT], [0], [0.9])])[1]
    assert [(image, len(found)) for image, found in rank_images(mistakes, 5)] == [(1, 2), (0, 1)]
    assert len(rank_images(mistakes, 1)) == 1


def test_scores_that_are_right_as_often_as_they_say_have_no_error():
    scores = np.repeat([0.25, 0.75], 100)
    right = np.concatenate([np.arange(100) < 25, np.arange(100) < 75])
    assert measure_calibration(scores, right).error == pytest.approx(0)
    assert measure_calibration(scores, np.ones(200, bool)).error == pytest.approx(0.5)


def test_a_score_of_one_is_in_the_last_bin_and_no_score_at_all_has_no_error():
    assert measure_calibration(np.ones(3), np.ones(3, bool)).counts.tolist() == [0] * 9 + [3]
    assert np.isnan(measure_calibration(np.zeros(0), np.zeros(0, bool)).error)


def test_slices_are_evaluated_on_their_images_alone():
    truths = [truth("day", [LEFT], [0]), truth("night", [LEFT], [0])]
    predictions = [predict("day", [LEFT], [0], [0.9]), predict("night", [RIGHT], [0], [0.9])]
    parts = {"tag:day": ["day"], "tag:night": ["night", "elsewhere"], "tag:dawn": []}
    day, night, dawn = slice_detector(truths, predictions, CLASSES, parts)
    assert day.summary["map_50"] == pytest.approx(1)
    assert night.summary["map_50"] == 0
    assert (night.images, dawn.images, dawn.summary) == (1, 0, {})
    assert 0 < evaluate_detector(truths, predictions, CLASSES).summary["map_50"] < 1
