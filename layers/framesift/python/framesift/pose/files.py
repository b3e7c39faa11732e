"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


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
