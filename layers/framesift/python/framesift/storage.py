"""The only code that speaks to S3.

A put is atomic: a reader sees the whole object or the one before.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from botocore.exceptions import ClientError
from pydantic import Field

from framesift import aws
from framesift.contracts import Contract
from framesift.errors import InputError, NotFoundError

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

Line = TypeVar("Line", bound=Contract)
_MISSING_CODES = frozenset({"404", "NoSuchKey", "NotFound", "NoSuchVersion"})
_DENIED_CODES = frozenset({"403", "AccessDenied", "Forbidden"})


class StoredObject(Contract):
    """What S3 tells of an object."""

    key: str
    etag: str
    size_bytes: int
    modified_at: datetime
    version_id: str | None = Field(
        None, description="Of an object that was described, in a bucket that keeps versions."
    )
    sha256: str | None = Field(None, description="Where S3 has checked that of the whole object.")


class Store(Protocol):
    """A bucket, or what stands for one in a test."""

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        ...

    def get(self, key: str) -> bytes:
        """Read an object; `NotFoundError` where there is none."""
        ...

    def put(self, key: str, body: bytes, content_type: str = ..., *, only_if_absent: bool = ...) -> bool:
        """Write an object; False where `only_if_absent` and one is there."""
        ...

    def exists(self, key: str) -> bool:
        """Whether an object is there."""
        ...

    def list(self, prefix: str) -> Iterator[str]:
        """The keys below a prefix, in order."""
        ...

    def objects(self, prefix: str) -> Iterator[StoredObject]:
        """The objects below a prefix, in the order of their keys."""
        ...

    def describe(self, key: str) -> StoredObject | None:
        """What is known of an object without reading it; None where there is none."""
        ...

    def download(self, key: str, path: Path, version_id: str | None = ...) -> None:
        """Write an object to a file; `NotFoundError` where it is gone."""
        ...

    def upload(self, path: Path, key: str) -> None:
        """Write a file to an object, in parts where it is large."""
        ...

    def copy(self, source_key: str, key: str) -> None:
        """Copy an object within the bucket; `NotFoundError` where there is none."""
        ...

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; what is not there is no error."""
        ...

    def link(self, key: str, seconds: int) -> str:
        """A URL that gives the object to whoever holds it, for so many seconds."""
        ...


@dataclass(frozen=True)
class S3Store:
    """A bucket in S3.

    Attributes:
        bucket: The bucket's name.
    """

    bucket: str

    @property
    def _client(self) -> S3Client:
        return aws.s3()

    def get(self, key: str) -> bytes:
        """Read an object.

        Raises:
            NotFoundError: If there is none.
        """
        try:
            return self._client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        except ClientError as error:
            if self._is_missing(error, key):
                raise NotFoundError(f"There is no s3://{self.bucket}/{key}.") from None
            raise

    def put(
        self,
        key: str,
        body: bytes,
        content_type: str = "application/octet-stream",
        *,
        only_if_absent: bool = False,
    ) -> bool:
        """Write an object.

        Returns:
            False where `only_if_absent` is set and an object is there, else True.
        """
        condition: Any = {"IfNoneMatch": "*"} if only_if_absent else {}
        try:
            self._client.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType=content_type, **condition)
        except ClientError as error:
            if error.response["Error"]["Code"] == "PreconditionFailed":
                return False
            raise
        return True

    def exists(self, key: str) -> bool:
        """Whether an object is there."""
        try:
            self._client.head_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            if self._is_missing(error, key):
                return False
            raise
        return True

    def list(self, prefix: str) -> Iterator[str]:
        """The keys below a prefix, in order."""
        return (stored.key for stored in self.objects(prefix))

    def objects(self, prefix: str) -> Iterator[StoredObject]:
        """The objects below a prefix, in the order of their keys."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        for page in pages:
            for entry in page.get("Contents", []):
                yield StoredObject(
                    key=entry["Key"],
                    etag=entry["ETag"].strip('"'),
                    size_bytes=entry["Size"],
                    modified_at=entry["LastModified"],
                )

    def describe(self, key: str) -> StoredObject | None:
        """What is known of an object without reading it; None where there is none."""
        try:
            head = self._client.head_object(Bucket=self.bucket, Key=key, ChecksumMode="ENABLED")
        except ClientError as error:
            if self._is_missing(error, key):
                return None
            raise
        etag, checksum = head["ETag"].strip('"'), head.get("ChecksumSHA256")
        return StoredObject(
            key=key,
            etag=etag,
            size_bytes=head["ContentLength"],
            modified_at=head["LastModified"],
            version_id=head.get("VersionId"),
            # An object that came in three parts (`…-3`) has a checksum of their checksums.
            sha256=base64.b64decode(checksum).hex() if checksum and "-" not in etag else None,
        )

    def download(self, key: str, path: Path, version_id: str | None = None) -> None:
        """Write an object, or one of its versions, to a file.

        Raises:
            NotFoundError: If it is gone.
        """
        version = {"VersionId": version_id} if version_id else None
        try:
            self._client.download_file(self.bucket, key, str(path), ExtraArgs=version)
        except ClientError as error:
            if self._is_missing(error, key):
                raise NotFoundError(f"There is no s3://{self.bucket}/{key} any more.") from None
            raise

    def upload(self, path: Path, key: str) -> None:
        """Write a file to an object, in parts where it is large."""
        self._client.upload_file(str(path), self.bucket, key)

    def copy(self, source_key: str, key: str) -> None:
        """Copy an object within the bucket.

        Raises:
            NotFoundError: If there is none.
        """
        source = {"Bucket": self.bucket, "Key": source_key}
        try:
            self._client.copy_object(Bucket=self.bucket, Key=key, CopySource=source)  # type: ignore[arg-type]
        except ClientError as error:
            if self._is_missing(error, source_key):
                raise NotFoundError(f"There is no s3://{self.bucket}/{source_key}.") from None
            raise

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; what is not there is no error."""
        batch = list(keys)
        for start in range(0, len(batch), 1000):  # DeleteObjects takes at most 1,000.
            objects = [{"Key": key} for key in batch[start : start + 1000]]
            self._client.delete_objects(Bucket=self.bucket, Delete={"Objects": objects, "Quiet": True})  # type: ignore[typeddict-item]

    def link(self, key: str, seconds: int) -> str:
        """A URL that gives the object to whoever holds it, for so many seconds."""
        return self._client.generate_presigned_url(
            "get_object", Params={"Bucket": self.bucket, "Key": key}, ExpiresIn=seconds
        )

    def _is_missing(self, error: ClientError, key: str) -> bool:
        """Whether an error means that there is no such object.

        From a role that may list below its own prefixes only, S3 hides that behind 403; listing tells.
        """
        code = error.response["Error"]["Code"]
        if code not in _DENIED_CODES:
            return code in _MISSING_CODES
        found = self._client.list_objects_v2(Bucket=self.bucket, Prefix=key, MaxKeys=1).get("Contents", [])
        return not any(entry["Key"] == key for entry in found)


def parse_uri(uri: str) -> tuple[str, str]:
    """Split `s3://bucket/key`.

    Raises:
        InputError: If the text is no such URI.
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket or not key:
        raise InputError(f"{uri!r} is no S3 URI: it should look like s3://bucket/key.")
    return bucket, key


def read_lines(store: Store, key: str, line: type[Line]) -> list[Line]:
    """Read a manifest: JSONL, one item a line.

    Raises:
        NotFoundError: If there is none.
    """
    return [line.model_validate_json(text) for text in store.get(key).splitlines() if text.strip()]


def write_manifest(store: Store, key: str, items: Iterable[Contract]) -> None:
    """Write a manifest: JSONL, one item a line."""
    lines = [item.model_dump_json(exclude_none=True) for item in items]
    store.put(key, ("\n".join(lines) + "\n").encode() if lines else b"", "application/jsonl")


def write_json(store: Store, key: str, message: Contract) -> None:
    """Write a message as JSON."""
    store.put(key, message.model_dump_json(indent=2).encode(), "application/json")


def copy_all(store: Store, pairs: Iterable[tuple[str, str]], threads: int = 16) -> int:
    """Copy many objects within the bucket, concurrently.

    Returns:
        How many were copied.
    """
    with ThreadPoolExecutor(threads) as pool:
        return sum(1 for _ in pool.map(lambda pair: store.copy(*pair), pairs))
