"""Corrections from Label Studio: what people drew comes back by id, and each fault by its task."""

from __future__ import annotations

import json
from typing import Any

import pytest

from framesift.catalog.export import read_label_studio
from framesift.catalog.labels import MAX_ANNOTATIONS
from framesift.contracts import Annotation, Box
from framesift.errors import LabelFileError

ID = "0" * 31 + "1"
BOX = {"x": 10.0, "y": 20.0, "width": 30.0, "height": 40.0, "rotation": 0, "rectanglelabels": ["개"]}


def a_result(**value: Any) -> dict[str, Any]:
    return {"from_name": "boxes", "to_name": "image", "type": "rectanglelabels", "value": BOX | value}


def a_task(*results: Any, item: Any = ID, **annotation: Any) -> dict[str, Any]:
    return {"id": 7, "data": {"item": item, "image": "s3://b/k"}, "annotations": [{"result": results, **annotation}]}


def read(*tasks: Any, known: set[str] | None = None) -> Any:
    return read_label_studio(json.dumps(tasks).encode(), known)


def test_boxes_and_choices_come_back_with_who_made_them() -> None:
    choice = {"from_name": "labels", "to_name": "image", "type": "choices", "value": {"choices": ["good", "사진"]}}
    found = read(a_task(a_result(), choice, completed_by=3))
    assert found.faults.count == 0
    assert found.annotations[ID] == [
        Annotation(label="개", box=Box(left=0.1, top=0.2, width=0.3, height=0.4), by="label-studio:3"),
        Annotation(label="good", by="label-studio:3"),
        Annotation(label="사진", by="label-studio:3"),
    ]


def test_the_newest_annotation_counts_and_a_cancelled_one_does_not() -> None:
    task = a_task(a_result(rectanglelabels=["old"]), updated_at="2026-01-01T00:00:00Z")
    task["annotations"] += [
        {"result": [a_result(rectanglelabels=["new"])], "updated_at": "2026-01-02T00:00:00Z"},
        {"result": [], "updated_at": "2026-01-03T00:00:00Z", "was_cancelled": True},
    ]
    assert [one.label for one in read(task).annotations[ID]] == ["new"]


def test_an_image_that_shows_nothing_is_annotated_so_and_an_untouched_one_is_not() -> None:
    assert read(a_task()).annotations == {ID: []}
    assert read({"data": {"item": ID}, "annotations": []}).annotations == {}
    assert read({"data": {"item": ID}, "annotations": [], "predictions": [{"result": [a_result()]}]}).annotations == {}


@pytest.mark.parametrize(
    ("task", "fault"),
    [
        (3, "task 1: it does not say which item"),
        ({"data": {"image": "x"}}, "task 1: it does not say which item"),
        (a_task(item="f" * 32), "task 1: there is no item 'ffff"),
        ({"data": {"item": ID}, "annotations": 5}, "task 1: its annotations are no list"),
        (a_task(3), f"item {ID}: a result is not as Label Studio writes it"),
        (a_task({"type": "polygonlabels", "value": {}}), f"item {ID}: 'polygonlabels' is no box and no choice"),
        (a_task(a_result(rotation=30)), "a rotated box cannot be kept"),
        (a_task(a_result(x=90)), "a box reaches out of the image"),
        (a_task(a_result(width=0)), "a box has no size"),
        (a_task(a_result(width=float("nan"))), "a box is no four numbers"),
        (a_task(a_result(x="left")), "a result is not as Label Studio writes it"),
        (a_task(a_result(rectanglelabels=[5])), "a label is no text, but 5"),
        (a_task(a_result(rectanglelabels=["a\0b"])), "cannot be used"),
        ({"data": {"item": ID}, "annotations": [{"result": "x"}]}, "its annotation has no list of results"),
    ],
)
def test_each_fault_names_its_task_and_the_rest_is_read(task: Any, fault: str) -> None:
    good = a_task(a_result(), item="2" * 32)
    found = read(task, good, known={ID, "2" * 32})
    assert found.faults.count == 1
    assert fault in found.faults.first[0]
    assert len(found.annotations["2" * 32]) == 1


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b'"tasks"', b"\xff\xfe", b"[" * 1_000_000, b"1" * 5_000])
def test_another_file_is_refused(content: bytes) -> None:
    with pytest.raises(LabelFileError, match="JSON"):
        read_label_studio(content)


def test_a_file_full_of_faults_keeps_the_first_ones_and_counts_all() -> None:
    found = read(*([3] * 5_000))
    assert found.faults.count == 5_000
    assert len(found.faults.first) == 1_000


@pytest.mark.parametrize("author", ["\ud800", "a\0b", "x" * 1_000])
def test_an_author_who_cannot_be_shown_costs_nothing(author: str) -> None:
    found = read(a_task(a_result(), completed_by={"email": author}))
    assert [one.by for one in found.annotations[ID]] == ["label-studio"]


def test_a_task_of_too_many_results_keeps_the_first() -> None:
    found = read(a_task(*[a_result()] * (MAX_ANNOTATIONS + 1)))
    assert len(found.annotations[ID]) == MAX_ANNOTATIONS
    assert "5,001 annotations; the first 5,000 are taken" in found.faults.first[0]
