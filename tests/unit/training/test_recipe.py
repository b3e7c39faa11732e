"""Recipes: strict, by TOML or JSON, with a digest of what decides the weights."""

from __future__ import annotations

import json

import pytest

from framesift.errors import RecipeError
from framesift.training.recipe import DrawnData, Recipe, Schedule, included_recipes, read_recipe

TEXT = 'name = "mine"\ntask = "detector"\n[data]\nkind = "folder"\npath = "set"\nclasses = ["dog", "cat"]\n'


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_toml_and_json_say_the_same(tmp_path):
    first = read_recipe(write(tmp_path / "mine.toml", TEXT))
    document = {
        "name": "mine",
        "task": "detector",
        "data": {"kind": "folder", "path": "set", "classes": ["dog", "cat"]},
    }
    assert read_recipe(write(tmp_path / "mine.json", json.dumps(document))) == first
    assert first.data.classes == ("dog", "cat")


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (("detector", "segmenter"), "task"),
        (("path", "folder"), "data.folder.path"),
        (('name = "mine"', 'name = "../mine"'), "name"),
        (("[data]", "[network]\nwidth = 100\n[data]"), "network.width"),
        (("[data]", "[schedule]\nbatch = '8'\n[data]"), "schedule.batch"),
        (("[data]", "[data"), "is no recipe"),
    ],
)
def test_what_is_wrong_is_named_by_its_place(tmp_path, change, place):
    with pytest.raises(RecipeError, match=place):
        read_recipe(write(tmp_path / "mine.toml", TEXT.replace(*change)))


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(RecipeError, match=r"mine\.toml"):
        read_recipe(tmp_path / "mine.toml")


def test_a_longer_training_has_the_digest_of_a_shorter_one_and_no_other_has():
    recipe = Recipe(name="a", task="detector", data=DrawnData(kind="drawn"))
    assert recipe.model_copy(update={"name": "b", "schedule": Schedule(minutes=9)}).digest == recipe.digest
    for change in ({"seed": 2}, {"schedule": Schedule(batch=8)}, {"data": DrawnData(kind="drawn", train=7)}):
        assert recipe.model_copy(update=change).digest != recipe.digest


def test_the_included_recipes_can_be_read():
    recipes = {name: read_recipe(path) for name, path in included_recipes().items()}
    assert {name: recipe.name for name, recipe in recipes.items()} == {name: name for name in recipes}
    assert {recipe.task for recipe in recipes.values()} == {"detector", "classifier"}
