"""Maps on the command line: by a job of the real container's entry point, and in the process itself."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from framesift.catalog.log import CatalogLog
from framesift.opened import OpenCollection
from framesift.storage import S3Store
from framesift.table import Collection, Records
from tests.unit.catalog.items import START, make_item
from tests.unit.cli import test_transfers
from tests.unit.cli.conftest import framesift
from tests.unit.maps.conftest import put_vectors

jobs = test_transfers.jobs
way = test_transfers.way


@pytest.fixture
def parts(
    store: S3Store, records: Records, stack: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> OpenCollection:
    """A collection of 30 images in three groups."""
    from framesift.settings import CatalogSettings

    monkeypatch.setenv("FRAMESIFT_CATALOG__CACHE_DIR", str(tmp_path / "catalogs"))
    monkeypatch.chdir(tmp_path)
    records.collections.create(Collection(id="parts", created_at=START))
    items = [make_item(number, tags=[f"group {number % 3}"]) for number in range(30)]
    CatalogLog("parts", store, records).add_items(items, "")
    put_vectors(store, list(range(30)), "all")
    return OpenCollection("parts", store, records, CatalogSettings(cache_dir=str(tmp_path / "catalogs")))


def test_a_map_is_drawn_listed_updated_and_deleted(
    way: list[str], parts: OpenCollection, capsys: pytest.CaptureFixture[str]
) -> None:
    assert framesift("collection", "map", "parts", "--method", "pca", *way) == 0
    said = capsys.readouterr().out
    assert "group 1" in said
    assert "parts-map.png: 30 items by clip@1" in said
    assert Path("parts-map.png").read_bytes().startswith(b"\x89PNG")
    (record,) = parts.maps()
    assert framesift("collection", "maps", "parts") == 0
    assert capsys.readouterr().out.splitlines()[1].split("\t") == [
        *(record.id, "done", "", "pca 2-D", "clip@1", "30", "3"),
    ]
    parts.log.add_items([make_item(30)], "")
    put_vectors(parts.store, [30], "more")
    assert framesift("collection", "map", "parts", "--update", record.id, "-o", "map.parquet", *way) == 0
    assert pq.read_table("map.parquet").num_rows == 31
    assert framesift("collection", "maps", "parts", "--delete", record.id) == 0
    assert parts.maps() == []


def test_a_map_that_fails_says_why(way: list[str], parts: OpenCollection, capsys: pytest.CaptureFixture[str]) -> None:
    assert framesift("collection", "map", "parts", "name:IMG_0003*", *way) == 65
    assert "A map needs at least 10 images with vectors, and there are 1." in capsys.readouterr().err


@pytest.mark.usefixtures("jobs")
def test_what_cannot_be_drawn_is_said_at_once(parts: OpenCollection, capsys: pytest.CaptureFixture[str]) -> None:
    assert framesift("collection", "map", "parts", "--dimensions", "3") == 65
    assert "t-SNE draws maps in two dimensions" in capsys.readouterr().err
    assert framesift("collection", "map", "parts", "--update", "no-such-map") == 65
    assert framesift("collection", "map", "parts", "tag:(") == 65
    assert parts.maps() == []


@pytest.mark.usefixtures("jobs")
def test_a_selection_becomes_a_tag(parts: OpenCollection, capsys: pytest.CaptureFixture[str]) -> None:
    record = parts.map(method="pca")
    assert record.summary
    cluster = record.summary.clusters[1]
    assert framesift("collection", "select", "parts", record.id, "--cluster", "1", "--tag", "seen") == 0
    assert "10 items tagged seen" in capsys.readouterr().err
    assert {item.tags[0] for item in parts.query("tag:seen")} == {cluster.name}
    assert framesift("collection", "select", "parts", record.id, "--outliers", "lof", "--count", "4", "--json") == 0
    assert json.loads(capsys.readouterr().out) == record.summary.outliers["lof"][:4]
    assert framesift("collection", "select", "parts", record.id, "--box=-1,-1,1,1") == 0
    assert len(capsys.readouterr().out.split()) == 30
    assert framesift("collection", "select", "parts", record.id, "--box=a,b") == 65
    assert framesift("collection", "select", "parts", record.id) == 2
