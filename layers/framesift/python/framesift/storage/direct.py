"""Lets a client upload straight to the bucket, by links that allow one object of one size and type each."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from framesift import aws
from framesift.contracts import Contract


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
    """Links into a bucket: for whole files, and for the parts of an upload (`storage/multipart.py`).

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
