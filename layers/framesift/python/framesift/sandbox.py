"""Runs our decoders on untrusted bytes in child processes that have limits on time and memory and can be killed.

A decoder that hangs, crashes or wants all the memory costs the call that started it, and nothing else. The children
live for many calls: one costs a fraction of a millisecond beyond the work itself.

Parent and child speak over a socket pair in a format of their own, JSON and bytes: nothing is pickled, so that a child
that was taken over by what it decoded cannot run code in its parent. It has no credentials in its environment, writes
no files, and exits when its parent does. No semaphores or shared memory of the operating system are used, which AWS
Lambda does not have.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Self

from framesift import errors
from framesift.errors import FramesiftError

_LENGTHS = struct.Struct(">IQ")  # Of the JSON and of the bytes that follow it.
_MAX_HEADER_BYTES = 1 << 20
_BUFFER_BYTES = 2 << 20  # Pixels of a thumbnail pass in one piece; the kernel may allow less.
_START_TIMEOUT_S = 60.0
_OWN_ALARM_MARGIN_S = 2.0
# All that a decoder needs; no credentials, no settings.
_INHERITED = ("PATH", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


@dataclass(frozen=True)
class Reply:
    """What a function in a sandbox returns.

    Attributes:
        fields: Anything that JSON can hold.
        data: Bytes.
    """

    fields: dict[str, Any] = field(default_factory=dict)
    data: bytes | bytearray | memoryview = b""


class SandboxKilledError(Exception):
    """The call took too long or too much memory, or crashed its process. Callers raise an error of their own for it."""


class Sandbox:
    """Child processes that call the functions of one module.

    Safe to use from many threads. Processes are started when they are needed, and kept.

    Args:
        module: The module's name. Its functions take bytes and keywords, and return a `Reply`.
        timeout_s: How long a call may take, seconds.
        memory_limit_bytes: How much a process may allocate; not enforced on macOS, which has no such limit.
        workers: Processes at most; 0: one for each core.

    Example:
        >>> from framesift.sandbox import Sandbox
        >>> with Sandbox("framesift.vision.image_worker", timeout_s=10, memory_limit_bytes=1 << 30) as sandbox:
        ...     reply = sandbox.call("inspect", data, format="JPEG", max_pixels=25_000_000)
    """

    def __init__(self, module: str, *, timeout_s: float, memory_limit_bytes: int, workers: int = 0) -> None:
        self._module = module
        self._timeout_s = timeout_s
        self._memory_limit_bytes = memory_limit_bytes
        self._slots = threading.BoundedSemaphore(workers or _usable_cores())
        self._idle: list[_Worker] = []
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def call(self, function: str, data: bytes = b"", **keywords: Any) -> Reply:
        """Call a function of the module in a process of its own.

        Args:
            function: Its name.
            data: Its first argument.
            **keywords: The others: anything that JSON can hold.

        Raises:
            FramesiftError: What the function raised.
            SandboxKilledError: It took too long or too much memory, or crashed.
            RuntimeError: The function failed in a way that it does not foresee: a defect of ours.
        """
        with self._borrow() as worker:
            reply = worker.call({"function": function, "keywords": keywords, "timeout_s": self._timeout_s}, data)
        fault = reply.fields.pop("fault", None)
        if fault is not None:
            raise _raised(*fault)
        return reply

    def close(self) -> None:
        """End the processes that are idle; a later call starts new ones."""
        with self._lock:
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.kill()

    @contextmanager
    def _borrow(self) -> Iterator[_Worker]:
        with self._slots:
            with self._lock:
                while self._idle and not self._idle[-1].is_alive:  # The OOM killer takes whom it likes.
                    self._idle.pop().kill()
                worker = self._idle.pop() if self._idle else None
            worker = worker or _Worker(self._module, self._memory_limit_bytes)
            try:
                yield worker
            except BaseException:
                worker.kill()
                raise
            with self._lock:
                self._idle.append(worker)


class _Worker:
    """One child process, seen from its parent."""

    def __init__(self, module: str, memory_limit_bytes: int) -> None:
        self._memory_limit_bytes = memory_limit_bytes
        self._channel, theirs = socket.socketpair()
        with theirs:
            for end in (self._channel, theirs):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
            self._process = subprocess.Popen(  # noqa: S603 - our own module.
                [sys.executable, "-m", "framesift.sandbox", module, str(memory_limit_bytes)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=_environment(),
                start_new_session=True,  # Ctrl-C is the parent's to handle.
            )
        atexit.register(self.kill)
        try:
            _receive(self._channel, time.monotonic() + _START_TIMEOUT_S)
        except (OSError, EOFError) as error:
            self.kill()
            raise RuntimeError(f"A process for {module} could not be started ({error}).") from error

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def call(self, request: dict[str, Any], data: bytes) -> Reply:
        deadline = time.monotonic() + request["timeout_s"]
        try:
            _send(self._channel, request, data, deadline)
            reply = _receive(self._channel, deadline)
        except TimeoutError:
            raise SandboxKilledError(f"it takes longer than {request['timeout_s']:g} s") from None
        except (OSError, EOFError, ValueError):
            self.kill()
            raise SandboxKilledError(f"the process died of it ({_cause_of_death(self._process.returncode)})") from None
        if reply.fields.get("out_of_memory"):
            raise SandboxKilledError(f"it needs more memory than {self._memory_limit_bytes >> 20:,} MiB")
        return reply

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._channel.close()
        atexit.unregister(self.kill)


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    # One thread each: there is a process for each core, and the stacks of a pool count towards the memory limit.
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),  # noqa: PTH109 - a plain string.
        "PYTHONDONTWRITEBYTECODE": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }


def _raised(name: str, message: str) -> Exception:
    kind = getattr(errors, name, None)
    if isinstance(kind, type) and issubclass(kind, FramesiftError):
        return kind(message)
    return RuntimeError(f"{name} in a sandboxed process:\n{message}")


def _cause_of_death(returncode: int) -> str:
    with suppress(ValueError):
        return signal.Signals(-returncode).name
    return f"exit code {returncode}"


def _usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# --- what both sides speak ---


def _send(
    channel: socket.socket, fields: dict[str, Any], data: bytes | bytearray | memoryview, deadline: float
) -> None:
    header = json.dumps(fields).encode()
    parts = [memoryview(_LENGTHS.pack(len(header), memoryview(data).nbytes) + header), memoryview(data).cast("B")]
    while any(parts):
        _set_timeout(channel, deadline)
        sent = channel.sendmsg(parts)
        for index, part in enumerate(parts):
            parts[index], sent = part[sent:], max(0, sent - len(part))


def _receive(channel: socket.socket, deadline: float) -> Reply:
    header_bytes, data_bytes = _LENGTHS.unpack(_read(channel, _LENGTHS.size, deadline))
    if header_bytes > _MAX_HEADER_BYTES:
        raise ValueError("The other side does not speak our format.")
    fields = json.loads(_read(channel, header_bytes, deadline))
    if not isinstance(fields, dict):
        raise ValueError("The other side does not speak our format.")
    return Reply(fields, _read(channel, data_bytes, deadline))


def _read(channel: socket.socket, size_bytes: int, deadline: float) -> bytearray:
    buffer = bytearray(size_bytes)
    rest = memoryview(buffer)
    while rest:
        _set_timeout(channel, deadline)
        count = channel.recv_into(rest)
        if not count:
            raise EOFError("The other side has closed the connection.")
        rest = rest[count:]
    return buffer


def _set_timeout(channel: socket.socket, deadline: float) -> None:
    if deadline == float("inf"):
        return
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    channel.settimeout(left_s)


# --- the child ---


def _serve(module_name: str, memory_limit_bytes: int) -> None:
    channel = socket.socket(fileno=os.dup(0))
    module = importlib.import_module(module_name)
    _limit(memory_limit_bytes)
    _send(channel, {}, b"", float("inf"))
    while True:
        try:
            request = _receive(channel, float("inf"))
        except (EOFError, ConnectionResetError):
            return  # The parent has ended.
        # The parent kills what takes too long; this does so where the parent itself was killed.
        signal.setitimer(signal.ITIMER_REAL, request.fields["timeout_s"] + _OWN_ALARM_MARGIN_S)
        reply = _reply(getattr(module, request.fields["function"]), bytes(request.data), request.fields["keywords"])
        signal.setitimer(signal.ITIMER_REAL, 0)
        _send(channel, reply.fields, reply.data, float("inf"))


def _reply(function: Any, data: bytes, keywords: dict[str, Any]) -> Reply:
    try:
        reply: Reply = function(data, **keywords)
    except FramesiftError as error:
        return Reply({"fault": [type(error).__name__, str(error)]})
    except MemoryError:
        return Reply({"out_of_memory": True})
    except Exception as error:  # noqa: BLE001 - it is raised in the parent.
        return Reply({"fault": [f"framesift.{type(error).__name__}", traceback.format_exc()]})
    return reply


def _limit(memory_limit_bytes: int) -> None:
    # RLIMIT_DATA counts what is allocated, not what is mapped: libraries map much that they never touch.
    for kind, limit in (
        (resource.RLIMIT_DATA, memory_limit_bytes),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        resource.setrlimit(kind, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]))
