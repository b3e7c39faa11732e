"""`make run SOURCE=images`: from no image to queries and an export, as a person types it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from zipfile import ZipFile

import pytest

from framesift_local.commands.images import COLLECTION, EXPORTED, QUERIES
from tests.e2e.machine import Machine

pytestmark = pytest.mark.slow
IMAGES = 60


class Ran(Machine):
    """A folder in which the images were made and looked at; nothing is up any more."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.first = self.command("local", "run", "images", "--images", str(IMAGES))

    def count(self, query: str) -> int:
        return int(self.command("collection", "query", COLLECTION, query, "--count").stdout)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return Ran(tmp_path_factory.mktemp("images"))


def test_every_image_is_in_the_collection(ran: Ran) -> None:
    assert ran.first.returncode == 0, ran.first.stderr
    assert f"{IMAGES} images are in the collection" in ran.first.stdout
    ledger = ran.command("collection", "ledger", COLLECTION, "--json").stdout.splitlines()
    assert {json.loads(line)["status"] for line in ledger} == {"added"}
    assert len(ledger) == IMAGES
    items = [
        json.loads(line)
        for line in ran.command("collection", "query", COLLECTION, "--all", "--json").stdout.splitlines()
    ]
    assert len(items) == IMAGES
    assert all(item["health"]["sharpness"] > 0 and (item["width"], item["height"]) > (0, 0) for item in items)


def test_the_queries_that_it_recommends_find_what_it_said(ran: Ran) -> None:
    said = {
        query: int(count) for count, query in re.findall(r"^ +(\d+)  .*: framesift .*'(.+)'$", ran.first.stdout, re.M)
    }
    assert said.keys() == QUERIES.keys()
    assert {query: ran.count(query) for query in QUERIES} == said
    assert sum(said.values()) > 0


def test_the_truth_is_in_the_catalog(ran: Ran) -> None:
    good, defects = ran.count("label:good"), ran.count(EXPORTED)
    assert good + defects == ran.count("name:parts/*") == IMAGES - IMAGES // 5
    assert ran.count("has:meta.severity") == defects
    assert ran.count("name:photographs/* has:annotation") == 0


def test_the_export_has_the_boxes_of_the_defects(ran: Ran) -> None:
    with ZipFile(ran.folder / ".framesift" / "exports" / "defects-coco.zip") as file:
        (name,) = (name for name in file.namelist() if name.endswith(".json"))
        coco = json.loads(file.read(name))
        images = [name for name in file.namelist() if name.startswith("images/")]
    assert len(coco["images"]) == len(images) == ran.count(EXPORTED)
    assert len(coco["annotations"]) == len(images)
    assert all(width > 0 and height > 0 for _, _, width, height in (box["bbox"] for box in coco["annotations"]))


def test_what_is_tagged_is_still_there_for_the_next_command(ran: Ran) -> None:
    assert ran.command("collection", "tag", COLLECTION, "label:hole", "재검사").returncode == 0
    assert ran.count("tag:재검사") == ran.count("label:hole") > 0
