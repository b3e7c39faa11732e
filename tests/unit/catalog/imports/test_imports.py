"""Data sets of COCO and YOLO: their labels and splits come in, and each fault says where it is."""

from __future__ import annotations

import doctest
import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import framesift.catalog.imports.data_set
from framesift.catalog.export import export
from framesift.catalog.imports import DataSet, read_data_set
from framesift.catalog.labels import MAX_ANNOTATIONS
from framesift.catalog.tags import fold
from framesift.contracts import Annotation, Box, CatalogItem
from framesift.contracts.exports import ExportFormat, ExportOptions
from framesift.storage import S3Store
from tests.unit.catalog.export.conftest import COLLECTION, PREFIX, items

__all__ = ["items"]

Content = bytes | str | Any


def read(files: Mapping[str, Content]) -> DataSet:
    """Read an upload; what is no bytes or text becomes JSON."""

    def get(name: str) -> bytes:
        content = files[name]
        if isinstance(content, str):
            return content.encode()
        return content if isinstance(content, bytes) else json.dumps(content).encode()

    return read_data_set(files, get)


def coco(**fields: Any) -> dict[str, Any]:
    """One image, `a.jpg`, of 200 × 100 with one box of a dog."""
    return {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 200, "height": 100}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 5, "bbox": [20, 10, 100, 50]}],
        "categories": [{"id": 5, "name": "개"}],
    } | fields


DOG = Annotation(label="개", box=Box(left=0.1, top=0.1, width=0.5, height=0.5), by="import")


def test_examples_in_docstrings() -> None:
    assert doctest.testmod(framesift.catalog.imports.data_set).failed == 0


@pytest.mark.parametrize("name", ["coco", "yolo"])
def test_what_we_export_comes_back(store: S3Store, items: list[CatalogItem], name: ExportFormat) -> None:
    summary = export(COLLECTION, items, name, ExportOptions(), store, PREFIX)
    with zipfile.ZipFile(io.BytesIO(store.get(summary.key))) as archive:
        found = read_data_set(archive.namelist(), archive.read)
    assert found.faults.count == 0
    by_id = {path.rpartition("/")[2].removesuffix(".png"): image for path, image in found.images.items()}
    assert set(by_id) == {item.id for item in items}
    assert [by_id[item.id].split for item in items] == ["train", "val", "val", "train"]
    for item in items:
        whole = [one.label for one in item.annotations if one.box is None] if name == "coco" else []
        mine = [(one.label, one.box) for one in item.annotations if one.box]
        mine = mine or [(one.label, one.box) for one in item.predictions if one.box and one.score >= 0.5]
        assert [one.label for one in by_id[item.id].annotations if one.box is None] == whole
        theirs = [(one.label, one.box) for one in by_id[item.id].annotations if one.box]
        assert [fold(label) for label, _ in theirs] == [fold(label) for label, _ in mine]
        for (_, one), (_, other) in zip(theirs, mine, strict=True):
            assert one is not None
            assert other is not None
            assert one.model_dump() == pytest.approx(other.model_dump(), abs=1e-4)


# --- COCO ---


@pytest.mark.parametrize(
    ("labels", "image", "split"),
    [
        ("annotations/instances_train2017.json", "train2017/a.jpg", "train"),
        ("annotations.json", "a.jpg", None),
        ("valid/_annotations.coco.json", "valid/a.jpg", "val"),
        ("set/annotations/test.json", "set/images/a.jpg", "test"),
        ("labels.json", "deep/er/test/a.jpg", "test"),
    ],
)
def test_coco_in_the_folders_that_people_use(labels: str, image: str, split: str | None) -> None:
    found = read({labels: coco(), image: b"", "other/b.jpg": b""})
    assert found.faults.first == []
    assert {name: (one.annotations, one.split) for name, one in found.images.items()} == {image: ([DOG], split)}
    assert found.label_files == {labels}


def test_of_images_with_one_name_that_of_the_split_is_meant() -> None:
    files = {"annotations/instances_train.json": coco(), "annotations/instances_val.json": coco()}
    found = read(files | {"train/a.jpg": b"", "val/a.jpg": b""})
    assert {name: one.split for name, one in found.images.items()} == {"train/a.jpg": "train", "val/a.jpg": "val"}
    assert read({"a.json": coco(), "x/a.jpg": b"", "y/a.jpg": b""}).faults.first == [
        "a.json, image 1: 'a.jpg' can mean 2 images of the upload, such as x/a.jpg.",
        "a.json, annotation 1: there is no image with the id 1, or it cannot be used.",
    ]


def change(part: str, **fields: Any) -> dict[str, Any]:
    document = coco()
    document[part][0] |= fields
    return document


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        (change("images", file_name="../a.jpg"), "image 1: the path '../a.jpg' leaves the upload"),
        (change("images", file_name="x/../../a.jpg"), "leaves the upload"),
        (change("images", file_name="/etc/passwd"), "leaves the upload"),
        (change("images", file_name="C:\\a.jpg"), "leaves the upload"),
        (change("images", file_name="b.jpg"), "image 1: there is no image 'b.jpg' in the upload"),
        (change("images", file_name=["a.jpg"]), "image 1: ['a.jpg'] is no path"),
        (change("images", file_name="a.jpg\0"), "is no path"),
        (change("images", id=None), "image 1: its id is None"),
        (change("images", id=True), "image 1: its id is True"),
        (change("images", width=0), "image 1: its width is 0, and no number of pixels"),
        (change("images", height="100"), "image 1: its height is '100'"),
        (change("images", height=1e300), "image 1: its height is 1e+300"),
        (coco(images=[*coco()["images"] * 2]), "image 2: a second image has the id 1"),
        (coco(images=[3]), "image 1: its id is None"),
        (change("annotations", image_id=9), "annotation 1: there is no image with the id 9"),
        (change("annotations", image_id={}), "annotation 1: its image_id is {}"),
        (change("annotations", category_id=9), "annotation 1: there is no category with the id 9"),
        (change("annotations", bbox=[1, 2, 3]), "annotation 1: its bbox is [1, 2, 3], and no list of four numbers"),
        (change("annotations", bbox=[1, 2, 3, "x"]), "annotation 1: a box is no four numbers"),
        (change("annotations", bbox=[1, 2, 3, float("nan")]), "annotation 1: a box is no four numbers"),
        (change("annotations", bbox=[1, 2, 3, float("inf")]), "annotation 1: a box is no four numbers"),
        (change("annotations", bbox=[1, 2, 0, 3]), "annotation 1: a box has no size"),
        (change("annotations", bbox=[150, 2, 100, 3]), "annotation 1: a box reaches out of the image"),
        (change("annotations", bbox=[-5, 2, 100, 3]), "annotation 1: a box reaches out of the image"),
        (change("annotations", bbox=[500, 2, 10, 3]), "annotation 1: a box reaches out of the image"),
        (change("categories", name="a\0b"), "category 1: the label 'a\\x00b' cannot be used"),
        (change("categories", name=7), "category 1: a label is no text, but 7"),
        (coco(categories={}), "labels.json: It is not COCO's JSON: images, annotations and categories must be lists"),
    ],
)
def test_coco_faults_say_where_they_are(document: Any, fault: str) -> None:
    found = read({"labels.json": document, "a.jpg": b""})
    assert any(fault in one for one in found.faults.first), found.faults.first
    assert all(one.startswith("labels.json") for one in found.faults.first)
    assert found.faults.count <= 2


def test_a_box_that_reaches_out_by_a_pixel_is_cut() -> None:
    found = read({"labels.json": change("annotations", bbox=[-0.5, 0, 200.9, 100.5]), "a.jpg": b""})
    assert found.images["a.jpg"].annotations[0].box == Box(left=0, top=0, width=1, height=1)


@pytest.mark.parametrize("inner", [b"[" * 1_000_000, b"{", b"[1e", b"9" * 5_000])
def test_json_that_cannot_be_read_is_one_fault(inner: bytes) -> None:
    found = read({"labels.json": b'{"annotations": [], "categories": [], "images": ' + inner, "a.jpg": b""})
    assert found.faults.count == 1
    assert "labels.json: It is no JSON that can be read" in found.faults.first[0]


def test_an_image_has_only_as_many_annotations_as_an_item_can_have() -> None:
    found = read({"labels.json": coco(annotations=coco()["annotations"] * (MAX_ANNOTATIONS + 2)), "a.jpg": b""})
    assert len(found.images["a.jpg"].annotations) == MAX_ANNOTATIONS
    assert found.faults.count == 2
    assert "at most 5,000 annotations" in found.faults.first[0]
    lines = "0 0.5 0.5 1 1\n" * (MAX_ANNOTATIONS + 1)
    found = read({"data.yaml": "names: [a]\ntrain: .\n", "a.jpg": b"", "a.txt": lines})
    assert (len(found.images["a.jpg"].annotations), found.faults.count) == (MAX_ANNOTATIONS, 1)


def test_images_of_one_name_in_many_folders_are_told_apart() -> None:
    # With a look at all images for each name, this took ten minutes.
    names = [f"part-{number}/a.jpg" for number in range(20_000)]
    images = [{"id": number, "file_name": name, "width": 9, "height": 9} for number, name in enumerate(names)]
    found = read({"labels.json": coco(images=images, annotations=[])} | dict.fromkeys(names, b""))
    assert (sorted(found.images), found.faults.count) == (sorted(names), 0)
    unclear = [each | {"file_name": "a.jpg"} for each in images]
    found = read({"labels.json": coco(images=unclear, annotations=[])} | dict.fromkeys(names, b""))
    assert (found.images, found.faults.count) == ({}, len(names))


@pytest.mark.parametrize("suffix", ["a.jpg", "b/a.jpg", "x/b/a.jpg"])
def test_the_end_of_a_path_is_whole_parts(suffix: str) -> None:
    images = [{"id": 1, "file_name": suffix, "width": 9, "height": 9}]
    found = read(
        {"labels.json": coco(images=images, annotations=[]), "x/b/a.jpg": b"", "xb/ba.jpg": b"", "a.jpg.png": b""}
    )
    assert list(found.images) == ["x/b/a.jpg"]


def test_other_json_is_left_alone() -> None:
    found = read({"notes.json": b'{"images": 3}', "broken.json": b"{", "a.jpg": b""})
    assert (found.images, found.label_files, found.faults.count) == ({}, set(), 0)


# --- YOLO ---

YAML = "names: [개, cat]\ntrain: images/train\nval: images/val\n"
LINE = "0 0.35 0.35 0.5 0.5\n"


@pytest.mark.parametrize(
    ("described", "place"),
    [
        (YAML, "data.yaml"),
        ("path: .\n" + YAML, "data.yaml"),
        ("path: /home/me/datasets/pets\n" + YAML, "data.yaml"),
        ("path: ../datasets/pets\n" + YAML, "data.yaml"),
        (YAML, "pets/data.yaml"),
        ("path: pets\n" + YAML, "data.yaml"),
        ("names: {0: 개, 1: cat}\ntrain: ../images/train\nvalid: ../images/val\n", "data.yaml"),
        ("names:\n  0: 개\n  1: cat\ntrain: [images/train]\nvalidation: images/val/*.jpg\n", "data.yml"),
        ("names: [개]\ntrain: train.txt\nval: val.txt\n", "data.yaml"),
    ],
)
def test_yolo_in_the_forms_that_people_use(described: str, place: str) -> None:
    folder = "pets/" if "pets" in place or described.startswith("path: pets") else ""
    files = {
        place: described,
        f"{folder}images/train/a.jpg": b"",
        f"{folder}labels/train/a.txt": LINE,
        f"{folder}images/val/b.jpg": b"",
        f"{folder}train.txt": f"./{folder}images/train/a.jpg\n",
        f"{folder}val.txt": "\n images/val/b.jpg \n",
    }
    found = read(files)
    assert found.faults.first == []
    train, val = found.images[f"{folder}images/train/a.jpg"], found.images[f"{folder}images/val/b.jpg"]
    assert (train.split, val.split, val.annotations) == ("train", "val", [])
    (dog,) = train.annotations
    assert (dog.label, dog.by) == ("개", "import")
    assert dog.box is not None
    assert dog.box.model_dump() == pytest.approx(DOG.box.model_dump() if DOG.box else None)


@pytest.mark.parametrize(
    ("line", "box"),
    [
        ("1 0.5 0.5 1 1", (0, 0, 1, 1)),
        ("1 0.5 0.5 0.2 0.4 0.97", (0.4, 0.3, 0.2, 0.4)),
        ("1 0.1 0.2 0.3 0.2 0.3 0.6", (0.1, 0.2, 0.2, 0.4)),
        ("1 0.500001 0.5 1.000001 1", (0, 0, 1, 1)),
        ("  1\t0.5 0.5  0.5 0.5  ", (0.25, 0.25, 0.5, 0.5)),
    ],
)
def test_lines_of_yolo(line: str, box: tuple[float, ...]) -> None:
    found = read({"data.yaml": YAML, "images/train/a.jpg": b"", "images/val/b.jpg": b"", "labels/train/a.txt": line})
    assert found.faults.first == []
    (cat,) = found.images["images/train/a.jpg"].annotations
    assert cat.label == "cat"
    assert cat.box is not None
    assert (cat.box.left, cat.box.top, cat.box.width, cat.box.height) == pytest.approx(box, abs=2e-6)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("7 0.5 0.5 1 1", "there is no class 7"),
        ("-1 0.5 0.5 1 1", "there is no class -1"),
        ("dog 0.5 0.5 1 1", "'dog 0.5 0.5 1 1' is no class and numbers"),
        ("0 0.5 0.5 1", "a line has 3 numbers"),
        ("0", "a line has 0 numbers"),
        ("0 0.1 0.1 0.2 0.2 0.3 0.3 0.4", "a line has 7 numbers"),
        ("0 0.5 0.5 0 1", "a box has no size"),
        ("0 0.9 0.5 0.5 1", "a box reaches out of the image"),
        ("0 5 5 1 1", "a box reaches out of the image"),
        ("0 nan 0.5 1 1", "a box is no four numbers"),
        ("0 1e999 0.5 1 1", "a box is no four numbers"),
        ("9" * 5_000 + " 0.5 0.5 1 1", "is no class and numbers"),
    ],
)
def test_yolo_faults_say_which_line(line: str, fault: str) -> None:
    label = f"{LINE}\n{line}\n{LINE}"
    found = read({"data.yaml": YAML, "images/train/a.jpg": b"", "images/val/b.jpg": b"", "labels/train/a.txt": label})
    assert found.faults.count == 1
    assert found.faults.first[0].startswith("labels/train/a.txt, line 3: ")
    assert fault in found.faults.first[0]
    assert len(found.images["images/train/a.jpg"].annotations) == 2


@pytest.mark.parametrize(
    ("described", "fault"),
    [
        ("names: [a]\ntrain: ../../x\n", "data.yaml, train: the path '../x' leaves the upload"),
        ("names: [a]\ntrain: /etc\n", "data.yaml, train: the path '/etc' leaves the upload"),
        ("names: [a]\ntrain: nowhere\n", "data.yaml, train: no image of the upload is at 'nowhere'"),
        ("names: [a]\ntrain: {a: b}\n", "data.yaml, train: {'a': 'b'} is no path"),
        ("names: [a]\n", "data.yaml: it names no images"),
        ("names: 3\ntrain: images\n", "data.yaml: Its names are '3', and neither a list nor numbers with names"),
        ("names: {x: a}\ntrain: images\n", "data.yaml, class 'x'"),
        ("names: [[1]]\ntrain: images\n", "data.yaml, class 0: a label is no text, but ['1']"),
        ("names: [a\n", "data.yaml: It is no YAML that can be read"),
        ("names: " + "[" * 100_000, "data.yaml: It is nested more than 20 deep"),
        ("a: &a [x, x]\nb: &b [*a, *a]\nnames: [*b, *b]\n", "data.yaml: It has an alias"),
        ("names: [a]\ntrain: list.txt\n", "list.txt, line 2: the path '../../secret.jpg' leaves the upload"),
        ("names: [" + "a, " * 500_000 + "]", "data.yaml: It has 1,500,009 bytes; 1,048,576 are read at most"),
    ],
)
def test_yolo_descriptions_that_cannot_be_used(described: str, fault: str) -> None:
    found = read({"data.yaml": described, "images/a.jpg": b"", "list.txt": "images/a.jpg\n../../secret.jpg\n"})
    assert any(fault in one for one in found.faults.first), found.faults.first


def test_a_folder_that_is_named_again_and_again_is_read_once() -> None:
    described = "names: [a]\ntrain: [" + "images, ./images, " * 49 + "images]\n"
    found = read({"data.yaml": described, "images/a.jpg": b"", "labels/a.txt": "0 0.5 0.5 1 1\n"})
    assert (len(found.images["images/a.jpg"].annotations), found.faults.count) == (1, 0)


def test_a_class_can_be_called_as_yaml_would_read_otherwise() -> None:
    described = 'names: {0: no, 1: 3, 2: "null", 3: 2026-01-01}\ntrain: images\n'
    lines = "".join(f"{number} 0.5 0.5 1 1\n" for number in range(4))
    found = read({"data.yaml": described, "images/a.jpg": b"", "labels/a.txt": lines})
    assert [one.label for one in found.images["images/a.jpg"].annotations] == ["no", "3", "null", "2026-01-01"]


def test_other_yaml_is_left_alone() -> None:
    found = read({"config.yaml": "a: 1\n", "list.yml": "- names\n", "a.jpg": b""})
    assert (found.images, found.label_files, found.faults.count) == ({}, set(), 0)


# --- anything ---

values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("a.jpg"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
entries = st.lists(
    values
    | st.fixed_dictionaries(
        {},
        optional={
            name: values | st.just(1)
            for name in ("id", "file_name", "width", "height", "name", "image_id", "category_id", "bbox", "labels")
        },
    ),
    max_size=3,
)


@given(st.fixed_dictionaries({"images": entries, "annotations": entries, "categories": entries}))
def test_no_json_breaks_the_reader(document: dict[str, Any]) -> None:
    found = read({"labels.json": document, "a.jpg": b""})
    assert set(found.images) <= {"a.jpg"}


@given(st.text() | st.fixed_dictionaries({"names": values, "train": values, "path": values}).map(json.dumps), st.text())
def test_no_yaml_breaks_the_reader(described: str, lines: str) -> None:
    upload = {"data.yaml": described.encode("utf-8", "replace"), "images/a.jpg": b"", "labels/a.txt": lines}
    assert set(read(upload).images) <= {"images/a.jpg"}
