"""`framesift search` and `framesift collection index`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import framesift as framesift_package
from framesift.contracts import Box
from framesift.storage import S3Store
from framesift.table import Records
from tests.unit.cli.conftest import framesift
from tests.unit.images import encode, photograph
from tests.unit.search.test_collection import Photographs


@pytest.fixture
def photos(
    store: S3Store, records: Records, stack: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Photographs:
    monkeypatch.setenv("FRAMESIFT_CATALOG__CACHE_DIR", str(tmp_path / "catalogs"))
    monkeypatch.setenv("FRAMESIFT_SEARCH__CACHE_DIR", str(tmp_path / "indexes"))
    return Photographs(store, records, tmp_path).fill()


@pytest.fixture
def cat(tmp_path: Path) -> str:
    path = tmp_path / "cat.jpg"
    path.write_bytes(encode(photograph("chelsea")[::2, ::2], quality=60))
    return str(path)


def test_search_prints_tsv_into_a_pipe_the_best_first(photos, cat, capsys):
    assert framesift("search", "photos", "--image", cat, "-n", "2") == 0
    said = capsys.readouterr()
    heads, best, _second = [line.split("\t") for line in said.out.splitlines()]
    assert heads == ["id", "score", "name", "label", "folded"]
    assert (best[0], best[2]) == (photos.ids["chelsea"], "chelsea.png")
    assert 0.9 < float(best[1]) <= 1
    assert f"2 of 5 that match, by {photos.label}" in said.err


def test_search_takes_items_boxes_queries_and_a_cut_off(photos, capsys):
    item = photos.ids["coffee"]
    assert framesift("search", "photos", "--item", item, "--box", "0.01,0.01,0.98,0.98", "--json", "-n", "1") == 0
    assert json.loads(capsys.readouterr().out)["id"] == item
    assert framesift("search", "photos", "--item", item, "--where", "name:rocket*", "--json") == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["name"] == "rocket.png"
    assert framesift("search", "photos", "--item", item, "--min-score", "0.999", "--json") == 0
    assert not capsys.readouterr().out


def test_what_cannot_be_searched_is_said(photos, cat, capsys):
    for arguments, code, named in (
        (["photos"], 65, "EmptySearchError"),
        (["photos", "a cat"], 66, "NoTextEncoderError"),
        (["photos", "--image", cat, "--where", "colour:red"], 65, "UnknownFieldError"),
        (["photos", "--image", cat, "-n", "1000000"], 65, "TooManyResultsError"),
        (["nowhere", "--image", cat], 65, "CollectionMissingError"),
        (["photos", "--image", cat, "--box", "1,2"], 2, "--box"),
    ):
        assert framesift("search", *arguments) == code
        assert named in capsys.readouterr().err


def test_an_index_is_made_and_made_anew(photos, stack, capsys):
    assert framesift("collection", "index", "photos") == 0
    assert capsys.readouterr().out.splitlines()[1].split("\t")[:3] == [photos.label, "5", "1"]
    first = photos.records.indexes.get("photos", photos.label)
    assert framesift("collection", "index", "photos", "--rebuild", "--json") == 0
    (index,) = json.loads(capsys.readouterr().out)
    assert index["model"] == photos.label
    assert first
    assert index["segments"][0]["name"] != first.segments[0].name


def test_python_searches_too(photos, stack):
    found = framesift_package.open_collection("photos", stack).search(
        image=encode(photograph("coffee"), "PNG"), box=Box(left=0, top=0, width=1, height=1), limit=1
    )
    assert [hit.id for hit in found.hits] == [photos.ids["coffee"]]
    assert found.hits[0].score == pytest.approx(1, abs=1e-2)
    assert np.isfinite(found.hits[0].score)
