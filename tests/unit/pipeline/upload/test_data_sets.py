"""Data sets that are put into a collection as programs export them: images come in with boxes, labels and splits."""

from __future__ import annotations

import hashlib
import io
import json
import unicodedata
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from framesift.catalog.batches import NewFile
from framesift.catalog.log import CatalogLog
from framesift.catalog.reader import CatalogReader
from framesift.contracts import Annotation, BeginOutput, CatalogItem, FailInput
from framesift.errors import TooManyFailedItemsError
from framesift.pipeline.finish import fail_run
from framesift.settings import CatalogSettings
from tests.unit.pipeline.upload import test_images
from tests.unit.pipeline.upload.test_images import JPEG, Pipeline

pipeline = test_images.pipeline

A, B = JPEG + b"a", JPEG + b"b"
LINE = "0 0.35 0.35 0.5 0.5\n"
BOX = {"left": 0.1, "top": 0.1, "width": 0.5, "height": 0.5}


def coco(*names: str) -> str:
    document = {
        "images": [{"id": n, "file_name": name, "width": 200, "height": 100} for n, name in enumerate(names)],
        "annotations": [{"id": 7, "image_id": 0, "category_id": 3, "bbox": [20, 10, 100, 50]}],
        "categories": [{"id": 3, "name": "긁힘", "supercategory": "defect"}],
    }
    return json.dumps(document)


# As their programs lay them out: `a` has a box, `b` has none; in which split each is, and what has no line as labels.
LAYOUTS: dict[str, tuple[dict[str, bytes | str], tuple[str | None, str | None], set[str]]] = {
    "Roboflow, YOLOv8": (
        {
            "data.yaml": "train: ../train/images\nval: ../valid/images\nnc: 1\nnames: ['긁힘']\n"
            "roboflow:\n  workspace: w\n  license: CC BY 4.0\n",
            "train/images/a_jpg.rf.0f3.jpg": A,
            "train/labels/a_jpg.rf.0f3.txt": LINE,
            "valid/images/b_jpg.rf.9a1.jpg": B,
            "valid/labels/b_jpg.rf.9a1.txt": "",
            "README.dataset.txt": "# parts\n",
            "README.roboflow.txt": "parts\n",
        },
        ("train", "val"),
        {"README.dataset.txt", "README.roboflow.txt"},
    ),
    "Roboflow, COCO": (
        {
            "train/_annotations.coco.json": coco("a.jpg"),
            "train/a.jpg": A,
            "test/_annotations.coco.json": coco("b.jpg").replace('"image_id": 0', '"image_id": 9'),
            "test/b.jpg": B,
            "README.roboflow.txt": "parts\n",
        },
        ("train", "test"),
        {"README.roboflow.txt"},
    ),
    "Ultralytics": (
        {
            "parts.yaml": "path: ../datasets/parts  # dataset root dir\ntrain: images/train\nval: images/val\n"
            "names:\n  0: 긁힘\n",
            "images/train/a.jpg": A,
            "images/val/b.jpg": B,
            "labels/train/a.txt": LINE,
            "labels/train.cache": "x",
            "LICENSE": "MIT",
        },
        ("train", "val"),
        {"labels/train.cache", "LICENSE"},
    ),
    "CVAT, Ultralytics YOLO": (
        {
            "data.yaml": "names:\n  0: 긁힘\npath: .\ntrain: train.txt\n",
            "train.txt": "data/images/train/a.jpg\ndata/images/train/b.jpg\n",
            "images/train/a.jpg": A,
            "images/train/b.jpg": B,
            "labels/train/a.txt": LINE,
        },
        ("train", "train"),
        set(),
    ),
    "CVAT, YOLO 1.1": (
        {
            "obj.data": "classes = 1\ntrain = data/train.txt\nnames = data/obj.names\nbackup = backup/\n",
            "obj.names": "긁힘\n",
            "train.txt": "data/obj_train_data/a.jpg\ndata/obj_train_data/b.jpg\n",
            "obj_train_data/a.jpg": A,
            "obj_train_data/a.txt": LINE,
            "obj_train_data/b.jpg": B,
            "obj_train_data/b.txt": "",
        },
        ("train", "train"),
        {"obj.data", "train.txt"},
    ),
    "CVAT, COCO": (
        {
            "annotations/instances_default.json": coco("a.jpg", "b.jpg"),
            "images/default/a.jpg": A,
            "images/default/b.jpg": B,
        },
        (None, None),
        set(),
    ),
    "Label Studio, YOLO": (
        {
            "classes.txt": "긁힘\n",
            "notes.json": json.dumps({"categories": [{"id": 0, "name": "긁힘"}], "info": {"version": "1.0"}}),
            "images/5e0f-a.jpg": A,
            "images/7a01-b.jpg": B,
            "labels/5e0f-a.txt": LINE,
            "labels/7a01-b.txt": "",
        },
        (None, None),
        {"notes.json"},
    ),
    "Label Studio, COCO": (
        {"result.json": coco("images\\5e0f-a.jpg", "images/b.jpg"), "images/5e0f-a.jpg": A, "images/b.jpg": B},
        (None, None),
        set(),
    ),
}


def upload(pipeline: Pipeline, files: Mapping[str, bytes | str]) -> BeginOutput:
    """Send files as one batch, as `framesift collection add` does, and begin its run."""
    bodies = {name: body.encode() if isinstance(body, str) else body for name, body in files.items()}
    uploads = pipeline.uploads
    batch = uploads.open("parts", "kim")
    announced = [NewFile(name=name, size_bytes=len(body)) for name, body in bodies.items()]
    for file, body in zip(uploads.add_files("parts", batch.id, announced), bodies.values(), strict=True):
        pipeline.store.put(file.key, body)
    uploads.complete("parts", batch.id)
    return pipeline.begin(collection="parts", batch=batch.id)


def a_zip(files: Mapping[str, bytes | str]) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return body.getvalue()


def read_items(pipeline: Pipeline, folder: Path) -> dict[str, CatalogItem]:
    """The collection's items, by their first names' ends: `a` and `b`."""
    reader = CatalogReader("parts", pipeline.store, pipeline.records, CatalogSettings(cache_dir=str(folder)))
    found = [item for items in reader.iterate() for item in items]
    return {"a" if item.sha256 == hashlib.sha256(A).hexdigest() else "b": item for item in found}


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_data_set_brings_its_labels(pipeline: Pipeline, tmp_path: Path, layout: str, packed: bool) -> None:
    files, splits, along = LAYOUTS[layout]
    output = pipeline.run(upload(pipeline, {"set.zip": a_zip(files)} if packed else files))
    items = read_items(pipeline, tmp_path)
    (annotation,) = items["a"].annotations
    assert (annotation.label, annotation.by) == ("긁힘", "import")
    assert annotation.box is not None
    assert annotation.box.model_dump() == pytest.approx(BOX)
    assert items["b"].annotations == []
    assert [items[name].tags for name in "ab"] == [[f"split:{split}"] if split else [] for split in splits]
    statuses = {name.removeprefix("set.zip/"): line.status for name, line in pipeline.ledger(output.batch).items()}
    images = {name for name, body in files.items() if isinstance(body, bytes)}
    assert statuses == {name: "added" if name in images else "skipped" if name in along else "labels" for name in files}
    if layout == "Roboflow, COCO":
        lines = pipeline.ledger(output.batch)
        faulty = next(lines[name] for name in lines if name.endswith("test/_annotations.coco.json"))
        assert faulty.error is not None
        assert "there is no image with the id 9" in faulty.error.message
    assert list(pipeline.store.list("incoming/")) == [], "all of it was taken in"


def test_label_files_whose_images_are_not_there_say_how_to_bring_them_in(pipeline: Pipeline) -> None:
    output = pipeline.run(upload(pipeline, {"labels.json": coco("x.jpg"), "a.jpg": A, "notes.txt": "hello"}))
    lines = pipeline.ledger(output.batch)
    assert {name: line.status for name, line in lines.items()} == {
        "labels.json": "refused",
        "a.jpg": "added",
        "notes.txt": "refused",
    }
    assert lines["labels.json"].error is not None
    assert "framesift collection import" in lines["labels.json"].error.message


def test_labels_reach_images_that_are_tried_again(pipeline: Pipeline, tmp_path: Path) -> None:
    begun = upload(pipeline, {"annotations.json": coco("a.jpg", "b.jpg"), "a.jpg": A, "b.jpg": B})
    pipeline.collect(begun)
    pipeline.plan(begun)
    with pytest.raises(TooManyFailedItemsError):
        pipeline.publish(begun)  # The job has reported nothing.
    record = pipeline.records.runs.get("upload", begun.run.id)
    assert record is not None
    fault = FailInput(run=begun.run, stage="catalog", error="Lost", execution_arn=record.execution_arn)
    fail_run(fault, pipeline.records, lambda *_: None, pipeline.workflow)
    pipeline.running.clear()
    batch = str(record.batch)
    pipeline.uploads.retry("parts", batch)
    output = pipeline.run(pipeline.begin(collection="parts", batch=batch, force=True))
    assert output.counts == {"added": 2, "labels": 1}
    assert len(read_items(pipeline, tmp_path)["a"].annotations) == 1


def test_images_without_labels_gain_them_and_those_that_people_gave_stay(pipeline: Pipeline, tmp_path: Path) -> None:
    pipeline.run(upload(pipeline, {"a.jpg": A}))
    data_set = {"train/annotations.json": coco("a.jpg"), "train/a.jpg": A}
    pipeline.run(upload(pipeline, data_set))
    (item,) = read_items(pipeline, tmp_path).values()
    assert ([one.label for one in item.annotations], item.tags) == (["긁힘"], ["split:train"])
    log = CatalogLog("parts", pipeline.store, pipeline.records)
    log.set_annotations({item.id: [Annotation(label="good", by="kim")]}, "kim")
    pipeline.run(upload(pipeline, data_set))
    assert [one.label for one in read_items(pipeline, tmp_path)["a"].annotations] == ["good"]


def test_names_of_a_mac_are_found(pipeline: Pipeline, tmp_path: Path) -> None:
    name = "사진.jpg"
    decomposed = unicodedata.normalize("NFD", name)
    pipeline.run(upload(pipeline, {"labels.json": coco(decomposed), name: A}))
    assert len(read_items(pipeline, tmp_path)["a"].annotations) == 1


@pytest.mark.parametrize("content", ["names: [긁힘\n", "names: " + "[" * 5_000, "names: [긁힘]\ntrain: ../../etc\n"])
def test_a_description_that_cannot_be_used_costs_no_image(pipeline: Pipeline, content: str) -> None:
    files: dict[str, Any] = {"data.yaml": content, "images/a.jpg": A, "labels/a.txt": LINE}
    output = pipeline.run(upload(pipeline, files))
    assert output.counts["added"] == 1
    line = pipeline.ledger(output.batch)["data.yaml"]
    assert line.status == "refused"
    assert line.error is not None
    assert line.error.error == "LabelFileError"
