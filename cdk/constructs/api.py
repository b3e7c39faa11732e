"""The HTTP API: public lists, and the rest behind a login."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk.aws_apigatewayv2_authorizers import HttpUserPoolAuthorizer
from aws_cdk.aws_apigatewayv2_integrations import HttpLambdaIntegration
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from constructs import Construct

from cdk.config import Config
from cdk.constructs.image_function import pascal_case
from cdk.constructs.login import Login
from cdk.constructs.nag import accept
from cdk.constructs.retention import retention
from framesift.api.app import app as lists_app
from framesift.api.collections import app as collections_app
from framesift.api.description import DESCRIPTION_PATH

# Which function serves which routes; the description of both is one of the first one's.
APPS = {"serve_api": lists_app, "serve_collections": collections_app}
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
_METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class ApiRoute:
    """A route as the application describes it.

    Attributes:
        method: `GET` and such.
        path: Its path, with parameters as `{name}`.
        scopes: The scopes of which a token needs one; none: it is for everybody.
    """

    method: str
    path: str
    scopes: tuple[str, ...]


def read_routes(app: APIGatewayHttpResolver) -> list[ApiRoute]:
    """The routes of an application."""
    routes = []
    for path, operations in (app.get_openapi_schema().paths or {}).items():
        for method in _METHODS:
            operation = getattr(operations, method)
            if operation:
                scopes = tuple(
                    scope for each in operation.security or [] for scopes in each.values() for scope in scopes
                )
                routes.append(ApiRoute(method.upper(), path, scopes))
    return routes


class Api(Construct):
    """The routes, each with the scope that it needs.

    Attributes:
        api: The HTTP API.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        config: Config,
        *,
        servers: Mapping[str, lambda_.IFunction],
        login: Login,
    ) -> None:
        super().__init__(scope, construct_id)
        self.api = apigateway.HttpApi(self, "Http", create_default_stage=False, cors_preflight=_cors(config))
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
        self._authorizer = HttpUserPoolAuthorizer("Login", login.pool, user_pool_clients=[login.client])
        for name, app in APPS.items():
            # One permission for the whole API: a function's policy has no room for one of each route.
            integration = HttpLambdaIntegration(pascal_case(name), servers[name], scope_permission_to_route=False)
            for route in read_routes(app):
                self._add_route(route, integration)
            if name == "serve_api":
                self._add_route(ApiRoute("GET", DESCRIPTION_PATH, ()), integration)

    def _add_route(self, route: ApiRoute, integration: HttpLambdaIntegration) -> None:
        added = self.api.add_routes(
            path=route.path,
            methods=[apigateway.HttpMethod[route.method]],
            integration=integration,
            authorizer=self._authorizer if route.scopes else apigateway.HttpNoneAuthorizer(),
            authorization_scopes=list(route.scopes) or None,
        )
        if not route.scopes:
            reason = "Lists are for everyone, and shared links for whoever has them; nothing else is behind this route."
            accept(added[0], reason, "AwsSolutions-APIG4")


def _cors(config: Config) -> apigateway.CorsPreflightOptions | None:
    if not config.web_origins:
        return None
    return apigateway.CorsPreflightOptions(
        allow_origins=list(config.web_origins),
        allow_methods=[apigateway.CorsHttpMethod[method.upper()] for method in _METHODS],
        allow_headers=["authorization", "content-type", "idempotency-key", "if-match", "if-none-match"],
        expose_headers=["etag", "location", "retry-after"],
        max_age=Duration.minutes(10),
    )
