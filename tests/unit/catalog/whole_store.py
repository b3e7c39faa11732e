"""Everything that a bucket and a table keep: for tests that something is nowhere any more."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator

import pyarrow.parquet as pq

from framesift import aws
from framesift.storage import S3Store
from framesift.table import Records


def find_text(store: S3Store, records: Records, text: str) -> list[str]:
    """Where a text is: keys of objects (in any version), and keys of records."""
    found = [*_objects(store), *_records(records)]
    return [f"{name}: {_excerpt(content, text)}" for name, content in found if text in name or text in content]


def _excerpt(content: str, text: str) -> str:
    place = max(content.find(text), 0)
    return content[max(place - 40, 0) : place + 60]


def _objects(store: S3Store) -> Iterator[tuple[str, str]]:
    for version in store.versions(""):
        if version.is_mark:
            yield version.key, ""
            continue
        body = aws.s3().get_object(Bucket=store.bucket, Key=version.key, VersionId=version.version_id)["Body"].read()
        yield version.key, _decode(version.key, body)


def _decode(key: str, body: bytes) -> str:
    if key.endswith(".gz"):
        return gzip.decompress(body).decode()
    if key.endswith(".parquet"):
        return repr(pq.read_table(io.BytesIO(body)).to_pylist())
    return body.decode("latin-1")


def _records(records: Records) -> Iterator[tuple[str, str]]:
    for page in aws.dynamodb().get_paginator("scan").paginate(TableName=records.name):
        for item in page["Items"]:
            yield f"{item['pk']['S']} {item['sk']['S']}", repr(item)
