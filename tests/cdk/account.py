"""An account on moto in which each function acts under the very policy of its role."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from types import SimpleNamespace
from typing import Any

from framesift import aws
from framesift.storage import S3Store
from framesift.table import Records

CONTEXT = SimpleNamespace(
    function_name="f",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:ap-northeast-2:123456789012:function:f",
    aws_request_id="52fdfc07-2182-154f-163f-5f0f9a621d72",
    get_remaining_time_in_millis=lambda: 900_000,
)
_LISTS = {
    "ListObjects": "s3:ListBucket",
    "ListObjectsV2": "s3:ListBucket",
    "ListObjectVersions": "s3:ListBucketVersions",
    "ListMultipartUploads": "s3:ListBucketMultipartUploads",
}
_OF_OBJECTS = {
    "GetObject": "s3:GetObject",
    "HeadObject": "s3:GetObject",
    "ListParts": "s3:ListMultipartUploadParts",
    "AbortMultipartUpload": "s3:AbortMultipartUpload",
}
# Calls of services where a resource of ours is named by one argument.
_NAMED = {"secretsmanager": "SecretId", "sns": "TopicArn", "cognito-idp": "UserPoolId"}
_WRITES_OBJECT = {"PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"}


def asked(service: str, operation: str, call: dict[str, Any]) -> list[tuple[str, str, str]]:
    """What IAM decides about when a client calls: action, resource, and the key of its condition."""
    if service == "dynamodb":
        return [(f"dynamodb:{operation}", "Table", pk) for pk in _partition_keys(operation, call)]
    if service in _NAMED:
        return [(f"{service}:{operation}", call[_NAMED[service]], "")]
    if operation in _LISTS:
        return [(_LISTS[operation], "Bucket", call.get("Prefix", ""))]
    if operation == "DeleteObjects":
        return [
            (f"s3:DeleteObject{'Version' if each.get('VersionId') else ''}", f"Bucket/{each['Key']}", "")
            for each in call["Delete"]["Objects"]
        ]
    if operation == "DeleteObject":  # With a condition on the ETag, reading it is needed, too.
        reads = [("s3:GetObject", f"Bucket/{call['Key']}", "")] if call.get("IfMatch") else []
        return [*reads, ("s3:DeleteObject", f"Bucket/{call['Key']}", "")]
    decisions = []
    if operation == "CopyObject":
        decisions = [("s3:GetObject", f"Bucket/{call['CopySource']['Key']}", "")]
    if operation in _OF_OBJECTS:
        action = f"{_OF_OBJECTS[operation]}{'Version' if call.get('VersionId') else ''}"
        return [(action, f"Bucket/{call['Key']}", "")]
    assert operation in _WRITES_OBJECT | {"CopyObject"}, operation
    if call.get("IfMatch"):
        decisions = [("s3:GetObject", f"Bucket/{call['Key']}", "")]
    return [*decisions, ("s3:PutObject", f"Bucket/{call['Key']}", "")]


def _partition_keys(operation: str, call: dict[str, Any]) -> list[str]:
    if operation == "Query":
        return [call["ExpressionAttributeValues"][":pk"]["S"]]
    if operation == "BatchWriteItem":
        requests = [each for many in call["RequestItems"].values() for each in many]
        written = [each["PutRequest"]["Item"] for each in requests if "PutRequest" in each]
        deleted = [each["DeleteRequest"]["Key"] for each in requests if "DeleteRequest" in each]
        return [each["pk"]["S"] for each in (*written, *deleted)]
    return [(call.get("Key") or call["Item"])["pk"]["S"]]


def is_allowed(statements: list[Any], action: str, resource: str, key: str) -> bool:
    return any(
        action in statement["actions"]
        and any(fnmatchcase(resource, pattern) for pattern in statement["resources"])
        and _matches(statement["conditions"], key)
        for statement in statements
    )


def _matches(conditions: dict[str, Any], key: str) -> bool:
    patterns = [
        pattern
        for operator in ("StringLike", "ForAllValues:StringLike")
        for wanted in conditions.get(operator, {}).values()
        for pattern in ([wanted] if isinstance(wanted, str) else wanted)
    ]
    return not conditions or any(fnmatchcase(key, pattern) for pattern in patterns)


class Account:
    """A bucket and a table whose clients obey the policy of the role that acts."""

    def __init__(
        self, store: S3Store, records: Records, statements: dict[str, list[Any]], on_aws: Callable[..., None]
    ) -> None:
        self.store, self.records = store, records
        self._statements = statements
        self._role: str | None = None
        self.denied: list[str] = []
        for service in ("s3", "dynamodb", "secretsmanager", "sns"):
            on_aws(getattr(aws, service)(), f"provide-client-params.{service}", self._check)

    def _check(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        if self._role is None:
            return
        for action, resource, key in asked(model.service_model.service_name, model.name, params):
            if not is_allowed(self._statements[self._role], action, resource, key):
                self.denied.append(f"{self._role}: {action} on {resource} {key}")

    @contextmanager
    def acting_as(self, role: str) -> Iterator[None]:
        former, self._role = self._role, role
        try:
            yield
        finally:
            self._role = former

    def invoke(self, name: str, event: dict[str, Any], module: str = "") -> dict[str, Any]:
        """Call a function's own handler under its role."""
        handler = importlib.import_module(module or f"functions.{name}.handler").handler
        with self.acting_as(name):
            return handler(event, CONTEXT)

    def put_secret(self, name: str, value: str) -> None:
        """Give a secret of the template its value, as an operator does."""
        aws.secretsmanager().create_secret(Name=name, SecretString=value)


def begin(account: Account, **start: Any) -> dict[str, Any]:
    event = {"start": start, "execution_arn": "arn:1", "started_at": "2026-11-20T15:00:00Z"}
    return account.invoke("begin_run", event)
