"""Secrets are read and written in one place, and a failed write loses nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

import framesift
from framesift import aws
from framesift.errors import SecretContentError, SecretNotWrittenError, SecretUnreadableError
from framesift.secrets import MAX_SECRET_BYTES, read_json_secret, read_secret, write_secret


@pytest.fixture
def secret(aws_on_moto: None) -> str:
    aws.secretsmanager().create_secret(Name="kept", SecretString='{"key": "old"}')
    return "kept"


@contextmanager
def denied(operation: str) -> Iterator[None]:
    """Credentials that do not allow an operation."""

    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not authorized"}}, operation)

    events, event = aws.secretsmanager().meta.events, f"before-call.secrets-manager.{operation}"
    events.register(event, refuse)
    try:
        yield
    finally:
        events.unregister(event, refuse)


def test_gives_what_was_written_last(secret: str) -> None:
    write_secret(secret, '{"key": "new"}')
    assert read_secret(secret) == '{"key": "new"}'
    assert read_json_secret(secret, "a key") == {"key": "new"}


def test_a_secret_without_a_value_has_none(aws_on_moto: None) -> None:
    aws.secretsmanager().create_secret(Name="empty")
    assert read_secret("empty") is None
    assert read_secret("missing") is None
    for name in ("empty", "missing"):
        with pytest.raises(SecretUnreadableError, match=f"{name}.*create it with a key"):
            read_json_secret(name, "a key")


@pytest.mark.parametrize("text", ["text", "[]", "[" * 60_000])
def test_other_content_is_named(text: str, aws_on_moto: None) -> None:
    aws.secretsmanager().create_secret(Name="odd", SecretString=text)
    with pytest.raises(SecretContentError, match="'odd' must hold a key"):
        read_json_secret("odd", "a key")


def test_bytes_are_named(aws_on_moto: None) -> None:
    aws.secretsmanager().create_secret(Name="odd", SecretBinary=b"\x00")
    with pytest.raises(SecretContentError, match="'odd' must hold text"):
        read_secret("odd")


def test_a_secret_that_may_not_be_read_is_named(secret: str) -> None:
    with denied("GetSecretValue"), pytest.raises(SecretUnreadableError, match=r"'kept' cannot be read: .*authorized"):
        read_secret(secret)


def test_a_value_that_is_too_large_replaces_nothing(secret: str) -> None:
    with pytest.raises(SecretNotWrittenError, match="'kept' keeps its value: 65,538 bytes"):
        write_secret(secret, "가" * (MAX_SECRET_BYTES // 3 + 1))
    assert read_secret(secret) == '{"key": "old"}'


def test_a_refused_write_replaces_nothing(secret: str) -> None:
    with denied("PutSecretValue"), pytest.raises(SecretNotWrittenError, match=r"'kept' keeps its value: .*authorized"):
        write_secret(secret, '{"key": "new"}')
    assert read_secret(secret) == '{"key": "old"}'


def test_a_missing_secret_is_not_made(aws_on_moto: None) -> None:
    with pytest.raises(SecretNotWrittenError, match="'missing'"):
        write_secret("missing", "text")
    assert read_secret("missing") is None


def test_only_one_module_reads_and_writes_values() -> None:
    package = Path(framesift.__file__).parent
    callers = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if re.search(r"\bsecretsmanager\(\)\.(get|put|batch)", path.read_text())
    }
    assert callers == {"secrets.py"}
