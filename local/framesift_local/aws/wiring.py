"""Reads from the templates what has no API of moto's: routes, rules, schedules."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from framesift_local.aws.api import Authorizer, Cors, Route
from framesift_local.aws.events import Rule
from framesift_local.aws.login_pages import LoginClient
from framesift_local.aws.schedules import Cron, Schedule
from framesift_local.aws.template import Resource, Templates

APP_CLIENT = "AWS::Cognito::UserPoolClient"
"""The kind of resource that is a client of a user pool."""

_FUNCTION_ARN = re.compile(r"arn:aws:lambda:[^:/]*:\d*:function:[^/:]+")


def read_cors(templates: Templates) -> Cors:
    """Return the HTTP API's CORS configuration."""
    for api in templates.resources("AWS::ApiGatewayV2::Api"):
        cors = api.properties.get("CorsConfiguration", {})
        return Cors(
            origins=cors.get("AllowOrigins", []),
            methods=cors.get("AllowMethods", []),
            headers=cors.get("AllowHeaders", []),
            exposed=cors.get("ExposeHeaders", []),
            credentials=cors.get("AllowCredentials", False),
            max_age_s=cors.get("MaxAge"),
        )
    return Cors()


def read_login(client: Resource, templates: Templates) -> LoginClient:
    """Return what the login's pages know of the client that people log in with."""
    properties = client.properties
    pools = {pool.ref: pool for pool in templates.resources("AWS::Cognito::UserPool")}
    pool = pools[properties["UserPoolId"]]
    return LoginClient(
        pool=pool.ref,
        id=client.ref,
        callbacks=properties.get("CallbackURLs", []),
        logouts=properties.get("LogoutURLs", []),
        scopes=properties.get("AllowedOAuthScopes", []),
        sign_up=not pool.properties.get("AdminCreateUserConfig", {}).get("AllowAdminCreateUserOnly", False),
    )


def read_routes(templates: Templates, issuer: Callable[[str], str]) -> Iterator[Route]:
    """Yield the HTTP API's routes.

    Args:
        templates: The stacks.
        issuer: Returns a pool's issuer by its id. Here that is where its keys can be fetched.
    """
    functions = {
        integration.ref: _FUNCTION_ARN.findall(integration.properties["IntegrationUri"])[0]
        for integration in templates.resources("AWS::ApiGatewayV2::Integration")
    }
    authorizers = {}
    for authorizer in templates.resources("AWS::ApiGatewayV2::Authorizer"):
        configuration = authorizer.properties["JwtConfiguration"]
        pool = configuration["Issuer"].rpartition("/")[2]
        authorizers[authorizer.ref] = Authorizer(authorizer.name, issuer(pool), configuration["Audience"])
    for route in templates.resources("AWS::ApiGatewayV2::Route"):
        properties = route.properties
        secured = properties.get("AuthorizationType", "NONE") != "NONE"
        yield Route(
            key=properties["RouteKey"],
            function_arn=functions[properties["Target"].rpartition("/")[2]],
            authorizer=authorizers[properties["AuthorizerId"]] if secured else None,
            scopes=properties.get("AuthorizationScopes", []),
        )


def read_rules(templates: Templates) -> Iterator[Rule]:
    """Yield the rules that are enabled."""
    for rule in templates.resources("AWS::Events::Rule"):
        properties = rule.properties
        if "EventPattern" in properties and properties.get("State") != "DISABLED":
            yield Rule(rule.name, properties["EventPattern"], properties.get("Targets", []))


def read_schedules(templates: Templates) -> Iterator[Schedule]:
    """Yield the schedules that are enabled.

    Raises:
        ScheduleError: One's expression is not implemented here.
    """
    for schedule in templates.resources("AWS::Scheduler::Schedule"):
        properties = schedule.properties
        if properties.get("State") != "DISABLED":
            timezone = properties.get("ScheduleExpressionTimezone", "UTC")
            cron = Cron(properties["ScheduleExpression"], timezone)
            yield Schedule(schedule.name, schedule.arn, cron, properties["Target"])
