"""The only module that calls Secrets Manager.

A write replaces the whole secret or nothing: until the new value is stored, readers get the one before.
"""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from framesift import aws
from framesift.errors import SecretContentError, SecretNotWrittenError, SecretUnreadableError

MAX_SECRET_BYTES = 65_536  # Secrets Manager's limit.
# Refusals that another try does not change; `InvalidRequestException`: the secret is being deleted.
_REFUSAL_CODES = frozenset(
    {
        "AccessDeniedException",
        "DecryptionFailure",
        "InvalidParameterException",
        "InvalidRequestException",
        "ValidationException",
    }
)


def read_secret(secret_id: str) -> str | None:
    """Read a secret.

    Args:
        secret_id: The secret's name or ARN.

    Returns:
        Its value; None if there is no such secret, or it has no value yet.

    Raises:
        SecretUnreadableError: If AWS refuses it.
    """
    try:
        return aws.secretsmanager().get_secret_value(SecretId=secret_id)["SecretString"]
    except ClientError as error:
        if _code_of(error) == "ResourceNotFoundException":
            return None
        if _code_of(error) in _REFUSAL_CODES:
            raise SecretUnreadableError(f"The secret {secret_id!r} cannot be read: {_reason(error)}") from error
        raise
    except KeyError:
        raise wrong_content(secret_id, "text, not bytes") from None


def read_json_secret(secret_id: str, expected: str) -> dict[str, Any]:
    """Read a secret that holds a JSON object.

    Args:
        secret_id: The secret's name or ARN.
        expected: What it must hold, for the error's message: "the secret … must hold {expected}".

    Raises:
        SecretUnreadableError: If there is no such secret, it has no value, or AWS refuses it.
        SecretContentError: If it holds something else.
    """
    text = read_secret(secret_id)
    if text is None:
        raise SecretUnreadableError(
            f"There is no secret {secret_id!r}, or it has no value: create it with {expected}, or correct the setting "
            "that names it."
        )
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise wrong_content(secret_id, expected)
    return value


def write_secret(secret_id: str, text: str) -> None:
    """Replace a secret's value; if that fails, the secret keeps the value that it has.

    Raises:
        SecretNotWrittenError: If the text is too large, or AWS refuses it.
    """
    size_bytes = len(text.encode())
    if size_bytes > MAX_SECRET_BYTES:
        raise SecretNotWrittenError(
            f"The secret {secret_id!r} keeps its value: {size_bytes:,} bytes are more than the "
            f"{MAX_SECRET_BYTES:,} that a secret can have."
        )
    try:
        aws.secretsmanager().put_secret_value(SecretId=secret_id, SecretString=text)
    except (ClientError, BotoCoreError) as error:
        raise SecretNotWrittenError(f"The secret {secret_id!r} keeps its value: {_reason(error)}") from error


def wrong_content(secret_id: str, expected: str) -> SecretContentError:
    """The error for a secret that holds something else."""
    return SecretContentError(f"The secret {secret_id!r} must hold {expected}.")


def _code_of(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])


def _reason(error: ClientError | BotoCoreError) -> str:
    if isinstance(error, ClientError):
        return f"AWS answers {_code_of(error)}: {error.response['Error'].get('Message', '')}"
    return str(error)
