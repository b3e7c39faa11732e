"""What the sandbox's tests run in its processes."""

from __future__ import annotations

import os
import signal
import time

from framesift.errors import NotAnImageError
from framesift.sandbox import Reply


def double(data: bytes) -> Reply:
    return Reply({"pid": os.getpid()}, data * 2)


def refuse(data: bytes, *, why: str) -> Reply:
    raise NotAnImageError(why)


def fail(data: bytes) -> Reply:
    raise ZeroDivisionError("a defect")


def hang(data: bytes) -> Reply:
    while True:
        time.sleep(60)


def crash(data: bytes) -> Reply:
    os.kill(os.getpid(), signal.SIGSEGV)
    return Reply()


def allocate(data: bytes, *, size_bytes: int) -> Reply:
    return Reply({"size": len(bytearray(size_bytes))})


def environment(data: bytes) -> Reply:
    return Reply(dict(os.environ))


def write(data: bytes, *, path: str) -> Reply:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        return Reply({"written": bool(os.write(descriptor, b"something"))})
    except OSError:
        return Reply({"written": False})
    finally:
        os.close(descriptor)
