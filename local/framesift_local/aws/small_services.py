"""The services that are small enough to be kept by comparing them as a whole: secrets, users, messages."""

from __future__ import annotations

import uuid
from typing import Any, Protocol

from moto.cognitoidp import models as cognito_models
from moto.cognitoidp.models import cognitoidp_backends
from moto.secretsmanager.models import secretsmanager_backends
from moto.secretsmanager.utils import SecretsManagerSecretIdentifier
from moto.sqs.models import Message, sqs_backends

from framesift_local.aws.patching import replace
from framesift_local.aws.records import Key, Records
from framesift_local.aws.template import ACCOUNT, secret_arn

_USER_FIELDS = ("id", "username", "password", "status", "enabled", "attributes")


class SmallService(Protocol):
    """What is read after each change, and put back at start."""

    def read(self) -> dict[Key, Any]:
        """Return what is there, as records."""

    def restore(self, records: Records) -> None:
        """Put back what was kept."""


def install_steady_arns() -> None:
    """Let a secret have the same ARN after each start: functions hold it."""
    replace(
        SecretsManagerSecretIdentifier,
        "generate",
        lambda secret, **_: secret_arn(secret.region, secret.name),
    )


class Secrets:
    """Secrets Manager's current values."""

    def __init__(self, region: str) -> None:
        self._region = region

    def read(self) -> dict[Key, Any]:
        """Return what is there."""
        backend: Any = secretsmanager_backends[ACCOUNT][self._region]
        found = {}
        for secret in backend.secrets.values():
            version = secret.versions.get(secret.default_version_id)
            if version is not None and not secret.is_deleted():
                binary = version.get("secret_binary")  # base64, as text or as bytes
                found["secret", "", secret.name] = {
                    "string": version.get("secret_string"),
                    "binary": binary.decode() if isinstance(binary, bytes) else binary,
                }
        return found

    def restore(self, records: Records) -> None:
        """Put back what was kept."""
        backend: Any = secretsmanager_backends[ACCOUNT][self._region]
        for _, name, value in records.scan("secret"):
            if backend.secrets.get(name) is None:
                new: tuple[Any, ...] = (None, None, None, None, [], False)
                backend.create_secret(name, value["string"], value["binary"], *new)
            else:
                version = str(uuid.uuid4())
                backend.put_secret_value(name, value["string"], value["binary"], version, ["AWSCURRENT"])


class Users:
    """Cognito's users and their groups."""

    def __init__(self, region: str) -> None:
        self._region = region

    def read(self) -> dict[Key, Any]:
        """Return what is there."""
        return {
            ("user", pool.id, user.username): {
                **{name: getattr(user, name) for name in _USER_FIELDS},
                "groups": sorted(group.group_name for group in user.groups),
            }
            for pool in cognitoidp_backends[ACCOUNT][self._region].user_pools.values()
            for user in pool.users.values()
        }

    def restore(self, records: Records) -> None:
        """Put back what was kept."""
        backend: Any = cognitoidp_backends[ACCOUNT][self._region]
        for pool_id, username, record in records.scan("user"):
            pool = backend.user_pools.get(pool_id)
            if pool is None:
                continue
            user = cognito_models.CognitoIdpUser(
                pool_id, username, record["password"], record["status"], record["attributes"]
            )
            user.id, user.enabled = record["id"], record["enabled"]
            user.update_attributes([{"Name": "sub", "Value": user.id}])
            pool.users[username] = user
            for group_name in record["groups"]:
                if group_name not in pool.groups:
                    backend.create_group(pool_id, group_name, "", "", None)
                backend.admin_add_user_to_group(pool_id, group_name, username)


class Messages:
    """SQS's messages that nobody has deleted."""

    def __init__(self, region: str) -> None:
        self._region = region

    def read(self) -> dict[Key, Any]:
        """Return what is there."""
        return {
            ("message", queue.name, message.id): {
                "body": message.body,
                "attributes": message.message_attributes,
                "sent_ms": message.sent_timestamp,
            }
            for queue in sqs_backends[ACCOUNT][self._region].queues.values()
            for message in queue._messages
            if message.id not in queue.deleted_messages
        }

    def restore(self, records: Records) -> None:
        """Put back what was kept."""
        queues = sqs_backends[ACCOUNT][self._region].queues
        for queue_name, message_id, record in records.scan("message"):
            if queue_name in queues:
                message = Message(message_id, record["body"])
                message.message_attributes = record["attributes"]
                message.mark_sent()
                message.sent_timestamp = record["sent_ms"]
                queues[queue_name].add_message(message)
