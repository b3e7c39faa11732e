"""Logging in from a page: over the real managed login, with a user pool on moto."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http import HTTPStatus

import pytest

from framesift.api.routes.login import COOKIE
from framesift.settings import load_settings
from framesift_local.standins.service import Answer as Reply
from framesift_local.standins.service import Loopback, Request
from tests.unit.api.conftest import Answer, an_event

Ask = Callable[..., Answer]
CODE = {"code": "a-code", "code_verifier": "v" * 43, "redirect_uri": "https://page.example/callback"}


class TokenEndpoint(Loopback):
    """A managed login that knows one code and one refresh token."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, str]] = []

    def respond(self, request: Request) -> Reply:
        body = request.body.decode()
        self.asked.append((request.path, body))
        if request.path == "/oauth2/revoke":
            return Reply(HTTPStatus.OK, b"", "text/plain")
        tokens = {"access_token": "an-access-token", "expires_in": 3600}
        if "code=a-code" in body:
            return Reply(HTTPStatus.OK, json.dumps(tokens | {"refresh_token": "a-refresh-token"}).encode())
        if "refresh_token=a-refresh-token" in body:
            return Reply(HTTPStatus.OK, json.dumps(tokens).encode())
        return Reply(HTTPStatus.BAD_REQUEST, b'{"error": "invalid_grant"}')


@pytest.fixture
def login(monkeypatch: pytest.MonkeyPatch) -> Iterator[TokenEndpoint]:
    with TokenEndpoint() as started:
        monkeypatch.setenv("FRAMESIFT_PLATFORM__LOGIN_URL", started.url)
        monkeypatch.setenv("FRAMESIFT_PLATFORM__LOGIN_CLIENT", "a-client")
        yield started


@pytest.fixture
def send(ask: Ask, login: TokenEndpoint) -> Callable[..., dict]:
    """Ask and get the answer as the gateway does, with its cookies."""
    load_settings.cache_clear()
    from framesift.api.app import app
    from tests.unit.api.conftest import CONTEXT

    def send(method: str, path: str, cookie: str = "", **parts: object) -> dict:
        event = an_event(method, path, **parts)
        if cookie:
            event["cookies"] = ["other=1=2", f"{COOKIE}={cookie}"]
        return app.resolve(event, CONTEXT)

    return send


def test_a_code_gives_a_token_to_the_page_and_a_cookie_that_no_script_reads(send: Callable[..., dict]):
    answer = send("POST", "/v1/session", body=CODE)
    assert json.loads(answer["body"]) == {"access_token": "an-access-token", "expires_in": 3600}
    (cookie,) = answer["cookies"]
    assert cookie.startswith(f"{COOKIE}=a-refresh-token; Path=/v1/session")
    assert {"HttpOnly", "Secure", "SameSite=Strict"} <= set(cookie.split("; "))
    assert answer["headers"]["Cache-Control"] == "no-store"
    assert "Access-Control-Allow-Origin" not in answer["headers"]


def test_the_cookie_gives_another_token(send: Callable[..., dict]):
    answer = send("POST", "/v1/session/refresh", cookie="a-refresh-token")
    assert (answer["statusCode"], json.loads(answer["body"])["access_token"]) == (200, "an-access-token")
    assert not answer.get("cookies")


def test_without_a_cookie_nobody_is_logged_in(send: Callable[..., dict], login: TokenEndpoint):
    assert send("POST", "/v1/session/refresh")["statusCode"] == 204
    assert login.asked == []


@pytest.mark.parametrize(
    ("path", "cookie", "body"),
    [("/v1/session/refresh", "forged", None), ("/v1/session", "", CODE | {"code": "forged"})],
)
def test_what_the_login_refuses_is_401(send: Callable[..., dict], path: str, cookie: str, body: dict | None):
    answer = send("POST", path, cookie=cookie, body=body)
    problem = json.loads(answer["body"])
    assert (answer["statusCode"], problem["type"]) == (401, "urn:framesift:problem:not-logged-in")
    assert "invalid_grant" in problem["detail"]


def test_a_login_that_does_not_answer_is_503(send: Callable[..., dict], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FRAMESIFT_PLATFORM__LOGIN_URL", "http://127.0.0.1:9")
    load_settings.cache_clear()
    answer = send("POST", "/v1/session", body=CODE)
    assert (answer["statusCode"], json.loads(answer["body"])["type"]) == (
        503,
        "urn:framesift:problem:login-unreachable",
    )


def test_logging_out_revokes_the_token_and_deletes_the_cookie(send: Callable[..., dict], login: TokenEndpoint):
    answer = send("DELETE", "/v1/session", cookie="a-refresh-token")
    assert answer["statusCode"] == 204
    assert answer["cookies"][0].startswith(f"{COOKIE}=; Path=/v1/session")
    assert "Max-Age=0" in answer["cookies"][0]
    assert [path for path, _ in login.asked] == ["/oauth2/revoke"]


def test_a_page_learns_where_people_log_in(ask: Ask, login: TokenEndpoint):
    load_settings.cache_clear()
    about = ask("/v1/about").json
    assert about["login"]["authorize_url"] == f"{login.url}/oauth2/authorize"
    assert about["categories"][0] == "main"
