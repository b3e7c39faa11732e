"""Sends sequences to S3: in parallel, in parts above 8 MiB, and nothing twice.

Each object carries its SHA-256 as metadata and is checked by S3 on arrival, part by part. A file whose object has the
same digest is passed over.
"""

from __future__ import annotations

from collections.abc import Callable
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
    NoVideosError,
    UploadDeniedError,
    UploadError,
    UploadMismatchError,
)
from framesift.pose.decode import file_sha256
from framesift.pose.manifest import MANIFEST_NAME
from framesift.pose.presets import S3Settings
from framesift.pose.sequence import SUFFIX

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_s3.client import S3Client

_DIGEST = "sha256"
_MISSING_CODES = {"404", "NoSuchKey", "NotFound"}
_UNKNOWN_CODES = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "InvalidClientTokenId"}
_DENIED_CODES = {"403", "AccessDenied", "Forbidden", "AllAccessDisabled"}


@dataclass(frozen=True)
class Upload:
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


def files_to_upload(folder: Path) -> list[Path]:
    """The sequences below a folder and, last, its manifest.

    Raises:
        NoVideosError: There is no sequence.
    """
    sequences = sorted(folder.rglob(f"*{SUFFIX}"))
    if not sequences:
        raise NoVideosError(f"{folder} holds no pose sequence: run `framesift pose extract` first.")
    manifest = folder / MANIFEST_NAME
    return sequences + ([manifest] if manifest.is_file() else [])


def upload(
    folder: Path,
    settings: S3Settings,
    on_bytes: Callable[[int], None] = lambda _: None,
    on_file: Callable[[Upload], None] = lambda _: None,
) -> list[Upload]:
    """Send a folder's sequences, and then its manifest: who reads the manifest finds what it names.

    Args:
        folder: From `extract`.
        settings: See `S3Settings`; the bucket must be set.
        on_bytes: Hears of bytes as they are sent or passed over.
        on_file: Hears of each file.

    Raises:
        UploadError: One of its leaves. What was sent stays, parts of unfinished objects are gone.
    """
    if settings.bucket is None:
        raise BucketMissingError("No bucket is named: give --s3-bucket.")
    client = aws.s3()
    with _told(settings.bucket):
        client.head_bucket(Bucket=settings.bucket)
    *sequences, last = files_to_upload(folder)

    def send(path: Path) -> Upload:
        sent = _send(
            client, path, f"{settings.prefix.strip('/')}/{path.relative_to(folder).as_posix()}", settings, on_bytes
        )
        on_file(sent)
        return sent

    with ThreadPoolExecutor(settings.max_workers) as pool:
        try:
            done = list(pool.map(send, sequences))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [*done, send(last)]


def _send(client: S3Client, path: Path, key: str, settings: S3Settings, on_bytes: Callable[[int], None]) -> Upload:
    bucket, digest, size_bytes = str(settings.bucket), file_sha256(path), path.stat().st_size
    with _told(bucket):
        if not settings.overwrite and _digest_there(client, bucket, key) == digest:
            on_bytes(size_bytes)
            return Upload(path, key, "there", size_bytes)
        # boto3 aborts the parts of an upload that fails or is interrupted.
        client.upload_file(
            str(path),
            bucket,
            key,
            ExtraArgs={"Metadata": {_DIGEST: digest}, "ChecksumAlgorithm": "SHA256"},
            Callback=on_bytes,
            Config=TransferConfig(
                multipart_threshold=settings.part_size_bytes,
                multipart_chunksize=settings.part_size_bytes,
                max_concurrency=settings.max_workers,
            ),
        )
        arrived = client.head_object(Bucket=bucket, Key=key)
    if arrived["ContentLength"] != size_bytes or arrived["Metadata"].get(_DIGEST) != digest:
        raise UploadMismatchError(
            f"s3://{bucket}/{key} is not what was sent: another writer changed it; send it again."
        )
    return Upload(path, key, "sent", size_bytes)


def _digest_there(client: S3Client, bucket: str, key: str) -> str | None:
    try:
        return client.head_object(Bucket=bucket, Key=key)["Metadata"].get(_DIGEST)
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
