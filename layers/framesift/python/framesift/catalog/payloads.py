"""What is too large for a change's record: gzipped JSONL in S3, each line of it about one item."""

from __future__ import annotations

import gzip
import io
import secrets
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, Final, Self

from pydantic_core import from_json, to_json

from framesift import keys
from framesift.storage import Store

_LEVEL: Final = 6


def write_payload(store: Store, collection: str, rows: Iterable[dict[str, Any]]) -> str:
    """Write a payload under a key of its own; return the key.

    Args:
        store: The bucket.
        collection: The collection.
        rows: A dict for each line, with the item's `id`; read one at a time.
    """
    key = keys.change_payload(collection, secrets.token_hex(16))
    put_lines(store, key, (to_json(row) for row in rows))
    return key


def put_lines(store: Store, key: str, lines: Iterable[bytes]) -> None:
    """Write lines of JSON to a gzipped object."""
    with LineWriter(store, key) as writer:
        for line in lines:
            writer.write(line)


class LineWriter:
    """Writes lines to a gzipped object, which appears once it is closed; its lines are never all in memory.

    Args:
        store: The bucket.
        key: The object.
    """

    def __init__(self, store: Store, key: str) -> None:
        self._store, self._key = store, key
        self._scratch = tempfile.TemporaryDirectory()
        self._path = Path(self._scratch.name) / "lines.jsonl.gz"
        self._file = self._path.open("wb")
        self._packed = _open_packed(self._file)

    def write(self, line: bytes) -> None:
        """Add a line."""
        self._packed.write(line + b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._scratch:
            with self._file:
                self._packed.close()
            if kind is None:
                self._store.upload(self._path, self._key)


def pack_lines(lines: Iterable[bytes], file: IO[bytes]) -> None:
    """Write lines to a file, gzipped."""
    with _open_packed(file) as packed:
        for line in lines:
            packed.write(line + b"\n")


def _open_packed(file: IO[bytes]) -> gzip.GzipFile:
    """Write to a file, gzipped; without name and time, so that the same lines are the same bytes."""
    return gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=_LEVEL, mtime=0)


def read_lines(store: Store, key: str) -> Iterator[bytes]:
    """The lines of a gzipped object, unpacked as they are read.

    Raises:
        ObjectMissingError: If there is no such object.
    """
    return unpack_lines(store.get(key))


def unpack_lines(body: bytes) -> Iterator[bytes]:
    """The lines of gzipped text, one at a time, without the empty ones."""
    with gzip.GzipFile(fileobj=io.BytesIO(body)) as unpacked:
        for line in unpacked:
            if text := line.strip():
                yield text


def read_payload(store: Store, key: str) -> Iterator[dict[str, Any]]:
    """A payload's rows, one at a time.

    Raises:
        ObjectMissingError: If there is no such object.
    """
    return (from_json(line) for line in read_lines(store, key))
