"""Lambda: each function in worker processes of its own, with the template's limits and environment."""

from __future__ import annotations

import signal
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from framesift.errors import ForkServerDownError
from framesift_local.aws.processes import Child, ForkServer
from framesift_local.aws.runtime_api import MAX_PAYLOAD_BYTES, Answer, RuntimeApi, error_answer
from framesift_local.process_tree import memory_bytes

WATCH_INTERVAL_S = 0.25
IDLE_LIMIT_S = 300.0
WORKER_LIMIT = 8
"""Workers of one function at most, where the template reserves no concurrency; more events wait."""


class FunctionMissingError(LookupError):
    """No function of the template has the name or ARN that was invoked."""


class ThrottledError(RuntimeError):
    """The function's reserved concurrency is in use."""


class PayloadTooLargeError(ValueError):
    """The event is larger than Lambda takes."""


@dataclass(frozen=True)
class FunctionSpec:
    """A function of the template.

    Attributes:
        handler: Dotted path: package, module, function.
        reserved_concurrency: Events at once at most; further ones are refused. None: not reserved.
    """

    name: str
    arn: str
    handler: str
    timeout_s: float = 3
    memory_mb: int = 128
    environment: Mapping[str, str] = field(default_factory=dict)
    reserved_concurrency: int | None = None


class _Sandbox:
    """One worker process and its Runtime API."""

    def __init__(self, spec: FunctionSpec, environment: Mapping[str, str], fork_server: ForkServer, log: Path) -> None:
        self.spec = spec
        self.idle_since = time.monotonic()
        self.busy = False
        self._ended = False
        self._api = RuntimeApi(spec.arn)
        try:
            self._child: Child = fork_server.spawn(
                ["framesift_local.aws.runtime_client"],
                {**environment, "AWS_LAMBDA_RUNTIME_API": self._api.address},
                log,
                preloaded=True,
            )
        except ForkServerDownError:
            self._api.close()
            raise
        threading.Thread(target=self._await_exit, daemon=True, name=f"{spec.name}-exit").start()

    @property
    def alive(self) -> bool:
        return not self._ended and self._child.exit_code is None

    def invoke(self, event: bytes, request_id: str) -> Answer:
        if not self.alive:
            return self._exit_answer()
        answer = self._api.invoke(event, self.spec.timeout_s, request_id)
        if answer.failed and b"Sandbox.Timedout" in answer.payload:
            self.end()
        return answer

    def check_memory(self) -> None:
        if memory_bytes(self._child.pid) > self.spec.memory_mb * 1024 * 1024:
            self._child.signal(signal.SIGKILL)

    def end(self) -> None:
        self._ended = True  # Before its process is gone: nobody may be given it any more.
        self._child.signal(signal.SIGKILL)

    def _await_exit(self) -> None:
        self._child.wait()
        self._api.fail(self._exit_answer())
        self._api.close()

    def _exit_answer(self) -> Answer:
        code = self._child.exit_code or 0
        reason = "signal: killed" if code == 128 + signal.SIGKILL else f"exit status {code}"
        return error_answer("Runtime.ExitError", f"Error: Runtime exited with error: {reason}")


class Functions:
    """All functions of the template.

    Args:
        fork_server: Starts the workers.
        logs: Folder of one log file a function.
        common: Environment on top of the template's, for each function.
    """

    def __init__(self, fork_server: ForkServer, logs: Path, common: Mapping[str, str]) -> None:
        self._fork_server = fork_server
        self._logs = logs
        self._common = common
        self._specs: dict[str, FunctionSpec] = {}
        self._sandboxes: list[_Sandbox] = []
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        threading.Thread(target=self._watch, daemon=True, name="function-watch").start()

    def add(self, spec: FunctionSpec) -> None:
        """Make a function known."""
        self._specs[spec.name] = spec

    def find(self, name_or_arn: str) -> FunctionSpec:
        """Return the function of a name, an ARN, or either with a qualifier.

        Raises:
            FunctionMissingError: There is none.
        """
        name = name_or_arn.split(":function:")[-1].split(":")[0]
        if name not in self._specs:
            raise FunctionMissingError(f"Function not found: {name_or_arn}")
        return self._specs[name]

    def invoke(self, name_or_arn: str, event: bytes) -> Answer:
        """Run a function and return its answer.

        Raises:
            FunctionMissingError: There is no such function.
            PayloadTooLargeError: The event exceeds 6 MB.
            ThrottledError: Its reserved concurrency is in use.
        """
        spec = self.find(name_or_arn)
        if len(event) > MAX_PAYLOAD_BYTES:
            raise PayloadTooLargeError(
                f"{len(event)} byte payload is too large for the RequestResponse invocation type"
                f" (limit {MAX_PAYLOAD_BYTES} bytes)"
            )
        try:
            sandbox = self._acquire(spec)
        except ForkServerDownError as error:
            return error_answer("Runtime.ExitError", str(error))
        try:
            return sandbox.invoke(event, str(uuid.uuid4()))
        finally:
            with self._changed:
                sandbox.busy = False
                sandbox.idle_since = time.monotonic()
                if not sandbox.alive:
                    self._sandboxes.remove(sandbox)
                self._changed.notify_all()

    def stop(self) -> None:
        """End all workers."""
        self._stopping.set()
        with self._changed:
            for sandbox in self._sandboxes:
                sandbox.end()

    def _acquire(self, spec: FunctionSpec) -> _Sandbox:
        """Return a warm idle worker, else a new one, else wait for one."""
        limit = WORKER_LIMIT if spec.reserved_concurrency is None else spec.reserved_concurrency
        with self._changed:
            while True:
                mine = [s for s in self._sandboxes if s.spec == spec and (s.busy or s.alive)]
                idle = next((s for s in mine if not s.busy), None)
                if idle is not None:
                    idle.busy = True
                    return idle
                if len(mine) < limit:
                    break
                if spec.reserved_concurrency is not None:
                    raise ThrottledError("Rate Exceeded.")
                self._changed.wait()
            sandbox = _Sandbox(spec, self._environment(spec), self._fork_server, self._logs / f"{spec.name}.log")
            sandbox.busy = True
            self._sandboxes.append(sandbox)
            return sandbox

    def _environment(self, spec: FunctionSpec) -> dict[str, str]:
        return {
            "POWERTOOLS_SERVICE_NAME": spec.name,
            **spec.environment,
            **self._common,
            "_HANDLER": spec.handler,
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.11",
            "AWS_LAMBDA_FUNCTION_NAME": spec.name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        }

    def _watch(self) -> None:
        """Hold busy workers to their memory, and end idle ones."""
        while not self._stopping.wait(WATCH_INTERVAL_S):
            with self._changed:
                sandboxes = list(self._sandboxes)
            for sandbox in sandboxes:
                if sandbox.busy and sandbox.alive:
                    sandbox.check_memory()
            with self._changed:
                for sandbox in list(self._sandboxes):
                    idle_s = time.monotonic() - sandbox.idle_since
                    if not sandbox.busy and (idle_s > IDLE_LIMIT_S or not sandbox.alive):
                        sandbox.end()
                        self._sandboxes.remove(sandbox)
