"""Free space on the disk, and the error where it has run out."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from framesift.errors import DiskFullError

MIN_FREE_BYTES = 500 * 1024 * 1024
_FULL = {errno.ENOSPC, errno.EDQUOT}


def check_free_space(folder: Path) -> None:
    """Refuse to start on a disk that is nearly full.

    Raises:
        DiskFullError: Less than 500 MB are free.
    """
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < MIN_FREE_BYTES:
        raise DiskFullError(
            f"{folder} has {free_bytes // 1024**2} MB free and needs"
            f" {MIN_FREE_BYTES // 1024**2}: free some, or choose another folder."
        )


def full_disk(folder: Path) -> DiskFullError:
    """Return the error for a disk that has run out of space."""
    return DiskFullError(f"The disk of {folder} is full: free some space, and run again.")


def is_disk_full(error: BaseException | None) -> bool:
    """Return whether an error of the system says that there is no space left."""
    return isinstance(error, OSError) and error.errno in _FULL


@contextmanager
def named_full_disk(folder: Path) -> Iterator[None]:
    """Raise `DiskFullError` where the system reports that there is no space left."""
    try:
        yield
    except OSError as error:
        if is_disk_full(error):
            raise full_disk(folder) from error
        raise


@contextmanager
def suppress_full_disk() -> Iterator[None]:
    """Go on where the system reports that there is no space left: for what can be lost."""
    try:
        yield
    except OSError as error:
        if not is_disk_full(error):
            raise
