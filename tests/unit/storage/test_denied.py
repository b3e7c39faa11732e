"""S3 answers 403 for a missing object where the role may list below its own prefixes only."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from framesift import aws
from framesift.errors import NotFoundError
from framesift.storage import S3Store

READS = ("GetObject", "HeadObject", "CopyObject")


def deny(response_dict: dict[str, Any], *, always: bool) -> None:
    if always or response_dict["status_code"] == 404:
        body = b"" if not response_dict["body"] else b"<Error><Code>AccessDenied</Code></Error>"
        response_dict.update(status_code=403, body=body)


@pytest.fixture
def hiding_store(store: S3Store, on_aws: Callable[..., None]) -> S3Store:
    """A bucket that hides whether an object is missing."""
    return _denying(store, on_aws, always=False)


@pytest.fixture
def closed_store(store: S3Store, on_aws: Callable[..., None]) -> S3Store:
    """A bucket that lets nothing be read."""
    store.put("runs/there", b"bytes")
    return _denying(store, on_aws, always=True)


def _denying(store: S3Store, on_aws: Callable[..., None], *, always: bool) -> S3Store:
    for name in READS:
        on_aws(aws.s3(), f"before-parse.s3.{name}", lambda response_dict, **_: deny(response_dict, always=always))
    return store


def test_a_missing_object_is_missing_all_the_same(hiding_store: S3Store, tmp_path: Path) -> None:
    hiding_store.put("runs/there", b"bytes")

    assert hiding_store.get("runs/there") == b"bytes"
    assert hiding_store.exists("runs/there")
    assert not hiding_store.exists("runs/the")
    assert hiding_store.describe("runs/the") is None
    with pytest.raises(NotFoundError, match="runs/the"):
        hiding_store.get("runs/the")
    with pytest.raises(NotFoundError, match="runs/the"):
        hiding_store.download("runs/the", tmp_path / "file")
    with pytest.raises(NotFoundError, match="runs/the"):
        hiding_store.copy("runs/the", "runs/copy")


def test_what_is_there_and_may_not_be_read_is_not_called_missing(closed_store: S3Store) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        closed_store.get("runs/there")
    with pytest.raises(ClientError, match="403"):
        closed_store.exists("runs/there")
