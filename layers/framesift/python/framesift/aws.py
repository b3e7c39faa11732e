"""AWS clients: one per service and process, created on first use. No other module creates clients."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_s3.client import S3Client
    from types_boto3_secretsmanager.client import SecretsManagerClient
    from types_boto3_sns.client import SNSClient
    from types_boto3_stepfunctions.client import SFNClient

# The pool serves the threads that fetch and store media; `standard` retries what AWS marks as retryable.
_CONFIG = Config(
    retries={"mode": "standard", "max_attempts": 6},
    max_pool_connections=64,
    connect_timeout=5,
    read_timeout=60,
    s3={"addressing_style": "path"},
)


@cache
def _client(service: str) -> Any:
    return boto3.client(service, config=_CONFIG)  # type: ignore[call-overload]


def forget_clients() -> None:
    """Make every client anew on its next use: for a process whose endpoint or credentials have changed."""
    _client.cache_clear()


def s3() -> S3Client:
    """The S3 client."""
    return _client("s3")  # type: ignore[no-any-return]


def dynamodb() -> DynamoDBClient:
    """The DynamoDB client."""
    return _client("dynamodb")  # type: ignore[no-any-return]


def stepfunctions() -> SFNClient:
    """The Step Functions client."""
    return _client("stepfunctions")  # type: ignore[no-any-return]


def secretsmanager() -> SecretsManagerClient:
    """The Secrets Manager client."""
    return _client("secretsmanager")  # type: ignore[no-any-return]


def lambda_() -> Any:
    """The Lambda client."""
    return _client("lambda")


def sns() -> SNSClient:
    """The SNS client."""
    return _client("sns")  # type: ignore[no-any-return]


def cloudformation() -> Any:
    """The CloudFormation client."""
    return _client("cloudformation")


def batch() -> Any:
    """The AWS Batch client."""
    return _client("batch")


def ecr() -> Any:
    """The client of the registry of images."""
    return _client("ecr")


def service_quotas() -> Any:
    """The Service Quotas client."""
    return _client("service-quotas")


def sts() -> Any:
    """The client that reports whose credentials are used."""
    return _client("sts")


def cognito() -> Any:
    """The client of user pools."""
    return _client("cognito-idp")
