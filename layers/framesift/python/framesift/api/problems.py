"""Errors as problem details (RFC 9457): the only place that maps an error to a status."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from http import HTTPStatus

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import ServiceError
from aws_lambda_powertools.event_handler.openapi.exceptions import (
    RequestUnsupportedContentType,
    RequestValidationError,
)

from framesift.api.messages import FieldFault, Problem
from framesift.errors import (
    AccessError,
    BatchIncompleteError,
    BatchStateError,
    ClientLimitError,
    CollectionDeletedError,
    FramesiftError,
    InputError,
    ItemChangedError,
    ModelMissingError,
    NotFoundError,
    NothingToRetryError,
    NotLoggedInError,
    ObjectMissingError,
    QueryError,
    RequestConflictError,
    RequestTooLargeError,
    RevisionChangedError,
    RevisionMissingError,
    RunBusyError,
    TemporaryError,
    UnknownCategoryError,
    UnknownSourceError,
)
from framesift.log import logger

CONTENT_TYPE = "application/problem+json"

# The first that fits counts.
_STATUSES: tuple[tuple[type[FramesiftError], HTTPStatus], ...] = (
    (NotFoundError, HTTPStatus.NOT_FOUND),
    (UnknownCategoryError, HTTPStatus.NOT_FOUND),
    (UnknownSourceError, HTTPStatus.NOT_FOUND),
    (AccessError, HTTPStatus.FORBIDDEN),
    (NotLoggedInError, HTTPStatus.UNAUTHORIZED),
    (CollectionDeletedError, HTTPStatus.GONE),
    (ItemChangedError, HTTPStatus.PRECONDITION_FAILED),
    (RevisionChangedError, HTTPStatus.PRECONDITION_FAILED),
    (RevisionMissingError, HTTPStatus.PRECONDITION_REQUIRED),
    (RequestTooLargeError, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (RequestConflictError, HTTPStatus.CONFLICT),
    (BatchStateError, HTTPStatus.CONFLICT),
    (BatchIncompleteError, HTTPStatus.CONFLICT),
    (NothingToRetryError, HTTPStatus.CONFLICT),
    (RunBusyError, HTTPStatus.CONFLICT),
    (InputError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (ModelMissingError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (ClientLimitError, HTTPStatus.TOO_MANY_REQUESTS),
    (TemporaryError, HTTPStatus.SERVICE_UNAVAILABLE),
)
_HEADERS = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "Bearer"},
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": "30"},
}


def status_of(error: FramesiftError) -> HTTPStatus:
    """The HTTP status that an error means."""
    fitting = (status for kind, status in _STATUSES if isinstance(error, kind))
    return next(fitting, HTTPStatus.INTERNAL_SERVER_ERROR)


class Problems:
    """Answers errors with problem details.

    Args:
        app: The resolver whose errors are answered; they are registered at once.
    """

    def __init__(self, app: APIGatewayHttpResolver) -> None:
        self._app = app
        app.exception_handler(ObjectMissingError)(self._of_missing_object)
        app.exception_handler(FramesiftError)(self._of_framesift)
        app.exception_handler([RecursionError, ValueError])(self._of_value)
        app.exception_handler(ServiceError)(self._of_http)
        app.exception_handler([RequestValidationError, RequestUnsupportedContentType])(self._of_validation)
        app.exception_handler(Exception)(self._of_bug)

    def _of_framesift(self, error: FramesiftError) -> Response[str]:
        status = status_of(error)
        if status == HTTPStatus.INTERNAL_SERVER_ERROR:
            return self._of_bug(error)
        headers = {"Retry-After": str(error.retry_after_s)} if isinstance(error, ClientLimitError) else {}
        place = error if isinstance(error, QueryError) else None
        return self._answer(status, _slug(error), str(error), headers=headers, place=place)

    def _of_missing_object(self, error: ObjectMissingError) -> Response[str]:
        # Its message names the bucket, which is for the logs alone.
        logger.warning("An object is missing", exc_info=error)
        return self._answer(HTTPStatus.NOT_FOUND, "not-found", "The file of this resource is no longer stored.")

    def _of_value(self, error: Exception) -> Response[str]:
        # Only reading the body again tells a body's fault, such as a number of thousands of
        # digits, from one of ours.
        try:
            event = self._app.current_event
            json.loads(event.decoded_body or "null")
        except (RecursionError, ValueError):
            return self._of_unreadable_body(error)
        return self._of_bug(error)

    def _of_unreadable_body(self, error: Exception) -> Response[str]:
        logger.warning("The body cannot be read", exc_info=error)
        detail = "The body cannot be read: send UTF-8 JSON that is not deeply nested."
        return self._answer(HTTPStatus.BAD_REQUEST, "unreadable-body", detail)

    def _of_http(self, error: ServiceError) -> Response[str]:
        status = HTTPStatus(error.status_code)
        no_route = status == HTTPStatus.NOT_FOUND
        # A token with more scopes would do; whose role is too low is not helped by another token.
        headers = {"WWW-Authenticate": 'Bearer error="insufficient_scope"'} if status == HTTPStatus.FORBIDDEN else {}
        detail = "There is no such route: see /v1/openapi.json." if no_route else str(error.msg)
        return self._answer(status, _slug(error), detail, headers=headers)

    def _of_validation(self, error: RequestValidationError | RequestUnsupportedContentType) -> Response[str]:
        faults = [
            FieldFault(field=_encodable(".".join(map(str, fault["loc"]))), message=_encodable(str(fault["msg"])))
            for fault in error.errors()
        ]
        unsupported = isinstance(error, RequestUnsupportedContentType)
        status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE if unsupported else HTTPStatus.UNPROCESSABLE_ENTITY
        detail = "; ".join(f"{fault.field}: {fault.message}" for fault in faults)
        return self._answer(status, "invalid-request", detail, faults)

    def _of_bug(self, error: Exception) -> Response[str]:
        # The cause is for the logs; the client gets the id that finds it there.
        logger.error("The request failed", exc_info=error)
        detail = "The server failed. Try again; if it persists, report the request_id to the operator."
        return self._answer(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", detail)

    def _answer(
        self,
        status: HTTPStatus,
        slug: str,
        detail: str,
        faults: list[FieldFault] | None = None,
        headers: Mapping[str, str] | None = None,
        place: QueryError | None = None,
    ) -> Response[str]:
        event = self._app.current_event
        problem = Problem(
            type=f"urn:framesift:problem:{slug}",
            title=status.phrase,
            status=status,
            detail=detail,
            instance=event.path,
            request_id=event.request_context.request_id or "",
            errors=faults,
            column=place.column if place else None,
            expected=list(place.expected) if place else None,
        )
        return Response(
            status_code=status,
            content_type=CONTENT_TYPE,
            headers={"Cache-Control": "no-store", **_HEADERS.get(status, {}), **(headers or {})},
            body=problem.model_dump_json(exclude_none=True),
        )


def _encodable(text: str) -> str:
    """What a client sent, with halves of characters (lone surrogates) as escapes."""
    return text.encode(errors="backslashreplace").decode()


def _slug(error: Exception) -> str:
    """`UnknownCategoryError` as `unknown-category`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", type(error).__name__.removesuffix("Error")).lower()
