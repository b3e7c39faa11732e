"""The stand-in's server: `/customvision/v3.4-preview/training` and `/customvision/v3.1/prediction`.

A training takes as long as it is told; an iteration's numbers are measured on what was taught. Faults: `PUT /faults`;
`POST /control {"training_s": 2, "weakness": 0.5, "training_failure": "…"}` says how the next training goes.
"""

from __future__ import annotations

import base64
import re
import time
import uuid
from collections import deque
from collections.abc import Callable
from email.parser import BytesParser
from http import HTTPStatus
from io import BytesIO
from pathlib import Path
from typing import Any

from framesift_local.customvision import eyes
from framesift_local.customvision.measure import average_precision
from framesift_local.customvision.project import Iteration, Picture, Project, now
from framesift_local.standin import Answer, Asked, Fault, StandIn

TRAINING_KEY = "stand-in-training-key"
PREDICTION_KEY = "stand-in-prediction-key"
RESOURCE_ID = "/subscriptions/0/resourceGroups/stand-in/providers/Microsoft.CognitiveServices/accounts/prediction"
_TRAINING = "/customvision/v3.4-preview/training"
_PREDICTION = re.compile(
    r"/customvision/v3\.\d/prediction/(?P<project>[^/]+)/detect/iterations/(?P<name>[^/]+)/(?P<how>image|url)(/nostore)?"
)
_FILES = re.compile(r"/files/(?P<project>[^/]+)/(?P<sha256>[0-9a-f]{64})")
_FORMATS = {"JPEG", "PNG", "GIF", "BMP"}
_MIN_IMAGES_PER_TAG = 15

Reply = tuple[HTTPStatus, Any]
Route = Callable[[Project, Asked, re.Match[str]], Any]


class Refusal(Exception):  # noqa: N818 - an answer, no error of ours
    """What the service does not do."""

    def __init__(self, status: HTTPStatus, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def _bad(code: str, message: str) -> Refusal:
    return Refusal(HTTPStatus.BAD_REQUEST, f"BadRequest{code}", message)


class CustomVisionStandIn(StandIn):
    """Azure Custom Vision, on this machine.

    Args:
        folder: Where projects are kept.
        training_s: How long a training takes, seconds.
        limit_per_s: Requests a second that each resource answers; None: all.
        max_images: Images that a project holds.
        max_iterations: Iterations that a project holds.
        port: To listen on; 0 takes a free one.
    """

    def __init__(
        self,
        folder: Path,
        *,
        training_s: float = 1.0,
        limit_per_s: float | None = None,
        max_images: int = 100_000,
        max_iterations: int = 20,
        port: int = 0,
    ) -> None:
        super().__init__(port)
        self._folder = folder
        self.training_s = training_s
        self.limit_per_s = limit_per_s
        self.max_images = max_images
        self.max_iterations = max_iterations
        self.weakness = 0.0
        self.training_failure = ""
        self._recent: dict[bool, deque[float]] = {True: deque(), False: deque()}
        saved = sorted(folder.glob("*/project.json")) if folder.exists() else []
        self.projects = {project.id: project for project in (Project.load(path.parent) for path in saved)}

    def make_project(self, name: str, tags: tuple[str, ...] = (), publish: str | None = None) -> Project:
        """Make a project; with `publish`, one whose first iteration is trained and published."""
        project = next((each for each in self.projects.values() if each.name == name), None)
        if project is not None:
            return project
        project_id = str(uuid.uuid4())
        project = Project(project_id, name, self._folder / project_id)
        for tag in tags:
            project.add_tag(tag)
        self.projects[project_id] = project
        if publish:
            iteration = self._add_iteration(project, ready_at=0)
            iteration.publish_name, iteration.resource_id = publish, RESOURCE_ID
        project.save()
        return project

    # --- answering ---

    def answer(self, asked: Asked) -> Answer:
        """See `StandIn.answer`."""
        if asked.path == "/control":
            for name, value in asked.json().items():
                setattr(self, name, value)
            return Answer.of({})
        if match := _FILES.fullmatch(asked.path):
            return self._file(match["project"], match["sha256"])
        if asked.headers.get("host", "").split(":")[0] not in ("127.0.0.1", "localhost"):
            return Answer(HTTPStatus.NOT_FOUND)
        try:
            self._check_pace(is_training=asked.path.startswith(_TRAINING))
            reply = self._route(asked)
            return Answer(HTTPStatus.NO_CONTENT) if reply is None else Answer.of(reply)
        except Refusal as refusal:
            headers = {"Retry-After": "1"} if refusal.status is HTTPStatus.TOO_MANY_REQUESTS else {}
            return Answer.of({"code": refusal.code, "message": refusal.message}, refusal.status, **headers)

    def answer_fault(self, fault: Fault, asked: Asked) -> Answer:
        """See `StandIn.answer_fault`."""
        if fault is Fault.TOO_MANY:
            body = {"error": {"code": "429", "message": "Rate limit is exceeded. Try again in 1 seconds."}}
            return Answer.of(body, HTTPStatus.TOO_MANY_REQUESTS, **{"Retry-After": "1"})
        if fault is Fault.QUOTA:
            body = {
                "error": {"code": "403", "message": "Out of call volume quota. Quota will be replenished in 10 days."}
            }
            return Answer.of(body, HTTPStatus.FORBIDDEN)
        return Answer.of({"code": "ErrorUnknown", "message": "Server error."}, HTTPStatus.INTERNAL_SERVER_ERROR)

    def _check_pace(self, *, is_training: bool) -> None:
        if self.limit_per_s is None:
            return
        with self.lock:
            recent = self._recent[is_training]
            while recent and recent[0] < time.monotonic() - 1:
                recent.popleft()
            if len(recent) >= self.limit_per_s:
                raise Refusal(HTTPStatus.TOO_MANY_REQUESTS, "429", "Rate limit is exceeded. Try again in 1 seconds.")
            recent.append(time.monotonic())

    def _route(self, asked: Asked) -> Any:
        if match := _PREDICTION.fullmatch(asked.path):
            if asked.headers.get("prediction-key") != PREDICTION_KEY:
                raise _denied()
            return self._predict(asked, match)
        if asked.headers.get("training-key") != TRAINING_KEY:
            raise _denied()
        path = asked.path.removeprefix(_TRAINING)
        if (asked.method, path) == ("GET", "/projects"):
            return [self._project(project) for project in self.projects.values()]
        for (method, pattern), route in _ROUTES.items():
            match = re.fullmatch(r"/projects/(?P<project>[^/]+)" + pattern, path)
            if match and method == asked.method:
                project = self._find_project(match["project"])
                with self.lock:
                    reply = route(self, project, asked, match)
                    if asked.method != "GET":
                        project.save()
                return reply
        raise Refusal(HTTPStatus.NOT_FOUND, "NotFound", f"Resource not found: {asked.method} {path}")

    def _find_project(self, project_id: str) -> Project:
        if project_id not in self.projects:
            raise Refusal(HTTPStatus.NOT_FOUND, "NotFoundProject", "Invalid project id.")
        return self.projects[project_id]

    def _find_iteration(self, project: Project, iteration_id: str) -> Iteration:
        if iteration_id not in project.iterations:
            raise Refusal(HTTPStatus.NOT_FOUND, "NotFoundIteration", "Invalid iteration id.")
        return project.iterations[iteration_id]

    # --- predictions ---

    def _predict(self, asked: Asked, match: re.Match[str]) -> Any:
        project = self._find_project(match["project"])
        named = [each for each in project.iterations.values() if each.publish_name == match["name"]]
        if not named:
            raise Refusal(HTTPStatus.NOT_FOUND, "NotFound", "Invalid iteration")
        data = self._own_file(asked.json()["url"]) if match["how"] == "url" else _form_file(asked)
        fault = _picture_fault(data, 4 * 1024 * 1024)
        if fault:
            raise _bad({"Size": "ImageSizeBytes", "Dimensions": "ImageDimensions"}.get(fault, "ImageFormat"), fault)
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
                    "boundingBox": _box(each._asdict()),
                }
                for each in eyes.weaker(eyes.look(data), iteration.weakness, iteration.id.encode())
                if each.tag in by_name
            ],
        }

    def _own_file(self, url: str) -> bytes:
        match = _FILES.fullmatch(url.removeprefix(self.url))
        answer = self._file(match["project"], match["sha256"]) if match else Answer(HTTPStatus.NOT_FOUND)
        if answer.status is not HTTPStatus.OK:
            raise _bad("ImageUrl", "The image could not be downloaded.")
        return answer.body

    def _file(self, project_id: str, sha256: str) -> Answer:
        path = self._folder / project_id / sha256
        if project_id not in self.projects or not path.exists():
            return Answer(HTTPStatus.NOT_FOUND)
        return Answer(HTTPStatus.OK, path.read_bytes(), "application/octet-stream")

    # --- the project ---

    def _project(self, project: Project) -> dict[str, Any]:
        return {"id": project.id, "name": project.name, "created": project.created, "lastModified": project.created}

    def _show_project(self, project: Project, asked: Asked, match: re.Match[str]) -> Any:
        return self._project(project)

    def _list_tags(self, project: Project, asked: Asked, match: re.Match[str]) -> Any:
        iteration_id = asked.query.get("iterationId")
        tags = self._find_iteration(project, iteration_id).tags if iteration_id else project.tags
        return [self._tag(project, tag_id, name) for tag_id, name in tags.items()]

    def _make_tag(self, project: Project, asked: Asked, match: re.Match[str]) -> Any:
        name = asked.query["name"]
        if name in project.tags.values():
            raise _bad("TagNameNotUnique", "Name not unique")
        return self._tag(project, project.add_tag(name), name)

    def _tag(self, project: Project, tag_id: str, name: str) -> dict[str, Any]:
        shown = sum(any(region["tagId"] == tag_id for region in each.regions) for each in project.pictures.values())
        return {"id": tag_id, "name": name, "type": "Regular", "imageCount": shown}

    def _count(self, project: Project, asked: Asked, match: re.Match[str]) -> Any:
        return len(project.pictures)

    def _list_pictures(self, project: Project, asked: Asked, match: re.Match[str]) -> Any:
        skip, take = int(asked.query.get("skip", "0")), int(asked.query.get("take", "50"))
        if take > 256:
            raise _bad("", "take is 256 at most.")
        return [self._picture(project, each) for each in list(project.pictures.values())[skip : skip + take]]

    def _picture(self, project: Project, picture: Picture) -> dict[str, Any]:
        address = f"{self.url}/files/{project.id}/{picture.sha256}"
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

    def _take_pictures(self, project: Project, asked: Asked, match: re.Match[str]) -> Any:
        entries = asked.json()["images"]
        if len(entries) > 64:
            raise _bad("ExceededBatchSize", "The batch holds more than 64 images.")
        results = [self._take_picture(project, entry) for entry in entries]
        stored = all(result["status"].startswith("OK") for result in results)
        return {"isBatchSuccessful": stored, "images": results}

    def _take_picture(self, project: Project, entry: dict[str, Any]) -> dict[str, Any]:
        data, regions = base64.b64decode(entry["contents"]), entry.get("regions") or []
        status = self._storing_fault(project, data, regions)
        picture = None
        if status == "OK":
            before = len(project.pictures)
            found = project.pictures[project.add_picture(data, entry["name"], _size(data), regions)]
            status = "OK" if len(project.pictures) > before else "OKDuplicate"
            picture = self._picture(project, found)
        return {"sourceUrl": entry["name"], "status": status, "image": picture}

    def _storing_fault(self, project: Project, data: bytes, regions: list[dict[str, Any]]) -> str:
        if self.flaky_images > 0:
            self.flaky_images -= 1
            return "ErrorStorage"
        if fault := _picture_fault(data, 6 * 1024 * 1024):
            return f"ErrorImage{fault}"
        if any(region["tagId"] not in project.tags for region in regions):
            return "ErrorInvalidTag"
        if len(regions) > 300:
            return "ErrorRegionLimitExceed"
        if not all(_is_inside(region) for region in regions):
            raise _bad("ImageRegions", "A region lies outside of its image.")
        return "ErrorLimitExceed" if len(project.pictures) >= self.max_images else "OK"

    flaky_images = 0
    """As many of the next images fail for the moment, in batches that are answered all the same."""

    # --- iterations ---

    def _train(self, project: Project, asked: Asked, match: re.Match[str]) -> Any:
        if any(each.status == "Training" for each in project.iterations.values()):
            raise _bad("TrainingAlreadyInProgress", "Training is already in progress.")
        if not project.changed and asked.query.get("forceTrain") != "true":
            raise _bad("TrainingNotNeeded", "Nothing changed since last training")
        shown = [self._tag(project, tag_id, name)["imageCount"] for tag_id, name in project.tags.items()]
        if not shown or min(shown) < _MIN_IMAGES_PER_TAG:
            raise _bad("TrainingValidationFailed", "Not enough images for training")
        if len(project.iterations) >= self.max_iterations:
            raise _bad("ExceedIterationPerProjectLimit", "The project has too many iterations.")
        project.changed = False
        return self._iteration(project, self._add_iteration(project, ready_at=time.time() + self.training_s))

    def _add_iteration(self, project: Project, ready_at: float) -> Iteration:
        iteration = Iteration(
            str(uuid.uuid4()),
            f"Iteration {len(project.iterations) + 1}",
            now(),
            ready_at,
            dict(project.tags),
            list(project.pictures),
            self.weakness,
            self.training_failure,
        )
        project.iterations[iteration.id] = iteration
        return iteration

    def _iteration(self, project: Project, iteration: Iteration) -> dict[str, Any]:
        return {
            "id": iteration.id,
            "name": iteration.name,
            "status": iteration.status,
            "created": iteration.created,
            "lastModified": iteration.created,
            "trainedAt": iteration.created if iteration.status == "Completed" else None,
            "projectId": project.id,
            "publishName": iteration.publish_name,
            "originalPublishResourceId": iteration.resource_id,
            "trainingErrorDetails": iteration.failure or None,
        }

    def _list_iterations(self, project: Project, asked: Asked, match: re.Match[str]) -> Any:
        return [self._iteration(project, each) for each in project.iterations.values()]

    def _show_iteration(self, project: Project, asked: Asked, match: re.Match[str]) -> Any:
        return self._iteration(project, self._find_iteration(project, match["iteration"]))

    def _delete_iteration(self, project: Project, asked: Asked, match: re.Match[str]) -> Any:
        iteration = self._find_iteration(project, match["iteration"])
        if iteration.publish_name:
            raise _bad("IterationIsPublished", "The iteration is published.")
        del project.iterations[iteration.id]
        return None

    def _performance(self, project: Project, asked: Asked, match: re.Match[str]) -> Any:
        iteration = self._find_iteration(project, match["iteration"])
        if iteration.status != "Completed":
            raise _bad("IterationIsNotTrained", "The iteration is not trained.")
        least_overlap = float(asked.query.get("overlapThreshold", "0.3"))
        taught = {id_: boxes for id_, boxes in project.taught().items() if id_ in iteration.pictures}
        seen = {
            id_: eyes.weaker(
                eyes.look(project.bytes_of(project.pictures[id_])), iteration.weakness, iteration.id.encode()
            )
            for id_ in taught
        }
        tags = []
        for tag_id, name in iteration.tags.items():
            average, precision, recall = average_precision(seen, taught, name, least_overlap)
            tags.append(
                {"id": tag_id, "name": name, "averagePrecision": average, "precision": precision, "recall": recall}
            )
        means = {
            key: sum(float(str(tag[key])) for tag in tags) / len(tags) if tags else 0.0
            for key in ("averagePrecision", "precision", "recall")
        }
        return {"perTagPerformance": tags, **means}

    def _publish(self, project: Project, asked: Asked, match: re.Match[str]) -> Any:
        iteration, name = self._find_iteration(project, match["iteration"]), asked.query["publishName"]
        if asked.query.get("predictionId") != RESOURCE_ID:
            raise _bad("InvalidPublishTarget", "Invalid prediction resource.")
        if iteration.status != "Completed":
            raise _bad("IterationIsNotTrained", "The iteration is not trained.")
        if any(each.publish_name == name for each in project.iterations.values()):
            raise _bad("InvalidPublishName", "The name is taken.")
        iteration.publish_name, iteration.resource_id = name, RESOURCE_ID
        return True

    def _unpublish(self, project: Project, asked: Asked, match: re.Match[str]) -> Any:
        self._find_iteration(project, match["iteration"]).publish_name = None
        return None


_ITERATION = r"/iterations/(?P<iteration>[^/]+)"
_ROUTES: dict[tuple[str, str], Callable[[CustomVisionStandIn, Project, Asked, re.Match[str]], Any]] = {
    ("GET", ""): CustomVisionStandIn._show_project,
    ("GET", "/tags"): CustomVisionStandIn._list_tags,
    ("POST", "/tags"): CustomVisionStandIn._make_tag,
    ("GET", "/images"): CustomVisionStandIn._list_pictures,
    ("GET", "/images/count"): CustomVisionStandIn._count,
    ("POST", "/images/files"): CustomVisionStandIn._take_pictures,
    ("POST", "/train"): CustomVisionStandIn._train,
    ("GET", "/iterations"): CustomVisionStandIn._list_iterations,
    ("GET", _ITERATION): CustomVisionStandIn._show_iteration,
    ("DELETE", _ITERATION): CustomVisionStandIn._delete_iteration,
    ("GET", f"{_ITERATION}/performance"): CustomVisionStandIn._performance,
    ("POST", f"{_ITERATION}/publish"): CustomVisionStandIn._publish,
    ("DELETE", f"{_ITERATION}/publish"): CustomVisionStandIn._unpublish,
}


def _denied() -> Refusal:
    message = "Access denied due to invalid subscription key or wrong API endpoint."
    return Refusal(HTTPStatus.UNAUTHORIZED, "401", message)


def _form_file(asked: Asked) -> bytes:
    """The file of a multipart form."""
    head = f"Content-Type: {asked.headers['content-type']}\r\n\r\n".encode()
    for part in BytesParser().parsebytes(head + asked.body).walk():
        if part.get_param("name", header="content-disposition") == "imageData":
            return bytes(part.get_payload(decode=True) or b"")
    raise _bad("ImageStream", "No image.")


def _picture_fault(data: bytes, max_bytes: int) -> str | None:
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


def _box(region: dict[str, Any]) -> dict[str, float]:
    return {side: region[side] for side in ("left", "top", "width", "height")}


def _is_inside(region: dict[str, Any]) -> bool:
    left, top, width, height = _box(region).values()
    slack = 1e-6
    return (
        left >= 0 and top >= 0 and width > 0 and height > 0 and left + width <= 1 + slack and top + height <= 1 + slack
    )
