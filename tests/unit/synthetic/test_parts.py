"""Drawn parts: pure, believable in their statistics, and true: the boxes are where the pixels differ."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice, product

import numpy as np
import pytest

from framesift.synthetic.parts import HEIGHT, WIDTH, Box, draw_part
from framesift.synthetic.vocabulary import BACKGROUNDS, DEFECTS, GOOD, MATERIALS, SHAPES, PartSpec, choose_parts


def make_spec(**changes) -> PartSpec:
    return replace(PartSpec(seed=5, shape="washer", material="steel", background="paper"), **changes)


def test_equal_specifications_give_equal_photographs():
    for spec in islice(choose_parts(3), 7):
        first, second = draw_part(spec), draw_part(spec)
        assert np.array_equal(first.image, second.image)
        assert first.boxes == second.boxes
    other = draw_part(make_spec(seed=6)).image
    assert not np.array_equal(draw_part(make_spec()).image, other)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_takes_every_defect(shape):
    for number, defect in enumerate(DEFECTS):
        wrong = next(name for name in SHAPES if name != shape) if defect == "wrong piece" else None
        spec = make_spec(
            seed=number,
            shape=shape,
            defect=defect,
            wrong_shape=wrong,
            count=6 if wrong else 1,
            severity=[0.0, 1.0][number % 2],
        )
        photo = draw_part(spec)
        assert photo.image.shape == (HEIGHT, WIDTH, 3)
        assert photo.image.dtype == np.uint8
        (box,) = photo.boxes
        assert box.label == defect
        assert 0 <= box.left < box.right <= WIDTH
        assert 0 <= box.top < box.bottom <= HEIGHT


@pytest.mark.parametrize("material", MATERIALS)
def test_parts_stand_out_from_the_ground_and_are_neither_black_nor_burnt_out(material):
    for background in list(BACKGROUNDS)[:3]:
        image = draw_part(make_spec(material=material, background=background)).image
        assert 15 < image.mean() < 245
        assert image.std() > 8
        assert (image.min(axis=2) == 255).mean() < 0.3


@pytest.mark.parametrize("defect", ["scratch", "dent", "hole", "stain"])
def test_a_defect_changes_what_lies_in_its_box_and_nothing_far_from_it(defect):
    for seed, shape in product(range(3), ("gear", "bolt", "plate")):
        spec = make_spec(seed=seed, shape=shape, defect=defect, severity=0.8)
        photo, good = draw_part(spec), draw_part(replace(spec, defect=None))
        assert good.boxes == ()
        differs = np.abs(photo.image.astype(int) - good.image.astype(int)).max(axis=2) > 20
        (box,) = photo.boxes
        assert differs[rows_and_columns(box, 0)].sum() >= 20
        assert differs[rows_and_columns(box, 24)].sum() >= 0.85 * differs.sum()


def test_a_missing_piece_uncovers_the_ground():
    spec = make_spec(defect="missing piece", severity=1.0, material="black oxide")
    photo, good = draw_part(spec), draw_part(replace(spec, defect=None))
    (box,) = photo.boxes
    where = rows_and_columns(box, 0)
    assert photo.image[where].mean() > good.image[where].mean() + 40  # Paper is bright.


def test_the_wrong_piece_is_the_one_in_the_box():
    spec = make_spec(shape="gear", defect="wrong piece", wrong_shape="pin", count=6)
    photo = draw_part(spec)
    right = draw_part(replace(spec, wrong_shape="gear"))
    (box,) = photo.boxes
    differs = np.abs(photo.image.astype(int) - right.image.astype(int)).max(axis=2) > 40
    (whole,) = right.boxes
    assert differs[rows_and_columns(whole, 12)].sum() > 0.95 * differs.sum() > 0
    assert box != whole


def test_labels_come_in_turn_and_only_what_was_asked_for_is_drawn():
    specs = list(islice(choose_parts(1, shapes=["nut", "gear"], backgrounds=["foam"], labels=[GOOD, "dent"]), 40))
    assert [spec.label for spec in specs] == [GOOD, "dent"] * 20
    assert {spec.shape for spec in specs} == {"nut", "gear"}
    assert {spec.background for spec in specs} == {"foam"}
    assert len({spec.seed for spec in specs}) == 40
    assert {spec.count for spec in specs if spec.defect} == {1}
    assert specs == list(
        islice(choose_parts(1, shapes=["nut", "gear"], backgrounds=["foam"], labels=[GOOD, "dent"]), 40)
    )


@pytest.mark.parametrize(
    ("choice", "complaint"),
    [
        ({"shapes": ["bolt", "cog"]}, "unknown: cog"),
        ({"backgrounds": []}, "nothing to choose"),
        ({"labels": ["bent"]}, "unknown: bent"),
        ({"shapes": ["bolt"]}, "two shapes"),
    ],
)
def test_what_cannot_be_chosen_is_refused(choice, complaint):
    with pytest.raises(ValueError, match=complaint):
        next(choose_parts(1, **choice))


def test_sentences():
    rusty = make_spec(shape="bolt", material="rust", defect="scratch")
    assert rusty.english == "a rusty bolt with a scratch"
    assert rusty.korean == "긁힌 녹슨 볼트"
    assert make_spec(material="aluminium").english == "an aluminium washer"
    assert make_spec(count=6).english == "6 steel washers"
    assert make_spec(count=6).korean == "강철 와셔 6개"
    wrong = make_spec(shape="bolt", defect="wrong piece", wrong_shape="nut", count=4)
    assert wrong.english == "a nut among steel bolts"
    assert wrong.korean == "강철 볼트 사이에 섞인 너트"


def rows_and_columns(box: Box, margin: int) -> tuple[slice, slice]:
    return (
        slice(max(0, box.top - margin), box.bottom + margin),
        slice(max(0, box.left - margin), box.right + margin),
    )
