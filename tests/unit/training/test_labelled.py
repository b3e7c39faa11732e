"""Data sets that models are evaluated on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pytest

from framesift.contracts.catalog import Annotation, Box, CatalogItem
from framesift.errors import ImagesMissingError, LabelFileError, NothingToEvaluateError
from framesift.training.labelled import read_labelled_collection, read_labelled_file
from tests.unit.training.colours import BLUE, RED, coco, picture


def test_coco_keeps_crowds_areas_and_images_without_objects(tmp_path):
    path = coco(
        tmp_path, [{"file_name": "a.png", "boxes": [("red", RED), ("blue", BLUE, True)]}, {"file_name": "b.png"}]
    )
    data = read_labelled_file(path)
    assert data.classes == ("red", "blue")
    truth = data.images[0].truth(64, 64)
    assert truth.boxes.tolist() == [[0, 0, 32, 64], [32, 0, 64, 64]]
    assert (truth.crowd.tolist(), truth.areas.tolist(), truth.class_ids.tolist()) == ([False, True], [2048] * 2, [0, 1])
    assert len(data.images[1].class_ids) == 0
    assert data.images[0].read().startswith(b"\x89PNG")


def test_the_images_of_a_split_are_chosen_and_the_test_split_comes_first(tmp_path):
    images = [{"file_name": f"{split}/1.png", "boxes": [("red", RED)]} for split in ("train", "val", "test")]
    path = coco(tmp_path, images)
    assert [image.image_id for image in read_labelled_file(path).images] == ["test/1.png"]
    assert [image.image_id for image in read_labelled_file(path, split="train").images] == ["train/1.png"]


def test_a_split_without_labels_is_named_with_those_that_there_are(tmp_path):
    path = coco(tmp_path, [{"file_name": "train/1.png", "boxes": [("red", RED)]}])
    with pytest.raises(NothingToEvaluateError, match=r"split val .*\(train\)"):
        read_labelled_file(path, split="val")


def test_labels_without_images_are_refused(tmp_path):
    path = coco(tmp_path, [{"file_name": "a.png", "boxes": [("red", RED)]}, {"file_name": "b.png"}])
    (tmp_path / "b.png").unlink()
    with pytest.raises(ImagesMissingError, match=r"b\.png"):
        read_labelled_file(path)


def test_images_without_labels_are_nothing_to_evaluate(tmp_path):
    with pytest.raises(NothingToEvaluateError):
        read_labelled_file(coco(tmp_path, [{"file_name": "a.png"}]))


@pytest.mark.parametrize(
    "change",
    [
        {"annotations": [{"id": 1, "image_id": 9, "category_id": 1, "bbox": [0, 0, 1, 1]}]},
        {"annotations": [{"id": 1, "image_id": 1, "category_id": 9, "bbox": [0, 0, 1, 1]}]},
        {"annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 1]}]},
        {"annotations": [{"id": 1, "image_id": 1, "category_id": 1}]},
        {"images": [{"file_name": "a.png"}]},
        {"images": 5},
        {"categories": ["red"]},
    ],
    ids=str,
)
def test_a_damaged_coco_file_is_refused(tmp_path, change):
    path = coco(tmp_path, [{"file_name": "a.png", "boxes": [("red", RED)]}])
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(LabelFileError):
        read_labelled_file(path)


@pytest.mark.parametrize("name", ["labels.csv", "labels.json", "data.yaml"])
def test_another_kind_of_file_is_refused(tmp_path, name):
    (tmp_path / name).write_text("{}")
    with pytest.raises(LabelFileError):
        read_labelled_file(tmp_path / name)


def test_a_yolo_data_set_has_boxes_in_shares_and_background_images(tmp_path):
    for name in ("1", "2"):
        picture(tmp_path / "images" / "test" / f"{name}.png")
    (tmp_path / "labels" / "test").mkdir(parents=True)
    (tmp_path / "labels" / "test" / "1.txt").write_text("0 0.25 0.5 0.5 1\n")
    (tmp_path / "data.yaml").write_text("names: [red, blue]\ntest: images/test\n")
    data = read_labelled_file(tmp_path / "data.yaml")
    truth = data.images[0].truth(64, 64)
    np.testing.assert_allclose(truth.boxes, [[0, 0, 32, 64]], atol=1e-4)
    assert truth.areas == pytest.approx([2048])
    assert [len(image.class_ids) for image in data.images] == [1, 0]


def test_the_digest_tells_labels_apart(tmp_path):
    first = read_labelled_file(coco(tmp_path, [{"file_name": "a.png", "boxes": [("red", RED)]}]))
    again = read_labelled_file(tmp_path / "labels.json")
    other = read_labelled_file(coco(tmp_path, [{"file_name": "a.png", "boxes": [("blue", RED)]}]))
    assert first.digest == again.digest != other.digest


@dataclass
class Items:
    """A collection, as far as it is read."""

    items: list[CatalogItem]

    def query(self, query: str = "") -> list[CatalogItem]:
        assert query == "tag:night"
        return self.items

    def read(self, item: CatalogItem) -> bytes:
        return item.id.encode()


def test_a_collections_labelled_items_are_read():
    def item(digit: str, *annotations: Annotation, tags: tuple[str, ...] = ()) -> CatalogItem:
        facts = {"names": ["a.png"], "content_type": "image/png", "size_bytes": 1, "width": 4, "height": 4}
        known = {"annotations": list(annotations), "tags": list(tags)}
        return CatalogItem(id=digit * 32, sha256=digit * 64, added_at=datetime.now(UTC), **facts, **known)

    box = Annotation(label="red", box=Box(left=0.25, top=0, width=0.5, height=1))
    items = [item("1", box, tags=("split:test",)), item("2", Annotation(label="blue")), item("3")]
    data = read_labelled_collection(Items(items), "parts", "tag:night")
    assert (data.name, data.classes) == ("parts, test", ("blue", "red"))
    (image,) = data.images
    assert image.truth(8, 4).boxes.tolist() == [[2, 0, 6, 4]]
    assert image.read() == b"1" * 32
    assert data.notes == ("1 items without labels were left out.",)
    assert [image.label for image in read_labelled_collection(Items(items[1:]), "parts", "tag:night").images] == [0]
