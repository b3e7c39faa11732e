"""What the routes share: parameters, the options of public and of protected routes, and the resources they use."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler.openapi.params import Header, Path
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from framesift.api.idempotency import idempotent
from framesift.api.messages import GatewayMessage, Problem
from framesift.api.middlewares import READ, WRITE, cacheable, requires
from framesift.api.problems import CONTENT_TYPE
from framesift.settings import load_settings
from framesift.storage import S3Store
from framesift.table import Records

CollectionId = Annotated[str, Path(min_length=1, max_length=200)]
ItemId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
UserId = Annotated[str, Path(pattern=r"^[A-Za-z0-9._:@-]{1,128}$")]
IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", description="The ETag of what is changed, as it was read; `*`: whatever it is by now."),
]
Category = Annotated[str, Path(pattern=r"^[a-z0-9_-]{1,40}$")]


def describe_problem(description: str, *, from_gateway: bool = False) -> dict[str, Any]:
    """An answer that is a problem, as OpenAPI describes it."""
    content: dict[str, Any] = {CONTENT_TYPE: {"model": Problem}}
    if from_gateway:
        content["application/json"] = {"model": GatewayMessage}
    return {"description": description, "content": content}


_ALL: dict[str, Any] = {"custom_response_validation_http_code": 500}
_OK = {200: {"description": "Success."}}
# The gateway refuses most of these itself, with a body of its own.
_REFUSED = {
    401: describe_problem("No valid access token.", from_gateway=True),
    403: describe_problem("The token lacks the scope.", from_gateway=True),
}

WRONG = {
    404: describe_problem("There is no such resource."),
    422: describe_problem("A parameter has the wrong form; `errors` names it."),
}
_TOO_MANY = {429: describe_problem("Too many requests; `Retry-After` says when to go on.", from_gateway=True)}
BUSY = {503: describe_problem("It cannot be done now; `Retry-After` says when to try again.", from_gateway=True)}
FAILED = _TOO_MANY | {500: describe_problem("The server failed; `request_id` finds the request in the logs.")}
PUBLIC: dict[str, Any] = _ALL | {"tags": ["lists"], "responses": _OK | WRONG | FAILED}
READERS: dict[str, Any] = _ALL | {
    "tags": ["runs"],
    "security": [{"token": [READ]}],
    "middlewares": [requires(READ, operator=True)],
    "responses": _OK | _REFUSED | WRONG | FAILED,
}


def collection_options(tag: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The options of routes that people read by, change by, and create by."""
    refused = _REFUSED | {403: describe_problem("The token's scope or your role is too low.", from_gateway=True)}
    gone = {410: describe_problem("The collection is being deleted.")}
    reading = _ALL | {
        "tags": [tag],
        "security": [{"token": [READ]}],
        "middlewares": [requires(READ)],
        "responses": _OK | refused | WRONG | gone | FAILED | BUSY,
        "cors": False,
    }
    conflicts = {
        400: describe_problem("The body is not JSON that can be read."),
        409: describe_problem("It does not fit what is there."),
        412: describe_problem("Somebody else has changed it since it was read."),
        413: describe_problem("The body is too large.", from_gateway=True),
        415: describe_problem("The body is not JSON."),
        428: describe_problem("`If-Match` is missing."),
    }
    changing = reading | {
        "security": [{"token": [WRITE]}],
        "middlewares": [requires(WRITE)],
        "responses": reading["responses"] | conflicts,
    }
    creating = changing | {"middlewares": [requires(WRITE), idempotent]}
    return reading, changing, creating


def succeeding(options: dict[str, Any], status: HTTPStatus, description: str = "", **content: Any) -> dict[str, Any]:
    """The same options of a route that succeeds with another status than 200.

    Args:
        options: The options.
        status: The status.
        description: What it says; by default its standard meaning.
        content: `content={}` for an answer without a body.
    """
    others = {each: answer for each, answer in options["responses"].items() if each != HTTPStatus.OK}
    success = {int(status): {"description": description or f"{status.phrase}.", **content}}
    return options | {"status_code": int(status), "responses": success | others}


WRITERS: dict[str, Any] = READERS | {
    "security": [{"token": [WRITE]}],
    "middlewares": [requires(WRITE, operator=True)],
    "responses": _OK | {400: describe_problem("The body is not JSON that can be read.")} | _REFUSED | WRONG | FAILED,
    "cors": False,
}
SHARED: dict[str, Any] = PUBLIC | {"tags": ["shared"], "responses": _OK | WRONG | FAILED | BUSY, "cors": False}
CACHED = [cacheable(lambda: load_settings().api.list_max_age_s)]


def new_router() -> APIGatewayHttpRouter:
    """A router for one resource."""
    return APIGatewayHttpRouter()  # type: ignore[no-untyped-call]


def open_store() -> S3Store:
    """The bucket of the settings."""
    return S3Store(load_settings().platform.bucket)


def open_records() -> Records:
    """The table of the settings."""
    return Records(load_settings().platform.table)


def categories() -> list[str]:
    """The categories that the pipeline publishes."""
    return load_settings().run.categories
