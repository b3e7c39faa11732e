"""The figures of classifiers are scikit-learn's."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from framesift.training.evaluation.classification import evaluate_classifier
from framesift.training.evaluation.slices import slice_classifier

CLASSES = ("clear", "scratch", "dent")


@given(st.integers(0, 2**32 - 1), st.integers(2, 40))
@settings(max_examples=60, deadline=None)
def test_figures_are_those_of_scikit_learn(seed, count):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, count)
    probabilities = np.round(rng.dirichlet([1, 1, 1], count), 1).astype(np.float32)
    predicted = probabilities.argmax(axis=1)
    figures = evaluate_classifier(labels, probabilities, CLASSES)
    assert figures.summary["accuracy"] == pytest.approx(metrics.accuracy_score(labels, predicted))
    assert figures.summary["macro_f1"] == pytest.approx(metrics.f1_score(labels, predicted, average="macro"))
    expected = metrics.confusion_matrix(labels, predicted, labels=range(3))
    assert figures.confusion.counts.tolist() == expected.tolist()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # What is not defined is 0 there, and NaN here.
        precision, recall, _, _ = metrics.precision_recall_fscore_support(labels, predicted, labels=range(3))
    for number, each in enumerate(figures.classes):
        assert np.nan_to_num(each.precision) == pytest.approx(precision[number])
        assert np.nan_to_num(each.recall) == pytest.approx(recall[number])
        if (labels == number).any():
            expected_ap = metrics.average_precision_score(labels == number, probabilities[:, number])
            assert each.ap == pytest.approx(expected_ap)
        else:
            assert math.isnan(each.ap)


def test_a_class_without_images_lowers_no_mean():
    probabilities = np.array([[0.9, 0.1, 0], [0.2, 0.8, 0]], np.float32)
    figures = evaluate_classifier(np.array([0, 1]), probabilities, CLASSES)
    assert figures.summary["macro_f1"] == 1
    assert figures.classes[2].images == 0


def test_the_surest_mistakes_come_first():
    probabilities = np.array([[0.5, 0.4, 0.1], [0.9, 0.1, 0], [0.9, 0.1, 0]], np.float32)
    figures = evaluate_classifier(np.array([1, 1, 0]), probabilities, CLASSES)
    assert figures.find_worst(5) == [1, 0]
    assert figures.find_worst(1) == [1]


def test_slices_are_evaluated_on_their_images_alone():
    probabilities = np.array([[0.9, 0.1, 0], [0.9, 0.1, 0]], np.float32)
    figures = evaluate_classifier(np.array([0, 1]), probabilities, CLASSES)
    day, night, none = slice_classifier(figures, ["1", "2"], {"day": ["1"], "night": ["2"], "none": []})
    assert (day.summary["accuracy"], night.summary["accuracy"]) == (1, 0)
    assert none.summary == {}
