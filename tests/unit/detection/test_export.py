"""The export has all that went into a project."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from framesift.contracts import Region
from framesift.detection.azure import CustomVisionTrainer, LabelledImage
from framesift.detection.azure.export import Export, export_project
from framesift.errors import ProjectNotFoundError
from framesift.settings import Settings
from framesift_local.standins.customvision import CustomVisionStandIn
from tests.unit.custom_vision import make_image

COUNT = 5


@pytest.fixture
def project(settings: Settings) -> str:
    trainer = CustomVisionTrainer.from_settings(settings.custom_vision)
    trainer.make_tags(["person", "logo", "unused"])
    images = []
    for number in range(COUNT):
        regions = [Region(tag="person", left=0.1, top=0.2, width=0.25, height=0.5)] * (number > 0)
        regions += [Region(tag="logo", left=0.5, top=0.5, width=0.5, height=0.5)] * (number % 2)
        images.append(LabelledImage(str(number), make_image(number), "t", regions))
    list(trainer.upload(images))
    return trainer.project_id


def export(settings: Settings, project: str, folder: Path, form: str = "coco") -> Export:
    return export_project(settings.custom_vision, settings.download, project, folder, form)  # type: ignore[arg-type]


def test_coco_holds_every_tag_image_and_region(
    settings: Settings, service: CustomVisionStandIn, project: str, tmp_path: Path
) -> None:
    report = export(settings, project, tmp_path / "out")
    assert (report.images, report.regions, report.fetched, report.failed) == (COUNT, 6, COUNT, {})
    coco = json.loads((tmp_path / "out" / "annotations.json").read_text())
    assert [each["name"] for each in coco["categories"]] == report.tags == ["logo", "person", "unused"]
    assert len(coco["annotations"]) == 6
    names = {each["id"]: each["name"] for each in coco["categories"]}
    kept = service.account.projects[project].images
    for image in coco["images"]:
        path = tmp_path / "out" / "images" / image["file_name"]
        assert path.read_bytes() == service.account.projects[project].bytes_of(kept[path.stem])
        with Image.open(path) as opened:
            assert opened.size == (image["width"], image["height"])
        boxes = [(names[a["category_id"]], a["bbox"]) for a in coco["annotations"] if a["image_id"] == image["id"]]
        wanted = [
            (r["tagName"], [r["left"] * 480, r["top"] * 270, r["width"] * 480, r["height"] * 270])
            for r in kept[path.stem].regions
        ]
        assert [name for name, _ in boxes] == [name for name, _ in wanted]
        for (_, box), (_, truth) in zip(boxes, wanted, strict=True):
            assert box == pytest.approx(truth)


def test_yolo_holds_centres_and_sizes(settings: Settings, project: str, tmp_path: Path) -> None:
    report = export(settings, project, tmp_path / "out", "yolo")
    lines = [line for path in (tmp_path / "out" / "labels").iterdir() for line in path.read_text().splitlines()]
    assert len(list((tmp_path / "out" / "labels").iterdir())) == COUNT
    assert (
        sorted(lines) == ["0 0.750000 0.750000 0.500000 0.500000"] * 2 + ["1 0.225000 0.450000 0.250000 0.500000"] * 4
    )
    assert '  1: "person"' in (tmp_path / "out" / "data.yaml").read_text()
    assert report.regions == 6


def test_an_export_resumes(settings: Settings, service: CustomVisionStandIn, project: str, tmp_path: Path) -> None:
    lost = next(iter(service.account.projects[project].images.values()))
    body = service.account.projects[project].bytes_of(lost)
    (service.account.projects[project].folder / lost.sha256).unlink()
    first = export(settings, project, tmp_path / "out")
    assert (first.fetched, list(first.failed)) == (COUNT - 1, [lost.id])
    assert "404" in first.failed[lost.id]
    (service.account.projects[project].folder / lost.sha256).write_bytes(body)
    second = export(settings, project, tmp_path / "out")
    assert (second.images, second.fetched, second.failed) == (COUNT, 1, {})


def test_a_wrong_project_is_named(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(ProjectNotFoundError):
        export(settings, "00000000-0000-0000-0000-000000000000", tmp_path)
