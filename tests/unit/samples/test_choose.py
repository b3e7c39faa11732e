"""Choosing a few of many: compared with plain loops, and on vectors whose answer one can see."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from framesift.contracts import Box, Prediction
from framesift.samples.choose import (
    choose_diverse,
    choose_highest,
    choose_representative,
    choose_unique,
    score_boundary,
    score_uncertainty,
)


def make_vectors(count: int, size: int, seed: int) -> NDArray[np.float32]:
    rows = np.random.default_rng(seed).normal(size=(count, size)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def radius(vectors: NDArray[np.float32], chosen: list[int]) -> float:
    """The largest distance of a vector to the nearest one that was chosen."""
    distances = np.linalg.norm(vectors[:, None] - vectors[None, chosen], axis=2)
    return float(distances.min(axis=1).max())


@given(st.integers(1, 9), st.integers(1, 4), st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_diverse_items_cover_all_within_twice_the_best_radius(count: int, wanted: int, seed: int) -> None:
    vectors = make_vectors(count, 3, seed)
    chosen = choose_diverse(vectors, wanted, seed).tolist()
    assert len(set(chosen)) == len(chosen) == min(count, wanted)
    best = min(radius(vectors, list(each)) for each in combinations(range(count), len(chosen)))
    assert radius(vectors, chosen) <= 2 * best + 1e-3


def test_diverse_items_stay_far_from_what_is_known() -> None:
    groups = np.eye(4, dtype=np.float32)
    vectors = np.repeat(groups, 5, axis=0)
    chosen = choose_diverse(vectors, 2, 0, known=groups[:2])
    assert {row // 5 for row in chosen.tolist()} == {2, 3}


def test_of_items_that_are_alike_each_is_chosen_once() -> None:
    vectors = np.repeat(np.eye(2, dtype=np.float32), 3, axis=0)
    assert sorted(choose_diverse(vectors, 6, 1).tolist()) == list(range(6))
    assert sorted(choose_representative(vectors, 5, 1).tolist()) != []
    assert len(set(choose_representative(vectors, 5, 1).tolist())) == 5


def test_representative_items_are_in_the_midst_of_groups_the_largest_first() -> None:
    middles = np.eye(8, dtype=np.float32)[:3]
    noise = np.random.default_rng(0).normal(0, 0.05, (60, 8)).astype(np.float32)
    members = np.repeat([0, 1, 2], [30, 20, 10])
    rows = middles[members] + noise
    vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    chosen = choose_representative(vectors, 3, 0).tolist()
    assert [members[row] for row in chosen] == [0, 1, 2]
    for row in chosen:
        group = vectors[members == members[row]]
        cosines = group @ group.mean(axis=0)
        assert vectors[row] @ group.mean(axis=0) >= np.sort(cosines)[-3], "one of the three that are most in the midst"


@given(st.integers(0, 30), st.integers(1, 5), st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_unique_items_are_those_of_a_plain_loop(count: int, wanted: int, seed: int) -> None:
    vectors = make_vectors(count, 4, seed)
    chosen = choose_unique(vectors, wanted).tolist()
    if count > 1:
        distances = np.linalg.norm(vectors[:, None] - vectors[None], axis=2) + 9 * np.eye(count)
        nearest = distances.min(axis=1).tolist()
        assert sorted((nearest[row] for row in chosen), reverse=True) == pytest.approx(
            sorted(nearest, reverse=True)[:wanted], abs=2e-3
        )
    assert len(chosen) == min(count, wanted)


def predict(score: float, label: str = "dent", box: Box | None = None, model: str = "a@1") -> Prediction:
    return Prediction(model=model, label=label, score=score, box=box)


def test_an_image_is_as_uncertain_as_what_is_most_so() -> None:
    box = Box(left=0, top=0, width=1, height=1)
    assert score_uncertainty([predict(0.9), predict(0.1, "hole")]) == pytest.approx(0.2)
    assert score_uncertainty([predict(0.9), predict(0.5, box=box)]) == 1
    assert score_uncertainty([predict(0.9), predict(0.6, model="b@1")]) == pytest.approx(0.4)
    assert score_uncertainty([predict(1.0, box=box)]) == 0
    assert score_boundary([predict(0.9), predict(0.4)], 0.45) == pytest.approx(0.95)
    assert score_boundary([], 0.5) is None


def test_of_equal_scores_the_ids_decide() -> None:
    assert choose_highest(["c", "a", "b", "d"], [0.5, 0.5, 0.9, 0.1], 3) == ["b", "a", "c"]
