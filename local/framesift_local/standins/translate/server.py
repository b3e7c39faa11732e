"""The stand-in's server: `POST /v3/projects/{project}/locations/{location}:detectLanguage`.

Detection is real: scripts, then lingua's accurate models. What this proves is the protocol, the client and what happens
when it fails; its accuracy is not Google's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar

from framesift.language import OfflineDetector
from framesift_local.standins.service import Answer, Fault, Request, StandIn

_ROUTE = re.compile(r"/v3/projects/(?P<project>[^/]+)(/locations/(?P<location>[^/:]+))?:detectLanguage")
# Google's own limit of a request's content.
_MAX_CONTENT_CODE_POINTS = 30_720


def _refuse(status: HTTPStatus, reason: str, message: str) -> Answer:
    return Answer.of({"error": {"code": status.value, "message": message, "status": reason}}, status)


class TranslateStandIn(StandIn):
    """Google Cloud Translate's language detection, on this machine: its `url` is the setting `google_endpoint`.

    Args:
        port: To listen on; 0 takes a free one.

    Attributes:
        contents: What was request, in the order that it came.
    """

    faults: ClassVar[Mapping[Fault, Answer]] = {
        Fault.RATE_LIMIT: _refuse(HTTPStatus.FORBIDDEN, "PERMISSION_DENIED", "User Rate Limit Exceeded"),
        Fault.QUOTA: _refuse(HTTPStatus.FORBIDDEN, "PERMISSION_DENIED", "Daily Limit Exceeded"),
        Fault.TOO_MANY: _refuse(
            HTTPStatus.TOO_MANY_REQUESTS, "RESOURCE_EXHAUSTED", "Resource has been exhausted (check quota)."
        ),
        Fault.DENIED: _refuse(
            HTTPStatus.FORBIDDEN,
            "PERMISSION_DENIED",
            "Cloud IAM permission 'cloudtranslate.generalModels.predict' denied.",
        ),
        Fault.DOWN: _refuse(HTTPStatus.SERVICE_UNAVAILABLE, "UNAVAILABLE", "The service is currently unavailable."),
    }

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.contents: list[str] = []
        self._detector = OfflineDetector(accurate=True)

    def respond(self, request: Request) -> Answer | None:
        """See `Loopback.respond`."""
        if content := _content(request):
            self.contents.append(content)
        return super().respond(request)

    def answer(self, request: Request) -> Answer:
        """See `StandIn.answer`."""
        if request.method != "POST" or not _ROUTE.fullmatch(request.path):
            return _refuse(HTTPStatus.NOT_FOUND, "NOT_FOUND", "Method not found.")
        content = _content(request)
        if not content or len(content) > _MAX_CONTENT_CODE_POINTS:
            return _refuse(HTTPStatus.BAD_REQUEST, "INVALID_ARGUMENT", "Content is required, and not too long.")
        (guess,) = self._detector.detect([content])
        code = "zh-CN" if guess.code == "zh" else guess.code  # As Google does: Chinese by its script.
        return Answer.of({"languages": [{"languageCode": code, "confidence": guess.confidence}]})


def _content(request: Request) -> str:
    message: Any = request.json()
    content = message.get("content") if isinstance(message, dict) else None
    return content if isinstance(content, str) else ""
