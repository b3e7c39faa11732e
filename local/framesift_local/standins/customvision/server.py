"""The stand-in's server: `/customvision/v3.4-preview/training` and `/customvision/v3.1/prediction`.

A training takes as long as it is told; an iteration's numbers are measured on what was taught. Faults: `PUT /faults`;
`POST /control {"training_s": 2, "weakness": 0.5, "training_failure": "…"}` says how the next training goes.
"""

from __future__ import annotations

import re
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, ClassVar

from framesift_local.standins.customvision import images, iterations
from framesift_local.standins.customvision.iterations import RESOURCE_ID, add_iteration
from framesift_local.standins.customvision.prediction import FILES, predict
from framesift_local.standins.customvision.project import Iteration, Project
from framesift_local.standins.customvision.refusals import Refusal, denied
from framesift_local.standins.service import Answer, Asked, Fault, StandIn

TRAINING_KEY = "stand-in-training-key"
PREDICTION_KEY = "stand-in-prediction-key"
_TRAINING = "/customvision/v3.4-preview/training"
_PREDICTION = re.compile(
    r"/customvision/v3\.\d/prediction/(?P<project>[^/]+)/detect/iterations/(?P<name>[^/]+)/(?P<how>image|url)(/nostore)?"
)


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

    faults: ClassVar[Mapping[Fault, Answer]] = {
        Fault.TOO_MANY: Answer.of(
            {"error": {"code": "429", "message": "Rate limit is exceeded. Try again in 1 seconds."}},
            HTTPStatus.TOO_MANY_REQUESTS,
            **{"Retry-After": "1"},
        ),
        Fault.QUOTA: Answer.of(
            {"error": {"code": "403", "message": "Out of call volume quota. Quota will be replenished in 10 days."}},
            HTTPStatus.FORBIDDEN,
        ),
        Fault.DOWN: Answer.of({"code": "ErrorUnknown", "message": "Server error."}, HTTPStatus.INTERNAL_SERVER_ERROR),
    }

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
        # As many of the next images fail for the moment, in batches that are answered all the same.
        self.flaky_images = 0
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
            iteration = add_iteration(self, project, ready_at=0)
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
        if match := FILES.fullmatch(asked.path):
            return self.file(match["project"], match["sha256"])
        if asked.headers.get("host", "").split(":")[0] not in ("127.0.0.1", "localhost"):
            return Answer(HTTPStatus.NOT_FOUND)
        try:
            self._check_pace(is_training=asked.path.startswith(_TRAINING))
            reply = self._route(asked)
            return Answer(HTTPStatus.NO_CONTENT) if reply is None else Answer.of(reply)
        except Refusal as refusal:
            headers = {"Retry-After": "1"} if refusal.status is HTTPStatus.TOO_MANY_REQUESTS else {}
            return Answer.of({"code": refusal.code, "message": refusal.message}, refusal.status, **headers)

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
                raise denied()
            return predict(self, asked, match)
        if asked.headers.get("training-key") != TRAINING_KEY:
            raise denied()
        path = asked.path.removeprefix(_TRAINING)
        if (asked.method, path) == ("GET", "/projects"):
            return [_describe(project) for project in self.projects.values()]
        for (method, pattern), route in _ROUTES.items():
            match = re.fullmatch(r"/projects/(?P<project>[^/]+)" + pattern, path)
            if match and method == asked.method:
                project = self.find_project(match["project"])
                with self.lock:
                    reply = route(self, project, asked, match)
                    if asked.method != "GET":
                        project.save()
                return reply
        raise Refusal(HTTPStatus.NOT_FOUND, "NotFound", f"Resource not found: {asked.method} {path}")

    def find_project(self, project_id: str) -> Project:
        """A project by its id."""
        if project_id not in self.projects:
            raise Refusal(HTTPStatus.NOT_FOUND, "NotFoundProject", "Invalid project id.")
        return self.projects[project_id]

    def find_iteration(self, project: Project, iteration_id: str) -> Iteration:
        """A project's iteration by its id."""
        if iteration_id not in project.iterations:
            raise Refusal(HTTPStatus.NOT_FOUND, "NotFoundIteration", "Invalid iteration id.")
        return project.iterations[iteration_id]

    def file(self, project_id: str, sha256: str) -> Answer:
        """A picture's bytes."""
        path = self._folder / project_id / sha256
        if project_id not in self.projects or not path.exists():
            return Answer(HTTPStatus.NOT_FOUND)
        return Answer(HTTPStatus.OK, path.read_bytes(), "application/octet-stream")


def _describe(project: Project) -> dict[str, Any]:
    return {"id": project.id, "name": project.name, "created": project.created, "lastModified": project.created}


def _show_project(service: CustomVisionStandIn, project: Project, asked: Asked, match: re.Match[str]) -> Any:
    return _describe(project)


_ROUTES: dict[tuple[str, str], Callable[[CustomVisionStandIn, Project, Asked, re.Match[str]], Any]] = {
    ("GET", ""): _show_project,
    **images.ROUTES,
    **iterations.ROUTES,
}
