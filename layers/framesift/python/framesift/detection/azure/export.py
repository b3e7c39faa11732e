"""Exports a project's tags, images and regions as COCO or YOLO. Images that the folder has are not fetched again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from framesift.detection.azure.connection import resolve
from framesift.detection.azure.images import allow_only_storage
from framesift.detection.azure.trainer import CustomVisionTrainer
from framesift.errors import MediaError
from framesift.names import unique_names
from framesift.sources.download import DownloadedImage, ImageDownloader

if TYPE_CHECKING:
    from framesift.settings import CustomVisionSettings, DownloadSettings

_CHUNK = 256


@dataclass
class Export:
    """The result of an export.

    Attributes:
        tags: All tags, sorted.
        images: Images in the folder.
        regions: Regions of these.
        fetched: Images that this call downloaded.
        failed: Images that could not be downloaded, by id, with the reason.
    """

    tags: list[str] = field(default_factory=list)
    images: int = 0
    regions: int = 0
    fetched: int = 0
    failed: dict[str, str] = field(default_factory=dict)


def export_project(
    settings: CustomVisionSettings,
    download: DownloadSettings,
    project_id: str,
    folder: Path,
    form: Literal["coco", "yolo"],
) -> Export:
    """Export all images, regions and tags of a project.

    COCO: `annotations.json` beside `images/`. YOLO: `data.yaml`, `images/` and `labels/` with a line per region. Images
    without regions are included. The annotations are written last, and anew each time.

    Args:
        settings: The training resource.
        download: Limits of downloads.
        project_id: The project.
        folder: The output folder; created if missing.
        form: The format of the annotations.

    Raises:
        DetectorError: The service refuses; the subclass shows what.
        DetectorBusyError: The service stays busy; another call resumes the export.
    """
    trainer = CustomVisionTrainer(resolve(settings), project_id)
    report = Export(tags=sorted(trainer.images_per_tag()))
    (folder / "images").mkdir(parents=True, exist_ok=True)
    images = list(trainer.images())
    present = {path.stem: path for path in (folder / "images").iterdir() if not path.name.endswith(".part")}
    missing = [image for image in images if image.id not in present]
    for start in range(0, len(missing), _CHUNK):
        _fetch(missing[start : start + _CHUNK], folder / "images", download, present, report)
    kept = [(image, present[image.id]) for image in images if image.id in present]
    report.images = len(kept)
    report.regions = sum(len(image.regions or []) for image, _ in kept)
    _WRITERS[form](folder, kept, report.tags)
    return report


def _fetch(
    images: Sequence[Any], folder: Path, download: DownloadSettings, present: dict[str, Path], report: Export
) -> None:
    allowed = allow_only_storage(download, (image.original_image_uri for image in images))

    async def fetch() -> dict[str, DownloadedImage | MediaError]:
        async with ImageDownloader(allowed) as downloader:
            return await downloader.fetch_all(image.original_image_uri for image in images)

    answers = asyncio.run(fetch())
    for image in images:
        answer = answers[image.original_image_uri]
        if isinstance(answer, MediaError):
            report.failed[image.id] = str(answer)
            continue
        path = folder / f"{image.id}.{answer.facts.extension}"
        part = path.with_suffix(f"{path.suffix}.part")
        part.write_bytes(answer.data)
        part.replace(path)
        present[image.id] = path
        report.fetched += 1


def _write_coco(folder: Path, images: Sequence[tuple[Any, Path]], tags: Sequence[str]) -> None:
    numbers = {tag: number for number, tag in enumerate(tags, 1)}
    listed: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for image_number, (image, path) in enumerate(images, 1):
        listed.append({"id": image_number, "file_name": path.name, "width": image.width, "height": image.height})
        for region in image.regions or []:
            width, height = region.width * image.width, region.height * image.height
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_number,
                    "category_id": numbers[region.tag_name],
                    "bbox": [region.left * image.width, region.top * image.height, width, height],
                    "area": width * height,
                    "iscrowd": 0,
                }
            )
    categories = [{"id": number, "name": tag} for tag, number in numbers.items()]
    coco = {"images": listed, "annotations": annotations, "categories": categories}
    _replace(folder / "annotations.json", json.dumps(coco, ensure_ascii=False, indent=1))


def _write_yolo(folder: Path, images: Sequence[tuple[Any, Path]], tags: Sequence[str]) -> None:
    numbers = {tag: number for number, tag in enumerate(tags)}
    (folder / "labels").mkdir(exist_ok=True)
    for image, path in images:
        lines = [
            f"{numbers[region.tag_name]} {region.left + region.width / 2:.6f} {region.top + region.height / 2:.6f} "
            f"{region.width:.6f} {region.height:.6f}\n"
            for region in image.regions or []
        ]
        _replace(folder / "labels" / f"{path.stem}.txt", "".join(lines))
    # Tools that read this use the names as file names. JSON's strings are valid YAML.
    names = dict(enumerate(unique_names(tags)))
    listed = "".join(f"  {number}: {json.dumps(name, ensure_ascii=False)}\n" for number, name in names.items())
    _replace(folder / "data.yaml", f"path: .\ntrain: images\nval: images\nnames:\n{listed}")


def _replace(path: Path, text: str) -> None:
    part = path.with_suffix(f"{path.suffix}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


_WRITERS = {"coco": _write_coco, "yolo": _write_yolo}
