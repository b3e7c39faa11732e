"""A zip that is uploaded in parts while it is made, and goes on where it stopped.

Each part of the upload holds whole entries. After a part has arrived, a small object beside the zip lists its entries;
another process that makes the same zip reads these lists and skips what is there. The directory, which a zip has at its
end, is made of them. Memory holds one line for each entry and no contents.
"""

from __future__ import annotations

import struct
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from framesift.contracts import Contract
from framesift.errors import NotFoundError
from framesift.storage import Store, write_json
from framesift.storage.multipart import MIN_PART_BYTES, MultipartUploads

# Section numbers are those of PKWARE's APPNOTE: 4.3.7, 4.3.12, 4.3.14, 4.3.15, 4.3.16.
_LOCAL: Final = struct.Struct("<4s5H3L2H")
_CENTRAL: Final = struct.Struct("<4s4B4HL2L5H2L")
_END64: Final = struct.Struct("<4sQ2H2L4Q")
_LOCATOR64: Final = struct.Struct("<4sLQL")
_END: Final = struct.Struct("<4s4H2LH")
_STORED, _DEFLATED = 0, 8
_UTF8_NAMES: Final = 1 << 11
_DATE: Final = 0x21  # 1980-01-01, the first that a zip can name: the same contents give the same bytes.
_REGULAR_FILE: Final = 0o100644 << 16
_VERSION, _UNIX = 45, 3
MAX_32: Final = 0xFFFFFFFF
_MAX_16: Final = 0xFFFF
_CHUNK_BYTES: Final = 1 << 20
# Parts grow with their number, so that 10,000 of them hold any zip.
_PARTS_OF_ONE_SIZE: Final = 1_000


class _Entry(Contract):
    name: str
    offset: int
    crc: int
    size_bytes: int
    stored_bytes: int
    method: int


class _Begun(Contract):
    upload_id: str
    digest: str


class _Part(Contract):
    etag: str
    size_bytes: int
    entries: list[_Entry]


class ZipUpload:
    """A zip in the bucket that is being made.

    The caller adds the same entries in the same order each time; those that have arrived are skipped.

    Args:
        store: The bucket.
        key: The zip's key.
        state_prefix: Where notes on the upload are kept until it is complete.
        digest: Identifies what the zip is made of. The notes of another digest are deleted, with what was uploaded.
        part_bytes: The size from which a part is sent; parts can be larger by an entry.
    """

    def __init__(
        self, store: Store, key: str, state_prefix: str, digest: str, part_bytes: int = 2 * MIN_PART_BYTES
    ) -> None:
        self._store, self._key, self._state = store, key, state_prefix
        self._uploads = MultipartUploads(store.bucket)
        self._part_bytes = max(part_bytes, MIN_PART_BYTES)
        self._parts: list[_Part] = []
        self._upload_id = self._resume(digest) or self._begin(digest)
        self._entries = [entry for part in self._parts for entry in part.entries]
        self._there = {entry.name for entry in self._entries}
        self._sent_bytes = sum(part.size_bytes for part in self._parts)
        self._pending: list[_Entry] = []
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def __len__(self) -> int:
        """How many entries have arrived, or are about to."""
        return len(self._entries) + len(self._pending)

    def has(self, name: str) -> bool:
        """Whether an entry has arrived before."""
        return name in self._there

    def add(self, name: str, data: bytes) -> None:
        """Add an entry as it is: images do not shrink."""
        if not self.has(name):
            self._append(name, zlib.crc32(data), len(data), len(data), _STORED, iter([data]))

    def add_file(self, name: str, path: Path) -> None:
        """Add a file, compressed."""
        if self.has(name):
            return
        with tempfile.TemporaryFile() as packed:
            crc, size_bytes = _deflate(path, packed)
            stored_bytes = packed.tell()
            packed.seek(0)
            self._append(name, crc, size_bytes, stored_bytes, _DEFLATED, _read_chunks(packed))

    def finish(self) -> int:
        """Send the rest and the directory; return the zip's size in bytes."""
        entries = [*self._entries, *self._pending]
        directory_offset = self._sent_bytes + self._file.tell()
        for entry in entries:
            self._file.write(_write_central(entry))
        size_bytes = self._sent_bytes + self._file.tell() - directory_offset
        self._file.write(_write_end(len(entries), size_bytes, directory_offset))
        self._send(is_last=True)
        parts = {number: (part.etag, part.size_bytes) for number, part in enumerate(self._parts, start=1)}
        self._uploads.complete(self._key, self._upload_id, parts)
        self._store.delete(self._store.list(self._state))
        return self._sent_bytes

    def _append(
        self, name: str, crc: int, size_bytes: int, stored_bytes: int, method: int, chunks: Iterator[bytes]
    ) -> None:
        entry = _Entry(
            name=name,
            offset=self._sent_bytes + self._file.tell(),
            crc=crc,
            size_bytes=size_bytes,
            stored_bytes=stored_bytes,
            method=method,
        )
        self._file.write(_write_local(entry))
        for chunk in chunks:
            self._file.write(chunk)
        self._pending.append(entry)
        if self._file.tell() >= self._part_bytes << len(self._parts) // _PARTS_OF_ONE_SIZE:
            self._send()

    def _send(self, *, is_last: bool = False) -> None:
        number, size_bytes = len(self._parts) + 1, self._file.tell()
        self._file.seek(0)
        etag = self._uploads.send(self._key, self._upload_id, number, self._file)
        part = _Part(etag=etag, size_bytes=size_bytes, entries=self._pending)
        if not is_last:  # The last part has the directory, and is made anew.
            write_json(self._store, self._part_key(number), part)
        self._parts.append(part)
        self._entries += self._pending
        self._there |= {entry.name for entry in self._pending}
        self._sent_bytes += size_bytes
        self._pending = []
        self._file.seek(0)
        self._file.truncate()

    def _part_key(self, number: int) -> str:
        return f"{self._state}part-{number:05d}.json"

    def _resume(self, digest: str) -> str | None:
        """Read the notes on an upload of the same zip; None if there is none that can go on."""
        with suppress(NotFoundError):
            begun = _Begun.model_validate_json(self._store.get(f"{self._state}begun.json"))
            arrived = self._uploads.parts(self._key, begun.upload_id)
            if arrived is not None and begun.digest == digest:
                for number in sorted(arrived):
                    with suppress(NotFoundError):
                        part = _Part.model_validate_json(self._store.get(self._part_key(number)))
                        if number == len(self._parts) + 1 and part.etag == arrived[number][0]:
                            self._parts.append(part)
                return begun.upload_id
            self._uploads.abort(self._key, begun.upload_id)
        return None

    def _begin(self, digest: str) -> str:
        self._store.delete(self._store.list(self._state))
        upload_id = self._uploads.begin(self._key, "application/zip")
        write_json(self._store, f"{self._state}begun.json", _Begun(upload_id=upload_id, digest=digest))
        return upload_id


def _deflate(path: Path, target: IO[bytes]) -> tuple[int, int]:
    """Compress a file; return its CRC and its size in bytes."""
    crc = size_bytes = 0
    compressor = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    with path.open("rb") as file:
        for chunk in _read_chunks(file):
            crc, size_bytes = zlib.crc32(chunk, crc), size_bytes + len(chunk)
            target.write(compressor.compress(chunk))
    target.write(compressor.flush())
    return crc, size_bytes


def _read_chunks(file: IO[bytes]) -> Iterator[bytes]:
    return iter(lambda: file.read(_CHUNK_BYTES), b"")


def _write_local(entry: _Entry) -> bytes:
    name = entry.name.encode()
    is_large = max(entry.size_bytes, entry.stored_bytes) >= MAX_32
    extra = struct.pack("<2H2Q", 1, 16, entry.size_bytes, entry.stored_bytes) if is_large else b""
    sizes = (MAX_32, MAX_32) if is_large else (entry.stored_bytes, entry.size_bytes)
    header = _LOCAL.pack(
        *(b"PK\3\4", _VERSION, _UTF8_NAMES, entry.method, 0, _DATE, entry.crc, *sizes, len(name), len(extra))
    )
    return header + name + extra


def _write_central(entry: _Entry) -> bytes:
    name = entry.name.encode()
    numbers = (entry.size_bytes, entry.stored_bytes, entry.offset)
    large = [number for number in numbers if number >= MAX_32]  # In this order, and only these.
    extra = struct.pack(f"<2H{len(large)}Q", 1, 8 * len(large), *large) if large else b""
    size_bytes, stored_bytes, offset = (min(number, MAX_32) for number in numbers)
    header = _CENTRAL.pack(
        *(b"PK\1\2", _VERSION, _UNIX, _VERSION, 0, _UTF8_NAMES, entry.method, 0, _DATE, entry.crc),
        *(stored_bytes, size_bytes, len(name), len(extra), 0, 0, 0, _REGULAR_FILE, offset),
    )
    return header + name + extra


def _write_end(count: int, size_bytes: int, offset: int) -> bytes:
    end64 = b""
    if count >= _MAX_16 or max(size_bytes, offset) >= MAX_32:
        end64 = _END64.pack(b"PK\6\6", _END64.size - 12, _VERSION, _VERSION, 0, 0, count, count, size_bytes, offset)
        end64 += _LOCATOR64.pack(b"PK\6\7", 0, offset + size_bytes, 1)
    count = min(count, _MAX_16)
    return end64 + _END.pack(b"PK\5\6", 0, 0, count, count, min(size_bytes, MAX_32), min(offset, MAX_32), 0)
