"""The Lambda Runtime API (2018-06-01): what a function's runtime asks for its next event.

One server is one sandbox's. It knows nothing of processes, so that it drives our own runtime client and
AWS's `awslambdaric` in a container alike: give the runtime `AWS_LAMBDA_RUNTIME_API=<address>`.
"""

from __future__ import annotations

import json
import sys
import threading
import time
import uuid
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from framesift_local.request_body import RequestBodyError, read_body
from framesift_local.same_origin import refuse_foreign

PREFIX = "/2018-06-01/runtime/"
MAX_PAYLOAD_BYTES = 6 * 1024 * 1024
"""Largest event and answer of a synchronous invocation (AWS Lambda quotas)."""
_MAX_BODY_BYTES = 256 << 20  # An answer that is too large is read, so that it is the function that fails.


@dataclass(frozen=True)
class Answer:
    """What a runtime answered.

    Attributes:
        payload: The function's JSON, or an error as JSON with `errorType` and `errorMessage`.
        failed: Whether it is an error.
    """

    payload: bytes
    failed: bool = False


def error_answer(error_type: str, message: str) -> Answer:
    """Make an answer in the form that Lambda gives errors."""
    body = {"errorType": error_type, "errorMessage": message}
    return Answer(json.dumps(body, separators=(",", ":")).encode(), failed=True)


@dataclass
class _Invocation:
    request_id: str
    event: bytes
    timeout_s: float
    deadline: float | None = None
    answer: Answer | None = None
    changed: threading.Condition = field(default_factory=threading.Condition)

    def settle(self, answer: Answer) -> None:
        with self.changed:
            if self.answer is None:
                self.answer = answer
            self.changed.notify_all()


class RuntimeApi:
    """The Runtime API of one sandbox.

    Args:
        function_arn: The ARN that the runtime gets as the invoked one.
        init_limit_s: How long the runtime may take until it asks for its first event.
        host: Address to listen on. Loopback, unless the runtime lives in a container.
    """

    def __init__(self, function_arn: str, *, init_limit_s: float = 60, host: str = "127.0.0.1") -> None:
        self._function_arn = function_arn
        self._init_limit_s = init_limit_s
        self._changed = threading.Condition()
        self._waiting: _Invocation | None = None
        self._running: _Invocation | None = None
        self._failure: Answer | None = None
        self._closed = False
        self._ready = False
        handler = type("Handler", (_Handler,), {"api": self})
        self._server = _Server((host, 0), handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True, name="runtime-api").start()

    @property
    def address(self) -> str:
        """host:port, the value of AWS_LAMBDA_RUNTIME_API."""
        host, port = self._server.server_address[:2]
        return f"{host!s}:{port}"

    def invoke(self, event: bytes, timeout_s: float, request_id: str | None = None) -> Answer:
        """Hand an event to the runtime and wait for its answer.

        The timeout runs from the moment when the runtime takes the event, as on Lambda.

        Returns:
            The answer; `Sandbox.Timedout` when time ran out. The caller then ends the sandbox.
        """
        invocation = _Invocation(request_id or str(uuid.uuid4()), event, timeout_s)
        taken_by = time.monotonic() + (0 if self._ready else self._init_limit_s) + 10
        with self._changed:
            if self._failure is not None:
                return self._failure
            self._waiting = invocation
            self._changed.notify_all()
        with invocation.changed:
            while invocation.answer is None:
                until = taken_by if invocation.deadline is None else invocation.deadline
                remaining_s = until - time.monotonic()
                if remaining_s <= 0:
                    break
                invocation.changed.wait(remaining_s)
        timed_out = error_answer(
            "Sandbox.Timedout",
            f"RequestId: {invocation.request_id} Error: Task timed out after {timeout_s:.2f} seconds",
        )
        return invocation.answer or timed_out

    def fail(self, answer: Answer) -> None:
        """Answer this and every later event in the runtime's place: it has ended."""
        with self._changed:
            self._failure = answer
            in_hand = (self._running, self._waiting)
        for invocation in in_hand:
            if invocation is not None:
                invocation.settle(answer)

    def close(self) -> None:
        """Stop listening; a runtime that waits for an event gets none."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._server.shutdown()
        self._server.server_close()

    def next_event(self) -> tuple[bytes, dict[str, str]] | None:
        """Wait for an event, as the runtime's GET does; None when the sandbox closes."""
        with self._changed:
            self._ready = True
            while self._waiting is None:
                if self._closed:
                    return None
                self._changed.wait()
            invocation, self._waiting = self._waiting, None
            self._running = invocation
        with invocation.changed:
            invocation.deadline = time.monotonic() + invocation.timeout_s
            invocation.changed.notify_all()
        return invocation.event, {
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + invocation.timeout_s) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": self._function_arn,
            "Lambda-Runtime-Trace-Id": f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Sampled=0",
        }

    def settle(self, request_id: str, answer: Answer) -> bool:
        """Take the runtime's answer; False when it is not the event in hand."""
        invocation = self._running
        if invocation is None or invocation.request_id != request_id:
            return False
        if not answer.failed and len(answer.payload) > MAX_PAYLOAD_BYTES:
            answer = error_answer(
                "Function.ResponseSizeTooLarge",
                f"Response payload size exceeded maximum allowed payload size ({MAX_PAYLOAD_BYTES} bytes).",
            )
        self._running = None
        invocation.settle(answer)
        return True


class _Server(ThreadingHTTPServer):
    """A server that does not mind when the runtime is killed while it asks."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say what broke, unless it is the connection."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """Serves one `RuntimeApi` over HTTP."""

    api: ClassVar[RuntimeApi]
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def parse_request(self) -> bool:
        """Read the request's head; requests of web pages are refused."""
        if not super().parse_request():
            return False
        refusal = refuse_foreign({name.lower(): value for name, value in self.headers.items()})
        if refusal is not None and not self._is_container():
            self.close_connection = True
            self._reply(403, {"errorType": "Forbidden", "errorMessage": refusal})
            return False
        return True

    def _is_container(self) -> bool:
        """Return whether a container calls by the address that this server was given, which is no loopback one."""
        return (
            self.headers.get("Host") == self.api.address
            and "Origin" not in self.headers
            and "Sec-Fetch-Site" not in self.headers
        )

    def do_GET(self) -> None:
        if self.path != f"{PREFIX}invocation/next":
            return self._reply(404, {"errorType": "NotFound"})
        event = self.api.next_event()
        if event is None:  # The sandbox closes, and its process is gone or goes.
            self.close_connection = True
            return None
        body, headers = event
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        return None

    def do_POST(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            body = read_body(self.rfile, headers, _MAX_BODY_BYTES)
        except RequestBodyError as error:
            self.close_connection = True
            return self._reply(error.status, {"errorType": "InvalidBody", "errorMessage": str(error)})
        step = self.path.removeprefix(PREFIX).split("/")
        match step:
            case ["init", "error"]:
                self.api.fail(Answer(body, failed=True))
                known = True
            case ["invocation", request_id, ("response" | "error") as outcome]:
                known = self.api.settle(request_id, Answer(body, failed=outcome == "error"))
            case _:
                return self._reply(404, {"errorType": "NotFound"})
        if not known:
            return self._reply(400, {"errorType": "InvalidRequestID"})
        return self._reply(202, {"status": "OK"})

    def _reply(self, status: int, body: dict[str, Any]) -> None:
        payload = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  http.server's name
        """Log nothing: one line a poll helps nobody."""
