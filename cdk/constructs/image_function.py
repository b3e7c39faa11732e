"""A function that runs a handler of a container image, with a role, a log and limits of its own."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Duration, RemovalPolicy, Size, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk.aws_ecr_assets import DockerImageAsset
from constructs import Construct

from cdk.constructs.grants import service_principal
from cdk.constructs.nag import accept
from cdk.constructs.retention import retention
from cdk.functions import Function


class ImageFunction(lambda_.DockerImageFunction):
    """One handler of an image.

    Args:
        scope: Where it belongs.
        function: Its name, size and handler.
        image: The image that holds the handler.
        environment: Settings, beside those of Powertools.
        log_days: How long its log is kept.

    Attributes:
        own_role: What it may do.
    """

    def __init__(
        self,
        scope: Construct,
        function: Function,
        *,
        image: DockerImageAsset,
        environment: Mapping[str, str],
        log_days: int,
    ) -> None:
        construct_id = pascal_case(function.name)
        log_group = logs.LogGroup(
            scope, f"{construct_id}Log", retention=retention(log_days), removal_policy=RemovalPolicy.DESTROY
        )
        trusted = service_principal(Stack.of(scope), "lambda.amazonaws.com")
        role = iam.Role(scope, f"{construct_id}Role", assumed_by=trusted)
        log_group.grant_write(role)
        super().__init__(
            scope,
            construct_id,
            code=lambda_.DockerImageCode.from_ecr(
                image.repository, tag_or_digest=image.image_tag, cmd=[function.command]
            ),
            architecture=lambda_.Architecture.X86_64,
            role=role,
            log_group=log_group,
            memory_size=function.memory_mb,
            timeout=Duration.seconds(function.timeout_s),
            ephemeral_storage_size=Size.mebibytes(function.disk_mb),
            tracing=lambda_.Tracing.ACTIVE,
            environment={
                "POWERTOOLS_SERVICE_NAME": function.name,
                "POWERTOOLS_METRICS_NAMESPACE": "Framesift",
                "POWERTOOLS_LOG_LEVEL": "INFO",
                **environment,
            },
        )
        self.own_role = role
        accept(role, "X-Ray's PutTraceSegments knows no resources.", "AwsSolutions-IAM5[Resource::*]")


def pascal_case(name: str) -> str:
    """`begin_run` as `BeginRun`."""
    return "".join(word.capitalize() for word in name.split("_"))
