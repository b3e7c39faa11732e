"""The HTTP API: public lists, and the rest behind a login."""

from __future__ import annotations

import json
from typing import cast

from aws_cdk import RemovalPolicy
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk.aws_apigatewayv2_authorizers import HttpUserPoolAuthorizer
from aws_cdk.aws_apigatewayv2_integrations import HttpLambdaIntegration
from constructs import Construct

from cdk.config import Config
from cdk.constructs.login import Login
from cdk.constructs.nag import accept
from cdk.constructs.retention import retention

PUBLIC_ROUTES = (
    "GET /v1/top10/{category}",
    "GET /v1/top10/{category}/diff",
    "GET /v1/top10/{category}/thumbnails/{name}",
    "GET /v1/openapi.json",
)
READ_ROUTES = (
    "GET /v1/runs",
    "GET /v1/runs/{source}/{date}",
    "GET /v1/clips/{source}/{id}",
    "GET /v1/reviews",
    "GET /v1/takedowns",
)
_ACCESS_LOG_FIELDS = (
    "requestId",
    "requestTime",
    "routeKey",
    "status",
    "responseLatency",
    "responseLength",
    "identity.sourceIp",
    "authorizer.claims.sub",
    "integrationErrorMessage",
)
WRITE_ROUTES = ("POST /v1/takedowns", "DELETE /v1/takedowns/{source}/{id}", "POST /v1/reviews/{id}")


class Api(Construct):
    """The routes, each with the scope that it needs.

    Attributes:
        api: The HTTP API.
    """

    def __init__(
        self, scope: Construct, construct_id: str, config: Config, *, serve_api: lambda_.IFunction, login: Login
    ) -> None:
        super().__init__(scope, construct_id)
        self.api = apigateway.HttpApi(self, "Http", create_default_stage=False)
        log_group = logs.LogGroup(
            self, "AccessLog", retention=retention(config.log_days), removal_policy=RemovalPolicy.DESTROY
        )
        self.stage = apigateway.HttpStage(
            self,
            "Stage",
            http_api=self.api,
            auto_deploy=True,
            throttle=apigateway.ThrottleSettings(
                rate_limit=config.throttle_rate_per_s, burst_limit=config.throttle_burst
            ),
        )
        # The construct's own access log cannot be set from Python: it takes an interface, which jsii reads as data.
        stage = cast("apigateway.CfnStage", self.stage.node.default_child)
        stage.access_log_settings = apigateway.CfnStage.AccessLogSettingsProperty(
            destination_arn=log_group.log_group_arn,
            format=json.dumps({name: f"$context.{name}" for name in _ACCESS_LOG_FIELDS}),
        )
        self._integration = HttpLambdaIntegration("Serve", serve_api)
        self._authorizer = HttpUserPoolAuthorizer("Login", login.pool, user_pool_clients=[login.client])
        for scopes, routes in (
            ([], PUBLIC_ROUTES),
            ([login.read_scope], READ_ROUTES),
            ([login.write_scope], WRITE_ROUTES),
        ):
            for route in routes:
                self._add_route(route, scopes)

    def _add_route(self, route: str, scopes: list[str]) -> None:
        method, path = route.split(" ")
        added = self.api.add_routes(
            path=path,
            methods=[apigateway.HttpMethod[method]],
            integration=self._integration,
            authorizer=self._authorizer if scopes else apigateway.HttpNoneAuthorizer(),
            authorization_scopes=scopes or None,
        )
        if not scopes:
            accept(
                added[0], "Published lists are for everyone; nothing else is behind this route.", "AwsSolutions-APIG4"
            )
