"""S3's objects as plain files: `<folder>/<bucket>/<key>`, that a person can open.

A write goes to a file of its own, its record is committed, and then the file takes its place; on start an
unfinished last step is finished. So whatever was acknowledged is whole, and is what its record says.
"""

from __future__ import annotations

import hashlib
import os
import threading
import unicodedata
import uuid
from pathlib import Path
from typing import IO, Any

from framesift_local.aws.disk import named_full_disk
from framesift_local.aws.records import Records

_UNSAFE = set('%\\:*?"<>|') | {chr(code) for code in (*range(32), 127)}
_LONGEST_NAME_BYTES = 200
"""File systems take 255 bytes a name; the rest is for endings."""


def safe_path(key: str) -> str:
    """Return a relative path for a key that no file system refuses and that stays in its folder.

    What a file system cannot take is percent-encoded; different keys give different paths.
    """
    return "/".join(_safe_name(part) for part in key.split("/"))


def _safe_name(part: str) -> str:
    if part == "":
        return "%"  # "a//b" and "a/" are keys too.
    if part in {".", ".."} or part[-1] in " .":  # Windows and some network shares drop these at the end.
        part_head, last = part[:-1], part[-1]
        name = _encode(part_head).replace(".", "%2E") + f"%{ord(last):02X}"
    else:
        name = _encode(part)
    encoded = name.encode("utf-8", "surrogatepass")
    if len(encoded) > _LONGEST_NAME_BYTES:
        digest = hashlib.sha256(part.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        name = encoded[:_LONGEST_NAME_BYTES].decode("utf-8", "ignore") + "%~" + digest
    return name


def _encode(part: str) -> str:
    return "".join(f"%{ord(char):02X}" if char in _UNSAFE else char for char in part)


class DiskBuffer:
    """The bytes of one version of an object, in place of the buffer that moto keeps in memory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._kept: IO[bytes] | None = None
        self._position = 0

    def seek(self, position: int) -> None:
        """Go to a byte."""
        self._position = position

    def read(self, size: int = -1) -> bytes:
        """Read on from the position."""
        with self._lock:
            if self._kept is not None:
                data = self._read(self._kept, size)
            else:
                with self.path.open("rb") as file:
                    data = self._read(file, size)
        self._position += len(data)
        return data

    def keep(self) -> None:
        """Hold this version open: its file is about to be replaced, and a reader may be at it."""
        with self._lock:
            if self._kept is None:
                self._kept = self.path.open("rb")

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._kept is not None:
                self._kept.close()

    def __del__(self) -> None:
        self.close()

    def _read(self, file: IO[bytes], size: int) -> bytes:
        file.seek(self._position)
        return file.read(size)


class Objects:
    """The files of all buckets.

    Args:
        folder: Where the buckets' folders lie.
        records: Where each object's metadata is kept.
    """

    def __init__(self, folder: Path, records: Records) -> None:
        self._folder = folder
        self._pending = folder / ".pending"
        self._pending.mkdir(parents=True, exist_ok=True)
        self._records = records
        self._lock = threading.Lock()
        self._buffers: dict[tuple[str, str], DiskBuffer] = {}
        self._owners: dict[str, tuple[str, str]] = {}

    def load(self) -> list[tuple[str, str, dict[str, Any], DiskBuffer]]:
        """Finish what a killed process began, and return (bucket, key, metadata, bytes) of all."""
        found = []
        for bucket, key, record in self._records.scan("object"):
            path = self._folder / record["path"]
            pending = self._pending / record["pending"]
            if pending.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                pending.replace(path)
            if not path.is_file():  # Its deletion was under way.
                self._records.write(deletes=[("object", bucket, key)])
                continue
            buffer = DiskBuffer(path)
            self._buffers[bucket, key] = buffer
            self._owners[_fold(record["path"])] = (bucket, key)
            found.append((bucket, key, record["metadata"], buffer))
        for leftover in self._pending.iterdir():
            leftover.unlink()
        return found

    def write(self, bucket: str, key: str, data: bytes, metadata: dict[str, Any]) -> DiskBuffer:
        """Keep an object; return where its bytes are read from now.

        Raises:
            DiskFullError: No space is left on the disk.
        """
        with self._lock, named_full_disk(self._folder):
            old = self._buffers.get((bucket, key))
            path = old.path if old is not None else self._folder / self._place(bucket, key)
            relative = path.relative_to(self._folder).as_posix()
            name = uuid.uuid4().hex
            (self._pending / name).write_bytes(data)
            record = {"path": relative, "pending": name, "metadata": metadata}
            self._records.put("object", bucket, key, record)
            if old is not None:
                old.keep()
            path.parent.mkdir(parents=True, exist_ok=True)
            (self._pending / name).replace(path)
            self._owners[_fold(relative)] = (bucket, key)
            buffer = self._buffers[bucket, key] = DiskBuffer(path)
            return buffer

    def delete(self, bucket: str, key: str) -> None:
        """Forget an object; nothing happens when there is none."""
        with self._lock:
            record = self._records.get("object", bucket, key)
            if record is None:
                return
            self._buffers.pop((bucket, key)).keep()
            path = self._folder / record["path"]
            path.unlink(missing_ok=True)
            self._records.write(deletes=[("object", bucket, key)])
            self._owners.pop(_fold(record["path"]), None)
            self._remove_empty_folders(path.parent)

    def _place(self, bucket: str, key: str) -> str:
        """Return the object's path: readable, unless a file, a folder or another key is in its way."""
        relative = f"{bucket}/{safe_path(key)}"
        path = self._folder / relative
        owner = self._owners.get(_fold(relative))
        above = [parent for parent in path.parents if self._folder in parent.parents]
        blocked = path.is_dir() or any(parent.is_file() for parent in above)
        if blocked or len(relative) > 900 or owner not in {None, (bucket, key)}:
            digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
            return f"{bucket}/%elsewhere/{digest}"
        return relative

    def _remove_empty_folders(self, folder: Path) -> None:
        while folder.parent != self._folder and folder != self._folder:
            try:
                folder.rmdir()
            except OSError:  # Not empty.
                return
            folder = folder.parent


def _fold(relative: str) -> str:
    """Return the path as a file system that ignores case and composition sees it."""
    return os.path.normcase(unicodedata.normalize("NFC", relative)).casefold()
