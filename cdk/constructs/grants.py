"""What a role may do with the bucket, the table, the secrets and the topic: single actions on keys of our own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import ArnFormat, Aws, Stack, Token
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sns as sns

from cdk.constructs.nag import accept
from cdk.functions import Access


@dataclass(frozen=True)
class Resources:
    """What access is given to.

    Attributes:
        bucket: Holds objects.
        table: Holds records.
        secrets: By name, those that the stage has.
        topic: Notifies of failures.
        machine_name: The state machine's name. It is not referred to: it refers to the roles' functions already.
        lent_buckets: Names of other buckets, whose images are read in place.
        users: The pool that people log in to.
    """

    bucket: s3.IBucket
    table: dynamodb.ITableV2
    secrets: Mapping[str, secretsmanager.ISecret]
    topic: sns.ITopic
    machine_name: str
    lent_buckets: Sequence[str] = ()
    users: cognito.IUserPool | None = None


def service_principal(stack: Stack, service: str, source: tuple[str, str] | None = None) -> iam.ServicePrincipal:
    """Trust a service of AWS when it acts for this account, not when another account makes it act.

    Args:
        stack: The role's.
        service: The principal.
        source: What it acts for, as a service's name and a resource, which may have wildcards: `("states",
            "stateMachine:framesift-dev")`. None where the service names nothing, as Lambda, which documents only its
            account for execution roles.
    """
    conditions = {"StringEquals": {"aws:SourceAccount": stack.account}}
    if source is not None:
        name, resource = source
        arn = stack.format_arn(service=name, resource=resource, arn_format=ArnFormat.NO_RESOURCE_NAME)
        conditions["ArnLike"] = {"aws:SourceArn": arn}
    return iam.ServicePrincipal(service, conditions=conditions)


def grant(role: iam.IRole, access: Access, resources: Resources) -> None:
    """Give a role its access, and nothing else."""
    _grant_objects(role, access, resources.bucket)
    _grant_records(role, access, resources.table)
    for name, actions in access.secrets.items():
        if name in resources.secrets:
            _allow(role, [f"secretsmanager:{action}" for action in actions], resources.secrets[name].secret_arn)
    if access.notifies:
        _allow(role, ["sns:Publish"], resources.topic.topic_arn)
    if access.watches_runs:
        _describe_executions(role, resources.machine_name)
    if access.starts_runs:
        _allow(role, ["states:StartExecution"], machine_arn(Stack.of(role), resources.machine_name))
    if access.users and resources.users:
        _allow(role, [f"cognito-idp:{action}" for action in access.users], resources.users.user_pool_arn)
    if access.lent:
        _read_in_place(role, resources.lent_buckets)


def _grant_objects(role: iam.IRole, access: Access, bucket: s3.IBucket) -> None:
    readable = (*access.reads, *access.versions)
    for prefixes, actions in (
        (readable, ["s3:GetObject"]),
        (access.versions, ["s3:GetObjectVersion"]),
        (access.writes, ["s3:PutObject"]),
        (access.writes_in_parts, ["s3:PutObject", "s3:AbortMultipartUpload"]),
        (access.resumes, ["s3:ListMultipartUploadParts"]),
        (access.deletes, ["s3:DeleteObject"]),
        (access.versions_deletes, ["s3:DeleteObjectVersion"]),
        (access.purges, ["s3:DeleteObjectVersion"]),
        (access.aborts, ["s3:AbortMultipartUpload"]),
        (access.tags, ["s3:GetObjectTagging"]),
    ):
        for prefix in prefixes:
            _allow(role, actions, bucket.arn_for_objects(f"{prefix}*"))
            accept_prefix(role, bucket, prefix)
    if readable:
        _allow(role, ["s3:ListBucket"], bucket.bucket_arn, _below(readable))
    if access.purges:
        _allow(role, ["s3:ListBucketVersions"], bucket.bucket_arn, _below(access.purges))
    if access.aborts:
        _allow(role, ["s3:ListBucketMultipartUploads"], bucket.bucket_arn)  # It knows no prefixes.


def _below(prefixes: Sequence[str]) -> dict[str, Any]:
    """The condition that only these prefixes are listed."""
    return {"StringLike": {"s3:prefix": [f"{prefix}*" for prefix in prefixes]}}


def _grant_records(role: iam.IRole, access: Access, table: dynamodb.ITableV2) -> None:
    keys_of: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for key, actions in access.records.items():
        keys_of[actions].append(key)
    for actions, keys in keys_of.items():
        # `ForAllValues` is also true of a request without a key, so one must be there.
        conditions = {
            "ForAllValues:StringLike": {"dynamodb:LeadingKeys": keys},
            "Null": {"dynamodb:LeadingKeys": "false"},
        }
        _allow(role, [f"dynamodb:{action}" for action in actions], table.table_arn, conditions)


def machine_arn(stack: Stack, name: str) -> str:
    """The state machine's ARN, made of its name."""
    return stack.format_arn(
        service="states", resource="stateMachine", resource_name=name, arn_format=ArnFormat.COLON_RESOURCE_NAME
    )


def _read_in_place(role: iam.IRole, buckets: Sequence[str]) -> None:
    for name in buckets:
        _allow(role, ["s3:GetObject"], f"arn:{Aws.PARTITION}:s3:::{name}/*")
        _allow(role, ["s3:ListBucket"], f"arn:{Aws.PARTITION}:s3:::{name}")
        accept(
            role,
            "Images that stay in a bucket that the stage names: read, and nothing else.",
            f"AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:s3:::{name}/*]",
        )


def _describe_executions(role: iam.IRole, machine_name: str) -> None:
    stack = Stack.of(role)
    executions = stack.format_arn(
        service="states",
        resource="execution",
        resource_name=f"{machine_name}:*",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
    _allow(role, ["states:DescribeExecution"], executions)
    account = "<AWS::AccountId>" if Token.is_unresolved(stack.account) else stack.account
    finding = f"arn:<AWS::Partition>:states:{stack.region}:{account}:execution:{machine_name}:*"
    accept(role, "Executions get their names when they start.", f"AwsSolutions-IAM5[Resource::{finding}]")


def _allow(role: iam.IRole, actions: list[str], resource: str, conditions: Mapping[str, Any] | None = None) -> None:
    role.add_to_principal_policy(iam.PolicyStatement(actions=actions, resources=[resource], conditions=conditions))


def accept_prefix(role: iam.IRole, bucket: s3.IBucket, prefix: str) -> None:
    """Accept that a role may use all objects below a prefix."""
    storage = Stack.of(bucket)
    export = storage.resolve(storage.export_value(bucket.bucket_arn))["Fn::ImportValue"]
    accept(
        role,
        "Objects below a prefix of our own bucket, whose keys are not known beforehand.",
        f"AwsSolutions-IAM5[Resource::{export}/{prefix}*]",
    )
