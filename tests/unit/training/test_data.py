"""Data sets: COCO, YOLO and items of collections, their checks, and pools of prepared images."""

from __future__ import annotations

import json
from functools import partial

import cv2
import numpy as np
import pytest

from framesift.contracts import Annotation, Box
from framesift.errors import ClassMissingError, ImagesMissingError, LabelsMissingError, RecipeError
from framesift.training.data.checks import check_dataset, check_pools
from framesift.training.data.dataset import Dataset, Example, make_labels
from framesift.training.data.drawn import draw_dataset
from framesift.training.data.labelled import Source, Sources, choose_examples, find_in_folder
from framesift.training.data.pool import open_pool
from framesift.training.recipe import DrawnData, FolderData
from framesift.vision.inputs import InputForm

FORM = InputForm(way="letterbox", width=64, height=64)


def write_image(path, seed, width=40, height=20):
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 10, 3), np.uint8)
    cv2.imwrite(str(path), cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC))


def write_coco(folder, split, boxes):
    """A file of COCO's: for each image, its boxes as (category, x, y, width, height)."""
    names = [f"{split}-{number}.png" for number in range(len(boxes))]
    for name in names:
        write_image(folder / split / name, sum(name.encode()))
    document = {
        "images": [{"id": i, "file_name": name, "width": 40, "height": 20} for i, name in enumerate(names)],
        "categories": [{"id": 1, "name": "bolt"}, {"id": 2, "name": "nut"}],
        "annotations": [
            {"id": 10 * i + k, "image_id": i, "category_id": box[0], "bbox": list(box[1:])}
            for i, found in enumerate(boxes)
            for k, box in enumerate(found)
        ],
    }
    (folder / f"{split}.json").write_text(json.dumps(document), encoding="utf-8")


def options(**changes):
    return FolderData(kind="folder", path="", **changes)


def test_coco_in_splits(tmp_path):
    write_coco(tmp_path, "train", [[(1, 4, 2, 10, 8), (2, 20, 5, 8, 8)], []])
    write_coco(tmp_path, "val", [[(2, 0, 0, 20, 20)]])
    dataset = choose_examples(find_in_folder(tmp_path), options(test_share=0), "detector")
    assert dataset.classes == ("bolt", "nut")
    assert {split: len(dataset.of(split)) for split in ("train", "val", "test")} == {"train": 2, "val": 1, "test": 0}
    first = next(example for example in dataset.examples if example.image_id == "train/train-0.png")
    assert first.labels.boxes.tolist() == pytest.approx(np.array([[0.1, 0.1, 0.35, 0.5], [0.5, 0.25, 0.7, 0.65]]))
    assert first.labels.class_ids.tolist() == [0, 1]
    # Only nuts: the empty image stays, or not, as the recipe says.
    nuts = choose_examples(find_in_folder(tmp_path), options(classes=("nut",), keep_empty=False), "detector")
    assert [example.image_id for example in nuts.examples] == ["train/train-0.png", "val/val-0.png"]
    assert nuts.digest != dataset.digest


def test_yolo(tmp_path):
    (tmp_path / "data.yaml").write_text("names: [bolt, nut]\ntrain: images/train\nval: images/val\n")
    for split in ("train", "val"):
        write_image(tmp_path / f"images/{split}/{split}.png", len(split))
        (tmp_path / f"labels/{split}").mkdir(parents=True)
        (tmp_path / f"labels/{split}/{split}.txt").write_text("1 0.5 0.5 0.5 0.5\n")
    dataset = choose_examples(find_in_folder(tmp_path), options(), "detector")
    (example,) = dataset.of("val")
    assert dataset.classes == ("nut",)
    assert example.labels.boxes.tolist() == [[0.25, 0.25, 0.75, 0.75]]
    image, _ = example.load()
    assert image.shape == (20, 40, 3)


def test_a_preset_stands_for_its_classes(tmp_path):
    write_coco(tmp_path, "train", [[(1, 4, 2, 10, 8)]])
    dataset = choose_examples(find_in_folder(tmp_path), options(classes=("everyday",)), "detector")
    assert dataset.classes[:2] == ("person", "car")


def test_classifiers_learn_labels_of_whole_images():
    images = [
        Source(str(i), f"{i:064x}", bytes, [Annotation(label=label)], "train")
        for i, label in enumerate(["good", "bad"])
    ]
    images.append(
        Source("2", "ff" * 32, bytes, [Annotation(label="x", box=Box(left=0, top=0, width=1, height=1))], None)
    )
    dataset = choose_examples(Sources(images), options(), "classifier")
    assert dataset.classes == ("bad", "good")
    assert [example.labels.label for example in dataset.examples] == [1, 0]
    with pytest.raises(LabelsMissingError, match="with boxes"):
        choose_examples(Sources(images[:2]), options(), "detector")


def test_where_no_split_is_given_equal_files_go_to_the_same_one():
    images = [Source(str(i), f"{i % 50:02x}" + "7" * 62, bytes, [Annotation(label="a")], None) for i in range(100)]
    dataset = choose_examples(Sources(images), options(val_share=0.05, test_share=0.05), "classifier")
    assert 0 < len(dataset.of("val")) < 30
    assert 0 < len(dataset.of("test")) < 30
    splits = {}
    for example in dataset.examples:
        assert splits.setdefault(example.origin, example.split) == example.split


def test_labels_without_images(tmp_path):
    write_coco(tmp_path, "train", [[(1, 4, 2, 10, 8)]])
    (tmp_path / "train/train-0.png").unlink()
    with pytest.raises(ImagesMissingError, match="no images"):
        find_in_folder(tmp_path)


def test_images_without_labels(tmp_path):
    write_image(tmp_path / "a.png", 1)
    with pytest.raises(LabelsMissingError, match="1 images"):
        find_in_folder(tmp_path)
    with pytest.raises(RecipeError, match="no folder"):
        find_in_folder(tmp_path / "nowhere")


def test_some_of_either_are_reported(tmp_path):
    write_coco(tmp_path, "train", [[(1, 4, 2, 10, 8)], [(1, 30, 2, 20, 8)], [(1, 1, 1, 9, 9)]])
    write_image(tmp_path / "extra.png", 5)
    (tmp_path / "train/train-2.png").unlink()
    sources = find_in_folder(tmp_path)
    report = check_dataset(choose_examples(sources, options(val_share=0, test_share=0), "detector"), sources)
    findings = {finding.kind: finding for finding in report.findings}
    assert findings["unlabelled"].examples == ("extra.png",)
    # An image that is not there, its box, and a box that reaches out of another image.
    assert [line.split(":")[0] for line in findings["faults"].examples] == [
        "train.json, image 3",
        "train.json, annotation 2",
        "train.json, annotation 3",
    ]
    assert "no validation" in findings


def make_dataset(*examples):
    """A data set of (id, split, class ids, origin)."""
    found = [
        Example(name, split, partial(pytest.fail, "not read"), make_labels([[0, 0, 1, 1]] * len(ids), ids), origin)
        for name, split, ids, origin in examples
    ]
    return Dataset(("a", "b"), tuple(found))


def test_a_class_without_an_example_is_an_error_in_training_and_a_finding_elsewhere():
    with pytest.raises(ClassMissingError, match="example of b"):
        check_dataset(make_dataset(("1", "train", [0], "x"), ("2", "val", [1], "y")), Sources())
    report = check_dataset(make_dataset(("1", "train", [0, 1], "x"), ("2", "val", [1], "y")), Sources())
    assert [finding.kind for finding in report.findings] == ["class missing"]
    assert report.counts["train"] == {"images": 1, "a": 1, "b": 1}


def test_equal_files_in_two_splits_are_a_leak():
    dataset = make_dataset(("1", "train", [0, 1], "x"), ("2", "val", [0, 1], "x"), ("3", "test", [0, 1], "z"))
    (finding,) = check_dataset(dataset, Sources()).findings
    assert (finding.kind, finding.examples) == ("leak", ("1 = 2",))


def load_picture(seed, gain, boxes):
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 9, 3), np.uint8)
    image = cv2.resize(coarse, (80, 80), interpolation=cv2.INTER_CUBIC)
    return np.asarray(image * gain, np.uint8), make_labels(boxes, [0] * len(boxes))


def test_near_duplicates_across_splits_and_tiny_boxes_show_in_pools(tmp_path):
    def pool(split, seed, gain, boxes):
        example = Example(split, split, partial(load_picture, seed, gain, boxes), None, split)
        return open_pool(tmp_path / split, [example], FORM, workers=0)

    pools = {"train": pool("train", 1, 1.0, [[0, 0, 0.5, 0.5]]), "val": pool("val", 1, 0.9, [[0, 0, 0.02, 0.5]])}
    assert [finding.kind for finding in check_pools(pools)] == ["tiny boxes", "near duplicates"]
    pools["val"] = pool("other", 2, 0.9, [])
    assert check_pools(pools) == []


def test_a_pool_holds_what_the_network_takes_and_goes_on_where_it_was_killed(tmp_path):
    loaded = []

    def load(number):
        loaded.append(number)
        return np.full((20, 40, 3), number, np.uint8), make_labels([[0.5, 0, 1, 1]], [1])

    examples = [Example(str(i), "train", partial(load, i), None, str(i)) for i in range(3)]
    open_pool(tmp_path / "x.pool", examples, FORM, workers=0)
    notes = tmp_path / "x.jsonl"
    lines = notes.read_text().splitlines(keepends=True)
    notes.write_text("".join(lines[:2]) + lines[2][:10])
    loaded.clear()
    pool = open_pool(tmp_path / "x.pool", examples, FORM, workers=0)
    assert loaded == [2]
    assert pool.pixels[:, 32, 32, 0].tolist() == [0, 1, 2]
    # A picture of 40 × 20 lies in the middle of 64 × 64, 32 high.
    assert pool.labels[1].boxes.tolist() == [[32, 16, 64, 48]]
    assert pool.sizes.tolist() == [[40, 20]] * 3


def test_drawn_splits_have_nothing_in_common():
    dataset = draw_dataset(DrawnData(kind="drawn", train=2, val=1, test=1), "detector")
    assert len({example.origin for example in dataset.examples}) == 4
    assert [example.image_id.split("/")[0] for example in dataset.examples] == ["training"] * 3 + ["held-out"]
    image, labels = dataset.examples[0].load()
    assert image.shape == (360, 480, 3)
    assert len(labels.boxes) == len(labels.class_ids) > 0
    assert 0 <= labels.boxes.min() <= labels.boxes.max() <= 1
    classifier = draw_dataset(DrawnData(kind="drawn", train=1, val=0, test=0), "classifier")
    assert classifier.classes[0] == "good"
    assert classifier.examples[0].load()[1].label == 0
