"""The web page: its files behind CloudFront, under one address with the API."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from aws_cdk import CfnElement, CfnOutput, Duration, Fn, RemovalPolicy, Stack
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_deployment as deployment
from constructs import Construct

from cdk.config import Config
from cdk.constructs.nag import accept
from cdk.stacks.pipeline import PipelineStack
from cdk.stacks.storage import StorageStack
from framesift.page_policy import HSTS_S, content_security_policy, page_headers

_KEPT = Duration.days(365)


class WebStack(Stack):
    """A private bucket of files, and a distribution that serves them beside the API.

    Nothing of it costs while nobody looks.

    Attributes:
        distribution: Where the page is.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        config: Config,
        storage: StorageStack,
        pipeline: PipelineStack,
        files: Path,
        **stack: Any,
    ) -> None:
        super().__init__(scope, construct_id, termination_protection=config.protect, **stack)
        bucket = s3.Bucket(
            self,
            "Files",
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            removal_policy=RemovalPolicy.RETAIN,
        )
        accept(bucket, "Public files, served by CloudFront alone: there is nothing to log.", "AwsSolutions-S1")
        self.distribution = self._distribution(config, bucket, storage, pipeline)
        self._deploy(config, files, bucket)
        CfnOutput(self, "PageUrl", value=f"https://{self.distribution.distribution_domain_name}")

    def _distribution(
        self, config: Config, bucket: s3.Bucket, storage: StorageStack, pipeline: PipelineStack
    ) -> cloudfront.Distribution:
        # Links name the bucket in their path (`aws.py`); the slash at the end means all that is below it.
        media = f"https://s3.{self.region}.{self.url_suffix}/{storage.bucket.bucket_name}/"
        api_host = Fn.select(2, Fn.split("/", pipeline.api_url))
        to_https = cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS
        distribution = cloudfront.Distribution(
            self,
            "Page",
            comment=f"Framesift {config.stage}",
            default_root_object="index.html",
            http_version=cloudfront.HttpVersion.HTTP2_AND_3,
            minimum_protocol_version=cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021,
            price_class=cloudfront.PriceClass.PRICE_CLASS_200,
            default_behavior=cloudfront.BehaviorOptions(
                origin=origins.S3BucketOrigin.with_origin_access_control(bucket),
                viewer_protocol_policy=to_https,
                compress=True,
                response_headers_policy=self._headers(media),
                function_associations=[
                    cloudfront.FunctionAssociation(
                        event_type=cloudfront.FunctionEventType.VIEWER_REQUEST, function=self._views()
                    )
                ],
            ),
            additional_behaviors={
                "/v1/*": cloudfront.BehaviorOptions(
                    origin=origins.HttpOrigin(
                        api_host,
                        protocol_policy=cloudfront.OriginProtocolPolicy.HTTPS_ONLY,
                        origin_ssl_protocols=[cloudfront.OriginSslPolicy.TLS_V1_2],
                    ),
                    viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.HTTPS_ONLY,
                    allowed_methods=cloudfront.AllowedMethods.ALLOW_ALL,
                    cache_policy=cloudfront.CachePolicy.CACHING_DISABLED,
                    origin_request_policy=cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
                    compress=True,
                )
            },
            web_acl_id=config.page_firewall or None,
        )
        accept(
            distribution,
            "Under CloudFront's own name its certificate sets the least TLS version; nobody is kept out by country; "
            "the gateway logs what asks for data.",
            "AwsSolutions-CFR1",
            "AwsSolutions-CFR3",
            "AwsSolutions-CFR4",
            *(() if config.page_firewall else ("AwsSolutions-CFR2",)),
        )
        return distribution

    def _views(self) -> cloudfront.Function:
        """Gives the page for every address that is no file: it finds the view by the address."""
        return cloudfront.Function(
            self,
            "Views",
            runtime=cloudfront.FunctionRuntime.JS_2_0,
            code=cloudfront.FunctionCode.from_inline(
                "function handler(event) {\n"
                "  var request = event.request;\n"
                "  if (!/\\.[a-z0-9]+$/.test(request.uri)) request.uri = '/index.html';\n"
                "  return request;\n"
                "}\n"
            ),
        )

    def _headers(self, media: str) -> cloudfront.ResponseHeadersPolicy:
        headers = page_headers([media])
        return cloudfront.ResponseHeadersPolicy(
            self,
            "Headers",
            security_headers_behavior=cloudfront.ResponseSecurityHeadersBehavior(
                content_security_policy=cloudfront.ResponseHeadersContentSecurityPolicy(
                    content_security_policy=content_security_policy([media]), override=True
                ),
                content_type_options=cloudfront.ResponseHeadersContentTypeOptions(override=True),
                frame_options=cloudfront.ResponseHeadersFrameOptions(
                    frame_option=cloudfront.HeadersFrameOption.DENY, override=True
                ),
                referrer_policy=cloudfront.ResponseHeadersReferrerPolicy(
                    referrer_policy=cloudfront.HeadersReferrerPolicy.NO_REFERRER, override=True
                ),
                strict_transport_security=cloudfront.ResponseHeadersStrictTransportSecurity(
                    access_control_max_age=Duration.seconds(HSTS_S), include_subdomains=True, override=True
                ),
            ),
            custom_headers_behavior=cloudfront.ResponseCustomHeadersBehavior(
                custom_headers=[
                    cloudfront.ResponseCustomHeader(header=name, value=headers[name], override=True)
                    for name in ("Cross-Origin-Opener-Policy", "Permissions-Policy")
                ]
            ),
        )

    def _deploy(self, config: Config, files: Path, bucket: s3.Bucket) -> None:
        """Put the files into the bucket: those that never change for a year, then the page, which names them."""
        immutable = deployment.CacheControl.from_string(f"public, max-age={_KEPT.to_seconds()}, immutable")
        log_group = logs.LogGroup(
            self, "DeploymentLog", retention=logs.RetentionDays.ONE_MONTH, removal_policy=RemovalPolicy.DESTROY
        )
        common: Any = {
            "destination_bucket": bucket,
            "prune": False,  # Pages that are open still ask for the files of the version before.
            "log_group": log_group,
        }
        assets = deployment.BucketDeployment(
            self,
            "Assets",
            sources=[deployment.Source.asset(str(files / "assets"))],
            destination_key_prefix="assets",
            cache_control=[immutable],
            **common,
        )
        # CloudFront asks for the page itself each time, so nothing has to be invalidated.
        page = deployment.BucketDeployment(
            self,
            "Entry",
            sources=[deployment.Source.asset(str(files), exclude=["assets"])],
            cache_control=[deployment.CacheControl.no_cache()],
            **common,
        )
        page.node.add_dependency(assets)
        self._accept_copier(config, bucket)

    def _accept_copier(self, config: Config, bucket: s3.Bucket) -> None:
        """Accept what is found of the CDK's own function, which copies files while a deployment runs."""
        [copier] = [each for each in self.node.children if each.node.id.startswith("Custom::CDKBucketDeployment")]
        assets = f"cdk-hnb659fds-assets-{config.account or '<AWS::AccountId>'}-{config.region}"
        files = self.get_logical_id(cast("CfnElement", bucket.node.default_child))
        accept(
            copier,
            "Its runtime, policies and names of actions come with the CDK; they reach the page's files alone.",
            "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole]",
            *(
                f"AwsSolutions-IAM5[Action::s3:{name}*]"
                for name in ("Abort", "DeleteObject", "GetBucket", "GetObject", "List")
            ),
            f"AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:s3:::{assets}/*]",
            f"AwsSolutions-IAM5[Resource::<{files}.Arn>/*]",
            "AwsSolutions-L1",
        )
