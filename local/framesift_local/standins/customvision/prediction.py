"""Predictions, by bytes and by address."""

from __future__ import annotations

import re
import uuid
from email.parser import BytesParser
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from framesift_local.standins.customvision import eyes
from framesift_local.standins.customvision.images import box, picture_fault
from framesift_local.standins.customvision.project import now
from framesift_local.standins.customvision.refusals import Refusal, bad
from framesift_local.standins.service import Answer, Asked

if TYPE_CHECKING:
    from framesift_local.standins.customvision.server import CustomVisionStandIn

FILES = re.compile(r"/files/(?P<project>[^/]+)/(?P<sha256>[0-9a-f]{64})")


def predict(service: CustomVisionStandIn, asked: Asked, match: re.Match[str]) -> Any:
    """What an iteration that is published under a name sees in a picture."""
    project = service.find_project(match["project"])
    named = [each for each in project.iterations.values() if each.publish_name == match["name"]]
    if not named:
        raise Refusal(HTTPStatus.NOT_FOUND, "NotFound", "Invalid iteration")
    data = _own_file(service, asked.json()["url"]) if match["how"] == "url" else _form_file(asked)
    fault = picture_fault(data, 4 * 1024 * 1024)
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
            for each in eyes.weaker(eyes.look(data), iteration.weakness, iteration.id.encode())
            if each.tag in by_name
        ],
    }


def _own_file(service: CustomVisionStandIn, url: str) -> bytes:
    match = FILES.fullmatch(url.removeprefix(service.url))
    answer = service.file(match["project"], match["sha256"]) if match else Answer(HTTPStatus.NOT_FOUND)
    if answer.status is not HTTPStatus.OK:
        raise bad("ImageUrl", "The image could not be downloaded.")
    return answer.body


def _form_file(asked: Asked) -> bytes:
    """The file of a multipart form."""
    head = f"Content-Type: {asked.headers['content-type']}\r\n\r\n".encode()
    for part in BytesParser().parsebytes(head + asked.body).walk():
        if part.get_param("name", header="content-disposition") == "imageData":
            return bytes(part.get_payload(decode=True) or b"")
    raise bad("ImageStream", "No image.")
