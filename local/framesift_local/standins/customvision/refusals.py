"""The service's error responses."""

from __future__ import annotations

from http import HTTPStatus


class Refusal(Exception):  # noqa: N818 - an answer, no error of ours
    """What the service does not do."""

    def __init__(self, status: HTTPStatus, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def bad(code: str, message: str) -> Refusal:
    """A request that is wrong."""
    return Refusal(HTTPStatus.BAD_REQUEST, f"BadRequest{code}", message)


def denied() -> Refusal:
    """A key that is wrong."""
    message = "Access denied due to invalid subscription key or wrong API endpoint."
    return Refusal(HTTPStatus.UNAUTHORIZED, "401", message)
