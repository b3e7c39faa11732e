"""Predictions, by bytes and by URL."""

from __future__ import annotations

import re
import uuid
from email.parser import BytesParser
from http import HTTPStatus
from typing import Any

from framesift_local.standins.customvision import vision
from framesift_local.standins.customvision.account import Account
from framesift_local.standins.customvision.images import box, find_image_fault
from framesift_local.standins.customvision.project import Iteration, now
from framesift_local.standins.customvision.refusals import Refusal, bad
from framesift_local.standins.service import Request

FILES = re.compile(r"/files/(?P<project>[^/]+)/(?P<sha256>[0-9a-f]{64})")


def predict(account: Account, request: Request, match: re.Match[str]) -> Any:
    """Predict the objects of an image by the iteration that is published under a name."""
    project = account.find_project(match["project"])
    named = [each for each in project.iterations.values() if each.publish_name == match["name"]]
    if not named:
        raise Refusal(HTTPStatus.NOT_FOUND, "NotFound", "Invalid iteration")
    data = _own_file(account, request) if match["how"] == "url" else _form_file(request)
    fault = find_image_fault(data, 4 * 1024 * 1024)
    if fault:
        raise bad({"Size": "ImageSizeBytes", "Dimensions": "ImageDimensions"}.get(fault, "ImageFormat"), fault)
    iteration = named[0]
    by_name = {name: tag_id for tag_id, name in iteration.tags.items()}
    return {
        "id": str(uuid.uuid4()),
        "project": project.id,
        "iteration": iteration.id,
        "created": now(),
        "predictions": [
            {
                "probability": each.probability,
                "tagId": by_name[each.tag],
                "tagName": each.tag,
                "tagType": "Regular",
                "boundingBox": box(each._asdict()),
            }
            for each in predict_by(iteration, data)
            if each.tag in by_name
        ],
    }


def predict_by(iteration: Iteration, data: bytes) -> tuple[vision.Detection, ...]:
    """Return what an iteration detects in an encoded image; most probable first."""
    return vision.weaken(vision.detect(data), iteration.weakness, iteration.id.encode())


def _own_file(account: Account, request: Request) -> bytes:
    match = FILES.fullmatch(request.json()["url"].removeprefix(request.base_url))
    data = account.find_file(match["project"], match["sha256"]) if match else None
    if data is None:
        raise bad("ImageUrl", "The image could not be downloaded.")
    return data


def _form_file(request: Request) -> bytes:
    """Return the file of a multipart form."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    for part in BytesParser().parsebytes(head + request.body).walk():
        if part.get_param("name", header="content-disposition") == "imageData":
            return bytes(part.get_payload(decode=True) or b"")
    raise bad("ImageStream", "No image.")
