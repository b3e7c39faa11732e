"""What a role may do with the bucket, the table and the secrets: single actions on prefixes of our own."""

from __future__ import annotations

from aws_cdk import ArnFormat, Stack, Token
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sns as sns

from cdk.constructs.nag import accept


def read_objects(role: iam.IRole, bucket: s3.IBucket, *prefixes: str) -> None:
    """Let a role read objects below prefixes."""
    _allow_objects(role, bucket, "s3:GetObject", prefixes)
    # Without it a missing object reads as 403, not 404; with a prefix condition too, since a GET names no prefix.
    _allow(role, ["s3:ListBucket"], bucket.bucket_arn)


def read_versions(role: iam.IRole, bucket: s3.IBucket, *prefixes: str) -> None:
    """Let a role read objects below prefixes, and what they were before they were overwritten."""
    read_objects(role, bucket, *prefixes)
    _allow_objects(role, bucket, "s3:GetObjectVersion", prefixes)


def write_objects(role: iam.IRole, bucket: s3.IBucket, *prefixes: str) -> None:
    """Let a role write objects below prefixes."""
    _allow_objects(role, bucket, "s3:PutObject", prefixes)


def delete_objects(role: iam.IRole, bucket: s3.IBucket, *prefixes: str) -> None:
    """Let a role delete objects below prefixes."""
    _allow_objects(role, bucket, "s3:DeleteObject", prefixes)


def use_table(role: iam.IRole, table: dynamodb.ITableV2, *actions: str) -> None:
    """Let a role do single actions on the table, such as `GetItem`."""
    _allow(role, [f"dynamodb:{action}" for action in actions], table.table_arn)


def read_secret(role: iam.IRole, secret: secretsmanager.ISecret) -> None:
    """Let a role read a secret."""
    _allow(role, ["secretsmanager:GetSecretValue"], secret.secret_arn)


def write_secret(role: iam.IRole, secret: secretsmanager.ISecret) -> None:
    """Let a role keep a new value of a secret."""
    _allow(role, ["secretsmanager:PutSecretValue"], secret.secret_arn)


def publish(role: iam.IRole, topic: sns.ITopic, key: kms.IKey) -> None:
    """Let a role publish to an encrypted topic."""
    _allow(role, ["sns:Publish"], topic.topic_arn)
    _allow(role, ["kms:Decrypt", "kms:GenerateDataKey"], key.key_arn)


def describe_executions(role: iam.IRole, machine_name: str) -> None:
    """Let a role ask how executions are doing.

    The state machine is named, not referred to: it refers to the role's function already.
    """
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


def _allow(role: iam.IRole, actions: list[str], resource: str) -> None:
    role.add_to_principal_policy(iam.PolicyStatement(actions=actions, resources=[resource]))


def _allow_objects(role: iam.IRole, bucket: s3.IBucket, action: str, prefixes: tuple[str, ...]) -> None:
    storage = Stack.of(bucket)
    export = storage.resolve(storage.export_value(bucket.bucket_arn))["Fn::ImportValue"]
    for prefix in prefixes:
        _allow(role, [action], bucket.arn_for_objects(f"{prefix}*"))
        accept(
            role,
            "Objects below a prefix of our own bucket, whose keys are not known beforehand.",
            f"AwsSolutions-IAM5[Resource::{export}/{prefix}*]",
        )
