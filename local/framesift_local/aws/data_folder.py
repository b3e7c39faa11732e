"""The folder that an embedded AWS keeps everything in: one at a time, with enough free space, and its address."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from framesift.address import Address
from framesift.errors import DataFolderBusyError, DataFolderError
from framesift_local.aws.disk import check_free_space, is_disk_full, suppress_full_disk
from framesift_local.private_files import make_private_file, make_private_folder, write_private

LOCK_FILE = "lock"
STATE_FILE = "state.db"
_TEMPORARY_NOTE = "temporary-folder"

_BRIEFLY = "briefly"  # In the lock file, behind the process: it will end soon.
_PATIENCE_S, _RETRY_S = 60.0, 0.05


@contextmanager
def hold(folder: Path, *, briefly: bool = False) -> Iterator[None]:
    """Make a folder that only its owner can enter, and keep others out of it; the system lets go however we end.

    Args:
        folder: The folder.
        briefly: Others wait until it is free, instead of being refused: for commands that read and end.

    Raises:
        DataFolderError: It cannot be made or written.
        DiskFullError: Less than 500 MB are free.
        DataFolderBusyError: Another embedded AWS uses it.
    """
    try:
        make_private_folder(folder)
        make_private_file(folder / LOCK_FILE)
    except (FileExistsError, NotADirectoryError):
        raise DataFolderError(f"{folder} is a file, or is below one: move it, or choose another folder.") from None
    except OSError as error:
        advice = "change its owner or mode, or choose another folder"
        raise DataFolderError(f"{folder} cannot be written ({error.strerror}): {advice}.") from None
    check_free_space(folder)
    with _locked(folder) as lock, _private_files():
        lock.truncate(0)
        lock.write(f"{os.getpid()} {_BRIEFLY if briefly else ''}".strip())
        lock.flush()
        yield


@contextmanager
def _private_files() -> Iterator[None]:
    """Let whatever this process and its children write be their owner's alone, wherever it is copied to."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


@contextmanager
def _locked(folder: Path) -> Iterator[IO[str]]:
    with (folder / LOCK_FILE).open("a+") as lock:
        until = time.monotonic() + _PATIENCE_S
        while not _try_to_lock(lock):
            lock.seek(0)
            holder, _, how = lock.read().strip().partition(" ")
            if (holder and how != _BRIEFLY) or time.monotonic() > until:
                raise DataFolderBusyError(
                    f"{folder} is in use by the embedded AWS of process {holder or 'unknown'}: stop that one, or "
                    "choose another folder."
                )
            time.sleep(_RETRY_S)
        yield lock


def _try_to_lock(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class _LogFile(logging.FileHandler):
    """A log that loses lines where the disk is full, instead of filling the operator's terminal with tracebacks."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        if not is_disk_full(sys.exception()):
            super().handleError(record)

    def close(self) -> None:
        with suppress_full_disk():  # The lines that could not be written are tried once more.
            super().close()


@contextmanager
def logged_to(path: Path) -> Iterator[None]:
    """Let moto's and our own log lines go to a file: moto logs each failed state at length."""
    handler = _LogFile(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message).2000s"))
    loggers = [logging.getLogger(name) for name in ("moto", "framesift_local")]
    for logger in loggers:
        logger.addHandler(handler)
        # A thread that ends after us still logs: without a handler, Python would print that to stderr.
        logger.addHandler(logging.NullHandler())
        logger.propagate = False
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
        handler.close()


def check_unused(folder: Path) -> None:
    """Refuse to touch a folder that an embedded AWS uses.

    Raises:
        DataFolderBusyError: One does.
    """
    if (folder / LOCK_FILE).exists():
        with _locked(folder):
            pass


def delete(folder: Path) -> None:
    """Delete a folder with all that is in it.

    Raises:
        DataFolderError: It is a file or a link, or cannot be written.
    """
    if folder.is_symlink() or not folder.is_dir():
        raise DataFolderError(f"{folder} is a file or a link, and is left as it is: delete it yourself.")
    try:
        shutil.rmtree(folder)
    except OSError as error:
        advice = "change its owner or mode, and delete the rest again"
        raise DataFolderError(f"{folder} cannot be deleted ({error.strerror}): {advice}.") from None


@contextmanager
def temporary_folder(folder: Path) -> Iterator[Path]:
    """Make a folder for the temporary files of functions and jobs, and delete it; one that a kill left goes first.

    It lies in the system's temporary folder, since browsers make sockets in it, whose paths must be short.
    """
    note = folder / _TEMPORARY_NOTE
    if note.exists():
        shutil.rmtree(note.read_text(encoding="utf-8"), ignore_errors=True)
    made = Path(tempfile.mkdtemp(prefix="framesift-"))
    write_private(note, str(made))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
        note.unlink(missing_ok=True)


@contextmanager
def announced(folder: Path, address: Address) -> Iterator[None]:
    """Publish in the folder where this embedded AWS answers, for `framesift.address.find_running`."""
    path = address.write(folder)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
