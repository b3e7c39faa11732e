"""Middlewares of routes: a limit for each client, caching, and authorization."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
import time
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import ForbiddenError, UnauthorizedError
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware

from framesift.errors import ClientLimitError, HalfCharacterError, RequestTooLargeError, RoleTooLowError
from framesift.settings import load_settings
from framesift.table import Records
from framesift.table.clients import WINDOW_S

READ = "framesift/read"
WRITE = "framesift/write"
ADMIN_GROUP = "admin"
"""The group of the user pool whose people administer others."""

# JSON can write a lone surrogate, as an escape only.
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")

Middleware = Callable[[APIGatewayHttpResolver, NextMiddleware], Response[Any]]

to_json = partial(json.dumps, ensure_ascii=False, separators=(",", ":"))


def limit_clients(app: APIGatewayHttpResolver, next_middleware: NextMiddleware) -> Response[Any]:
    """Refuse a client that has sent more requests in this minute than the settings allow.

    The gateway's own throttling counts all clients together: one alone could keep the others out.
    """
    settings = load_settings()
    limit = settings.api.client_requests_per_minute
    if limit:
        now_s = time.time()
        count = Records(settings.platform.table).clients.count(_client(app), now_s)
        if count > limit:
            retry_after_s = WINDOW_S - int(now_s % WINDOW_S)
            raise ClientLimitError(
                f"More than {limit} requests in a minute: go on in {retry_after_s} s.", retry_after_s
            )
    return next_middleware(app)


def limit_body(app: APIGatewayHttpResolver, next_middleware: NextMiddleware) -> Response[Any]:
    """Refuse a body that is larger than the settings allow, before it is read."""
    limit, body = load_settings().api.max_body_bytes, app.current_event.body or ""
    # As base64, three bytes are four characters.
    size_bytes = len(body) * 3 // 4 if app.current_event.is_base64_encoded else len(body.encode())
    if size_bytes > limit:
        raise RequestTooLargeError(
            f"The body has {size_bytes} bytes; at most {limit} are taken: send several requests."
        )
    return next_middleware(app)


def refuse_half_characters(app: APIGatewayHttpResolver, next_middleware: NextMiddleware) -> Response[Any]:
    """Refuse a body with half of a character (a lone surrogate): it could be neither stored nor answered as UTF-8."""
    body = app.current_event.decoded_body or ""
    if _SURROGATE.search(body):
        try:
            to_json(json.loads(body)).encode()
        except UnicodeEncodeError:
            raise HalfCharacterError(
                "The body has half of a character: each \\ud800 to \\udbff is followed by its other half."
            ) from None
        except (ValueError, RecursionError):
            pass  # Whoever reads the body for the route answers that.
    return next_middleware(app)


def _client(app: APIGatewayHttpResolver) -> str:
    """Who asks: the user of the token, else the address; of IPv6 the network, which a household has for itself."""
    context = app.current_event.request_context
    user = context.authorizer.jwt_claim.get("sub") if context.authorizer and context.authorizer.jwt_claim else None
    if user:
        return f"user {user}"
    address = ipaddress.ip_address(context.http.source_ip)
    network = ipaddress.ip_network((address, 64), strict=False) if address.version == 6 else address
    return f"address {network}"


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


def claims_of(app: APIGatewayHttpResolver) -> dict[str, Any]:
    """The claims of the token that the gateway has verified; none without a token."""
    authorizer = app.current_event.request_context.authorizer
    return dict(authorizer.jwt_claim or {}) if authorizer else {}


def groups_of(claims: Mapping[str, Any]) -> list[str]:
    """The groups of a user; the gateway writes the list as `[admin other]`."""
    groups = claims.get("cognito:groups", "")
    return [str(group) for group in groups] if isinstance(groups, list) else str(groups).strip("[]").split()


def requires(scope: str, *, operator: bool = False) -> Middleware:
    """Refuse requests without a token of this scope from the gateway's JWT authorizer.

    Identity tokens have no scope, so only access tokens pass.

    Args:
        scope: The scope.
        operator: Where anybody may sign up, the user has to be in the group `admin`, too.
    """

    def check(app: APIGatewayHttpResolver, next_middleware: NextMiddleware) -> Response[Any]:
        claims = claims_of(app)
        if not claims:
            raise UnauthorizedError("Send an access token: Authorization: Bearer …")
        if scope not in str(claims.get("scope", "")).split():
            raise ForbiddenError(f"The access token lacks the scope {scope}.")
        if operator and load_settings().people.sign_up and ADMIN_GROUP not in groups_of(claims):
            raise RoleTooLowError(f"This is for administrators: the group {ADMIN_GROUP} of the user pool.")
        return next_middleware(app)

    return check
