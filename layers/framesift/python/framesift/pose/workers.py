"""Worker processes that a hostile file may kill: only its own task fails.

`concurrent.futures` gives up all tasks when one process dies; this small pool does not.
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import resource
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, Self

from framesift.errors import FramesiftError, VideoWorkerDiedError

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # Of malloc.h.
_LARGEST_MMAP_THRESHOLD_BYTES = 32 << 20  # That glibc takes.

Report = Callable[[Any], None]
Work = Callable[[Any, Report], Any]


@dataclass(frozen=True)
class _Progress:
    """What a task reports before it ends."""

    value: Any


@dataclass
class _Worker:
    process: Any
    pipe: Connection
    task: Any = None
    started_s: float = 0.0


class WorkerPool:
    """Processes that do tasks, each one at a time.

    Args:
        make_work: Called once in each process, with `arguments`; returns a function of a task and of `report`, which
            takes what the task reports on its way. Must pickle.
        arguments: For `make_work`.
        workers: Processes at most; started when there is work.
        memory_limit_mb: What a process may hold.
        timeout_s: How long a task may take.
        on_progress: Is called with a task and what it reports, which must pickle.
    """

    def __init__(
        self,
        make_work: Callable[..., Work],
        arguments: tuple[Any, ...],
        *,
        workers: int,
        memory_limit_mb: int,
        timeout_s: float,
        on_progress: Callable[[Any, Any], None] = lambda *_: None,
    ) -> None:
        self._on_progress = on_progress
        self._serving = (make_work, arguments, memory_limit_mb)
        self._count = workers
        self._timeout_s = timeout_s
        self._workers: list[_Worker] = []
        self._context = multiprocessing.get_context("spawn")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join()

    def run(self, tasks: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
        """Do tasks.

        Args:
            tasks: Each must pickle, as must its result.

        Yields:
            Each task with its result or its `FramesiftError`, as they end. A process that dies or takes too long gives
            `VideoWorkerDiedError`.
        """
        waiting = deque(tasks)
        while len(self._workers) < min(self._count, len(tasks)):
            self._workers.append(self._start())
        while True:
            self._hand_out(waiting)
            busy = [worker for worker in self._workers if worker.task is not None]
            if not busy:
                return
            soonest_s = min(worker.started_s for worker in busy) + self._timeout_s
            wait([worker.pipe for worker in busy], max(0.0, soonest_s - time.monotonic()))
            for worker in busy:
                outcome, task = self._outcome(worker), worker.task
                if outcome is None:
                    continue
                worker.task = None
                if not worker.process.is_alive():
                    self._workers[self._workers.index(worker)] = self._start()
                yield task, outcome

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs, *self._serving), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def _hand_out(self, waiting: deque[Any]) -> None:
        for worker in self._workers:
            if worker.task is None and waiting:
                worker.task, worker.started_s = waiting.popleft(), time.monotonic()
                with contextlib.suppress(BrokenPipeError):  # It died before; `_outcome` finds that.
                    worker.pipe.send(worker.task)

    def _outcome(self, worker: _Worker) -> Any:
        """The task's result or error, or `None` while it runs."""
        try:
            while worker.pipe.poll():
                message = worker.pipe.recv()
                if not isinstance(message, _Progress):
                    return message
                self._on_progress(worker.task, message.value)
        except (EOFError, ConnectionResetError):
            worker.process.join()
            return VideoWorkerDiedError(
                f"the process that read it died ({_death(worker.process.exitcode)}): the file is damaged or hostile, "
                "or needs more than performance.memory_limit_mb."
            )
        if time.monotonic() - worker.started_s > self._timeout_s:
            worker.process.kill()
            worker.process.join()
            return VideoWorkerDiedError(f"it took longer than performance.video_timeout_s, {self._timeout_s:g} s.")
        return None


def _death(exitcode: int | None) -> str:
    return signal.Signals(-exitcode).name if exitcode is not None and exitcode < 0 else f"exit code {exitcode}"


def _serve(pipe: Connection, make_work: Callable[..., Work], arguments: tuple[Any, ...], memory_limit_mb: int) -> None:
    """Make the work once, then do tasks until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle.
    # Counts what is written, not what is mapped: networks and libraries map much that they never touch.
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limit = memory_limit_mb << 20
    resource.setrlimit(resource.RLIMIT_DATA, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
    _reuse_freed_memory()
    _silence_native_logs()
    work: Work | None = None
    with contextlib.suppress(EOFError):
        while True:
            task = pipe.recv()
            try:
                work = work or make_work(*arguments)
                pipe.send(work(task, lambda value: pipe.send(_Progress(value))))
            except FramesiftError as error:
                pipe.send(error)
            except MemoryError:
                pipe.send(VideoWorkerDiedError("it needs more memory than performance.memory_limit_mb."))


def _reuse_freed_memory() -> None:
    """Let glibc keep what it frees: requesting each image's memory again takes up to a third of a frame's time.

    One heap for all threads, since several would each keep their largest.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc only.
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)
        mallopt(_M_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD_BYTES)
        mallopt(_M_TRIM_THRESHOLD, 2 * _LARGEST_MMAP_THRESHOLD_BYTES)


def _silence_native_logs() -> None:
    """MediaPipe and FFmpeg write to the file behind stderr; Python's own tracebacks still come through."""
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - no path of ours.
        os.dup2(nowhere.fileno(), 2)
