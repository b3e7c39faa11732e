"""Routes of trainings, their results, and publishing."""

from __future__ import annotations

import re
from typing import Any

from framesift_local.standins.customvision.account import RESOURCE_ID, Account
from framesift_local.standins.customvision.images import show_tag
from framesift_local.standins.customvision.measure import average_precision
from framesift_local.standins.customvision.prediction import predict_by
from framesift_local.standins.customvision.project import Iteration, Project
from framesift_local.standins.customvision.refusals import bad
from framesift_local.standins.service import Request

_MIN_IMAGES_PER_TAG = 15


def _train(account: Account, project: Project, request: Request, match: re.Match[str]) -> Any:
    if any(each.status == "Training" for each in project.iterations.values()):
        raise bad("TrainingAlreadyInProgress", "Training is already in progress.")
    if not project.changed and request.query.get("forceTrain") != "true":
        raise bad("TrainingNotNeeded", "Nothing changed since last training")
    shown = [show_tag(project, tag_id, name)["imageCount"] for tag_id, name in project.tags.items()]
    if not shown or min(shown) < _MIN_IMAGES_PER_TAG:
        raise bad("TrainingValidationFailed", "Not enough images for training")
    if len(project.iterations) >= account.max_iterations:
        raise bad("ExceedIterationPerProjectLimit", "The project has too many iterations.")
    project.changed = False
    return _iteration(project, account.train(project))


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


def _list_iterations(account: Account, project: Project, request: Request, match: re.Match[str]) -> Any:
    return [_iteration(project, each) for each in project.iterations.values()]


def _show_iteration(account: Account, project: Project, request: Request, match: re.Match[str]) -> Any:
    return _iteration(project, project.find_iteration(match["iteration"]))


def _delete_iteration(account: Account, project: Project, request: Request, match: re.Match[str]) -> Any:
    iteration = project.find_iteration(match["iteration"])
    if iteration.publish_name:
        raise bad("IterationIsPublished", "The iteration is published.")
    del project.iterations[iteration.id]
    return None


def _performance(account: Account, project: Project, request: Request, match: re.Match[str]) -> Any:
    iteration = project.find_iteration(match["iteration"])
    if iteration.status != "Completed":
        raise bad("IterationIsNotTrained", "The iteration is not trained.")
    iou_threshold = float(request.query.get("overlapThreshold", "0.3"))
    truths = {id_: boxes for id_, boxes in project.ground_truth().items() if id_ in iteration.images}
    predictions = {id_: predict_by(iteration, project.bytes_of(project.images[id_])) for id_ in truths}
    tags = []
    for tag_id, name in iteration.tags.items():
        average, precision, recall = average_precision(predictions, truths, name, iou_threshold)
        tags.append({"id": tag_id, "name": name, "averagePrecision": average, "precision": precision, "recall": recall})
    means = {
        key: sum(float(str(tag[key])) for tag in tags) / len(tags) if tags else 0.0
        for key in ("averagePrecision", "precision", "recall")
    }
    return {"perTagPerformance": tags, **means}


def _publish(account: Account, project: Project, request: Request, match: re.Match[str]) -> Any:
    iteration, name = project.find_iteration(match["iteration"]), request.query["publishName"]
    if request.query.get("predictionId") != RESOURCE_ID:
        raise bad("InvalidPublishTarget", "Invalid prediction resource.")
    if iteration.status != "Completed":
        raise bad("IterationIsNotTrained", "The iteration is not trained.")
    if iteration.publish_name:
        raise bad("IterationIsPublished", "The iteration is published.")
    if any(each.publish_name == name for each in project.iterations.values()):
        raise bad("InvalidPublishName", "The name is taken.")
    iteration.publish_name, iteration.resource_id = name, RESOURCE_ID
    return True


def _unpublish(account: Account, project: Project, request: Request, match: re.Match[str]) -> Any:
    project.find_iteration(match["iteration"]).publish_name = None
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
