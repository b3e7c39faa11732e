"""Child processes: a fork server starts them, and none outlives us.

The fork server is one small process of its own (`framesift_local.aws.fork_server`). It forks functions from an
interpreter that has their libraries imported already, and executes job commands. It is single-threaded,
so that forking is safe and Linux's parent-death signal is tied to the process, not to one of our threads;
when our end of its pipe closes, however we died, it kills every process tree that it started.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from framesift.errors import ForkServerDownError
from framesift_local.process_tree import kill_tree

_LOGGER = logging.getLogger(__name__)
SPAWN_TRIES = 3
PRELOADED = (
    "boto3",
    "pydantic",
    "pydantic_settings",
    "aws_lambda_powertools",
    "aws_lambda_powertools.event_handler",
    "aws_lambda_powertools.metrics",
    "aws_lambda_powertools.tracing",
    "aws_xray_sdk.core",
    "framesift",
    "framesift.contracts",
    "framesift.settings",
    "framesift.storage",
    "framesift.table",
    "framesift.pipeline.begin",
    "framesift.pipeline.finish",
)


class Child:
    """A process that the fork server started.

    Attributes:
        pid: Its process id.
        exit_code: None while it runs; 128 + signal when a signal ended it, as a container engine says.
    """

    def __init__(self) -> None:
        self.pid = 0
        self.exit_code: int | None = None
        self._started = threading.Event()
        self._ended = threading.Event()

    def wait(self, timeout_s: float | None = None) -> int | None:
        """Wait for the end; return the exit code, or None when time ran out first."""
        self._ended.wait(timeout_s)
        return self.exit_code

    def signal(self, signal_number: int) -> None:
        """Signal the process and its descendants, unless it has ended."""
        if self.exit_code is None:
            kill_tree(self.pid, signal_number)

    def _report(self, message: Mapping[str, Any]) -> None:
        if "pid" in message:
            self.pid = message["pid"]
            self._started.set()
        else:
            code = message["exit"]
            self.exit_code = 128 - code if code < 0 else code
            self._started.set()
            self._ended.set()


class _ServerProcess:
    """One process of the fork server, and what it has started."""

    def __init__(self, root: Path) -> None:
        self._lock = threading.Lock()
        self._children: dict[int, Child] = {}
        self._next_id = 0
        search = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH", "")]))
        self._process = subprocess.Popen(  # noqa: S603  our own module
            [sys.executable, "-m", "framesift_local.aws.fork_server", *PRELOADED],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=root,
            env={**os.environ, "PYTHONPATH": search},
            start_new_session=True,  # Ctrl-C in a terminal is ours to handle.
            text=True,
        )
        self.alive = True
        self._reader = threading.Thread(target=self._read, daemon=True, name="fork-server")
        self._reader.start()

    def spawn(self, request: Mapping[str, Any]) -> Child | None:
        """Start a child; None: this process is gone."""
        child = Child()
        with self._lock:
            if not self.alive:
                return None
            self._next_id += 1
            self._children[self._next_id] = child
            pipe = self._pipe(self._process.stdin)
            try:
                pipe.write(json.dumps({**request, "id": self._next_id}) + "\n")
                pipe.flush()
            except OSError:  # It has just died: its reader has not noticed yet.
                return None
        child._started.wait()
        return child if child.pid else None

    def close(self) -> None:
        """Kill every child and the process."""
        with self._lock, contextlib.suppress(OSError):
            self._pipe(self._process.stdin).close()
        self._process.wait()
        self._reader.join()
        self._pipe(self._process.stdout).close()

    @staticmethod
    def _pipe(pipe: IO[str] | None) -> IO[str]:
        assert pipe is not None  # noqa: S101  both are asked for above
        return pipe

    def _read(self) -> None:
        for line in self._pipe(self._process.stdout):
            message = json.loads(line)
            child = self._children[message["id"]]
            child._report(message)
            if child.exit_code is not None:
                del self._children[message["id"]]
        with self._lock:
            self.alive = False
        for child in list(self._children.values()):  # It is gone, and took them along.
            child._report({"exit": -signal.SIGKILL})


class ForkServer:
    """Starts children from a process of its own, which is started again when it dies.

    Args:
        root: The repository's root: the children's working folder and first import path.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._closed = False
        self._process: _ServerProcess | None = None

    def start(self) -> None:
        """Start the process; without this, the first child does."""
        self._living()

    def spawn(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        *,
        preloaded: bool = False,
    ) -> Child:
        """Start a child.

        Args:
            command: Program and arguments. With `preloaded`: a module that has a `main()`, alone.
            environment: The child's whole environment.
            log: File that gets its output, appended.
            preloaded: Fork an interpreter that has the usual libraries imported.

        Raises:
            ForkServerDownError: The fork server dies each time that it is started, or we are stopping.
        """
        request = {
            "command": list(command),
            "environment": dict(environment),
            "log": str(log),
            "preloaded": preloaded,
        }
        for _ in range(SPAWN_TRIES):
            child = self._living().spawn(request)
            if child is not None:
                return child
        raise ForkServerDownError(
            f"The process that starts functions and jobs died {SPAWN_TRIES} times in a row, as it does where memory "
            "runs out: free some memory, and run again."
        )

    def close(self) -> None:
        """Kill every child and the fork server."""
        with self._lock:
            self._closed = True
            if self._process is not None:
                self._process.close()

    def _living(self) -> _ServerProcess:
        with self._lock:
            if self._closed:
                raise ForkServerDownError("The embedded AWS is stopping.")
            if self._process is not None and not self._process.alive:
                _LOGGER.warning("The fork server died with all that it had started; it is started again.")
                self._process.close()
                self._process = None
            if self._process is None:
                self._process = _ServerProcess(self._root)
            return self._process
