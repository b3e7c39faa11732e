"""What stand-ins for outside sites and services share: an HTTP server on loopback, and faults on demand."""

from __future__ import annotations

import errno
import json
import socket
import struct
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Self
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, Field, ValidationError

from framesift.errors import PortInUseError
from framesift_local.request_body import RequestBodyError, read_body
from framesift_local.same_origin import HOST, refuse_foreign

_MAX_BODY_BYTES = 256 << 20  # A batch of images to train on.


class Fault(StrEnum):
    """A way in which a service fails."""

    TOO_MANY = "too_many"
    RATE_LIMIT = "rate_limit"
    QUOTA = "quota"
    DENIED = "denied"
    DOWN = "down"
    SLOW = "slow"
    DROP = "drop"


class Misbehaviour(BaseModel):
    """A fault, and for how many requests.

    Attributes:
        fault: How to fail; None: not at all.
        path: Only where the path has this in it.
        requests: For as many of the next requests; None: for all.
        after: How many requests are answered well first.
        delay_s: How slow `slow` is, seconds.
    """

    fault: Fault | None = None
    path: str = ""
    requests: int | None = Field(None, ge=1)
    after: int = Field(0, ge=0)
    delay_s: float = Field(30.0, ge=0)


@dataclass(frozen=True)
class Request:
    """A request.

    Attributes:
        method: `GET`, `POST` …
        path: Without the query.
        query: The first value of each parameter.
        headers: By lower-case name.
        body: As it came.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = field(repr=False)

    @property
    def base_url(self) -> str:
        """The address that the client has called, without a slash at the end."""
        return f"http://{self.headers.get('host', HOST)}"

    def json(self) -> Any:
        """Return the body as JSON; None where it is not."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: HTTPStatus
    body: bytes = b""
    content_type: str = "application/json; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, message: Any, status: HTTPStatus = HTTPStatus.OK, **headers: str) -> Self:
        """Make an answer in JSON."""
        return cls(status, json.dumps(message, ensure_ascii=False).encode(), headers=headers)


class Loopback(ABC):
    """Something that answers HTTP on 127.0.0.1, in threads of this process.

    Use it as a context manager, or call `start` and `stop`. A subclass defines what it answers.

    Args:
        port: To listen on; 0 takes a free one.
    """

    def __init__(self, port: int = 0) -> None:
        self._port = port
        self._server: _Server | None = None
        self._stopping = threading.Event()

    @abstractmethod
    def respond(self, request: Request) -> Answer | None:
        """Return the answer; None: break the connection."""

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        return f"http://{HOST}:{self._port}"

    def start(self) -> Self:
        """Listen.

        Raises:
            PortInUseError: Another process listens on the port.
        """
        try:
            self._server = _Server(self, self._port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            message = f"Port {self._port} of {HOST} is in use: stop what listens there, or take another port."
            raise PortInUseError(message) from error
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def stop(self) -> None:
        """Stop listening, and close all connections."""
        self._stopping.set()
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


class StandIn(Loopback):
    """A service that fails on demand: in the process by `misbehave`, over HTTP by `PUT /faults`.

    Args:
        port: To listen on; 0 takes a free one.

    Attributes:
        faults: What the service answers for each fault. `slow` and `drop` are the same for all.
        requests: Method and path of each request, oldest first.
    """

    faults: ClassVar[Mapping[Fault, Answer]] = {}

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self._misbehaviour = Misbehaviour()
        self.lock = threading.RLock()
        self.requests: list[tuple[str, str]] = []

    @abstractmethod
    def answer(self, request: Request) -> Answer:
        """Answer a request while no fault is set."""

    def misbehave(
        self, fault: Fault | None, *, path: str = "", requests: int | None = None, after: int = 0, delay_s: float = 30.0
    ) -> None:
        """Fail from the next request on; None: stop failing. See `Misbehaviour`."""
        with self.lock:
            self._misbehaviour = Misbehaviour(fault=fault, path=path, requests=requests, after=after, delay_s=delay_s)

    def respond(self, request: Request) -> Answer | None:
        """See `Loopback.respond`."""
        if (request.method, request.path) == ("PUT", "/faults"):
            return self._set_faults(request)
        with self.lock:
            self.requests.append((request.method, request.path))
            delay_s = self._misbehaviour.delay_s
            fault = self._fault_now(request)
        if fault is Fault.DROP:
            return None
        if fault is Fault.SLOW:
            self._stopping.wait(delay_s)
            fault = None
        return self.faults[fault] if fault else self.answer(request)

    def _set_faults(self, request: Request) -> Answer:
        try:
            wanted = Misbehaviour.model_validate_json(request.body)
        except ValidationError as error:
            return Answer.of({"message": str(error.errors()[0]["msg"])}, HTTPStatus.BAD_REQUEST)
        if wanted.fault not in {None, Fault.SLOW, Fault.DROP, *self.faults}:
            return Answer.of({"message": f"{wanted.fault} is no fault of this service."}, HTTPStatus.BAD_REQUEST)
        with self.lock:
            self._misbehaviour = wanted
        return Answer.of({})

    def _fault_now(self, request: Request) -> Fault | None:
        now = self._misbehaviour
        if now.fault is None or now.path not in request.path:
            return None
        if now.after:
            self._misbehaviour = now.model_copy(update={"after": now.after - 1})
            return None
        if now.requests:
            left = now.requests - 1
            self._misbehaviour = now.model_copy(update={"requests": left}) if left else Misbehaviour()
        return now.fault


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, answerer: Loopback, port: int) -> None:
        self.answerer = answerer
        self._open: set[socket.socket] = set()
        super().__init__((HOST, port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        super().server_close()
        for connection in list(self._open):  # Kept alive by clients.
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):  # A client may go away at any time.
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _respond(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        refusal = refuse_foreign(headers)
        try:
            body = b"" if refusal else read_body(self.rfile, headers, _MAX_BODY_BYTES)
        except RequestBodyError as error:
            self.close_connection = True
            return self.send_error(error.status, str(error))
        parts = urlsplit(self.path)
        request = Request(
            self.command,
            parts.path,
            {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()},
            headers,
            body,
        )
        if refusal:
            self.close_connection = True  # Its body has not been read.
            answer: Answer | None = Answer.of({"message": refusal}, HTTPStatus.FORBIDDEN)
        else:
            answer = self.server.answerer.respond(request)
        if answer is None:
            return self._drop()
        with suppress(ConnectionError):  # a client that gave up
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)
        return None

    def do_GET(self) -> None:
        self._respond()

    def do_POST(self) -> None:
        self._respond()

    def do_PUT(self) -> None:
        self._respond()

    def do_PATCH(self) -> None:
        self._respond()

    def do_DELETE(self) -> None:
        self._respond()

    def _drop(self) -> None:
        # A reset, as when a machine on the way dies, not a polite end.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def log_message(self, *_: object) -> None:
        """Log nothing: the client reports what it got."""
