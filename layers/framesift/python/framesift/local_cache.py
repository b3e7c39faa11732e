"""Folders of copies on this machine: where they are, and which go when there are too many.

Each copy is a folder that never changes once it is made. It is made beside the others under a name that begins with
`MAKING`, and then renamed, so that processes can share copies without locks.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

MAKING: Final = "making-"


def cache_folder(configured: str, name: str) -> Path:
    """The folder of some copies: the one that is set, else one in the user's cache (in Lambda: `/tmp`).

    Args:
        configured: The setting; empty: none is set.
        name: What the copies are, in a word.
    """
    if configured:
        return Path(configured)
    if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:  # Only /tmp is writable in Lambda.
        return Path(tempfile.gettempdir()) / "framesift" / name
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "framesift" / name


def evict(root: Path, cache_mb: int, used: Path) -> None:
    """Delete the copies that were not used for longest until the others fit; processes that have one open keep it.

    Args:
        root: The folder of the copies.
        cache_mb: What they may have together, MB.
        used: The copy that is in use, which stays.
    """
    copies = []
    for folder in root.iterdir():
        with suppress(FileNotFoundError):  # Another process is evicting, too.
            size_bytes = sum(file.stat().st_size for file in folder.rglob("*"))
            copies.append((folder.stat().st_mtime, size_bytes, folder))
    left_bytes = cache_mb * 1_000_000
    for _, size_bytes, folder in sorted(copies, reverse=True):
        left_bytes -= size_bytes
        if left_bytes < 0 and folder != used and not folder.name.startswith(MAKING):
            shutil.rmtree(folder, ignore_errors=True)
