"""Files and folders that only their owner can read, also where they exist with wider modes."""

from __future__ import annotations

import os
from pathlib import Path

_FOLDER_MODE = 0o700
_FILE_MODE = 0o600


def make_private_folder(folder: Path) -> Path:
    """Make a folder that only its owner can enter; return it."""
    folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    if folder.stat().st_mode & 0o777 != _FOLDER_MODE:
        folder.chmod(_FOLDER_MODE)
    return folder


def make_private_file(path: Path) -> Path:
    """Make an empty file that only its owner can read, or narrow the mode of one that exists; return it."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, _FILE_MODE))
    if path.stat().st_mode & 0o777 != _FILE_MODE:
        path.chmod(_FILE_MODE)
    return path


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read."""
    make_private_file(path).write_text(text, encoding="utf-8")
