"""Answers with what HTTP says besides the body."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final, TypeVar
from urllib.parse import quote

from aws_lambda_powertools.event_handler import Response
from pydantic import BaseModel

_JSON: Final = "application/json"
_PRIVATE: Final = {"Cache-Control": "private, no-cache"}

Body = TypeVar("Body", bound=BaseModel)


def answer(
    body: Body, *, revision: int | None = None, location: str | None = None, status: HTTPStatus = HTTPStatus.OK
) -> Response[Body]:
    """An answer for one person.

    Args:
        body: What is answered.
        revision: Its revision, for the ETag.
        location: Where what was made, or is being made, can be read.
        status: The status.
    """
    headers = dict(_PRIVATE)
    if revision is not None:
        headers["ETag"] = f'"{revision}"'
    if location is not None:
        headers["Location"] = quote(location)
    return Response(status, content_type=_JSON, body=body, headers=headers)


def redirect(link: str) -> Response[str]:
    """Lead to a link that works for a while."""
    headers = {"Location": link, "Cache-Control": "private, no-store"}
    return Response(HTTPStatus.FOUND, content_type=None, body="", headers=headers)
