"""The stand-in's server: `/customvision/v3.4-preview/training` and `/customvision/v3.1/prediction`.

A training takes as long as it is set to; an iteration's figures are measured on its training images. Faults:
`PUT /faults`; `POST /control {"training_s": 2, "weakness": 0.5, "training_failure": "…"}` sets how the next one goes.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, ClassVar

from pydantic import ValidationError

from framesift_local.standins.customvision import images, iterations
from framesift_local.standins.customvision.account import Account
from framesift_local.standins.customvision.prediction import FILES, predict
from framesift_local.standins.customvision.project import Project
from framesift_local.standins.customvision.refusals import Refusal, denied
from framesift_local.standins.service import Answer, Fault, Request, StandIn

TRAINING_KEY = "stand-in-training-key"
PREDICTION_KEY = "stand-in-prediction-key"
_BYTES = "application/octet-stream"
_TRAINING = "/customvision/v3.4-preview/training"
_PREDICTION = re.compile(
    r"/customvision/v3\.\d/prediction/(?P<project>[^/]+)/detect/iterations/(?P<name>[^/]+)/(?P<how>image|url)(/nostore)?"
)


class CustomVisionStandIn(StandIn):
    """Azure Custom Vision, on this machine.

    Args:
        account: What it holds.
        limit_per_s: Requests a second that each resource answers; None: all.
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

    def __init__(self, account: Account, *, limit_per_s: float | None = None, port: int = 0) -> None:
        super().__init__(port)
        self.account = account
        self.limit_per_s = limit_per_s
        self._recent: dict[bool, deque[float]] = {True: deque(), False: deque()}

    # --- answering ---

    def answer(self, request: Request) -> Answer:
        """See `StandIn.answer`."""
        if request.path == "/control":
            return self._control(request)
        if match := FILES.fullmatch(request.path):
            data = self.account.find_file(match["project"], match["sha256"])
            return Answer(HTTPStatus.NOT_FOUND) if data is None else Answer(HTTPStatus.OK, data, _BYTES)
        try:
            self._check_pace(is_training=request.path.startswith(_TRAINING))
            reply = self._route(request)
            return Answer(HTTPStatus.NO_CONTENT) if reply is None else Answer.of(reply)
        except Refusal as refusal:
            headers = {"Retry-After": "1"} if refusal.status is HTTPStatus.TOO_MANY_REQUESTS else {}
            return Answer.of({"code": refusal.code, "message": refusal.message}, refusal.status, **headers)

    def _control(self, request: Request) -> Answer:
        try:
            self.account.set_training(**request.json())
        except (ValidationError, TypeError) as error:
            return Answer.of({"message": str(error)}, HTTPStatus.BAD_REQUEST)
        return Answer.of({})

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

    def _route(self, request: Request) -> Any:
        if match := _PREDICTION.fullmatch(request.path):
            if request.headers.get("prediction-key") != PREDICTION_KEY:
                raise denied()
            return predict(self.account, request, match)
        if request.headers.get("training-key") != TRAINING_KEY:
            raise denied()
        path = request.path.removeprefix(_TRAINING)
        if (request.method, path) == ("GET", "/projects"):
            return [_describe(project) for project in self.account.projects.values()]
        for (method, pattern), route in _ROUTES.items():
            match = re.fullmatch(r"/projects/(?P<project>[^/]+)" + pattern, path)
            if match and method == request.method:
                project = self.account.find_project(match["project"])
                with self.lock:
                    reply = route(self.account, project, request, match)
                    if request.method != "GET":
                        project.save()
                return reply
        raise Refusal(HTTPStatus.NOT_FOUND, "NotFound", f"Resource not found: {request.method} {path}")


def _describe(project: Project) -> dict[str, Any]:
    return {"id": project.id, "name": project.name, "created": project.created, "lastModified": project.created}


def _show_project(account: Account, project: Project, request: Request, match: re.Match[str]) -> Any:
    return _describe(project)


_ROUTES: dict[tuple[str, str], Callable[[Account, Project, Request, re.Match[str]], Any]] = {
    ("GET", ""): _show_project,
    **images.ROUTES,
    **iterations.ROUTES,
}
