from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from framesift import keys
from framesift.catalog.export import export
from framesift.contracts import Annotation, Box, CatalogItem, Prediction
from framesift.contracts.exports import ExportFormat, ExportOptions, ExportSummary
from framesift.storage import S3Store

COLLECTION = "parts"
PREFIX = keys.export_prefix(COLLECTION, "one")
SIZES = [(64, 48), (30, 50), (100, 100), (64, 48)]


def make_image(number: int) -> bytes:
    width, height = SIZES[number]
    pixels = np.random.default_rng(number).integers(0, 256, (height, width, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def make_item(number: int, **fields: object) -> CatalogItem:
    width, height = SIZES[number]
    item_id = f"{number + 1:032x}"
    return CatalogItem(
        **{
            "id": item_id,
            "sha256": item_id * 2,
            "key": keys.original(COLLECTION, item_id, "png"),
            "names": [f"사진 {number}.PNG"],
            "content_type": "image/png",
            "size_bytes": len(make_image(number)),
            "width": width,
            "height": height,
            "added_at": datetime(2026, 11, 20, 1, 2, 3, tzinfo=UTC),
            **fields,
        }  # type: ignore[arg-type]
    )


BOX = Box(left=0.25, top=0.5, width=0.5, height=0.25)
FULL = Box(left=0, top=0, width=1, height=1)


@pytest.fixture
def items(store: S3Store) -> list[CatalogItem]:
    """Four images: annotated, predicted, in two splits, with text of every awkward kind."""
    found = [
        make_item(
            0,
            annotations=[Annotation(label="scratch", box=BOX), Annotation(label="긁힘: \"x\", 'y'", box=FULL)],
            predictions=[Prediction(model="ssd@1", label="dent", score=0.99, box=FULL)],
            tags=["split:train", "=1+1"],
            metadata={"line": 3.0, "비고": '=HYPERLINK("x")\n둘째 줄', "ok": True},
        ),
        make_item(
            1,
            predictions=[
                Prediction(model="ssd@1", label="dent", score=0.75, box=BOX),
                Prediction(model="ssd@1", label="dent", score=0.4, box=FULL),
                Prediction(model="other@1", label="Scratch", score=0.5, box=FULL),
            ],
            tags=["split:val"],
        ),
        make_item(2, annotations=[Annotation(label="good")], tags=["split:val"], metadata={"line": -1.5}),
        make_item(3),
    ]
    for number, item in enumerate(found):
        store.put(str(item.key), make_image(number))
    return found


@pytest.fixture
def export_to(store: S3Store, items: list[CatalogItem], tmp_path: Path) -> Callable[..., tuple[Path, ExportSummary]]:
    """Exports the items, and unpacks what comes out."""

    def run(name: ExportFormat, **options: object) -> tuple[Path, ExportSummary]:
        summary = export(COLLECTION, items, name, ExportOptions(**options), store, PREFIX)  # type: ignore[arg-type]
        path = tmp_path / summary.key.rpartition("/")[2]
        store.download(summary.key, path)
        assert path.stat().st_size == summary.size_bytes
        if path.suffix != ".zip":
            return path, summary
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
            archive.extractall(tmp_path / "unpacked")
        return tmp_path / "unpacked", summary

    return run
