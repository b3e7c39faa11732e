"""Files that are written whole or not at all, and names that can be written."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def readable(name: str) -> str:
    r"""Replace the bytes of a file's name that are not UTF-8, which no JSON, Parquet or terminal takes.

    Example:
        >>> print(readable("dance-\udcff.mp4"))
        dance-\xff.mp4
    """
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


class atomic_path:  # noqa: N801 - a context manager is used like a function.
    """Gives a scratch path beside `path`, which becomes `path` if the block ends well, and is gone if not.

    Args:
        path: Where the file is to be.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Path:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".", suffix=".partial", dir=self._path.parent)
        os.close(handle)
        self._scratch = Path(name)
        return self._scratch

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._scratch.chmod(0o644)
            self._scratch.replace(self._path)
        else:
            self._scratch.unlink(missing_ok=True)
