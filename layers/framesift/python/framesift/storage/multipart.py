"""Objects that are uploaded in parts, over hours if need be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, Final

from botocore.exceptions import ClientError

from framesift import aws
from framesift.errors import UploadGoneError
from framesift.storage.store import Store

MIN_PART_BYTES: Final = 5 << 20
"""Of each part but the last (S3, "Multipart upload limits")."""
_GONE_CODES: Final = frozenset({"NoSuchUpload", "404"})


@dataclass(frozen=True)
class MultipartUploads:
    """Uploads in parts to a bucket. A part that is sent again replaces itself.

    Attributes:
        bucket: The bucket's name.
    """

    bucket: str

    def begin(self, key: str, content_type: str) -> str:
        """Begin an upload; return its id."""
        return aws.s3().create_multipart_upload(Bucket=self.bucket, Key=key, ContentType=content_type)["UploadId"]

    def abort_all(self, prefix: str) -> None:
        """Give up all uploads of keys below a prefix."""
        for page in aws.s3().get_paginator("list_multipart_uploads").paginate(Bucket=self.bucket, Prefix=prefix):
            for upload in page.get("Uploads", []):
                self.abort(upload["Key"], upload["UploadId"])

    def send(self, key: str, upload_id: str, number: int, body: IO[bytes]) -> str:
        """Send a part, numbered from 1; return its ETag.

        Raises:
            UploadGoneError: The upload was given up meanwhile.
        """
        with _tell_gone(key):
            part = aws.s3().upload_part(Bucket=self.bucket, Key=key, UploadId=upload_id, PartNumber=number, Body=body)
        return part["ETag"]

    def parts(self, key: str, upload_id: str) -> Mapping[int, tuple[str, int]] | None:
        """ETag and size of each part that has arrived; None if the upload is complete, or was given up."""
        pages = aws.s3().get_paginator("list_parts").paginate(Bucket=self.bucket, Key=key, UploadId=upload_id)
        try:
            found = [part for page in pages for part in page.get("Parts", [])]
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE_CODES:
                return None
            raise
        return {part["PartNumber"]: (part["ETag"], part["Size"]) for part in found}

    def complete(self, key: str, upload_id: str, parts: Mapping[int, tuple[str, int]]) -> None:
        """Make the object of its parts: the ETag and size of each number.

        Raises:
            UploadGoneError: The upload was given up meanwhile.
        """
        listed: Any = [{"PartNumber": number, "ETag": etag} for number, (etag, _) in sorted(parts.items())]
        with _tell_gone(key):
            aws.s3().complete_multipart_upload(
                Bucket=self.bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": listed}
            )

    def abort(self, key: str, upload_id: str) -> None:
        """Give an upload up, and delete its parts; that there is none is no error."""
        try:
            aws.s3().abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=upload_id)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _GONE_CODES:
                raise


def delete_folder(store: Store, prefix: str) -> None:
    """Delete all objects below a prefix with all their versions, and give up the uploads that are under way there."""
    MultipartUploads(store.bucket).abort_all(prefix)
    store.delete_versions(store.versions(prefix))


@contextmanager
def _tell_gone(key: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] in _GONE_CODES:
            raise UploadGoneError(f"The upload of {key} was given up meanwhile: begin it anew.") from None
        raise
