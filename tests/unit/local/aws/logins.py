"""A managed login over a user pool of moto, and somebody who uses its pages as a browser does."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from werkzeug.test import Client, TestResponse
from werkzeug.wrappers import Request, Response

from framesift import aws
from framesift_local.aws.cognito import SigningKeys
from framesift_local.aws.login_pages import LoginClient, LoginPages
from framesift_local.aws.records import Records

CALLBACK = "http://localhost:8976/callback"
SCOPES = ["openid", "framesift/read", "framesift/write"]
PASSWORD = "Correct-Horse-7-Battery"
VERIFIER = "v" * 60
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


def make_pages(folder: Path, *, sign_up: bool = True, callback: str = CALLBACK) -> tuple[LoginPages, list[str]]:
    """A login over a new pool, and what it mails."""
    cognito = aws.cognito()
    policy = {"PasswordPolicy": {"MinimumLength": 14, "RequireNumbers": True}}
    pool = cognito.create_user_pool(PoolName="people", Policies=policy, UsernameAttributes=["email"])["UserPool"]["Id"]
    client = cognito.create_user_pool_client(UserPoolId=pool, ClientName="people", AllowedOAuthScopes=SCOPES)
    mailed: list[str] = []
    known = LoginClient(
        pool=pool,
        id=client["UserPoolClient"]["ClientId"],
        callbacks=[callback],
        logouts=["http://localhost:8976/bye"],
        scopes=SCOPES,
        sign_up=sign_up,
    )
    keys = SigningKeys(folder / "keys", "http://127.0.0.1:1")
    pages = LoginPages(known, keys, Records(folder / "state.sqlite"), cognito, mailed.append)
    return pages, mailed


def as_app(pages: LoginPages) -> Callable[..., object]:
    """The WSGI application of the pages alone."""

    def app(environ: dict[str, object], start_response: object) -> object:
        response = pages.answer(Request(environ)) or Response(status=404)  # type: ignore[arg-type]
        return response(environ, start_response)  # type: ignore[arg-type]

    return app


class Browser:
    """Somebody at the pages."""

    def __init__(self, pages: LoginPages, mailed: list[str]) -> None:
        self.pages = pages
        self.mailed = mailed
        self._client = Client(as_app(pages))

    def begin(self, **changes: str) -> TestResponse:
        """Come from a client."""
        asked = {
            "response_type": "code",
            "client_id": self.pages.client.id,
            "redirect_uri": self.pages.client.callbacks[0],
            "scope": " ".join(SCOPES),
            "state": "a-state",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        return self._client.get("/oauth2/authorize", query_string=asked | changes)

    def follow(self, response: TestResponse) -> TestResponse:
        """Go where a redirect leads, within the pages."""
        assert response.status_code in (302, 303), response.text
        return self._client.get(response.headers["location"])

    def fill(self, page: TestResponse, **values: str) -> TestResponse:
        """Fill in a page's first form, and send it."""
        action = re.search(r'action="([^"]+)"', page.text)
        assert action, page.text
        return self._client.post(action[1].replace("&amp;", "&"), data=values)

    def link(self, page: TestResponse, text: str) -> TestResponse:
        """Follow a link by its text."""
        found = re.search(rf'href="([^"]+)">{re.escape(text)}<', page.text)
        assert found, page.text
        return self._client.get(found[1].replace("&amp;", "&"))

    def code(self) -> str:
        """The code of the newest mail."""
        return re.findall(r"\d{6}", self.mailed[-1])[-1]

    def sign_up(self, email: str, password: str = PASSWORD) -> TestResponse:
        """Sign up and confirm; returns the page after it, where one logs in."""
        page = self.link(self.follow(self.begin()), "Sign up")
        confirm = self.follow(self.fill(page, username=email, password=password))
        return self.fill(confirm, username=email, code=self.code())

    def post(self, path: str, **form: str) -> TestResponse:
        """Send a form as a client does."""
        return self._client.post(path, data={"client_id": self.pages.client.id} | form)

    def get(self, path: str) -> TestResponse:
        """Open a page."""
        return self._client.get(path)

    def redeem(self, back: TestResponse, **changes: str) -> TestResponse:
        """Exchange the code that a login came back with."""
        form = {
            "grant_type": "authorization_code",
            "code": query_of(back).get("code", ""),
            "code_verifier": VERIFIER,
            "redirect_uri": self.pages.client.callbacks[0],
        }
        return self.post("/oauth2/token", **(form | changes))


def query_of(response: TestResponse) -> dict[str, str]:
    """The parameters that a redirect carries."""
    return {name: values[0] for name, values in parse_qs(urlsplit(response.headers["location"]).query).items()}
