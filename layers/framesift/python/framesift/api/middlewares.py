"""Middlewares of routes: caching and authorization."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import ForbiddenError, UnauthorizedError
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware

READ = "framesift/read"
WRITE = "framesift/write"

Middleware = Callable[[APIGatewayHttpResolver, NextMiddleware], Response[Any]]

to_json = partial(json.dumps, ensure_ascii=False, separators=(",", ":"))


def cacheable(max_age_s: Callable[[], int]) -> Middleware:
    """Add an ETag (of the content) and a lifetime; answer 304 to clients that have the content already."""

    def cache(app: APIGatewayHttpResolver, next_middleware: NextMiddleware) -> Response[Any]:
        response: Response[Any] = next_middleware(app)
        if response.status_code != HTTPStatus.OK:
            return response
        body = response.body if isinstance(response.body, str) else to_json(response.body)
        etag = f'"{hashlib.sha256(body.encode()).hexdigest()}"'
        # The CORS header differs by the caller's origin.
        headers = {"ETag": etag, "Cache-Control": f"public, max-age={max_age_s()}", "Vary": "Origin"}
        if _holds(app.current_event.headers.get("if-none-match", ""), etag):
            return Response(HTTPStatus.NOT_MODIFIED, content_type=None, body="", headers=headers)
        response.body = body
        response.headers.update(headers)
        return response

    return cache


def _holds(if_none_match: str, etag: str) -> bool:
    held = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return etag in held or "*" in held


def requires(scope: str) -> Middleware:
    """Refuse requests without a token of this scope from the gateway's JWT authorizer.

    Identity tokens have no scope, so only access tokens pass.
    """

    def check(app: APIGatewayHttpResolver, next_middleware: NextMiddleware) -> Response[Any]:
        authorizer = app.current_event.request_context.authorizer
        claims = authorizer.jwt_claim if authorizer else {}
        if not claims:
            raise UnauthorizedError("Send an access token: Authorization: Bearer …")
        if scope not in str(claims.get("scope", "")).split():
            raise ForbiddenError(f"The access token lacks the scope {scope}.")
        return next_middleware(app)

    return check
