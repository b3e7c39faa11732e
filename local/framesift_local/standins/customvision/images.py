"""Tags and pictures with their regions: what is taught."""

from __future__ import annotations

import base64
import re
from io import BytesIO
from typing import TYPE_CHECKING, Any

from framesift_local.standins.customvision.project import Picture, Project
from framesift_local.standins.customvision.refusals import bad
from framesift_local.standins.service import Asked

if TYPE_CHECKING:
    from framesift_local.standins.customvision.server import CustomVisionStandIn

_FORMATS = {"JPEG", "PNG", "GIF", "BMP"}


def _list_tags(service: CustomVisionStandIn, project: Project, asked: Asked, match: re.Match[str]) -> Any:
    iteration_id = asked.query.get("iterationId")
    tags = service.find_iteration(project, iteration_id).tags if iteration_id else project.tags
    return [show_tag(project, tag_id, name) for tag_id, name in tags.items()]


def _make_tag(service: CustomVisionStandIn, project: Project, asked: Asked, match: re.Match[str]) -> Any:
    name = asked.query["name"]
    if name in project.tags.values():
        raise bad("TagNameNotUnique", "Name not unique")
    return show_tag(project, project.add_tag(name), name)


def show_tag(project: Project, tag_id: str, name: str) -> dict[str, Any]:
    """A tag, as the service shows it."""
    shown = sum(any(region["tagId"] == tag_id for region in each.regions) for each in project.pictures.values())
    return {"id": tag_id, "name": name, "type": "Regular", "imageCount": shown}


def _count(service: CustomVisionStandIn, project: Project, asked: Asked, match: re.Match[str]) -> Any:
    iteration_id = asked.query.get("iterationId")
    return len(service.find_iteration(project, iteration_id).pictures if iteration_id else project.pictures)


def _list_pictures(service: CustomVisionStandIn, project: Project, asked: Asked, match: re.Match[str]) -> Any:
    skip, take = int(asked.query.get("skip", "0")), int(asked.query.get("take", "50"))
    if take > 256:
        raise bad("", "take is 256 at most.")
    return [_picture(service, project, each) for each in list(project.pictures.values())[skip : skip + take]]


def _picture(service: CustomVisionStandIn, project: Project, picture: Picture) -> dict[str, Any]:
    address = f"{service.url}/files/{project.id}/{picture.sha256}"
    tags = {region["tagId"]: region["tagName"] for region in picture.regions}
    return {
        "id": picture.id,
        "created": picture.created,
        "width": picture.width,
        "height": picture.height,
        "originalImageUri": address,
        "resizedImageUri": address,
        "thumbnailUri": address,
        "tags": [{"tagId": id_, "tagName": name, "created": picture.created} for id_, name in tags.items()],
        "regions": picture.regions,
    }


def _take_pictures(service: CustomVisionStandIn, project: Project, asked: Asked, match: re.Match[str]) -> Any:
    entries = asked.json()["images"]
    if len(entries) > 64:
        raise bad("ExceededBatchSize", "The batch holds more than 64 images.")
    results = [_take_picture(service, project, entry) for entry in entries]
    stored = all(result["status"].startswith("OK") for result in results)
    return {"isBatchSuccessful": stored, "images": results}


def _take_picture(service: CustomVisionStandIn, project: Project, entry: dict[str, Any]) -> dict[str, Any]:
    data, regions = base64.b64decode(entry["contents"]), entry.get("regions") or []
    status = _storing_fault(service, project, data, regions)
    picture = None
    if status == "OK":
        before = len(project.pictures)
        found = project.pictures[project.add_picture(data, entry["name"], _size(data), regions)]
        status = "OK" if len(project.pictures) > before else "OKDuplicate"
        picture = _picture(service, project, found)
    return {"sourceUrl": entry["name"], "status": status, "image": picture}


def _storing_fault(service: CustomVisionStandIn, project: Project, data: bytes, regions: list[dict[str, Any]]) -> str:
    if service.flaky_images > 0:
        service.flaky_images -= 1
        return "ErrorStorage"
    if fault := picture_fault(data, 6 * 1024 * 1024):
        return f"ErrorImage{fault}"
    if any(region["tagId"] not in project.tags for region in regions):
        return "ErrorInvalidTag"
    if len(regions) > 300:
        return "ErrorRegionLimitExceed"
    if not all(_is_inside(region) for region in regions):
        raise bad("ImageRegions", "A region lies outside of its image.")
    return "ErrorLimitExceed" if len(project.pictures) >= service.max_images else "OK"


def picture_fault(data: bytes, max_bytes: int) -> str | None:
    """`Format`, `Size` or `Dimensions`: what the service does not take."""
    try:
        width, height = _size(data)
    except OSError:
        return "Format"
    if len(data) > max_bytes:
        return "Size"
    return "Dimensions" if max(width, height) > 10_240 else None


def _size(data: bytes) -> tuple[int, int]:
    from PIL import Image

    with Image.open(BytesIO(data), formats=sorted(_FORMATS)) as picture:
        return picture.size


def box(region: dict[str, Any]) -> dict[str, float]:
    """Where a region is."""
    return {side: region[side] for side in ("left", "top", "width", "height")}


def _is_inside(region: dict[str, Any]) -> bool:
    left, top, width, height = box(region).values()
    slack = 1e-6
    return (
        left >= 0 and top >= 0 and width > 0 and height > 0 and left + width <= 1 + slack and top + height <= 1 + slack
    )


ROUTES = {
    ("GET", "/tags"): _list_tags,
    ("POST", "/tags"): _make_tag,
    ("GET", "/images"): _list_pictures,
    ("GET", "/images/count"): _count,
    ("POST", "/images/files"): _take_pictures,
}
