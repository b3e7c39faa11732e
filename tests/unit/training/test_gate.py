"""A challenger takes over only if it is no worse on the same images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from framesift.errors import DataDiffersError
from framesift.training.evaluate import Evaluation
from framesift.training.evaluation.classification import evaluate_classifier
from framesift.training.evaluation.detection import evaluate_detector
from framesift.training.gate import judge, resample
from framesift.training.labelled import LabelledData, LabelledImage
from framesift.training.types import Prediction
from tests.unit.training.drawn import draw_data_set

CLASSES = ("bolt", "nut", "washer")
TRUTHS, PREDICTIONS = draw_data_set(images=150, classes=3, objects=4, detections=20, seed=5)
IMAGES = tuple(
    LabelledImage(each.image_id, bytes, each.class_ids, each.boxes.astype(float), False, each.crowd, each.areas)
    for each in TRUTHS
)


def detector(predictions: list[Prediction], model: str = "a@1", images: int = 150) -> Evaluation:
    truths, kept = TRUTHS[:images], predictions[:images]
    data = LabelledData("drawn", CLASSES, IMAGES[:images])
    figures = evaluate_detector(truths, kept, CLASSES)
    return Evaluation(model, "detector", data, figures, (), truths, kept, [(640, 640)] * images, ())


def without(share: float, class_id: int | None = None) -> list[Prediction]:
    """The predictions without a share of them, of all classes or one."""
    rng = np.random.default_rng(0)
    found = []
    for each in PREDICTIONS:
        kept = (rng.random(len(each.scores)) >= share) | (class_id is not None and each.class_ids != class_id)
        found.append(replace(each, boxes=each.boxes[kept], class_ids=each.class_ids[kept], scores=each.scores[kept]))
    return found


def test_the_same_again_takes_over():
    judgement = judge(detector(PREDICTIONS), detector(PREDICTIONS, "b@1"), draws=40)
    assert judgement.passed
    assert (judgement.overall.low, judgement.overall.high) == (0, 0)


def test_one_that_is_better_takes_over_and_one_that_is_worse_does_not():
    champion, challenger = detector(without(0.4)), detector(PREDICTIONS, "b@1")
    better, worse = judge(champion, challenger, draws=60), judge(challenger, champion, draws=60)
    assert better.passed
    assert better.overall.low > 0
    assert not worse.passed
    assert worse.overall.high < 0
    assert "The champion stays" in worse.why


def test_one_that_loses_a_class_does_not_take_over_though_it_wins_on_the_whole():
    champion = detector(without(0.5))
    lost = [
        replace(each, boxes=each.boxes[kept], class_ids=each.class_ids[kept], scores=each.scores[kept])
        for each in PREDICTIONS
        for kept in [each.class_ids != 2]
    ]
    judgement = judge(champion, detector(lost, "b@1"), draws=60, margin=1.0)
    assert not judgement.passed
    assert "washer" in judgement.why


def test_few_images_leave_too_much_to_chance():
    challenger = without(0.05)
    many = judge(detector(PREDICTIONS), detector(challenger), draws=60, margin=0.05)
    few = judge(detector(PREDICTIONS, images=6), detector(challenger, images=6), draws=60, margin=0.05)
    assert few.overall.high - few.overall.low > many.overall.high - many.overall.low


def test_one_draw_of_each_image_is_the_data_set_itself():
    evaluation = detector(PREDICTIONS)
    found = resample(evaluation.figures, 3, np.ones((1, 150)))[0]
    np.testing.assert_allclose(found, [each.ap for each in evaluation.figures.classes], atol=1e-9)


def test_an_image_that_is_drawn_twice_counts_twice():
    weights = np.zeros((1, 150))
    weights[0, :10], weights[0, 10:15] = 1, 2
    truths = [*TRUTHS[:15], *(replace(each, image_id=f"{each.image_id} again") for each in TRUTHS[10:15])]
    twice = [replace(each, image_id=f"{each.image_id} again") for each in PREDICTIONS[10:15]]
    expected = evaluate_detector(truths, [*PREDICTIONS[:15], *twice], CLASSES)
    found = resample(detector(PREDICTIONS).figures, 3, weights)[0]
    np.testing.assert_allclose(found, [each.ap for each in expected.classes], atol=1e-9)


def test_classifiers_are_compared_by_f1():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 3, 150)
    data = LabelledData("drawn", CLASSES, IMAGES)

    def classifier(right: float) -> Evaluation:
        answers = np.where(rng.random(150) < right, labels, (labels + 1) % 3)
        figures = evaluate_classifier(labels, np.eye(3, dtype=np.float32)[answers], CLASSES)
        return Evaluation("c@1", "classifier", data, figures, (), (), (), (), ())

    good, bad = classifier(0.95), classifier(0.6)
    assert judge(bad, good, draws=60).passed
    judgement = judge(good, bad, draws=60)
    assert not judgement.passed
    assert judgement.overall.champion == pytest.approx(good.figures.summary["macro_f1"])


def test_other_images_cannot_be_compared():
    with pytest.raises(DataDiffersError):
        judge(detector(PREDICTIONS), detector(PREDICTIONS, images=100))
