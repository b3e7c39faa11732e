"""The folder that an embedded AWS keeps everything in: one at a time, with enough free space, and its address."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from framesift.address import Address
from framesift.errors import DataFolderBusyError, DiskFullError

MIN_FREE_BYTES = 500 * 1024 * 1024


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Make a folder and keep others out of it; the system lets go however we end.

    Raises:
        DiskFullError: Less than 500 MB are free.
        DataFolderBusyError: Another embedded AWS uses it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < MIN_FREE_BYTES:
        raise DiskFullError(
            f"{folder} has {free_bytes // 1024**2} MB free and needs"
            f" {MIN_FREE_BYTES // 1024**2}: free some, or choose another folder."
        )
    with (folder / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            raise DataFolderBusyError(
                f"{folder} is in use by the embedded AWS of process {holder}: stop that one, or choose another folder."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


@contextmanager
def logged_to(path: Path) -> Iterator[None]:
    """Let moto's log lines go to a file: it logs each failed state at length."""
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message).2000s"))
    logger = logging.getLogger("moto")
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        handler.close()


@contextmanager
def announced(folder: Path, address: Address) -> Iterator[None]:
    """Publish in the folder where this embedded AWS answers, for `framesift.address.find_running`."""
    path = address.write(folder)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
