"""What is too large for a change's record: gzipped JSONL in S3, each line of it about one item."""

from __future__ import annotations

import gzip
import io
import secrets
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, Final

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
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "lines.jsonl.gz"
        with path.open("wb") as file:
            pack_lines(lines, file)
        store.upload(path, key)


def pack_lines(lines: Iterable[bytes], file: IO[bytes]) -> None:
    """Write lines to a file, gzipped; without the time, so that the same lines are the same bytes."""
    with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=_LEVEL, mtime=0) as packed:
        for line in lines:
            packed.write(line + b"\n")


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
