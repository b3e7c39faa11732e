"""The runtime inside a function's process: asks for events, calls the handler, answers.

AWS's own client (`awslambdaric`) has a C extension that is not built for macOS; this one uses the same
Runtime API in plain Python. `_HANDLER` is a dotted path: package, module, function.
"""

from __future__ import annotations

import decimal
import http.client
import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NoReturn

from framesift_local.aws.runtime_api import PREFIX

Handler = Callable[[Any, "LambdaContext"], Any]


@dataclass(frozen=True)
class LambdaContext:
    """The second argument of a handler, as Lambda's Python runtime makes it."""

    aws_request_id: str
    invoked_function_arn: str
    deadline_ms: int
    function_name: str = field(default_factory=lambda: os.environ["AWS_LAMBDA_FUNCTION_NAME"])
    function_version: str = "$LATEST"
    memory_limit_in_mb: str = field(default_factory=lambda: os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"])
    log_group_name: str = field(default_factory=lambda: f"/aws/lambda/{os.environ['AWS_LAMBDA_FUNCTION_NAME']}")
    log_stream_name: str = "local"
    identity: None = None
    client_context: None = None

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the handler may still run, in milliseconds."""
        return max(0, self.deadline_ms - int(time.time() * 1000))


def _number(value: Any) -> Any:
    """Let Decimal through, as Lambda's runtime does; the rest is not JSON."""
    if isinstance(value, decimal.Decimal):
        return float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _describe(error: BaseException, request_id: str = "") -> bytes:
    """Return an error in Lambda's shape."""
    frames = traceback.extract_tb(error.__traceback__)[1:]  # The first one is ours.
    return json.dumps(
        {
            "errorMessage": str(error),
            "errorType": type(error).__name__,
            "requestId": request_id,
            "stackTrace": traceback.format_list(frames),
        },
        ensure_ascii=False,
    ).encode()


class _Api:
    """The client's side of the Runtime API; one kept connection."""

    def __init__(self, address: str) -> None:
        self._connection = http.client.HTTPConnection(address)

    def next_event(self) -> tuple[bytes, LambdaContext, str]:
        self._connection.request("GET", f"{PREFIX}invocation/next")
        try:
            response = self._connection.getresponse()
        except ConnectionError:
            sys.exit(0)  # The sandbox is closed.
        body = response.read()
        context = LambdaContext(
            aws_request_id=response.headers["Lambda-Runtime-Aws-Request-Id"],
            invoked_function_arn=response.headers["Lambda-Runtime-Invoked-Function-Arn"],
            deadline_ms=int(response.headers["Lambda-Runtime-Deadline-Ms"]),
        )
        return body, context, response.headers.get("Lambda-Runtime-Trace-Id", "")

    def post(self, path: str, body: bytes) -> None:
        headers = {"Content-Type": "application/json"}
        self._connection.request("POST", PREFIX + path, body=body, headers=headers)
        self._connection.getresponse().read()


def _load_handler(api: _Api) -> Handler:
    """Import the handler; an import that fails is the function's init error."""
    try:
        module, _, name = os.environ["_HANDLER"].rpartition(".")
        handler: Handler = getattr(importlib.import_module(module), name)
    except BaseException as error:
        api.post("init/error", _describe(error))
        raise
    return handler


def main() -> NoReturn:
    """Serve events until the sandbox closes."""
    api = _Api(os.environ["AWS_LAMBDA_RUNTIME_API"])
    handler = _load_handler(api)
    while True:
        body, context, trace_id = api.next_event()
        os.environ["_X_AMZN_TRACE_ID"] = trace_id
        try:
            result = handler(json.loads(body), context)
            answer = json.dumps(result, ensure_ascii=False, default=_number).encode()
            outcome = "response"
        except Exception as error:  # noqa: BLE001  every error of a handler is the caller's to see
            with suppress(OSError):
                traceback.print_exc()
            answer, outcome = _describe(error, context.aws_request_id), "error"
        for log in (sys.stdout, sys.stderr):
            with suppress(OSError):  # A full disk costs lines of the log; the answer says what it was.
                log.flush()
        api.post(f"invocation/{context.aws_request_id}/{outcome}", answer)


if __name__ == "__main__":
    main()
