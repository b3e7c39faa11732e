"""The process that starts the others: `python -m framesift_local.aws.fork_server MODULE…` (see `processes`).

It reads one JSON request a line and answers with the child's pid, later with its exit code.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import sys
import traceback
from typing import Any, NoReturn

from framesift_local.process_tree import die_with_parent, kill_tree


def _become(request: dict[str, Any]) -> NoReturn:
    """Turn the forked process into the child that was asked for."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.setsid()
        die_with_parent()
        null = os.open(os.devnull, os.O_RDONLY)
        log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(null, 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.closerange(3, 256)
        command, environment = request["command"], request["environment"]
        if not request["preloaded"] or sys.platform != "linux":
            # Forking without exec is not safe on macOS once its frameworks are loaded.
            argv = [sys.executable, "-m", *command] if request["preloaded"] else command
            os.execvpe(argv[0], argv, environment)  # noqa: S606  the template's own command
        os.environ.clear()
        os.environ.update(environment)
        importlib.import_module(command[0]).main()
        code = 0
    except SystemExit as exit_request:
        code = exit_request.code if isinstance(exit_request.code, int) else 1
    except FileNotFoundError:
        traceback.print_exc()
        code = 127  # As a shell says it.
    except BaseException:  # noqa: BLE001  whatever a child dies of must not return into the server loop
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


class _ForkServer:
    """The loop: requests come in on a pipe, ends of children come in as SIGCHLD."""

    def __init__(self, replies: int) -> None:
        self._replies = replies
        self._ids: dict[int, int] = {}

    def serve(self) -> None:
        wake_read, wake_write = os.pipe()
        for descriptor in (wake_read, wake_write):
            os.set_blocking(descriptor, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake_write)
        pending = b""
        while True:
            ready, _, _ = select.select([0, wake_read], [], [])
            if wake_read in ready:
                os.read(wake_read, 4096)
                self._reap()
            if 0 in ready:
                received = os.read(0, 65536)
                if not received:
                    return
                *lines, pending = (pending + received).split(b"\n")
                for line in lines:
                    self._spawn(json.loads(line))

    def kill_all(self) -> None:
        for pid in list(self._ids):
            kill_tree(pid)

    def _spawn(self, request: dict[str, Any]) -> None:
        pid = os.fork()
        if pid == 0:
            _become(request)
        self._ids[pid] = request["id"]
        self._reply({"id": request["id"], "pid": pid})

    def _reap(self) -> None:
        while self._ids:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            self._reply({"id": self._ids.pop(pid), "exit": os.waitstatus_to_exitcode(status)})

    def _reply(self, message: dict[str, Any]) -> None:
        os.write(self._replies, json.dumps(message).encode() + b"\n")


def _parse_service_descriptions() -> None:
    """Let the default session read what it knows of AWS's services; children find it read."""
    import boto3

    make: Any = boto3.client
    keys = {"aws_access_key_id": "-", "aws_secret_access_key": "-"}  # Otherwise it searches for real ones.
    for service in ("dynamodb", "s3", "secretsmanager"):
        make(service, region_name="us-east-1", **keys)


def main() -> None:
    """Serve until the pipe closes, then kill what still runs."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    replies = os.dup(1)
    os.dup2(2, 1)  # Nothing that an import prints may mix with the replies.
    for name in sys.argv[1:] if sys.platform == "linux" else []:
        with contextlib.suppress(Exception):  # A function that needs it raises the error itself.
            importlib.import_module(name)
    if sys.platform == "linux":
        _parse_service_descriptions()
    gc.freeze()  # Forked children then share these pages instead of copying them.
    server = _ForkServer(replies)
    try:
        server.serve()
    finally:
        server.kill_all()


if __name__ == "__main__":
    main()
