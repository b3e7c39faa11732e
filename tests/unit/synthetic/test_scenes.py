"""Scenes: pure, with boxes around what can be seen, and two worlds that have nothing in common."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from framesift.synthetic.scenes import CLASSES, LABELS, PART, SCENE_HEIGHT, SCENE_WIDTH, WORLDS, Scene, draw_scene
from framesift.synthetic.vocabulary import BACKGROUNDS, SHAPES, WRONG_PIECE

TRAINING, HELD_OUT = WORLDS["training"], WORLDS["held-out"]


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [draw_scene(TRAINING, 3, number) for number in range(16)]


def test_the_worlds_share_no_shape_and_no_background():
    assert not set(TRAINING.shapes) & set(HELD_OUT.shapes)
    assert not set(TRAINING.backgrounds) & set(HELD_OUT.backgrounds)
    assert {*TRAINING.shapes, *HELD_OUT.shapes} == set(SHAPES) - {"spring"}
    assert {*TRAINING.backgrounds, *HELD_OUT.backgrounds} == set(BACKGROUNDS)


def test_equal_arguments_give_equal_scenes_and_others_give_others(scenes):
    again = draw_scene(TRAINING, 3, 1)
    assert np.array_equal(again.image, scenes[1].image)
    assert again.boxes == scenes[1].boxes
    for other in (draw_scene(TRAINING, 4, 1), draw_scene(TRAINING, 3, 2), draw_scene(HELD_OUT, 3, 1)):
        assert not np.array_equal(other.image, scenes[1].image)


def test_boxes_lie_in_the_picture_and_defects_on_parts(scenes):
    found: Counter[str] = Counter()
    for scene in scenes:
        assert scene.image.shape == (SCENE_HEIGHT, SCENE_WIDTH, 3)
        assert scene.image.dtype == np.uint8
        parts = [box for box in scene.boxes if box.label == PART]
        assert parts
        for box in scene.boxes:
            found[box.label] += 1
            assert 0 <= box.left < box.right <= SCENE_WIDTH
            assert 0 <= box.top < box.bottom <= SCENE_HEIGHT
            # A missing piece lies where the part was, at its edge.
            assert any(
                box.left <= part.right and part.left <= box.right and box.top <= part.bottom and part.top <= box.bottom
                for part in parts
            )
    assert set(found) <= set(CLASSES)
    assert len(found) >= 5


def test_a_wrong_piece_is_one_of_the_parts(scenes):
    trays = [scene for scene in scenes if any(box.label == WRONG_PIECE for box in scene.boxes)]
    assert trays
    for scene in trays:
        (wrong,) = [box for box in scene.boxes if box.label == WRONG_PIECE]
        places = [(box.left, box.top, box.right, box.bottom) for box in scene.boxes if box.label == PART]
        assert (wrong.left, wrong.top, wrong.right, wrong.bottom) in places
        assert len(places) >= 4


def test_photographs_for_classification_show_what_was_asked_for_or_say_what_they_show():
    shown = [draw_scene(HELD_OUT, 5, number, label).label for number, label in enumerate(LABELS * 2)]
    agree = [found == label for found, label in zip(shown, LABELS * 2, strict=True)]
    # A defect that would not show is left out, and the photograph is then labelled as good.
    assert sum(agree) >= 11
    assert all(found == "good" for found, same in zip(shown, agree, strict=True) if not same)
