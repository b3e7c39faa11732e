"""Zips that other tools made, zips that nobody should trust, and how little of them is read."""

from __future__ import annotations

import contextlib
import doctest
import io
import random
import shutil
import stat
import struct
import subprocess
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import framesift.storage.zips
from framesift.contracts import FileRef, ZipEntry
from framesift.errors import (
    DamagedEntryError,
    EncryptedEntryError,
    FileReplacedError,
    FramesiftError,
    MediaTooLargeError,
    NestedZipError,
    NotAZipError,
    RepeatedNameError,
    UnsafeEntryError,
    UnsupportedEntryError,
    ZipLimitError,
)
from framesift.settings import IntakeSettings
from framesift.storage import S3Store
from framesift.storage.files import FileReader
from framesift.storage.ranges import RangeReader
from framesift.storage.zips import ZipDirectory, read_entry, read_zip_directory

LIMITS = IntakeSettings()


class Memory(S3Store):
    """A bucket of one object in memory that counts its requests; the test on moto shows that S3 answers the same."""

    body: bytes
    requests: list[int]

    def __init__(self, body: bytes) -> None:
        super().__init__("memory")
        self.__dict__ |= {"body": body, "requests": []}  # The base is frozen.

    def get_range(self, key: str, start: int, length: int, etag: str = "", version_id: str | None = None) -> bytes:
        self.requests.append(length)
        return self.body[start : start + length]


def reader_of(body: bytes, ahead_bytes: int = 4096) -> RangeReader:
    return RangeReader(Memory(body), "a.zip", len(body), ahead_bytes=ahead_bytes)


def directory_of(body: bytes, limits: IntakeSettings = LIMITS) -> ZipDirectory:
    return read_zip_directory(reader_of(body), limits)


def refusals(body: bytes, limits: IntakeSettings = LIMITS) -> dict[str, str]:
    return {each.name: type(each.error).__name__ for each in directory_of(body, limits).refused}


def contents(body: bytes) -> dict[str, bytes]:
    reader = reader_of(body)
    return {entry.name: b"".join(read_entry(reader, entry)) for entry in read_zip_directory(reader, LIMITS).entries}


def a_zip(*files: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", method) as made:
        for name, content in files:
            made.writestr(name, content)
    return body.getvalue()


def patched(body: bytes, signature: bytes, offset: int, value: bytes) -> bytes:
    """The zip with some bytes of its last record of a kind replaced."""
    at = body.rindex(signature) + offset
    return body[:at] + value + body[at + len(value) :]


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="/\\:"), min_size=1)


@given(
    files=st.dictionaries(NAMES.map(lambda name: f"f/{name}.jpg"), st.binary(max_size=5000), max_size=20),
    method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
    prepended=st.binary(max_size=100),
)
def test_what_another_program_zips_comes_out_again(files: dict[str, bytes], method: int, prepended: bytes) -> None:
    body = a_zip(*files.items(), method=method)
    directory = directory_of(prepended + body)
    unpacked = contents(prepended + body)
    assert not directory.refused or len(unpacked) < len(files), "names may be one once they are normalized"
    assert set(unpacked.values()) <= set(files.values())
    assert len(unpacked) + len(directory.refused) + len(directory.skipped) == len(files)


@given(body=st.binary(max_size=300), cut=st.integers(0, 2000), noise=st.randoms(use_true_random=False))
def test_no_bytes_raise_anything_but_our_errors(body: bytes, cut: int, noise: random.Random) -> None:
    whole = bytearray(a_zip(("a.jpg", body), ("b.png", body * 3)))
    for _ in range(noise.randrange(4)):
        whole[noise.randrange(len(whole))] = noise.randrange(256)
    with contextlib.suppress(FramesiftError):
        contents(bytes(whole[: cut or None]))


def test_streamed_zips_whose_sizes_follow_the_bytes_are_read() -> None:
    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.body = b""

        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:  # type: ignore[override]
            self.body += bytes(data)
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("a.jpg", b"x" * 1000)
    assert contents(pipe.body) == {"a.jpg": b"x" * 1000}


def test_zip64_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as made:
        with made.open("large.jpg", "w", force_zip64=True) as entry:
            entry.write(b"large")
        for number in range(65_600):
            made.writestr(f"{number}.jpg", b"")
    directory = directory_of(path.read_bytes())
    assert len(directory.entries) == 65_601
    assert b"".join(read_entry(reader_of(path.read_bytes()), directory.entries[0])) == b"large"


def test_an_entry_count_modulo_65536_as_macos_writes_it_is_no_damage() -> None:
    body = a_zip(*((f"{number}.jpg", b"") for number in range(65_540)), method=zipfile.ZIP_STORED)
    end = body.rindex(b"PK\5\6")
    without_zip64 = body[: body.rindex(b"PK\6\6")] + body[end:]
    size_bytes, start = (struct.unpack_from("<Q", body, body.rindex(b"PK\6\6") + at)[0] for at in (40, 48))
    small = patched(without_zip64, b"PK\5\6", 8, struct.pack("<2H2L", 4, 4, size_bytes, start))
    assert len(directory_of(small).entries) == 65_540


@pytest.mark.skipif(shutil.which("zip") is None, reason="no zip on this machine")
def test_info_zip_with_korean_names_a_link_and_a_password(tmp_path: Path) -> None:
    (tmp_path / "사진 1.jpg").write_bytes(b"jpeg")
    (tmp_path / "link.jpg").symlink_to("/etc/passwd")
    subprocess.run(["zip", "-qy", "a.zip", "사진 1.jpg", "link.jpg"], cwd=tmp_path, check=True)
    subprocess.run(["zip", "-q", "-P", "secret", "b.zip", "사진 1.jpg"], cwd=tmp_path, check=True)
    plain, encrypted = ((tmp_path / name).read_bytes() for name in ("a.zip", "b.zip"))
    assert contents(plain) == {"사진 1.jpg": b"jpeg"}
    assert refusals(plain) == {"link.jpg": "UnsafeEntryError"}
    assert refusals(encrypted) == {"사진 1.jpg": "EncryptedEntryError"}


@pytest.mark.parametrize(
    ("raw", "flags", "name"),
    [
        ("사진.jpg".encode(), 0, "사진.jpg"),  # macOS: UTF-8 without the flag.
        ("사진.jpg".encode(), 0x800, "사진.jpg"),
        ("사진.jpg".encode("cp949"), 0, "사진.jpg"),
        ("똠방각하 2.jpg".encode("cp949"), 0, "똠방각하 2.jpg"),
        ("Été à la plage.jpg".encode("cp437"), 0, "Été à la plage.jpg"),
        ("Größe ñ.jpg".encode("cp437"), 0, "Größe ñ.jpg"),
        (b"photos\\a.jpg", 0, "photos/a.jpg"),
        ("e\u0301.jpg".encode(), 0, "é.jpg"),
    ],
)
def test_names_are_read_as_the_tools_of_each_system_write_them(raw: bytes, flags: int, name: str) -> None:
    body = a_zip(("x" * len(raw), b"1"), method=zipfile.ZIP_STORED).replace(b"x" * len(raw), raw)
    assert [entry.name for entry in directory_of(patched(body, b"PK\1\2", 8, struct.pack("<H", flags))).entries] == [
        name
    ]


def test_the_unicode_path_field_has_the_last_word() -> None:
    info = zipfile.ZipInfo("______.jpg")
    name = "사진.jpg".encode()
    info.extra = struct.pack("<2HBL", 0x7075, 5 + len(name), 1, zlib.crc32(b"______.jpg")) + name
    assert [entry.name for entry in directory_of(a_zip((info, b"1"))).entries] == ["사진.jpg"]


def test_folders_and_litter_are_no_files() -> None:
    body = a_zip(
        ("photos/", b""),
        ("photos/a.jpg", b"1"),
        ("__MACOSX/photos/._a.jpg", b"2"),
        ("photos/.DS_Store", b"3"),
        ("Thumbs.db", b"4"),
    )
    directory = directory_of(body)
    assert ([entry.name for entry in directory.entries], directory.refused) == (["photos/a.jpg"], [])
    assert directory.skipped == ["__MACOSX/photos/._a.jpg", "photos/.DS_Store", "Thumbs.db"]


def linked(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, mode << 16
    return info


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("../../etc/a.jpg", UnsafeEntryError),
        ("a/../../b.jpg", UnsafeEntryError),
        ("..\\b.jpg", UnsafeEntryError),
        ("/etc/passwd.jpg", UnsafeEntryError),
        ("C:\\windows\\a.jpg", UnsafeEntryError),
        ("a\x1b[2J.jpg", UnsafeEntryError),
        ("x" * 601 + ".jpg", UnsafeEntryError),
        ("inner.zip", NestedZipError),
        ("inner.tar.GZ", NestedZipError),
        (linked("link.jpg", stat.S_IFLNK | 0o777), UnsafeEntryError),
        (linked("device.jpg", stat.S_IFCHR | 0o600), UnsafeEntryError),
    ],
)
def test_what_is_unsafe_is_named_and_costs_only_itself(name: str | zipfile.ZipInfo, error: type[Exception]) -> None:
    directory = directory_of(a_zip((name, b"1"), ("good.jpg", b"2")))
    assert [entry.name for entry in directory.entries] == ["good.jpg"]
    (refused,) = directory.refused
    assert type(refused.error) is error
    assert refused.name.isprintable()
    assert len(refused.name) <= 600


def test_a_name_that_is_no_unicode_costs_only_itself() -> None:
    body = a_zip(("xxxx.jpg", b"1"), ("good.jpg", b"2")).replace(b"xxxx", b"\xff\xfe\xb1a")
    marked = body.replace(b"\x14\0" + b"\0\0", b"\x14\0" + struct.pack("<H", 0x800))
    assert list(contents(marked)) == ["good.jpg"]
    assert list(refusals(marked).values()) == ["UnsafeEntryError"]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_are_not_read_are_named(method: int) -> None:
    assert refusals(a_zip(("a.jpg", b"1"), method=method)) == {"a.jpg": UnsupportedEntryError.__name__}


def test_of_two_entries_of_one_name_the_first_is_taken() -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        body = a_zip(("a.jpg", b"first"), ("a.jpg", b"second"))
    assert contents(body) == {"a.jpg": b"first"}
    assert refusals(body) == {"a.jpg": RepeatedNameError.__name__}


def test_entries_that_share_bytes_are_read_once() -> None:
    body = a_zip(("aaaa.jpg", b"0" * 100_000), ("bbbb.jpg", b"1"))
    second = body.rindex(b"PK\1\2")
    first = body.index(b"PK\1\2")
    overlapping = body[:second] + body[first : first + 46] + b"bbbb.jpg" + body[second + 54 :]
    assert list(contents(overlapping)) == ["aaaa.jpg"]
    assert refusals(overlapping) == {"bbbb.jpg": DamagedEntryError.__name__}


def test_a_bomb_is_refused_unread() -> None:
    body = a_zip(("bomb.bmp", bytes(50_000_000)), ("plain.bmp", bytes(900_000)))
    assert refusals(body) == {"bomb.bmp": ZipLimitError.__name__}
    assert [entry.name for entry in directory_of(body).entries] == ["plain.bmp"]


def test_a_bomb_that_lies_about_its_size_stops_at_that_size() -> None:
    body = a_zip(("bomb.bmp", bytes(50_000_000)))
    for signature, offset in ((b"PK\1\2", 24), (b"PK\3\4", 22)):
        body = patched(body, signature, offset, struct.pack("<L", 1000))
    reader = reader_of(body)
    (entry,) = read_zip_directory(reader, LIMITS).entries
    unpacked = bytearray()
    with pytest.raises(DamagedEntryError, match="more than the 1000 bytes"):
        unpacked.extend(b"".join(read_entry(reader, entry)))
    assert len(unpacked) <= 1000


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (IntakeSettings(max_zip_entries=2), "3 entries"),
        (IntakeSettings(max_zip_unpacked_bytes=2999), "unpacks to 3000 bytes"),
        (IntakeSettings(max_zip_bytes=100), "bytes; at most 100"),
    ],
)
def test_a_zip_beyond_the_limits_is_refused_as_a_whole(limits: IntakeSettings, said: str) -> None:
    with pytest.raises(ZipLimitError, match=said):
        directory_of(a_zip(*((f"{number}.jpg", bytes(1000)) for number in range(3))), limits)


@pytest.mark.parametrize(
    "damage",
    [
        lambda body: body[:-30],
        lambda body: b"not a zip" * 100,
        lambda body: b"",
        lambda body: patched(body, b"PK\5\6", 10, struct.pack("<H", 9)),  # More entries than there are.
        lambda body: patched(body, b"PK\5\6", 12, struct.pack("<L", 10_000_000)),  # A directory beyond the file.
        lambda body: patched(body, b"PK\5\6", 4, struct.pack("<H", 3)),  # The fourth of several parts.
        lambda body: patched(body, b"PK\1\2", 28, struct.pack("<H", 60_000)),  # A name beyond the directory.
        lambda body: patched(body, b"PK\1\2", 0, b"PK\0\0"),
    ],
)
def test_a_damaged_directory_is_said_to_be_one(damage: Callable[[bytes], bytes]) -> None:
    with pytest.raises(NotAZipError):
        directory_of(damage(a_zip(("a.jpg", b"1" * 100))))


def test_headers_that_claim_ten_gigabytes_are_not_believed() -> None:
    whole = a_zip(("a.jpg", b"1" * 100))
    info = struct.pack("<2HQQ", 1, 16, 10 << 30, 100)
    entry = whole.index(b"PK\1\2")
    fields = bytearray(whole[entry : entry + 46])
    fields[20:28] = b"\xff" * 8
    fields[30:32] = struct.pack("<H", len(info))
    made = whole[:entry] + bytes(fields) + b"a.jpg" + info + whole[entry + 51 :]
    body = patched(made, b"PK\5\6", 12, struct.pack("<L", 51 + len(info)))
    assert refusals(body) == {"a.jpg": ZipLimitError.__name__}

    end = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1 << 40, 1 << 40, 10 << 30, 0)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, 0, 1)
    with pytest.raises((NotAZipError, ZipLimitError)):
        directory_of(end + locator + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 65535, 65535, 2**32 - 1, 2**32 - 1, 0))


@pytest.mark.parametrize(
    ("signature", "offset", "value", "error", "said"),
    [
        (b"PK\3\4", 14, b"\0\0\0\0", DamagedEntryError, "header differs"),
        (b"PK\3\4", 8, b"\0\0", DamagedEntryError, "header differs"),
        (b"PK\3\4", 0, b"XXXX", DamagedEntryError, "does not begin"),
        (b"PK\3\4", 6, b"\1\0", EncryptedEntryError, "encrypted"),
        (b"PK\3\4", 40, b"\xff\xff\xff", DamagedEntryError, "damaged|cut off"),
    ],
)
def test_an_entry_is_what_the_directory_says_or_it_is_damaged(
    signature: bytes, offset: int, value: bytes, error: type[Exception], said: str
) -> None:
    body = patched(a_zip(("a.jpg", bytes(range(256)) * 10)), signature, offset, value)
    reader = reader_of(body)
    (entry,) = read_zip_directory(reader, LIMITS).entries
    with pytest.raises(error, match=said):
        b"".join(read_entry(reader, entry))


def test_a_wrong_checksum_is_found_in_both_methods() -> None:
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        body = a_zip(("a.jpg", b"12345"), method=method)
        for signature, offset in ((b"PK\1\2", 16), (b"PK\3\4", 14)):
            body = patched(body, signature, offset, b"\1\2\3\4")
        with pytest.raises(DamagedEntryError, match="checksum"):
            contents(body)


def test_neighbours_share_requests_and_nothing_is_read_whole() -> None:
    noise = random.Random(1)
    body = a_zip(*((f"{number:03d}.jpg", noise.randbytes(10_000)) for number in range(200)), method=0)
    memory = Memory(body)
    reader = RangeReader(memory, "a.zip", len(body), ahead_bytes=1 << 18)
    entries = read_zip_directory(reader, LIMITS).entries
    for entry in entries:
        b"".join(read_entry(reader, entry))
    assert len(memory.requests) < 15
    assert max(memory.requests) <= 1 << 18


def test_files_are_read_from_the_bucket_by_ranges(store: S3Store) -> None:
    body = a_zip(("a.jpg", b"a" * 1000), ("b.jpg", b"b" * 1000))
    store.put("incoming/x.zip", body)
    store.put("incoming/c.jpg", b"c" * 1000)
    found = store.describe("incoming/x.zip")
    reader = RangeReader(store, "incoming/x.zip", len(body), found.etag)
    entries = read_zip_directory(reader, LIMITS).entries
    refs = [
        FileRef(
            name=f"x.zip/{each.name}", key="incoming/x.zip", etag=found.etag, size_bytes=each.size_bytes, entry=each
        )
        for each in entries
    ]
    files = FileReader(store, 1000)
    assert [files.read(ref) for ref in refs] == [b"a" * 1000, b"b" * 1000]
    here = FileRef(name="c.jpg", key="incoming/c.jpg", size_bytes=1000)
    assert files.read(here) == b"c" * 1000
    placed = FileRef(name="c.jpg", uri=f"s3://{store.bucket}/incoming/c.jpg", size_bytes=1000)
    assert files.read(placed) == b"c" * 1000
    with pytest.raises(MediaTooLargeError, match="1000 bytes; at most 999"):
        FileReader(store, 999).read(here)

    store.put("incoming/x.zip", body + b" ")
    for changed in (refs[0], here.model_copy(update={"etag": "of another"}), here.model_copy(update={"key": "gone"})):
        with pytest.raises(FileReplacedError, match=changed.name):
            FileReader(store, 1000).read(changed)


def test_a_range_beyond_the_end_is_empty(store: S3Store) -> None:
    store.put("k", b"12345")
    assert store.get_range("k", 3, 10) == b"45"
    assert store.get_range("k", 9, 10) == b""
    assert store.get_range("k", 0, 0) == b""


def test_examples() -> None:
    assert doctest.testmod(framesift.storage.zips).failed == 0


def test_entries_pass_as_json() -> None:
    (entry,) = directory_of(a_zip(("사진.jpg", b"1"))).entries
    assert ZipEntry.model_validate_json(entry.model_dump_json()) == entry
