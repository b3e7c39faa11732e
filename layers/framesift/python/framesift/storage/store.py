"""What the package needs of a bucket.

A put is atomic: a reader gets the whole object or the one before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Protocol

from pydantic import Field

from framesift.contracts import Contract
from framesift.errors import InputError


class StoredObject(Contract):
    """An object's metadata."""

    key: str
    etag: str
    size_bytes: int
    modified_at: datetime
    version_id: str | None = Field(None, description="Of a described object, in a bucket that keeps versions.")
    sha256: str | None = Field(None, description="The SHA-256 of the whole object, where S3 has verified it.")
    declared_sha256: str | None = Field(None, description="The SHA-256 that the uploader stored as metadata.")


class StoredVersion(Contract):
    """A version of an object, or the mark of its deletion, in a bucket that keeps versions."""

    key: str
    version_id: str
    modified_at: datetime
    is_latest: bool
    is_mark: bool = Field(False, description="It marks that the object was deleted.")


class Store(Protocol):
    """A bucket."""

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        ...

    def get(self, key: str) -> bytes:
        """Read an object; `NotFoundError` if there is none."""
        ...

    def get_range(self, key: str, start: int, length: int, etag: str = ..., version_id: str | None = ...) -> bytes:
        """Read some bytes of an object; `FileReplacedError` if it has another ETag."""
        ...

    def put(
        self, key: str, body: bytes, content_type: str = ..., *, only_if_absent: bool = ..., replaces: str = ...
    ) -> bool:
        """Write an object; False if it exists and should not, or is another one than the ETag `replaces` names."""
        ...

    def exists(self, key: str) -> bool:
        """Whether an object exists."""
        ...

    def list(self, prefix: str) -> Iterator[str]:
        """The keys below a prefix, in order."""
        ...

    def folders(self, prefix: str) -> Iterator[str]:
        """The names of the folders right below a prefix, in order; what is in them is not listed."""
        ...

    def objects(self, prefix: str) -> Iterator[StoredObject]:
        """The objects below a prefix, in the order of their keys."""
        ...

    def describe(self, key: str) -> StoredObject | None:
        """An object's metadata; None if there is no such object."""
        ...

    def download(self, key: str, path: Path, version_id: str | None = ...) -> None:
        """Write an object to a file; `NotFoundError` if it is gone."""
        ...

    def upload(self, path: Path, key: str) -> None:
        """Write a file to an object, in parts if it is large."""
        ...

    def copy(self, source_key: str, key: str) -> None:
        """Copy an object within the bucket; `NotFoundError` if there is none."""
        ...

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; missing ones are no error."""
        ...

    def versions(self, prefix: str) -> Iterator[StoredVersion]:
        """All versions of the objects below a prefix, and the marks of deletions."""
        ...

    def delete_versions(self, versions: Iterable[StoredVersion]) -> None:
        """Delete versions for good; missing ones are no error."""
        ...

    def tags(self, key: str) -> dict[str, str]:
        """An object's tags; none if it is gone."""
        ...

    def delete_unchanged(self, key: str, etag: str) -> bool:
        """Delete an object if it still has that ETag; False if it was overwritten or is gone."""
        ...

    def delete_written(self, key: str, etag: str) -> bool:
        """Delete what was written under a key with that ETag, for good; False if it was overwritten or is gone."""
        ...

    def link(self, key: str, seconds: int) -> str:
        """Make a URL that grants anyone access to the object for that many seconds."""
        ...


def copy_all(store: Store, pairs: Iterable[tuple[str, str]], threads: int = 16) -> int:
    """Copy many objects within the bucket, concurrently.

    Args:
        store: The bucket.
        pairs: Source keys and target keys.
        threads: Copies at a time.

    Returns:
        How many were copied.
    """
    with ThreadPoolExecutor(threads) as pool:
        return sum(1 for _ in pool.map(lambda pair: store.copy(*pair), pairs))


def delete_for_good(store: Store, keys: Iterable[str]) -> None:
    """Delete objects with all their versions; missing ones are no error."""
    for key in keys:
        store.delete_versions(version for version in store.versions(key) if version.key == key)


def parse_uri(uri: str) -> tuple[str, str]:
    """Split `s3://bucket/key`.

    Example:
        >>> parse_uri("s3://my-bucket/runs/tiktok/manifest.jsonl")
        ('my-bucket', 'runs/tiktok/manifest.jsonl')

    Raises:
        InputError: If the text is not such a URI.
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket or not key:
        raise InputError(f"{uri!r} is not an S3 URI: it must look like s3://bucket/key.")
    return bucket, key
