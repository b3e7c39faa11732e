"""API Gateway's HTTP API: the template's routes, and its JWT authorizer."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
import re
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

import jwt
from werkzeug.wrappers import Request, Response

from framesift_local.aws.cognito import SigningKeys
from framesift_local.aws.functions import Functions, PayloadTooLargeError, ThrottledError
from framesift_local.aws.login_pages import LoginPages
from framesift_local.aws.web_page import WebPage

_TEXT_TYPES = re.compile(r"text/|application/(json|javascript|xml|.*\+(json|xml))|application/x-www-form")


class UnauthorizedError(ValueError):
    """The token is missing or not valid: 401."""


class ForbiddenError(ValueError):
    """The token lacks the route's scopes: 403."""


@dataclass(frozen=True)
class Authorizer:
    """A JWT authorizer of the template."""

    name: str
    issuer: str
    audiences: Sequence[str]


@dataclass(frozen=True)
class Route:
    """A route: `GET /v1/runs/{source}/{date}`, `ANY /{proxy+}`, or `$default`."""

    key: str
    function_arn: str
    authorizer: Authorizer | None = None
    scopes: Sequence[str] = ()

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """Return the path's parameters; None when the route does not fit."""
        if self.key == "$default":
            return {}
        route_method, _, template = self.key.partition(" ")
        if route_method not in {"ANY", method}:
            return None
        wanted, given = template.strip("/").split("/"), path.strip("/").split("/")
        parameters = {}
        for position, part in enumerate(wanted):
            if part.startswith("{") and part.endswith("+}"):
                parameters[part[1:-2]] = "/".join(given[position:])
                return parameters if given[position:] else None
            if position >= len(given):
                return None
            if part.startswith("{"):
                parameters[part[1:-1]] = unquote(given[position])
            elif part != given[position]:
                return None
        return parameters if len(wanted) == len(given) else None

    @property
    def priority(self) -> tuple[int, int, int]:
        """Sorts the most specific route first."""
        return (self.key == "$default", self.key.count("+}"), self.key.count("{"))


@dataclass(frozen=True)
class Cors:
    """An API's CORS configuration."""

    origins: Sequence[str] = ()
    methods: Sequence[str] = ()
    headers: Sequence[str] = ()
    exposed: Sequence[str] = ()
    credentials: bool = False
    max_age_s: int | None = None

    def answer(self, origin: str | None) -> dict[str, str]:
        """Return the headers for a request from an origin; none when it is not allowed."""
        if origin is None or not ({"*", origin} & set(self.origins)):
            return {}
        headers = {"access-control-allow-origin": "*" if "*" in self.origins else origin}
        if self.exposed:
            headers["access-control-expose-headers"] = ",".join(self.exposed)
        if self.credentials:
            headers["access-control-allow-credentials"] = "true"
        return headers

    def preflight(self, origin: str | None) -> dict[str, str]:
        """Return the headers that answer OPTIONS."""
        headers = self.answer(origin)
        if headers:
            headers["access-control-allow-methods"] = ",".join(self.methods)
            headers["access-control-allow-headers"] = ",".join(self.headers)
            if self.max_age_s is not None:
                headers["access-control-max-age"] = str(self.max_age_s)
        return headers


def verify(token: str, authorizer: Authorizer, keys: SigningKeys) -> dict[str, Any]:
    """Check a token as an HTTP API does, and return its claims.

    RS256 alone; the issuer's own key by its id; issuer; audience, or `client_id` when there is none;
    `exp`, `nbf` and `iat`.

    Raises:
        UnauthorizedError: It is not valid.
    """
    try:
        header = jwt.get_unverified_header(token)
        if header.get("alg") != "RS256":
            raise UnauthorizedError("the algorithm is not RS256")
        pool = authorizer.issuer.rpartition("/")[2]
        key = keys.public_key(pool, header.get("kid", ""))
        if key is None:
            raise UnauthorizedError("the key is not one of the issuer's")
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=["RS256"],
            issuer=authorizer.issuer,
            options={"require": ["exp", "iss"], "verify_aud": False},
        )
    except jwt.PyJWTError as error:
        # Its name alone: the message may hold what the caller sent, and goes into a header.
        raise UnauthorizedError(type(error).__name__) from error
    audience = claims.get("aud", claims.get("client_id"))
    given = audience if isinstance(audience, list) else [audience]
    if not any(one in authorizer.audiences for one in given):
        raise UnauthorizedError("the audience is another one")
    return claims


@dataclass
class HttpApi:
    """The WSGI application of an HTTP API; the routes are the template's.

    Attributes:
        trusted_origins: Origins that the template's CORS configuration names: their pages may call it.
        login: The pages that people log in at; on AWS, these have a domain of their own.
        page: The web page, which CloudFront serves on AWS, under one address with the API.
    """

    functions: Functions
    keys: SigningKeys
    routes: list[Route] = field(default_factory=list)
    cors: Cors = field(default_factory=Cors)
    trusted_origins: set[str] = field(default_factory=set)
    login: LoginPages | None = None
    page: WebPage | None = None

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request."""
        request = Request(environ)
        if self.login and (page := self.login.answer(request)):
            return page(environ, start_response)
        if self.page and (file := self.page.answer(request)):
            return file(environ, start_response)
        response = self._answer(request)
        response.headers["apigw-requestid"] = uuid.uuid4().hex[:16]
        for name, value in self.cors.answer(request.headers.get("origin")).items():
            response.headers[name] = value
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        origin = request.headers.get("origin")
        if self.cors.origins and request.method == "OPTIONS" and origin:
            return Response(status=204, headers=self.cors.preflight(origin))
        for route in sorted(self.routes, key=lambda route: route.priority):
            parameters = route.match(request.method, request.path)
            if parameters is not None:
                return self._call(route, parameters, request)
        return _message(404, "Not Found")

    def _call(self, route: Route, parameters: dict[str, str], request: Request) -> Response:
        claims = None
        if route.authorizer is not None:
            try:
                claims = self._authorize(route, request)
            except UnauthorizedError as error:
                detail = f' error="invalid_token" error_description="{error}"' if error.args else ""
                return _message(401, "Unauthorized", f"Bearer{detail}")
            except ForbiddenError as error:
                detail = f' error="insufficient_scope" error_description="{error}"'
                return _message(403, "Forbidden", f"Bearer{detail}")
        event = _event(route, parameters, request, claims)
        try:
            answer = self.functions.invoke(route.function_arn, json.dumps(event).encode())
        except PayloadTooLargeError:
            return _message(413, "Request Entity Too Large")
        except ThrottledError:
            return _message(503, "Service Unavailable")
        if answer.failed:
            return _message(500, "Internal Server Error")
        return _response(json.loads(answer.payload))

    def _authorize(self, route: Route, request: Request) -> dict[str, Any]:
        assert route.authorizer is not None  # noqa: S101  the caller looked
        header = request.headers.get("authorization", "")
        kind, _, rest = header.partition(" ")
        token = rest.strip() if kind.lower() == "bearer" else header.strip()
        if not token:
            raise UnauthorizedError
        claims = verify(token, route.authorizer, self.keys)
        scopes = set(str(claims.get("scope", claims.get("scp", ""))).split())
        if route.scopes and not scopes & set(route.scopes):
            raise ForbiddenError("the token has none of the route's scopes")
        return claims


def _message(status: int, message: str, www_authenticate: str = "") -> Response:
    response = Response(json.dumps({"message": message}), status, mimetype="application/json")
    if www_authenticate:
        response.headers["www-authenticate"] = www_authenticate
    return response


def _event(route: Route, parameters: dict[str, str], request: Request, claims: dict[str, Any] | None) -> dict[str, Any]:
    """Return the event of payload format 2.0."""
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        key = name.lower()
        if key != "cookie":
            headers[key] = f"{headers[key]},{value}" if key in headers else value
    query = {name: ",".join(request.args.getlist(name)) for name in request.args}
    body = request.get_data()
    now = dt.datetime.now(dt.UTC)
    context: dict[str, Any] = {
        "accountId": "123456789012",
        "apiId": "local",
        "domainName": request.host.split(":")[0],
        "domainPrefix": "local",
        "http": {
            "method": request.method,
            "path": request.path,
            "protocol": request.environ.get("SERVER_PROTOCOL", "HTTP/1.1"),
            "sourceIp": request.remote_addr or "127.0.0.1",
            "userAgent": request.headers.get("user-agent", ""),
        },
        "requestId": uuid.uuid4().hex[:16],
        "routeKey": route.key,
        "stage": "$default",
        "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "timeEpoch": int(time.time() * 1000),
    }
    if claims is not None:
        plain = {name: _claim(value) for name, value in claims.items()}
        context["authorizer"] = {"jwt": {"claims": plain, "scopes": list(route.scopes) or None}}
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route.key,
        "rawPath": request.path,
        "rawQueryString": request.query_string.decode("ascii", "replace"),
        "headers": headers,
        "requestContext": context,
        "isBase64Encoded": False,
    }
    if request.headers.get("cookie"):
        event["cookies"] = [part.strip() for part in request.headers["cookie"].split(";")]
    if query:
        event["queryStringParameters"] = query
    if parameters:
        event["pathParameters"] = parameters
    if body:
        text = _TEXT_TYPES.match(request.headers.get("content-type", "text/plain"))
        event["isBase64Encoded"] = not text
        event["body"] = body.decode("utf-8", "replace") if text else base64.b64encode(body).decode()
    return event


def _claim(value: Any) -> str:
    """Write a claim as HTTP APIs pass it: always a string, lists in brackets."""
    if isinstance(value, list):
        return f"[{' '.join(map(str, value))}]"
    return json.dumps(value) if isinstance(value, bool | dict) else str(value)


def _response(answer: Any) -> Response:
    """Turn a function's answer into HTTP; what has no `statusCode` is the body itself."""
    if not isinstance(answer, Mapping) or "statusCode" not in answer:
        return Response(json.dumps(answer), 200, mimetype="application/json")
    body = answer.get("body") or ""
    if answer.get("isBase64Encoded"):
        try:
            body = base64.b64decode(body, validate=True)
        except binascii.Error:
            return _message(500, "Internal Server Error")
    response = Response(body, HTTPStatus(int(answer["statusCode"])), mimetype="application/json")
    for name, value in answer.get("headers", {}).items():
        response.headers[name] = str(value)
    for cookie in answer.get("cookies", []):
        response.headers.add("set-cookie", cookie)
    return response
