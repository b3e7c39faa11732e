"""Samples on the command line: by a job of the real container's entry point, and in the process itself."""

from __future__ import annotations

import json

import pytest

from framesift.opened import OpenCollection
from tests.unit.cli import test_maps, test_transfers
from tests.unit.cli.conftest import framesift

jobs = test_transfers.jobs
way = test_transfers.way
parts = test_maps.parts


def test_a_sample_is_taken_and_its_recipe_is_listed(
    way: list[str], parts: OpenCollection, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = ["collection", "sample", "parts", "to label", 'NOT tag:"group 0"', "--count", "4"]
    assert framesift(*taken, "--known", 'tag:"group 1"', *way) == 0
    assert "4 images of 10 now tagged to label, by clip@1." in capsys.readouterr().out
    assert parts.count('tag:"to label" tag:"group 2"') == 4
    assert framesift("collection", "samples", "parts") == 0
    assert capsys.readouterr().out.splitlines()[1].split("\t") == [
        *("to label", "done", "diverse", 'NOT tag:"group 0"', "clip@1", "4"),
    ]
    assert framesift("collection", "samples", "parts", "--json") == 0
    (record,) = json.loads(capsys.readouterr().out)
    assert record["options"]["known"] == 'tag:"group 1"'


def test_a_sample_that_cannot_be_taken_says_why(
    jobs: list[int], parts: OpenCollection, capsys: pytest.CaptureFixture[str]
) -> None:
    assert framesift("collection", "sample", "parts", "group 1") == 65
    assert "10 items have the tag 'group 1' already" in " ".join(capsys.readouterr().err.split())
    assert framesift("collection", "sample", "parts", "x", "--method", "uncertain", "--model", "a@1") == 65
    assert "none has predictions of the model a@1" in " ".join(capsys.readouterr().err.split())
    assert framesift("collection", "samples", "parts") == 0
