"""Zips in a bucket: their directory, and their entries one by one, by ranges and without trust in any header.

Nothing is unpacked to disk, and no name of an entry becomes a path: an entry is its bytes. What an archiver wrote is
described in PKWARE's APPNOTE.TXT; sections are named where it matters. Python's `zipfile` is not used here, as one bad
name or extra field costs it the whole archive, and it reads a directory of any size into memory.
"""

from __future__ import annotations

import re
import stat
import struct
import unicodedata
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from framesift.contracts import ZipEntry
from framesift.errors import (
    DamagedEntryError,
    EncryptedEntryError,
    NestedZipError,
    NotAZipError,
    RepeatedNameError,
    UnsafeEntryError,
    UnsupportedEntryError,
    ZipError,
    ZipLimitError,
)
from framesift.settings import IntakeSettings
from framesift.storage.ranges import RangeReader

# 4.3.16: end of the directory; 4.3.15 and 4.3.14: its locator and record for ZIP64; 4.3.12: an entry in the directory;
# 4.3.7: the header before an entry's bytes.
_END, _END_SIGNATURE = struct.Struct("<4s4H2LH"), b"PK\5\6"
_LOCATOR, _LOCATOR_SIGNATURE = struct.Struct("<4sLQL"), b"PK\6\7"
_END64, _END64_SIGNATURE = struct.Struct("<4sQ2H2L4Q"), b"PK\6\6"
_ENTRY, _ENTRY_SIGNATURE = struct.Struct("<4s6H3L5H2L"), b"PK\1\2"
_LOCAL, _LOCAL_SIGNATURE = struct.Struct("<4s5H3L2H"), b"PK\3\4"
_MAX_COMMENT_BYTES: Final = 0xFFFF
_IN_ZIP64 = 0xFFFFFFFF
_ZIP64, _UNICODE_PATH = 0x0001, 0x7075  # Extra fields, 4.5.3 and 4.6.9.
_ENCRYPTED, _SIZES_FOLLOW, _UTF8 = 0x0001 | 0x0040 | 0x2000, 0x0008, 0x0800  # Flags, 4.4.4.
_UNIX = 3
_STORED, _DEFLATED = 0, 8
_MAX_NAME_BYTES: Final = 600
_SHOWN_NAME = 80  # Characters of a name that cannot be used.
_RATIO_FROM_BYTES: Final = 10_000_000
_MEAN_ENTRY_BYTES: Final = 1_024  # Of a directory at most: its entry, name and extra fields.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # And halves of characters.
_PIECE_BYTES: Final = 256 << 10
_ARCHIVES = frozenset(
    {
        ".zip",
        ".7z",
        ".rar",
        ".tar",
        ".gz",
        ".tgz",
        ".bz2",
        ".xz",
        ".zst",
        ".lz4",
        ".jar",
        ".cbz",
        ".cbr",
        ".egg",
        ".alz",
    }
)
_LITTER = frozenset({"__MACOSX", ".DS_Store", "Thumbs.db", "ehthumbs.db", "desktop.ini", ".Spotlight-V100", ".Trashes"})


@dataclass(frozen=True)
class RefusedEntry:
    """An entry that is not read.

    Attributes:
        name: As far as it can be shown.
        size_bytes: As the directory says.
        error: Why.
    """

    name: str
    size_bytes: int
    error: ZipError | RepeatedNameError


@dataclass
class ZipDirectory:
    """What a zip holds.

    Attributes:
        entries: Files, in the order of their offsets.
        refused: Entries that are not read, in the order of the directory.
        skipped: Names of entries that only serve the system that made the zip (`__MACOSX`, `.DS_Store`, …).
    """

    entries: list[ZipEntry] = field(default_factory=list)
    refused: list[RefusedEntry] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def read_zip_directory(reader: RangeReader, limits: IntakeSettings) -> ZipDirectory:
    """Read the directory of a zip.

    Args:
        reader: Reads the zip.
        limits: What a zip may hold.

    Raises:
        NotAZipError: If it is no zip, is cut off, or its directory is damaged.
        ZipLimitError: If the zip as a whole is larger than the limits.
        FileReplacedError: If the zip was overwritten meanwhile.
    """
    if reader.size_bytes > limits.max_zip_bytes:
        raise ZipLimitError(f"The zip has {reader.size_bytes} bytes; at most {limits.max_zip_bytes} are taken.")
    place = _find_directory(reader, limits)
    directory, found = ZipDirectory(), []
    for raw in _walk(reader, place):
        if is_litter(raw.name):
            directory.skipped.append(raw.name)
        elif raw.is_folder:
            continue
        elif error := raw.error or _check_limits(raw, limits):
            directory.refused.append(RefusedEntry(raw.name, raw.size_bytes, error))
        else:
            found.append(raw)
    _keep_what_stands_alone(directory, found, place.start)
    unpacked = sum(entry.size_bytes for entry in directory.entries)
    if unpacked > limits.max_zip_unpacked_bytes:
        raise ZipLimitError(
            f"The zip unpacks to {unpacked} bytes; at most {limits.max_zip_unpacked_bytes} are taken: make several."
        )
    return directory


def read_entry(reader: RangeReader, entry: ZipEntry) -> Iterator[bytes]:
    """Unpack an entry piece by piece.

    Args:
        reader: Reads the zip.
        entry: As the directory describes it; more bytes than it says are never unpacked.

    Yields:
        Pieces of at most 256 KiB. What was yielded is verified only once the iterator has ended.

    Raises:
        DamagedEntryError: If the entry's header, size or checksum is not as the directory says.
        EncryptedEntryError: If its own header says that it is encrypted.
        FileReplacedError: If the zip was overwritten meanwhile.
    """
    size_bytes, crc32 = 0, 0
    for piece in _unpack(reader, entry, _check_local_header(reader, entry)):
        size_bytes += len(piece)
        crc32 = zlib.crc32(piece, crc32)
        if size_bytes > entry.size_bytes:
            raise DamagedEntryError(
                f"{entry.name} unpacks to more than the {entry.size_bytes} bytes that the zip says."
            )
        yield piece
    if size_bytes != entry.size_bytes:
        raise DamagedEntryError(f"{entry.name} is cut off: {size_bytes} of {entry.size_bytes} bytes.")
    if crc32 != entry.crc32:
        raise DamagedEntryError(f"{entry.name} is damaged: its checksum is wrong.")


def is_litter(name: str) -> bool:
    """Whether a file only serves the system that it comes from.

    Example:
        >>> is_litter("__MACOSX/photos/._1.jpg"), is_litter("photos/1.jpg")
        (True, False)
    """
    parts = name.split("/")
    return not _LITTER.isdisjoint(parts) or parts[-1].startswith("._")


def clean_path(name: str) -> str:
    r"""A file's name within what was uploaded: parts joined by `/`, NFC.

    Raises:
        UnsafeEntryError: If it climbs out, is absolute, or has control characters.

    Example:
        >>> clean_path("photos\\2026\\1.jpg"), clean_path("./photos//1.jpg")
        ('photos/2026/1.jpg', 'photos/1.jpg')
    """
    shown = repr(name[:_SHOWN_NAME])
    if not name or _CONTROL.search(name):
        raise UnsafeEntryError(f"The name {shown} is empty, or has characters that no name has.")
    path = unicodedata.normalize("NFC", name).replace("\\", "/")
    if path.startswith("/") or path[1:2] == ":":
        raise UnsafeEntryError(f"The name {shown} is absolute: names are relative to the upload.")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts or not parts:
        raise UnsafeEntryError(f"The name {shown} leads out of the upload.")
    if len("/".join(parts).encode()) > _MAX_NAME_BYTES:
        raise UnsafeEntryError(f"The name {shown}… is longer than {_MAX_NAME_BYTES} bytes.")
    return "/".join(parts)


@dataclass(frozen=True)
class _Place:
    """Where a zip's directory is.

    Attributes:
        start: Offset of its first byte.
        size_bytes: Its size.
        entries: How many entries it should have.
        shift: Bytes before the zip's beginning, which the offsets in it do not count.
    """

    start: int
    size_bytes: int
    entries: int
    shift: int


@dataclass(frozen=True, slots=True)
class _Raw:
    """An entry as the directory has it; `error` says what is wrong with the entry itself."""

    name: str
    offset: int
    header_bytes: int
    compressed_bytes: int
    size_bytes: int
    method: int
    crc32: int
    is_folder: bool
    error: ZipError | None


def _find_directory(reader: RangeReader, limits: IntakeSettings) -> _Place:
    tail_start = max(0, reader.size_bytes - _END.size - _MAX_COMMENT_BYTES - _LOCATOR.size)
    tail = reader.read(tail_start, reader.size_bytes - tail_start)
    at = tail.rfind(_END_SIGNATURE, 0, max(0, len(tail) - _END.size + len(_END_SIGNATURE)))
    if at < 0:
        raise NotAZipError("This is no zip, or its end is missing: upload it again.")
    _, disk, first_disk, _, entries, size_bytes, start, _ = _END.unpack_from(tail, at)
    end = tail_start + at
    locator = tail[max(0, at - _LOCATOR.size) : at]
    if locator.startswith(_LOCATOR_SIGNATURE):
        _, _, end64, _ = _LOCATOR.unpack(locator)
        record = reader.read(end64, _END64.size)
        if len(record) < _END64.size or not record.startswith(_END64_SIGNATURE):
            raise NotAZipError("The zip's directory is damaged: its ZIP64 record is missing.")
        _, _, _, _, disk, first_disk, _, entries, size_bytes, start = _END64.unpack(record)
        end = end64
    if disk or first_disk:
        raise NotAZipError("This is one part of a zip in several: join them, and upload the whole.")
    shift = end - size_bytes - start
    if shift < 0:
        raise NotAZipError("The zip's directory is damaged: it does not lie within the file.")
    if entries > limits.max_zip_entries or size_bytes > limits.max_zip_entries * _MEAN_ENTRY_BYTES:
        raise ZipLimitError(f"The zip has {entries} entries; at most {limits.max_zip_entries} are taken: make several.")
    return _Place(start + shift, size_bytes, entries, shift)


def _walk(reader: RangeReader, place: _Place) -> Iterator[_Raw]:
    at, end, count = place.start, place.start + place.size_bytes, 0
    while at < end:
        header = reader.read(at, _ENTRY.size)
        if len(header) < _ENTRY.size or not header.startswith(_ENTRY_SIGNATURE):
            raise NotAZipError("The zip's directory is damaged: an entry does not begin where it should.")
        fields = _ENTRY.unpack(header)
        variable_bytes = sum(fields[10:13])
        if at + _ENTRY.size + variable_bytes > end:
            raise NotAZipError("The zip's directory is damaged: its last entry is cut off.")
        yield _parse(fields, reader.read(at + _ENTRY.size, variable_bytes), place)
        at += _ENTRY.size + variable_bytes
        count += 1
    # An archiver without ZIP64 counts modulo 65,536 (macOS does).
    if count % 0x10000 != place.entries % 0x10000:
        raise NotAZipError(f"The zip's directory is damaged: it has {count} entries instead of {place.entries}.")


def _parse(fields: tuple[int, ...], variable: bytes, place: _Place) -> _Raw:
    _, made_by, _, flags, method, _, _, crc32, packed, size, name_bytes, extra_bytes, *_, attributes, offset = fields
    raw_name, extra = variable[:name_bytes], _extra_fields(variable[name_bytes : name_bytes + extra_bytes])
    error: ZipError | None = None
    try:
        name = clean_path(_decode_name(raw_name, flags, extra.get(_UNICODE_PATH)))
    except UnsafeEntryError as unsafe:
        name, error = _show(raw_name), unsafe
    mode = stat.S_IFMT(attributes >> 16) if made_by >> 8 == _UNIX else 0
    is_folder = raw_name.endswith((b"/", b"\\")) or stat.S_ISDIR(mode) or bool(attributes & 0x10)
    try:
        size, packed, offset = _large_numbers(extra.get(_ZIP64, b""), size, packed, offset)
    except struct.error:
        error = error or DamagedEntryError(f"{name}: its ZIP64 field is damaged.")
    return _Raw(
        name=name,
        offset=offset + place.shift,
        header_bytes=_LOCAL.size + name_bytes,
        compressed_bytes=packed,
        size_bytes=size,
        method=method,
        crc32=crc32,
        is_folder=is_folder and not size,
        error=error or _what_is_wrong(name, mode, flags, method),
    )


def _extra_fields(extra: bytes) -> dict[int, bytes]:
    fields: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(extra):
        number, length = struct.unpack_from("<2H", extra, at)
        fields.setdefault(number, extra[at + 4 : at + 4 + length])
        at += 4 + length
    return fields


def _large_numbers(zip64: bytes, *numbers: int) -> list[int]:
    """Numbers of which those that do not fit 32 bits are in the ZIP64 field, in this order."""
    large = iter(struct.unpack_from(f"<{numbers.count(_IN_ZIP64)}Q", zip64))
    return [next(large) if number == _IN_ZIP64 else number for number in numbers]


def _decode_name(raw: bytes, flags: int, unicode_path: bytes | None) -> str:
    if unicode_path and unicode_path[0] == 1 and unicode_path[1:5] == struct.pack("<L", zlib.crc32(raw)):
        raw, flags = unicode_path[5:], flags | _UTF8
    try:
        return raw.decode()  # macOS writes UTF-8 without the flag that says so.
    except UnicodeDecodeError:
        if flags & _UTF8:
            raise UnsafeEntryError(f"The name {_show(raw)!r} is no Unicode, though the zip says so.") from None
    return _decode_korean(raw) or raw.decode("cp437")


def _decode_korean(raw: bytes) -> str | None:
    """The name as Korean Windows writes it, if it looks like that.

    Code page 949 reads much of what is code page 437, too, but as syllables that hardly a word has: those outside
    KS X 1001, whose syllables take two bytes in EUC-KR.
    """
    try:
        name = raw.decode("cp949")
    except UnicodeDecodeError:
        return None
    syllables = [character for character in name if "가" <= character <= "힣"]
    return name if any(len(syllable.encode("euc_kr")) == 2 for syllable in syllables) else None


def _show(raw: bytes) -> str:
    """A name that cannot be used, as text."""
    text = raw[: _SHOWN_NAME * 4].decode(errors="replace")[:_SHOWN_NAME]
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def _what_is_wrong(name: str, mode: int, flags: int, method: int) -> ZipError | None:
    if mode and not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        return UnsafeEntryError(f"{name} is a link or a device, not a file.")
    if flags & _ENCRYPTED:
        return EncryptedEntryError(f"{name} is encrypted: make the zip without a password.")
    if name[name.rfind(".") :].lower() in _ARCHIVES:
        return NestedZipError(f"{name} is an archive within the zip: upload it by itself.")
    if method not in (_STORED, _DEFLATED):
        return UnsupportedEntryError(f"{name} is compressed by method {method}: make the zip with deflate.")
    return None


def _check_limits(raw: _Raw, limits: IntakeSettings) -> ZipError | None:
    name, size_bytes = raw.name, raw.size_bytes
    if size_bytes > _RATIO_FROM_BYTES and size_bytes > limits.max_zip_ratio * raw.compressed_bytes:
        return ZipLimitError(
            f"{name} unpacks to more than {limits.max_zip_ratio:.0f} times its {raw.compressed_bytes} bytes."
        )
    if raw.method == _STORED and raw.compressed_bytes != size_bytes:
        return DamagedEntryError(f"{name} is stored as it is, with another size than its own.")
    return None


def _keep_what_stands_alone(directory: ZipDirectory, found: list[_Raw], directory_start: int) -> None:
    """Take entries with bytes and a name of their own; entries that share bytes are how a zip outgrows its size."""
    names: set[str] = set()
    end = 0
    for raw in sorted(found, key=lambda each: each.offset):
        start, end_of_this = raw.offset, raw.offset + raw.header_bytes + raw.compressed_bytes
        error: ZipError | RepeatedNameError | None = None
        if start < end or end_of_this > directory_start:
            error = DamagedEntryError(f"{raw.name} shares bytes with another entry, or lies beyond the zip's end.")
        elif raw.name in names:
            error = RepeatedNameError(f"{raw.name} is in the zip twice: only the first is taken.")
        if error:
            directory.refused.append(RefusedEntry(raw.name, raw.size_bytes, error))
            continue
        end = end_of_this
        names.add(raw.name)
        directory.entries.append(
            ZipEntry(
                name=raw.name,
                offset=raw.offset,
                compressed_bytes=raw.compressed_bytes,
                size_bytes=raw.size_bytes,
                method=_STORED if raw.method == _STORED else _DEFLATED,
                crc32=raw.crc32,
            )
        )


def _check_local_header(reader: RangeReader, entry: ZipEntry) -> int:
    """Return the offset of an entry's bytes."""
    header = reader.read(entry.offset, _LOCAL.size)
    if len(header) < _LOCAL.size or not header.startswith(_LOCAL_SIGNATURE):
        raise DamagedEntryError(f"{entry.name} does not begin where the zip's directory says.")
    _, _, flags, method, _, _, crc32, packed, size, name_bytes, extra_bytes = _LOCAL.unpack(header)
    if flags & _ENCRYPTED:
        raise EncryptedEntryError(f"{entry.name} is encrypted: make the zip without a password.")
    extra = reader.read(entry.offset + _LOCAL.size + name_bytes, extra_bytes)
    described = (method, entry.crc32, entry.compressed_bytes, entry.size_bytes)
    if not flags & _SIZES_FOLLOW:
        try:
            size, packed = _large_numbers(_extra_fields(extra).get(_ZIP64, b""), size, packed)
        except struct.error:
            raise DamagedEntryError(f"{entry.name}: its ZIP64 field is damaged.") from None
        described = (method, crc32, packed, size)
    if described != (entry.method, entry.crc32, entry.compressed_bytes, entry.size_bytes):
        raise DamagedEntryError(f"{entry.name}: its header differs from the zip's directory.")
    return entry.offset + _LOCAL.size + int(name_bytes) + int(extra_bytes)


def _unpack(reader: RangeReader, entry: ZipEntry, start: int) -> Iterator[bytes]:
    end = start + entry.compressed_bytes
    packed = (reader.read(at, min(_PIECE_BYTES, end - at)) for at in range(start, end, _PIECE_BYTES))
    if entry.method == _STORED:
        yield from packed
        return
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for piece in packed:
            waiting = piece
            while waiting and not inflater.eof:
                yield inflater.decompress(waiting, _PIECE_BYTES)
                waiting = inflater.unconsumed_tail
            if inflater.eof and (waiting or inflater.unused_data):
                raise DamagedEntryError(f"{entry.name}: its compressed bytes end before the zip says.")
    except zlib.error:
        raise DamagedEntryError(f"{entry.name} is damaged: its bytes cannot be unpacked.") from None
    while not inflater.eof and (rest := inflater.decompress(b"", _PIECE_BYTES)):
        yield rest
    if not inflater.eof:
        raise DamagedEntryError(f"{entry.name} is cut off: its compressed bytes have no end.")
