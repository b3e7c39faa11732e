"""Sends files to S3: in parallel, in parts above a size, and nothing twice.

Each object carries its SHA-256 as metadata and is checked by S3 on arrival, part by part. A file whose object has the
same digest is passed over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from boto3.exceptions import S3UploadFailedError
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError, NoCredentialsError, PartialCredentialsError

from framesift import aws
from framesift.errors import (
    BucketMissingError,
    CredentialsError,
    FramesiftError,
    UploadDeniedError,
    UploadError,
    UploadMismatchError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_DIGEST = "sha256"
_MISSING_CODES = {"404", "NoSuchKey", "NotFound"}
_UNKNOWN_CODES = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "InvalidClientTokenId"}
_DENIED_CODES = {"403", "AccessDenied", "Forbidden", "AllAccessDisabled"}


@dataclass(frozen=True)
class Sent:
    """What became of one file.

    Attributes:
        path: The file.
        key: Its object.
        status: `sent`, or `there` where it was already.
        size_bytes: The file's size.
    """

    path: Path
    key: str
    status: Literal["sent", "there"]
    size_bytes: int


@dataclass(frozen=True)
class Sender:
    """Sends files to a bucket.

    Attributes:
        bucket: Its name.
        max_workers: Concurrent transfers.
        part_size_bytes: From this size on, a file is sent in such parts.
        overwrite: Send files that are there already, too.
        on_bytes: Hears of bytes as they are sent or passed over.
        on_file: Hears of each file.
    """

    bucket: str
    max_workers: int = 4
    part_size_bytes: int = 8 << 20
    overwrite: bool = False
    on_bytes: Callable[[int], None] = lambda _: None
    on_file: Callable[[Sent], None] = lambda _: None

    def check_bucket(self) -> None:
        """Ask whether the bucket is there.

        Raises:
            UploadError: One of its leaves.
        """
        with _told(self.bucket):
            aws.s3().head_bucket(Bucket=self.bucket)

    def send_all(self, files: Iterable[tuple[Path, str]]) -> list[Sent]:
        """Send files to keys, several at a time; the first error stops what has not begun.

        Raises:
            UploadError: One of its leaves. What was sent stays, parts of unfinished objects are gone.
        """
        with ThreadPoolExecutor(self.max_workers) as pool:
            try:
                return list(pool.map(lambda file: self.send(*file), files))
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def send(self, path: Path, key: str) -> Sent:
        """Send a file, unless its object has the same digest.

        Raises:
            UploadError: One of its leaves.
        """
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        size_bytes = path.stat().st_size
        with _told(self.bucket):
            if not self.overwrite and self._digest_there(key) == digest:
                self.on_bytes(size_bytes)
                return self._said(Sent(path, key, "there", size_bytes))
            # boto3 aborts the parts of an upload that fails or is interrupted.
            aws.s3().upload_file(
                str(path),
                self.bucket,
                key,
                ExtraArgs={"Metadata": {_DIGEST: digest}, "ChecksumAlgorithm": "SHA256"},
                Callback=self.on_bytes,
                Config=TransferConfig(
                    multipart_threshold=self.part_size_bytes,
                    multipart_chunksize=self.part_size_bytes,
                    max_concurrency=self.max_workers,
                ),
            )
            arrived = aws.s3().head_object(Bucket=self.bucket, Key=key)
        if arrived["ContentLength"] != size_bytes or arrived["Metadata"].get(_DIGEST) != digest:
            raise UploadMismatchError(
                f"s3://{self.bucket}/{key} is not what was sent: another writer changed it; send it again."
            )
        return self._said(Sent(path, key, "sent", size_bytes))

    def _said(self, sent: Sent) -> Sent:
        self.on_file(sent)
        return sent

    def _digest_there(self, key: str) -> str | None:
        try:
            return aws.s3().head_object(Bucket=self.bucket, Key=key)["Metadata"].get(_DIGEST)
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING_CODES:
                return None
            raise


@contextmanager
def _told(bucket: str) -> Iterator[None]:
    """Turns AWS's errors into ours, which say what to do."""
    try:
        yield
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise CredentialsError("There are no AWS credentials: run `aws configure` or set AWS_ACCESS_KEY_ID.") from error
    except ClientError as error:
        raise _ours(error, bucket) from error
    except S3UploadFailedError as error:
        cause = error.__context__
        raise (_ours(cause, bucket) if isinstance(cause, ClientError) else UploadError(str(error))) from error


def _ours(error: ClientError, bucket: str) -> FramesiftError:
    code: Any = error.response["Error"]["Code"]
    if code in _UNKNOWN_CODES:
        return CredentialsError(f"AWS does not accept the credentials ({code}): check them or log in again.")
    if code in _DENIED_CODES:
        return UploadDeniedError(f"These credentials may not write to {bucket}: ask for s3:PutObject and s3:GetObject.")
    if code in _MISSING_CODES or code == "NoSuchBucket":
        return BucketMissingError(f"There is no bucket {bucket}: create it or check its name.")
    return UploadError(f"S3 refused ({code}): {error.response['Error'].get('Message', '')}")
