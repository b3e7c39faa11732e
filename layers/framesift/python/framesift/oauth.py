"""The token endpoint of the managed login (OAuth 2): codes and refresh tokens against access tokens."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from framesift.errors import LoginFailedError, LoginUnreachableError

SCOPES: Final = "openid framesift/read framesift/write"
"""What people log in for."""
_TIMEOUT_S: Final = 15


def request_tokens(login_url: str, client_id: str, form: Mapping[str, str]) -> dict[str, Any]:
    """Ask for tokens.

    Args:
        login_url: The address of the managed login, without a slash at the end.
        client_id: The client's id.
        form: The grant: its type, and what it needs.

    Returns:
        `access_token`, `expires_in` (seconds), and for a code `id_token` and `refresh_token`.

    Raises:
        LoginFailedError: The grant is refused.
        LoginUnreachableError: The login does not answer.
    """
    return dict(json.loads(_post(f"{login_url}/oauth2/token", {**form, "client_id": client_id})))


def revoke(login_url: str, client_id: str, refresh_token: str) -> None:
    """End a login: its refresh token gets no further access token.

    Raises:
        LoginFailedError: The login refuses it.
        LoginUnreachableError: The login does not answer.
    """
    _post(f"{login_url}/oauth2/revoke", {"token": refresh_token, "client_id": client_id})


def read_problem(error: urllib.error.HTTPError) -> str:
    """What an answer says of its failure."""
    try:
        problem = json.load(error)
        return str(problem.get("detail") or problem.get("error") or problem.get("message") or error)
    except (ValueError, AttributeError):
        return str(error)


def _post(address: str, form: Mapping[str, str]) -> bytes:
    try:
        # The address is the stack's own, from its settings or its outputs.
        with urllib.request.urlopen(address, urlencode(form).encode(), timeout=_TIMEOUT_S) as answer:  # noqa: S310
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        raise LoginFailedError(read_problem(error)) from None
    except OSError as error:
        raise LoginUnreachableError(f"{address} does not answer: {error}") from None
