"""Lets a client upload straight to the bucket, by links that allow one object of one size and type each."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from framesift import aws
from framesift.contracts import Contract

_GONE_CODES = {"NoSuchUpload", "404"}


class UploadForm(Contract):
    """A form that a client sends with the file as its last field, `file`."""

    url: str
    fields: dict[str, str]


class PartLink(Contract):
    """Where a client sends (PUT) one part of a file."""

    number: int
    url: str
    start: int
    size_bytes: int


@dataclass(frozen=True)
class DirectUploads:
    """Links into a bucket, and uploads in parts.

    Attributes:
        bucket: The bucket's name.
        link_s: How long a link works, seconds.
    """

    bucket: str
    link_s: int

    def form(self, key: str, size_bytes: int, content_type: str, sha256: str | None = None) -> UploadForm:
        """A form for one object; S3 refuses another key, size, type or, where it is given, digest."""
        fields = {"Content-Type": content_type}
        if sha256:
            checksum = base64.b64encode(bytes.fromhex(sha256)).decode()
            fields |= {"x-amz-checksum-algorithm": "SHA256", "x-amz-checksum-sha256": checksum}
        conditions: list[Any] = [{name: value} for name, value in fields.items()]
        conditions.append(["content-length-range", size_bytes, size_bytes])
        made = aws.s3().generate_presigned_post(
            self.bucket, key, Fields=fields, Conditions=conditions, ExpiresIn=self.link_s
        )
        return UploadForm(url=made["url"], fields=made["fields"])

    def begin(self, key: str, content_type: str) -> str:
        """Begin an upload in parts; return its id."""
        return aws.s3().create_multipart_upload(Bucket=self.bucket, Key=key, ContentType=content_type)["UploadId"]

    def part_link(self, key: str, upload_id: str, number: int, start: int, size_bytes: int) -> PartLink:
        """A link for one part; S3 refuses another size."""
        url = aws.s3().generate_presigned_url(
            "upload_part",
            Params={
                "Bucket": self.bucket,
                "Key": key,
                "UploadId": upload_id,
                "PartNumber": number,
                "ContentLength": size_bytes,
            },
            ExpiresIn=self.link_s,
        )
        return PartLink(number=number, url=url, start=start, size_bytes=size_bytes)

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
        """Make the object of its parts."""
        listed: Any = [{"PartNumber": number, "ETag": etag} for number, (etag, _) in sorted(parts.items())]
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
