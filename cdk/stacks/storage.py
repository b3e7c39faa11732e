"""What must outlive every deployment: the bucket, the table, the secrets."""

from __future__ import annotations

from typing import Any, cast

from aws_cdk import CfnOutput, Duration, RemovalPolicy, SecretValue, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from cdk.config import Config
from cdk.constructs.nag import accept
from cdk.secrets import SECRETS
from framesift.keys import INCOMING


class StorageStack(Stack):
    """The bucket, the table and the secrets.

    Attributes:
        bucket: Holds bytes.
        table: Holds state.
        secrets: By name, those of the sources and features that the stage has (`cdk/secrets.py`).
    """

    def __init__(self, scope: Construct, construct_id: str, config: Config, **stack: Any) -> None:
        super().__init__(scope, construct_id, termination_protection=config.protect, **stack)
        self.bucket = self._bucket(config)
        self.table = dynamodb.TableV2(
            self,
            "Table",
            partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
            billing=dynamodb.Billing.on_demand(),
            time_to_live_attribute="expires_at",
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            deletion_protection=True,
            removal_policy=RemovalPolicy.RETAIN,
        )
        self.secrets = {name: self._secret(name) for name in config.secrets}
        for name, secret in self.secrets.items():
            CfnOutput(self, f"{SECRETS[name].construct_id}SecretArn", value=secret.secret_arn)

    def _bucket(self, config: Config) -> s3.Bucket:
        kept_safe: Any = {
            "encryption": s3.BucketEncryption.S3_MANAGED,
            "enforce_ssl": True,
            "minimum_tls_version": 1.2,
            "block_public_access": s3.BlockPublicAccess.BLOCK_ALL,
            "object_ownership": s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            "removal_policy": RemovalPolicy.RETAIN,
        }
        access_log = s3.Bucket(
            self,
            "AccessLog",
            lifecycle_rules=[s3.LifecycleRule(expiration=Duration.days(config.access_log_days))],
            **kept_safe,
        )
        bucket = s3.Bucket(
            self,
            "Bucket",
            # The page shows images, and sends uploads, by links that expire.
            cors=_cors(config),
            versioned=True,  # An overwritten upload, collection or model can be had back for some days.
            server_access_logs_bucket=access_log,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="residual",
                    prefix="residual/",
                    expiration=Duration.days(config.residual_days),
                    noncurrent_version_expiration=Duration.days(1),
                ),
                s3.LifecycleRule(
                    id="incoming",
                    prefix=INCOMING,
                    expiration=Duration.days(config.incoming_days),
                    noncurrent_version_expiration=Duration.days(1),
                    abort_incomplete_multipart_upload_after=Duration.days(config.incoming_days),
                ),
                s3.LifecycleRule(id="runs", prefix="runs/", expiration=Duration.days(config.run_days)),
                s3.LifecycleRule(
                    id="noncurrent",
                    noncurrent_version_expiration=Duration.days(config.noncurrent_days),
                    expired_object_delete_marker=True,
                ),
                s3.LifecycleRule(
                    id="multipart", abort_incomplete_multipart_upload_after=Duration.days(config.incoming_days)
                ),
            ],
            **kept_safe,
        )
        # The construct's own `event_bridge_enabled` would bring a function to set what CloudFormation can set.
        cast(
            "s3.CfnBucket", bucket.node.default_child
        ).notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(event_bridge_enabled=True)
        )
        return bucket

    def _secret(self, name: str) -> secretsmanager.Secret:
        place = SECRETS[name]
        secret = secretsmanager.Secret(
            self,
            place.construct_id,
            secret_string_value=SecretValue.unsafe_plain_text(place.placeholder),
            removal_policy=RemovalPolicy.RETAIN,
        )
        accept(secret, "Another company issues it: nothing here could rotate it.", "AwsSolutions-SMG4")
        return secret


def _cors(config: Config) -> list[s3.CorsRule] | None:
    origins = [*config.web_origins, *([config.web_url] if config.web_url else [])]
    if not origins:
        return None
    return [
        s3.CorsRule(
            allowed_origins=origins,
            allowed_methods=[s3.HttpMethods.GET, s3.HttpMethods.HEAD, s3.HttpMethods.POST, s3.HttpMethods.PUT],
            allowed_headers=["content-type", "x-amz-*"],
            exposed_headers=["ETag"],
            max_age=600,
        )
    ]
