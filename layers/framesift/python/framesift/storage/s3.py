"""The only module that calls S3."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from boto3.exceptions import S3UploadFailedError
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError, NoCredentialsError, PartialCredentialsError

from framesift import aws
from framesift.errors import (
    BucketMissingError,
    CredentialsError,
    FileReplacedError,
    FramesiftError,
    ObjectMissingError,
    ObjectNotDeletedError,
    UploadDeniedError,
    UploadError,
)
from framesift.storage.store import StoredObject, StoredVersion

_MISSING_CODES = frozenset({"404", "NoSuchKey", "NotFound", "NoSuchVersion"})
# What S3 answers where an object is not, or while it is being replaced, as a condition wants it.
_CHANGED_CODES = _MISSING_CODES | {"PreconditionFailed", "ConditionalRequestConflict"}
_REPLACED_CODES = {"412", "PreconditionFailed"}
_BEYOND_CODES = {"416", "InvalidRange"}
_UNKNOWN_CODES = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "InvalidClientTokenId"}
_DENIED_CODES = {"403", "AccessDenied", "Forbidden", "AllAccessDisabled"}
_DELETE_MAX_KEYS = 1000  # Of DeleteObjects.
_DIGEST = "sha256"  # The metadata's name.


@dataclass(frozen=True)
class S3Store:
    """A bucket in S3.

    Attributes:
        bucket: The bucket's name.
    """

    bucket: str

    def get(self, key: str) -> bytes:
        """Read an object.

        Raises:
            ObjectMissingError: If there is none.
        """
        with self._naming(key):
            return aws.s3().get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def get_range(self, key: str, start: int, length: int, etag: str = "", version_id: str | None = None) -> bytes:
        """Read some bytes of an object.

        Args:
            key: Its key.
            start: The first byte's offset.
            length: How many bytes; fewer come back where the object ends before.
            etag: The ETag that the object must have; empty: any.
            version_id: The version to read; None: the newest.

        Raises:
            ObjectMissingError: If there is none.
            FileReplacedError: If it has another ETag.
        """
        if length <= 0:
            return b""
        options: Any = {"Range": f"bytes={start}-{start + length - 1}"}
        if etag:
            options["IfMatch"] = f'"{etag}"'
        if version_id:
            options["VersionId"] = version_id
        try:
            with self._naming(key):
                return aws.s3().get_object(Bucket=self.bucket, Key=key, **options)["Body"].read()
        except ClientError as error:
            if _code_of(error) in _REPLACED_CODES:
                raise FileReplacedError(f"s3://{self.bucket}/{key} was overwritten while it was read.") from error
            if _code_of(error) in _BEYOND_CODES:
                return b""
            raise

    def put(
        self,
        key: str,
        body: bytes,
        content_type: str = "application/octet-stream",
        *,
        only_if_absent: bool = False,
        replaces: str = "",
    ) -> bool:
        """Write an object.

        Args:
            key: Its key.
            body: Its bytes.
            content_type: Its media type.
            only_if_absent: Write nothing if the object exists.
            replaces: Write nothing unless the object has this ETag (S3 also wants `s3:GetObject` for that).

        Returns:
            False if the condition did not hold, else True.
        """
        condition: Any = {"IfNoneMatch": "*"} if only_if_absent else {"IfMatch": replaces} if replaces else {}
        try:
            aws.s3().put_object(Bucket=self.bucket, Key=key, Body=body, ContentType=content_type, **condition)
        except ClientError as error:
            if condition and _code_of(error) in _CHANGED_CODES:
                return False
            raise
        return True

    def exists(self, key: str) -> bool:
        """Whether an object exists."""
        return self._head(key) is not None

    def list(self, prefix: str) -> Iterator[str]:
        """The keys below a prefix, in order."""
        return (stored.key for stored in self.objects(prefix))

    def folders(self, prefix: str) -> Iterator[str]:
        """The names of the folders right below a prefix, in order; what is in them is not listed."""
        paginator = aws.s3().get_paginator("list_objects_v2")
        for page in paginator.paginate(Bucket=self.bucket, Prefix=prefix, Delimiter="/"):
            yield from (found["Prefix"].removeprefix(prefix).rstrip("/") for found in page.get("CommonPrefixes", []))

    def objects(self, prefix: str) -> Iterator[StoredObject]:
        """The objects below a prefix, in the order of their keys."""
        pages = aws.s3().get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        for page in pages:
            for entry in page.get("Contents", []):
                yield StoredObject(
                    key=entry["Key"],
                    etag=entry["ETag"].strip('"'),
                    size_bytes=entry["Size"],
                    modified_at=entry["LastModified"],
                )

    def describe(self, key: str) -> StoredObject | None:
        """An object's metadata; None if there is no such object."""
        head = self._head(key, ChecksumMode="ENABLED")
        if head is None:
            return None
        etag, checksum = head["ETag"].strip('"'), head.get("ChecksumSHA256")
        return StoredObject(
            key=key,
            etag=etag,
            size_bytes=head["ContentLength"],
            modified_at=head["LastModified"],
            version_id=head.get("VersionId"),
            # An object that was uploaded in three parts (`…-3`) has a checksum of their checksums.
            sha256=base64.b64decode(checksum).hex() if checksum and "-" not in etag else None,
            declared_sha256=head["Metadata"].get(_DIGEST),
        )

    def download(self, key: str, path: Path, version_id: str | None = None) -> None:
        """Write an object, or one of its versions, to a file.

        Raises:
            ObjectMissingError: If it is gone.
        """
        version = {"VersionId": version_id} if version_id else None
        with self._naming(key):
            aws.s3().download_file(self.bucket, key, str(path), ExtraArgs=version)

    def upload(self, path: Path, key: str) -> None:
        """Write a file to an object, in parts if it is large."""
        aws.s3().upload_file(str(path), self.bucket, key)

    def upload_verified(
        self,
        path: Path,
        key: str,
        sha256: str,
        *,
        part_size_bytes: int,
        max_workers: int,
        on_bytes: Callable[[int], None],
    ) -> None:
        """Write a file to an object that S3 verifies on arrival, part by part.

        Args:
            path: The file.
            key: Its object.
            sha256: The file's digest, hexadecimal; it is stored as metadata (`StoredObject.declared_sha256`).
            part_size_bytes: Larger files are sent in parts of this size.
            max_workers: Parts at a time.
            on_bytes: Called with the number of bytes of each piece that was sent.
        """
        # boto3 aborts the parts of an upload that fails or is interrupted.
        aws.s3().upload_file(
            str(path),
            self.bucket,
            key,
            ExtraArgs={"Metadata": {_DIGEST: sha256}, "ChecksumAlgorithm": "SHA256"},
            Callback=on_bytes,
            Config=TransferConfig(
                multipart_threshold=part_size_bytes,
                multipart_chunksize=part_size_bytes,
                max_concurrency=max_workers,
            ),
        )

    def check(self) -> None:
        """Check that the bucket exists and can be reached; any error is boto3's (see `upload_errors`)."""
        aws.s3().head_bucket(Bucket=self.bucket)

    def copy(self, source_key: str, key: str) -> None:
        """Copy an object within the bucket.

        Raises:
            ObjectMissingError: If there is none.
        """
        source: Any = {"Bucket": self.bucket, "Key": source_key}
        with self._naming(source_key):
            aws.s3().copy_object(Bucket=self.bucket, Key=key, CopySource=source)

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; missing ones are no error."""
        batch = list(keys)
        for start in range(0, len(batch), _DELETE_MAX_KEYS):
            objects: Any = [{"Key": key} for key in batch[start : start + _DELETE_MAX_KEYS]]
            aws.s3().delete_objects(Bucket=self.bucket, Delete={"Objects": objects, "Quiet": True})

    def versions(self, prefix: str) -> Iterator[StoredVersion]:
        """All versions of the objects below a prefix, and the marks of deletions."""
        pages = aws.s3().get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=prefix)
        for page in pages:
            groups: list[tuple[bool, list[Any]]] = [
                (False, [*page.get("Versions", [])]),
                (True, [*page.get("DeleteMarkers", [])]),
            ]
            for is_mark, entries in groups:
                for entry in entries:
                    yield StoredVersion(
                        key=entry["Key"],
                        version_id=entry["VersionId"],
                        modified_at=entry["LastModified"],
                        is_latest=entry["IsLatest"],
                        is_mark=is_mark,
                    )

    def delete_versions(self, versions: Iterable[StoredVersion]) -> None:
        """Delete versions for good; missing ones are no error.

        Raises:
            ObjectNotDeletedError: S3 refuses one of them.
        """
        waiting = iter(versions)
        while batch := list(islice(waiting, _DELETE_MAX_KEYS)):
            objects: Any = [{"Key": version.key, "VersionId": version.version_id} for version in batch]
            answer = aws.s3().delete_objects(Bucket=self.bucket, Delete={"Objects": objects, "Quiet": True})
            for refused in answer.get("Errors", []):
                raise ObjectNotDeletedError(
                    f"S3 refused to delete a version of s3://{self.bucket}/{refused['Key']} ({refused['Code']}): "
                    "the role needs s3:DeleteObjectVersion."
                )

    def tags(self, key: str) -> dict[str, str]:
        """An object's tags; none if it is gone."""
        try:
            found = aws.s3().get_object_tagging(Bucket=self.bucket, Key=key)
        except ClientError as error:
            if _code_of(error) in _MISSING_CODES:
                return {}
            raise
        return {tag["Key"]: tag["Value"] for tag in found["TagSet"]}

    def delete_unchanged(self, key: str, etag: str) -> bool:
        """Delete an object if it still has that ETag.

        Returns:
            False if it was overwritten meanwhile, or is gone.
        """
        try:
            aws.s3().delete_object(Bucket=self.bucket, Key=key, IfMatch=etag)
        except ClientError as error:
            if _code_of(error) in _CHANGED_CODES:
                return False
            raise
        return True

    def delete_written(self, key: str, etag: str) -> bool:
        """Delete an object if it has that ETag: of a bucket that keeps versions, just the version that has it.

        Returns:
            False if it was overwritten meanwhile, or is gone.
        """
        stored = self.describe(key)
        if stored is None or stored.etag != etag:
            return False
        if not stored.version_id or stored.version_id == "null":
            return self.delete_unchanged(key, etag)
        aws.s3().delete_object(Bucket=self.bucket, Key=key, VersionId=stored.version_id)
        return True

    def link(self, key: str, seconds: int) -> str:
        """Make a URL that grants anyone access to the object for that many seconds."""
        return aws.s3().generate_presigned_url(
            "get_object", Params={"Bucket": self.bucket, "Key": key}, ExpiresIn=seconds
        )

    def _head(self, key: str, **options: Any) -> Any:
        try:
            return aws.s3().head_object(Bucket=self.bucket, Key=key, **options)
        except ClientError as error:
            if self._is_missing(error, key):
                return None
            raise

    @contextmanager
    def _naming(self, key: str) -> Iterator[None]:
        """Raises `ObjectMissingError` with the object's name if it does not exist."""
        try:
            yield
        except ClientError as error:
            if self._is_missing(error, key):
                raise ObjectMissingError(f"There is no s3://{self.bucket}/{key}.") from None
            raise

    def _is_missing(self, error: ClientError, key: str) -> bool:
        """Whether an error means that there is no such object.

        To a role that may list below its own prefixes only, S3 answers 403 for a missing object, too: listing tells.
        """
        code = _code_of(error)
        if code not in _DENIED_CODES:
            return code in _MISSING_CODES
        found = aws.s3().list_objects_v2(Bucket=self.bucket, Prefix=key, MaxKeys=1).get("Contents", [])
        return not any(entry["Key"] == key for entry in found)


@contextmanager
def upload_errors(bucket: str) -> Iterator[None]:
    """Turns S3's refusals within an upload into errors that say what to do.

    Raises:
        UploadError: One of its leaves.
    """
    try:
        yield
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise CredentialsError("There are no AWS credentials: run `aws configure` or set AWS_ACCESS_KEY_ID.") from error
    except ClientError as error:
        raise _upload_error(error, bucket) from error
    except S3UploadFailedError as error:
        cause = error.__context__
        raise (_upload_error(cause, bucket) if isinstance(cause, ClientError) else UploadError(str(error))) from error


def _upload_error(error: ClientError, bucket: str) -> FramesiftError:
    code = _code_of(error)
    if code in _UNKNOWN_CODES:
        return CredentialsError(f"AWS does not accept the credentials ({code}): check them or log in again.")
    if code in _DENIED_CODES:
        return UploadDeniedError(f"These credentials may not write to {bucket}: ask for s3:PutObject and s3:GetObject.")
    if code in _MISSING_CODES or code == "NoSuchBucket":
        return BucketMissingError(f"There is no bucket {bucket}: create it or check its name.")
    return UploadError(f"S3 refused ({code}): {error.response['Error'].get('Message', '')}")


def _code_of(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])
