"""The stand-in's server: `POST /v3/projects/{project}/locations/{location}:detectLanguage`.

Detection is real: scripts, then lingua's accurate models. What this proves is the protocol, the client and what happens
on bad days; how well Google itself tells languages, only Google can show. Faults are asked for with
`PUT /faults {"fault": "daily_limit", "requests": 3}`, or in the process by `misbehave`.
"""

from __future__ import annotations

import errno
import json
import re
import socket
import struct
import threading
from contextlib import suppress
from enum import StrEnum
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, ValidationError

from framesift.errors import PortInUseError
from framesift.language import OfflineDetector

_HOST = "127.0.0.1"
_ROUTE = re.compile(r"/v3/projects/(?P<project>[^/]+)(/locations/(?P<location>[^/:]+))?:detectLanguage")
# Google's own limit of a request's content.
_MAX_CONTENT_CODE_POINTS = 30_720


class Fault(StrEnum):
    """What Google does on a bad day."""

    RATE_LIMIT = "rate_limit"
    DAILY_LIMIT = "daily_limit"
    TOO_MANY = "too_many"
    DENIED = "denied"
    DOWN = "down"
    SLOW = "slow"
    DROP = "drop"


_ANSWERS = {
    Fault.RATE_LIMIT: (HTTPStatus.FORBIDDEN, "PERMISSION_DENIED", "User Rate Limit Exceeded"),
    Fault.DAILY_LIMIT: (HTTPStatus.FORBIDDEN, "PERMISSION_DENIED", "Daily Limit Exceeded"),
    Fault.TOO_MANY: (HTTPStatus.TOO_MANY_REQUESTS, "RESOURCE_EXHAUSTED", "Resource has been exhausted (check quota)."),
    Fault.DENIED: (
        HTTPStatus.FORBIDDEN,
        "PERMISSION_DENIED",
        "Cloud IAM permission 'cloudtranslate.generalModels.predict' denied.",
    ),
    Fault.DOWN: (HTTPStatus.SERVICE_UNAVAILABLE, "UNAVAILABLE", "The service is currently unavailable."),
}


class Misbehaviour(BaseModel):
    """A fault, and for how many requests.

    Attributes:
        fault: What to do; None: behave.
        requests: For as many of the next requests; None: for all.
        after: Once as many requests were answered well.
        delay_s: How slow `slow` is, seconds.
    """

    fault: Fault | None = None
    requests: int | None = Field(None, ge=1)
    after: int = Field(0, ge=0)
    delay_s: float = Field(30.0, ge=0)


class TranslateStandIn:
    """Google Cloud Translate's language detection, on this machine.

    Use it as a context manager, or call `start` and `stop`.

    Args:
        port: To listen on at 127.0.0.1; 0 takes a free one.
    """

    def __init__(self, port: int = 0) -> None:
        self._port = port
        self._server: _Server | None = None
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._misbehaviour = Misbehaviour()
        self.contents: list[str] = []
        """What was asked, in the order that it came; a test or a person may look."""
        self._detector = OfflineDetector(accurate=True)

    @property
    def url(self) -> str:
        """What `FRAMESIFT_LANGUAGE__GOOGLE_ENDPOINT` should be."""
        return f"http://{_HOST}:{self._port}"

    def start(self) -> None:
        """Listen, and answer in threads of this process.

        Raises:
            PortInUseError: Another process listens on the port.
        """
        try:
            self._server = _Server(self)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            message = f"Port {self._port} of {_HOST} is in use: stop what listens there, or take another port."
            raise PortInUseError(message) from error
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        """Answer no more."""
        self._stopping.set()
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def misbehave(
        self, fault: Fault | None, *, requests: int | None = None, after: int = 0, delay_s: float = 30
    ) -> None:
        """Be faulty from the next request on; None: behave again."""
        self._take_on(Misbehaviour(fault=fault, requests=requests, after=after, delay_s=delay_s))

    def _take_on(self, misbehaviour: Misbehaviour) -> None:
        with self._lock:
            self._misbehaviour = misbehaviour

    def _fault_now(self, content: str) -> Fault | None:
        with self._lock:
            self.contents.append(content)
            now = self._misbehaviour
            if now.after:
                self._misbehaviour = now.model_copy(update={"after": now.after - 1})
                return None
            if now.requests:
                spent = Misbehaviour() if now.requests == 1 else now.model_copy(update={"requests": now.requests - 1})
                self._misbehaviour = spent
            if now.fault is Fault.SLOW:
                delay_s = now.delay_s
            else:
                return now.fault
        self._stopping.wait(delay_s)
        return None

    def _detect(self, content: str) -> dict[str, Any]:
        (guess,) = self._detector.detect([content])
        code = "zh-CN" if guess.code == "zh" else guess.code  # As Google does: Chinese by its script.
        return {"languages": [{"languageCode": code, "confidence": guess.confidence}]}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, stand_in: TranslateStandIn) -> None:
        self.stand_in = stand_in
        super().__init__((_HOST, stand_in._port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if not _ROUTE.fullmatch(urlsplit(self.path).path):
            return self._refuse(HTTPStatus.NOT_FOUND, "NOT_FOUND", "Method not found.")
        try:
            content = json.loads(body)["content"]
        except (ValueError, KeyError, TypeError):
            return self._refuse(HTTPStatus.BAD_REQUEST, "INVALID_ARGUMENT", "Content is required.")
        if not isinstance(content, str) or not content or len(content) > _MAX_CONTENT_CODE_POINTS:
            return self._refuse(HTTPStatus.BAD_REQUEST, "INVALID_ARGUMENT", "Content is empty or too long.")
        fault = self.server.stand_in._fault_now(content)
        if fault is Fault.DROP:
            return self._drop()
        if fault:
            return self._refuse(*_ANSWERS[fault])
        return self._answer(HTTPStatus.OK, self.server.stand_in._detect(content))

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path != "/faults":
            return self._refuse(HTTPStatus.NOT_FOUND, "NOT_FOUND", "Method not found.")
        try:
            self.server.stand_in._take_on(Misbehaviour.model_validate_json(body))
        except ValidationError as error:
            return self._refuse(HTTPStatus.BAD_REQUEST, "INVALID_ARGUMENT", str(error.errors()[0]["msg"]))
        return self._answer(HTTPStatus.OK, {})

    def do_GET(self) -> None:
        self._answer(HTTPStatus.OK, {"asked": len(self.server.stand_in.contents)})

    def _refuse(self, status: HTTPStatus, reason: str, message: str) -> None:
        self._answer(status, {"error": {"code": status.value, "message": message, "status": reason}})

    def _answer(self, status: HTTPStatus, message: dict[str, Any]) -> None:
        body = json.dumps(message, ensure_ascii=False).encode()
        with suppress(ConnectionError):  # a client that gave up
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=UTF-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def _drop(self) -> None:
        # A reset, as when a machine on the way dies, not a polite end.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def log_message(self, *_: object) -> None:
        """Keep quiet: the client tells what it got."""
