"""Logging in from a page: the refresh token stays in a cookie that no script can read.

The page keeps the access token in memory alone. After a reload it asks for another one, which the cookie is good for.
No other site's page can use that: the cookie is `SameSite=Strict`, and no answer allows another origin to read it.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any, Final

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body
from aws_lambda_powertools.shared.cookies import Cookie, SameSite

from framesift.api.messages import About, AccessToken, LoginCode, LoginSettings
from framesift.api.routes.options import BUSY, FAILED, PUBLIC, WRONG, describe_problem, new_router
from framesift.errors import LoginFailedError, NotLoggedInError
from framesift.oauth import SCOPES, request_tokens, revoke
from framesift.pipeline.branches import BRANCHES
from framesift.settings import load_settings

router = new_router()

COOKIE: Final = "__Secure-framesift-login"
_PATH: Final = "/v1/session"
_LIFETIME_S: Final = 30 * 86_400
_OPTIONS: dict[str, Any] = PUBLIC | {"tags": ["login"], "cors": False}
_SESSION: dict[str, Any] = _OPTIONS | {
    "responses": {
        200: {"description": "Success."},
        400: describe_problem("The body is not JSON that can be read."),
        401: describe_problem("Nobody is logged in, or the login is refused."),
    }
    | WRONG
    | FAILED
    | BUSY,
}

_NOTHING: dict[Any, Any] = {204: {"description": "Nobody is logged in here any more.", "content": {}}}
_REFRESH: dict[str, Any] = _SESSION | {
    "responses": _SESSION["responses"]
    | {200: {"description": "Success.", "content": {"application/json": {"model": AccessToken}}}}
    | _NOTHING
}
_ENDED = {status: each for status, each in _SESSION["responses"].items() if status != 200} | _NOTHING
_NOT_STORED: Final = {"Cache-Control": "no-store"}


@router.get("/v1/about", summary="What a page begins with", **_OPTIONS)
def get_about() -> About:
    """What a page needs to know before anybody has logged in."""
    settings = load_settings()
    login = LoginSettings(
        authorize_url=f"{settings.platform.login_url}/oauth2/authorize",
        logout_url=f"{settings.platform.login_url}/logout",
        client_id=settings.platform.login_client,
        scope=SCOPES,
        sign_up=settings.people.sign_up,
    )
    return About(categories=settings.run.categories, sources=list(BRANCHES), login=login)


@router.post(_PATH, summary="Log in", **_SESSION)
def post_session(code: Annotated[LoginCode, Body()]) -> Response[AccessToken]:
    """Redeem the code of a login for an access token."""
    return _grant({"grant_type": "authorization_code", **code.model_dump()})


@router.post(f"{_PATH}/refresh", summary="Stay logged in", **_REFRESH)
def post_refresh() -> Response[Any]:
    """Get another access token; 204: nobody is logged in here."""
    token = _read_cookie()
    if not token:
        return Response(HTTPStatus.NO_CONTENT, content_type=None, body="", headers=_NOT_STORED)
    return _grant({"grant_type": "refresh_token", "refresh_token": token})


@router.delete(_PATH, summary="Log out", **_SESSION | {"status_code": 204, "responses": _ENDED})
def delete_session() -> Response[str]:
    """End the login: its refresh token is revoked, and the cookie deleted."""
    platform, token = load_settings().platform, _read_cookie()
    if token:
        revoke(platform.login_url, platform.login_client, token)
    return Response(
        HTTPStatus.NO_CONTENT, content_type=None, body="", headers=_NOT_STORED, cookies=[_make_cookie("", 0)]
    )


def _grant(form: dict[str, str]) -> Response[AccessToken]:
    platform = load_settings().platform
    try:
        tokens = request_tokens(platform.login_url, platform.login_client, form)
    except LoginFailedError as error:
        raise NotLoggedInError(f"The login was refused ({error}): log in again.") from None
    refresh = tokens.get("refresh_token")
    return Response(
        HTTPStatus.OK,
        content_type="application/json",
        body=AccessToken(access_token=tokens["access_token"], expires_in=tokens["expires_in"]),
        headers=_NOT_STORED,
        cookies=[_make_cookie(refresh, _LIFETIME_S)] if refresh else [],
    )


def _make_cookie(value: str, max_age_s: int) -> Cookie:
    # Browsers take a secure cookie from a loopback address too, but for Safari.
    return Cookie(
        name=COOKIE,
        value=value,
        path=_PATH,
        secure=True,
        http_only=True,
        same_site=SameSite.STRICT_MODE,
        max_age=max_age_s,
    )


def _read_cookie() -> str:
    cookies = dict(each.split("=", 1) for each in router.current_event.cookies if "=" in each)
    return cookies.get(COOKIE, "")
