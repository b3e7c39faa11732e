"""Synthetic images are reproducible, families similar but not copies; training and evaluation edits share no code."""

import ast
import importlib
import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from framesift.copydetect import edits, evaluation_edits
from framesift.copydetect.evaluation_edits import EDITS, crop_randomly
from framesift.copydetect.hashes import compute_phash
from framesift.copydetect.pool import open_pool
from framesift.copydetect.synthetic import FAMILY_SIZE, IMAGE_SIZE, draw_image

FAMILIES = range(24)


@pytest.fixture(scope="module")
def pool():
    return np.stack([draw_image(3, family, 0) for family in FAMILIES])


def distance(first, second):
    return int((compute_phash(first) != compute_phash(second)).sum())


def test_the_same_numbers_draw_the_same_image(pool):
    again = np.stack([draw_image(3, family, 0) for family in FAMILIES])

    assert pool.shape == (len(FAMILIES), IMAGE_SIZE, IMAGE_SIZE, 3)
    assert pool.dtype == np.uint8
    assert (pool == again).all()


def test_a_family_shares_colours_but_no_image():
    families = [[draw_image(3, family, member) for member in range(FAMILY_SIZE)] for family in range(12)]
    colours = np.array([[image.mean(axis=(0, 1)) for image in members] for members in families])

    within = np.abs(colours - colours.mean(axis=1, keepdims=True)).mean()
    between = np.abs(colours.mean(axis=1) - colours.mean(axis=(0, 1))).mean()
    assert within < between / 2
    assert all(not np.array_equal(members[0], other) for members in families for other in members[1:])


def test_images_are_not_plain(pool):
    assert np.quantile(pool.std(axis=(1, 2, 3)), 0.1) > 8


def test_a_pool_is_drawn_once_and_opened_then(tmp_path):
    first = open_pool(tmp_path, seed=3, families=2)
    path = next(tmp_path.glob("pool-*.npy"))
    written = path.stat().st_mtime_ns
    second = open_pool(tmp_path, seed=3, families=2)

    assert (first[FAMILY_SIZE] == draw_image(3, 1, 0)).all()
    assert (second == first).all()
    assert path.stat().st_mtime_ns == written
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("recipe", [edits.WEAK, edits.STRONG])
def test_a_view_repeats_with_its_seed_and_leaves_the_pool_alone(pool, recipe):
    before = pool.copy()
    views = [edits.edit_image(pool[0], pool, np.random.default_rng(5), recipe, 128) for _ in range(2)]

    assert views[0].shape == (128, 128, 3)
    assert views[0].dtype == np.uint8
    assert (views[0] == views[1]).all()
    for seed in range(60):
        edits.edit_image(pool[seed % len(pool)], pool, np.random.default_rng(seed), recipe, 96)
    assert (pool == before).all()


def test_weak_views_stay_closer_to_their_image_than_strong_ones(pool):
    def mean_distance(recipe):
        views = [edits.edit_image(p, pool, np.random.default_rng(i), recipe, 128) for i, p in enumerate(pool)]
        return np.mean([distance(view, image) for view, image in zip(views, pool, strict=True)])

    strangers = np.mean([distance(pool[i], pool[i - 1]) for i in range(len(pool))])
    assert mean_distance(edits.WEAK) < min(strangers, mean_distance(edits.STRONG)) - 4


@pytest.mark.parametrize("strong", [False, True])
@pytest.mark.parametrize("kind", EDITS)
def test_every_evaluation_edit_changes_the_photo_and_repeats(kind, strong, pool):
    photo = Image.fromarray(pool[3])
    first, second = (EDITS[kind](photo, strong, random.Random(1)) for _ in range(2))

    assert first.mode == "RGB"
    assert first.tobytes() == second.tobytes()
    assert first.size != photo.size or first.tobytes() != photo.tobytes()


def test_an_inset_covers_what_its_name_says():
    photo = Image.new("RGB", (300, 200), (1, 250, 2))
    page = np.asarray(EDITS["inset"](photo, True, random.Random(4)))

    assert page.shape[:2] == (333, 500)
    assert (page == (1, 250, 2)).all(axis=2).sum() == 300 * 200


def test_a_crop_keeps_between_30_and_80_percent():
    photo = Image.new("RGB", (400, 300))
    areas = [np.prod(crop_randomly(photo, random.Random(seed)).size) / (400 * 300) for seed in range(50)]

    assert 0.29 < min(areas) < 0.4
    assert 0.7 < max(areas) < 0.81


@pytest.mark.parametrize(("module", "other"), [(edits, "evaluation_edits"), (evaluation_edits, "edits")])
def test_training_and_evaluation_edits_share_no_code(module, other):
    """Neither imports the other, nor any other code of the package that edits images."""
    tree = ast.parse(Path(module.__file__).read_text("utf-8"))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    own = {name for name in imported if name.startswith("framesift")}

    assert f"framesift.copydetect.{other}" not in own
    assert own <= {"framesift.copydetect.textures", "framesift.vision.decode", "framesift.vision.views"}
    assert importlib.import_module(f"framesift.copydetect.{other}")
