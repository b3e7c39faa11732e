"""Trainings, what came of them, and publishing."""

from __future__ import annotations

import re
import time
import uuid
from typing import TYPE_CHECKING, Any

from framesift_local.standins.customvision import eyes
from framesift_local.standins.customvision.images import show_tag
from framesift_local.standins.customvision.measure import average_precision
from framesift_local.standins.customvision.project import Iteration, Project, now
from framesift_local.standins.customvision.refusals import bad
from framesift_local.standins.service import Asked

if TYPE_CHECKING:
    from framesift_local.standins.customvision.server import CustomVisionStandIn

RESOURCE_ID = "/subscriptions/0/resourceGroups/stand-in/providers/Microsoft.CognitiveServices/accounts/prediction"
_MIN_IMAGES_PER_TAG = 15


def _train(service: CustomVisionStandIn, project: Project, asked: Asked, match: re.Match[str]) -> Any:
    if any(each.status == "Training" for each in project.iterations.values()):
        raise bad("TrainingAlreadyInProgress", "Training is already in progress.")
    if not project.changed and asked.query.get("forceTrain") != "true":
        raise bad("TrainingNotNeeded", "Nothing changed since last training")
    shown = [show_tag(project, tag_id, name)["imageCount"] for tag_id, name in project.tags.items()]
    if not shown or min(shown) < _MIN_IMAGES_PER_TAG:
        raise bad("TrainingValidationFailed", "Not enough images for training")
    if len(project.iterations) >= service.max_iterations:
        raise bad("ExceedIterationPerProjectLimit", "The project has too many iterations.")
    project.changed = False
    return _iteration(project, add_iteration(service, project, ready_at=time.time() + service.training_s))


def add_iteration(service: CustomVisionStandIn, project: Project, ready_at: float) -> Iteration:
    """Begin a training."""
    iteration = Iteration(
        str(uuid.uuid4()),
        f"Iteration {len(project.iterations) + 1}",
        now(),
        ready_at,
        dict(project.tags),
        list(project.pictures),
        service.weakness,
        service.training_failure,
    )
    project.iterations[iteration.id] = iteration
    return iteration


def _iteration(project: Project, iteration: Iteration) -> dict[str, Any]:
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


def _list_iterations(service: CustomVisionStandIn, project: Project, asked: Asked, match: re.Match[str]) -> Any:
    return [_iteration(project, each) for each in project.iterations.values()]


def _show_iteration(service: CustomVisionStandIn, project: Project, asked: Asked, match: re.Match[str]) -> Any:
    return _iteration(project, service.find_iteration(project, match["iteration"]))


def _delete_iteration(service: CustomVisionStandIn, project: Project, asked: Asked, match: re.Match[str]) -> Any:
    iteration = service.find_iteration(project, match["iteration"])
    if iteration.publish_name:
        raise bad("IterationIsPublished", "The iteration is published.")
    del project.iterations[iteration.id]
    return None


def _performance(service: CustomVisionStandIn, project: Project, asked: Asked, match: re.Match[str]) -> Any:
    iteration = service.find_iteration(project, match["iteration"])
    if iteration.status != "Completed":
        raise bad("IterationIsNotTrained", "The iteration is not trained.")
    least_overlap = float(asked.query.get("overlapThreshold", "0.3"))
    taught = {id_: boxes for id_, boxes in project.taught().items() if id_ in iteration.pictures}
    seen = {
        id_: eyes.weaker(eyes.look(project.bytes_of(project.pictures[id_])), iteration.weakness, iteration.id.encode())
        for id_ in taught
    }
    tags = []
    for tag_id, name in iteration.tags.items():
        average, precision, recall = average_precision(seen, taught, name, least_overlap)
        tags.append({"id": tag_id, "name": name, "averagePrecision": average, "precision": precision, "recall": recall})
    means = {
        key: sum(float(str(tag[key])) for tag in tags) / len(tags) if tags else 0.0
        for key in ("averagePrecision", "precision", "recall")
    }
    return {"perTagPerformance": tags, **means}


def _publish(service: CustomVisionStandIn, project: Project, asked: Asked, match: re.Match[str]) -> Any:
    iteration, name = service.find_iteration(project, match["iteration"]), asked.query["publishName"]
    if asked.query.get("predictionId") != RESOURCE_ID:
        raise bad("InvalidPublishTarget", "Invalid prediction resource.")
    if iteration.status != "Completed":
        raise bad("IterationIsNotTrained", "The iteration is not trained.")
    if iteration.publish_name:
        raise bad("IterationIsPublished", "The iteration is published.")
    if any(each.publish_name == name for each in project.iterations.values()):
        raise bad("InvalidPublishName", "The name is taken.")
    iteration.publish_name, iteration.resource_id = name, RESOURCE_ID
    return True


def _unpublish(service: CustomVisionStandIn, project: Project, asked: Asked, match: re.Match[str]) -> Any:
    service.find_iteration(project, match["iteration"]).publish_name = None
    return None


_ITERATION = r"/iterations/(?P<iteration>[^/]+)"
ROUTES = {
    ("POST", "/train"): _train,
    ("GET", "/iterations"): _list_iterations,
    ("GET", _ITERATION): _show_iteration,
    ("DELETE", _ITERATION): _delete_iteration,
    ("GET", f"{_ITERATION}/performance"): _performance,
    ("POST", f"{_ITERATION}/publish"): _publish,
    ("DELETE", f"{_ITERATION}/publish"): _unpublish,
}
