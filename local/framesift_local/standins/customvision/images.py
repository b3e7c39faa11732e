"""Routes of tags, and of training images with their regions."""

from __future__ import annotations

import base64
import re
from io import BytesIO
from typing import Any

from framesift_local.standins.customvision.account import Account
from framesift_local.standins.customvision.project import Project, StoredImage
from framesift_local.standins.customvision.refusals import bad
from framesift_local.standins.service import Request

_FORMATS = {"JPEG", "PNG", "GIF", "BMP"}


def _list_tags(account: Account, project: Project, request: Request, match: re.Match[str]) -> Any:
    iteration_id = request.query.get("iterationId")
    tags = project.find_iteration(iteration_id).tags if iteration_id else project.tags
    return [show_tag(project, tag_id, name) for tag_id, name in tags.items()]


def _make_tag(account: Account, project: Project, request: Request, match: re.Match[str]) -> Any:
    name = request.query["name"]
    if name in project.tags.values():
        raise bad("TagNameNotUnique", "Name not unique")
    return show_tag(project, project.add_tag(name), name)


def show_tag(project: Project, tag_id: str, name: str) -> dict[str, Any]:
    """Return a tag as the service shows it."""
    shown = sum(any(region["tagId"] == tag_id for region in each.regions) for each in project.images.values())
    return {"id": tag_id, "name": name, "type": "Regular", "imageCount": shown}


def _count(account: Account, project: Project, request: Request, match: re.Match[str]) -> Any:
    iteration_id = request.query.get("iterationId")
    return len(project.find_iteration(iteration_id).images if iteration_id else project.images)


def _list_images(account: Account, project: Project, request: Request, match: re.Match[str]) -> Any:
    skip, take = int(request.query.get("skip", "0")), int(request.query.get("take", "50"))
    if take > 256:
        raise bad("", "take is 256 at most.")
    return [
        _describe_image(request.base_url, project, each) for each in list(project.images.values())[skip : skip + take]
    ]


def _describe_image(base_url: str, project: Project, image: StoredImage) -> dict[str, Any]:
    address = f"{base_url}/files/{project.id}/{image.sha256}"
    tags = {region["tagId"]: region["tagName"] for region in image.regions}
    return {
        "id": image.id,
        "created": image.created,
        "width": image.width,
        "height": image.height,
        "originalImageUri": address,
        "resizedImageUri": address,
        "thumbnailUri": address,
        "tags": [{"tagId": id_, "tagName": name, "created": image.created} for id_, name in tags.items()],
        "regions": image.regions,
    }


def _add_images(account: Account, project: Project, request: Request, match: re.Match[str]) -> Any:
    entries = request.json()["images"]
    if len(entries) > 64:
        raise bad("ExceededBatchSize", "The batch holds more than 64 images.")
    results = [_add_image(account, project, entry, request.base_url) for entry in entries]
    stored = all(result["status"].startswith("OK") for result in results)
    return {"isBatchSuccessful": stored, "images": results}


def _add_image(account: Account, project: Project, entry: dict[str, Any], base_url: str) -> dict[str, Any]:
    data, regions = base64.b64decode(entry["contents"]), entry.get("regions") or []
    status = _storing_fault(account, project, data, regions)
    image = None
    if status == "OK":
        before = len(project.images)
        found = project.images[project.add_image(data, entry["name"], _size(data), regions)]
        status = "OK" if len(project.images) > before else "OKDuplicate"
        image = _describe_image(base_url, project, found)
    return {"sourceUrl": entry["name"], "status": status, "image": image}


def _storing_fault(account: Account, project: Project, data: bytes, regions: list[dict[str, Any]]) -> str:
    if account.flaky_images > 0:
        account.flaky_images -= 1
        return "ErrorStorage"
    if fault := find_image_fault(data, 6 * 1024 * 1024):
        return f"ErrorImage{fault}"
    if any(region["tagId"] not in project.tags for region in regions):
        return "ErrorInvalidTag"
    if len(regions) > 300:
        return "ErrorRegionLimitExceed"
    if not all(_is_inside(region) for region in regions):
        raise bad("ImageRegions", "A region lies outside of its image.")
    return "ErrorLimitExceed" if len(project.images) >= account.max_images else "OK"


def find_image_fault(data: bytes, max_bytes: int) -> str | None:
    """Return why the service refuses an image: `Format`, `Size` or `Dimensions`; None: it takes it."""
    try:
        width, height = _size(data)
    except OSError:
        return "Format"
    if len(data) > max_bytes:
        return "Size"
    return "Dimensions" if max(width, height) > 10_240 else None


def _size(data: bytes) -> tuple[int, int]:
    from PIL import Image

    with Image.open(BytesIO(data), formats=sorted(_FORMATS)) as opened:
        return opened.size


def box(region: dict[str, Any]) -> dict[str, float]:
    """Return a region's box alone."""
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
    ("GET", "/images"): _list_images,
    ("GET", "/images/count"): _count,
    ("POST", "/images/files"): _add_images,
}
