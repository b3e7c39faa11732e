"""Each format is read back by a second, public reader, and says the same as the catalog."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pyarrow.parquet as pq
import pytest
import supervision
import yaml
from pycocotools.coco import COCO
from torchvision.datasets import CocoDetection, VOCDetection

from framesift import keys
from framesift.catalog.export import FORMATS, export, read_label_studio
from framesift.catalog.tags import fold
from framesift.contracts import Annotation, Box, CatalogItem
from framesift.contracts.exports import ExportOptions, ExportSummary
from framesift.errors import NoVectorsError
from framesift.storage import S3Store
from tests.unit.catalog.export.conftest import BOX, COLLECTION, FULL, PREFIX, make_image

Export = Callable[..., tuple[Path, ExportSummary]]
CLASSES = ["dent", "good", "Scratch", "긁힘: \"x\", 'y'"]


def to_pixels(box: Box, item: CatalogItem) -> list[float]:
    """Left, top, right, bottom."""
    left, top = box.left * item.width, box.top * item.height
    return [left, top, left + box.width * item.width, top + box.height * item.height]


def quietly(make: Callable[[], object]) -> object:
    with contextlib.redirect_stdout(io.StringIO()):
        return make()


# What the images show with the options as they are: annotations first, else predictions from 0.5 on.
SHOWN = {0: [("Scratch", BOX), (CLASSES[3], FULL)], 1: [("dent", BOX), ("Scratch", FULL)], 2: [], 3: []}


def test_coco_reads_back_with_pycocotools(export_to: Export, items: list[CatalogItem]) -> None:
    folder, summary = export_to("coco")
    assert summary.classes == CLASSES
    assert summary.splits == {"train": 2, "val": 2}
    assert (summary.items, summary.boxes, summary.image_labels, summary.left_out) == (4, 4, 1, 0)
    seen = {}
    for split in ("train", "val"):
        coco = quietly(lambda split=split: COCO(str(folder / f"annotations/instances_{split}.json")))
        assert isinstance(coco, COCO)
        assert [coco.cats[number]["name"] for number in sorted(coco.cats)] == CLASSES
        for image in coco.loadImgs(coco.getImgIds()):
            number = [item.id for item in items].index(image["item"])
            assert (image["width"], image["height"]) == (items[number].width, items[number].height)
            assert (folder / "images" / image["file_name"]).read_bytes() == make_image(number)
            found = coco.loadAnns(coco.getAnnIds(image["id"]))
            seen[number] = [(coco.cats[one["category_id"]]["name"], one["bbox"]) for one in found]
            assert image.get("labels", []) == (["good"] if number == 2 else [])
    for number, labels in SHOWN.items():
        assert [name for name, _ in seen[number]] == [name for name, _ in labels]
        for (_, bbox), (_, box) in zip(seen[number], labels, strict=True):
            left, top, width, height = bbox
            corners = [left, top, left + width, top + height]
            assert corners == pytest.approx(to_pixels(box, items[number]), abs=2e-3)


def test_coco_reads_back_with_torchvision(export_to: Export) -> None:
    folder, _ = export_to("coco")
    data = quietly(lambda: CocoDetection(folder / "images", folder / "annotations/instances_val.json"))
    assert isinstance(data, CocoDetection)
    image, (dent, scratch) = data[0]
    assert image.size == (30, 50)
    assert (dent["score"], scratch["score"]) == (0.75, 0.5)
    assert dent["area"] == pytest.approx(15 * 12.5)


def test_yolo_reads_back_with_supervision(export_to: Export, items: list[CatalogItem]) -> None:
    folder, _ = export_to("yolo")
    data = yaml.safe_load((folder / "data.yaml").read_text("utf-8"))
    assert data == {
        "train": "images/train",
        "val": "images/val",
        "nc": 4,
        "names": dict(enumerate(CLASSES)),
    }
    for split, numbers in (("train", [0, 3]), ("val", [1, 2])):
        found = supervision.DetectionDataset.from_yolo(
            str(folder / data[split]), str(folder / "labels" / split), str(folder / "data.yaml")
        )
        assert found.classes == CLASSES
        by_id = {Path(path).stem: detections for path, _, detections in found}
        assert set(by_id) == {items[number].id for number in numbers}
        for number in numbers:
            detections = by_id[items[number].id]
            assert [CLASSES[one] for one in detections.class_id] == [name for name, _ in SHOWN[number]]
            for corners, (_, box) in zip(detections.xyxy, SHOWN[number], strict=True):
                assert corners == pytest.approx(to_pixels(box, items[number]), abs=1e-3)
            assert (folder / f"images/{split}/{items[number].id}.png").read_bytes() == make_image(number)


def test_yolo_has_a_val_where_no_item_is_in_it(store: S3Store, items: list[CatalogItem]) -> None:
    for chosen, expected in (([items[3]], "images/train"), ([items[1]], "images/val")):
        export(COLLECTION, chosen, "yolo", ExportOptions(), store, PREFIX)
        with zipfile.ZipFile(io.BytesIO(store.get(f"{PREFIX}yolo.zip"))) as archive:
            data = yaml.safe_load(archive.read("data.yaml"))
        assert (data["train"], data["val"]) == (expected, expected)


def test_voc_reads_back_with_torchvision_and_supervision(
    export_to: Export, items: list[CatalogItem], tmp_path: Path
) -> None:
    folder, _ = export_to("voc")
    (tmp_path / "VOCdevkit").mkdir()
    folder.rename(tmp_path / "VOCdevkit/VOC2012")
    folder = tmp_path / "VOCdevkit/VOC2012"
    for name in folder.glob("JPEGImages/*.png"):  # torchvision knows only one suffix.
        name.with_suffix(".jpg").write_bytes(name.read_bytes())
    data = VOCDetection(tmp_path, "2012", "val")
    assert len(data) == 2
    image, target = data[0]
    assert image.size == (30, 50)
    assert target["annotation"]["filename"] == f"{items[1].id}.png"
    dent, scratch = target["annotation"]["object"]
    assert (dent["name"], scratch["name"]) == ("dent", "Scratch")
    # The pixels of 0.25 to 0.75 of 30 and of 0.5 to 0.75 of 50, counted from 1, both ends within.
    assert dent["bndbox"] == {"xmin": "9", "ymin": "26", "xmax": "22", "ymax": "38"}
    assert scratch["bndbox"] == {"xmin": "1", "ymin": "1", "xmax": "30", "ymax": "50"}
    found = supervision.DetectionDataset.from_pascal_voc(str(folder / "JPEGImages"), str(folder / "Annotations"))
    assert set(found.classes) == set(CLASSES) - {"good"}


def test_xml_keeps_every_label_that_it_can_write(store: S3Store, items: list[CatalogItem]) -> None:
    odd = items[0].model_copy(update={"annotations": [Annotation(label="<a>&\x01\ufffe", box=BOX)]})
    export(COLLECTION, [odd], "voc", ExportOptions(images=False), store, PREFIX)
    with zipfile.ZipFile(io.BytesIO(store.get(f"{PREFIX}voc.zip"))) as archive:
        root = ET.fromstring(archive.read(f"Annotations/{odd.id}.xml"))  # noqa: S314 - our own
        assert not [name for name in archive.namelist() if name.startswith("JPEGImages")]
    assert root.findtext("object/name") == "<a>&\ufffd\ufffd"


def test_csv_is_a_table_without_formulas(export_to: Export, items: list[CatalogItem]) -> None:
    path, _ = export_to("csv")
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [item.id for item in items]
    assert json.loads(rows[0]["tags"]) == ["split:train", "=1+1"]
    assert json.loads(rows[0]["labels"]) == CLASSES[2:]
    assert (rows[0]["meta.line"], rows[2]["meta.line"], rows[3]["meta.line"]) == ("3.0", "-1.5", "")
    assert rows[0]["meta.ok"] == "true"
    assert rows[0]["meta.비고"] == '\'=HYPERLINK("x")둘째 줄'
    assert rows[1]["split"] == "val"
    formulas = [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "@", "\t", "\r"))]
    assert formulas == []


def test_jsonl_has_all_of_each_item(export_to: Export, items: list[CatalogItem]) -> None:
    path, _ = export_to("jsonl")
    assert [CatalogItem.model_validate_json(line) for line in path.read_text("utf-8").splitlines()] == items


def test_parquet_has_a_vector_in_the_row_of_its_item(
    store: S3Store, export_to: Export, items: list[CatalogItem]
) -> None:
    folder = keys.collection_features(COLLECTION, "resnet50@1")
    vectors = np.random.default_rng(0).normal(size=(3, 8)).astype(np.float16)
    for part, numbers in (("b", [2]), ("a", [3, 0])):
        file = io.BytesIO()
        np.save(file, vectors[[min(number, 2) for number in numbers]])
        store.put(f"{folder}{part}.npy", file.getvalue())
        store.put(f"{folder}{part}.json", json.dumps({"ids": [items[number].id for number in numbers]}).encode())
    path, summary = export_to("parquet", vectors="resnet50@1")
    table = pq.read_table(path)
    assert table["id"].to_pylist() == [item.id for item in items]
    assert [CatalogItem.model_validate_json(text) for text in table["item"].to_pylist()] == items
    rows = table["vector"].to_pylist()
    assert rows[1] is None
    assert summary.without_vector == 1
    assert np.array_equal(np.array([rows[0], rows[2], rows[3]], np.float16), vectors[[0, 2, 2]])
    assert table["tags"].to_pylist()[0] == ["split:train", "=1+1"]
    assert table["added_at"].to_pylist()[0] == items[0].added_at


def test_parquet_without_vectors_has_no_such_column(export_to: Export) -> None:
    path, _ = export_to("parquet")
    assert "vector" not in pq.read_schema(path).names


def test_vectors_that_are_not_there_are_refused(store: S3Store, items: list[CatalogItem]) -> None:
    with pytest.raises(NoVectorsError, match="parts has no vectors of clip@1: look at it with that model"):
        export(COLLECTION, items, "parquet", ExportOptions(vectors="clip@1"), store, PREFIX)


def test_images_come_with_a_table_of_them(export_to: Export, items: list[CatalogItem]) -> None:
    folder, _ = export_to("images")
    with (folder / "items.csv").open(encoding="utf-8-sig", newline="") as file:
        for number, row in enumerate(csv.DictReader(file)):
            assert (folder / "images" / row["file"]).read_bytes() == make_image(number)


def test_label_studio_tasks_are_as_its_interface_wants(
    export_to: Export, items: list[CatalogItem], store: S3Store
) -> None:
    folder, _ = export_to("label-studio")
    config = ET.parse(folder / "label_config.xml").getroot()  # noqa: S314 - our own
    controls = {control.get("name"): control for control in config if control.get("toName") == "image"}
    tasks = json.loads((folder / "tasks.json").read_text("utf-8"))
    assert [task["data"]["item"] for task in tasks] == [item.id for item in items]
    assert tasks[0]["data"]["image"] == f"s3://{store.bucket}/{items[0].key}"
    results = 0
    for task in tasks:
        for given in (*task.get("annotations", []), *task.get("predictions", [])):
            for result in given["result"]:
                control = controls[result["from_name"]]
                assert result["type"] == control.tag.lower()
                assert {child.get("value") for child in control} >= set(result["value"][result["type"]])
                results += 1
    assert results == 2 + 1 + 2 + 1
    assert [given["model_version"] for given in tasks[1]["predictions"]] == ["ssd@1", "other@1"]


def test_what_label_studio_gives_back_is_what_it_was_given(export_to: Export, items: list[CatalogItem]) -> None:
    folder, _ = export_to("label-studio")
    found = read_label_studio((folder / "tasks.json").read_bytes(), {item.id for item in items})
    assert found.faults.count == 0
    assert set(found.annotations) == {items[0].id, items[2].id}
    for item in (items[0], items[2]):
        for mine, theirs in zip(item.annotations, found.annotations[item.id], strict=True):
            assert fold(mine.label) == fold(theirs.label)
            if mine.box is None or theirs.box is None:
                assert mine.box == theirs.box
            else:
                assert theirs.box.model_dump() == pytest.approx(mine.box.model_dump())


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"labels": "annotations"}, {0: ["scratch", CLASSES[3]], 1: [], 2: ["good"]}),
        ({"labels": "predictions"}, {0: ["dent"], 1: ["dent", "Scratch"], 2: []}),
        ({"labels": "predictions", "min_score": 0.3}, {0: ["dent"], 1: ["dent", "Scratch"], 2: []}),
        ({"labels": "predictions", "min_score": 0.8}, {0: ["dent"], 1: [], 2: []}),
        ({"labels": "predictions", "model": "other@1"}, {0: [], 1: ["Scratch"], 2: []}),
        ({"classes": ["SCRATCH", "dent"]}, {0: ["SCRATCH"], 1: ["dent", "SCRATCH"], 2: []}),
    ],
)
def test_a_person_chooses_which_labels_go_out(
    export_to: Export, options: dict[str, object], expected: dict[int, list[str]]
) -> None:
    path, summary = export_to("csv", **options)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for number, labels in expected.items():
        assert json.loads(rows[number]["labels"] or "[]") == labels
    if "classes" in options:
        assert summary.classes == ["SCRATCH", "dent"]
        assert summary.left_out == 2


def test_every_format_has_a_test_here() -> None:
    assert set(FORMATS) == {"coco", "yolo", "voc", "label-studio", "parquet", "csv", "jsonl", "images"}


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_can_be_exported(store: S3Store, name: str) -> None:
    summary = export(COLLECTION, [], name, ExportOptions(), store, PREFIX)  # type: ignore[arg-type]
    assert summary.items == 0
    assert store.exists(summary.key)
