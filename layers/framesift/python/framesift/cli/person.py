"""The person who uses collections: logging in through a browser, and calling the API with a token.

The login is OAuth 2's authorization code with PKCE (RFC 7636) at a loopback address (RFC 8252). The refresh token is
kept in the data folder, in a file that only its owner can read; access tokens are never written.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import threading
import urllib.error
import urllib.request
import webbrowser
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

from framesift.cli.connection import DATA_DIR, Connection, Login
from framesift.cli.console import errors
from framesift.errors import LoginFailedError, LoginUnreachableError, NotLoggedInError, PortInUseError
from framesift.oauth import SCOPES, read_problem, request_tokens, revoke

_TIMEOUT_S: Final = 30
_LOGIN_S: Final = 600.0
_DONE: Final = b"<!doctype html><meta charset=utf-8><title>Framesift</title><p>You can close this page.</p>"


def require_login(connection: Connection) -> Login:
    """Where people log in.

    Raises:
        NotLoggedInError: Nobody can: the stack has no login.
    """
    if connection.login is None:
        raise NotLoggedInError("This stack has no login: deploy it anew.")
    return connection.login


def log_in(login: Login, *, open_browser: bool = True, wait_s: float = _LOGIN_S) -> str:
    """Let a person log in in a browser, and keep the refresh token.

    Args:
        login: Where.
        open_browser: Whether to open a browser; the address is shown in any case.
        wait_s: How long the person may take, seconds.

    Returns:
        The person's e-mail address.

    Raises:
        PortInUseError: Another process listens at the callback's port.
        LoginFailedError: The login was refused, or took too long.
    """
    verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(24)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    query = urlencode(
        {
            "response_type": "code",
            "client_id": login.client_id,
            "redirect_uri": login.callback_url,
            "scope": SCOPES,
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
    )
    with _Callback(login.callback_url, state) as callback:
        address = f"{login.url}/oauth2/authorize?{query}"
        errors.print(f"Log in here:\n{address}", highlight=False, soft_wrap=True)
        if open_browser:
            webbrowser.open(address)
        code = callback.wait(wait_s)
    tokens = request_tokens(
        login.url,
        login.client_id,
        {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": verifier,
            "redirect_uri": login.callback_url,
        },
    )
    _keep(login, tokens["refresh_token"])
    return str(_read_claims(tokens["id_token"]).get("email", ""))


def log_out(login: Login) -> bool:
    """Forget the login here, and end it there; return whether there was one."""
    path = _path(login)
    token = _read(login)
    path.unlink(missing_ok=True)
    if token is None:
        return False
    try:
        revoke(login.url, login.client_id, token)
    except (LoginFailedError, LoginUnreachableError) as error:
        raise LoginFailedError(
            f"You are logged out here, but the server could not be told ({error}): the login works there until it "
            "expires."
        ) from None
    return True


def get_access_token(login: Login) -> str:
    """An access token of the person who is logged in.

    Raises:
        NotLoggedInError: Nobody is, or the login has expired.
    """
    token = _read(login)
    if token is None:
        raise NotLoggedInError("Nobody is logged in: `framesift login`.")
    try:
        tokens = request_tokens(login.url, login.client_id, {"grant_type": "refresh_token", "refresh_token": token})
    except LoginFailedError as error:
        raise NotLoggedInError(f"The login has expired ({error}): `framesift login`.") from None
    if "refresh_token" in tokens:
        _keep(login, tokens["refresh_token"])
    return str(tokens["access_token"])


def call_api(connection: Connection, method: str, path: str, body: object | None = None) -> Any:
    """Call the API as the person who is logged in, and return what it answers.

    Raises:
        NotLoggedInError: Nobody is logged in.
        LoginFailedError: The API refuses the call; the message says why.
    """
    token = get_access_token(require_login(connection))
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{connection.api_url}{path}", data, headers, method=method)  # noqa: S310 - the stack's own address
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - the same
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise LoginFailedError(read_problem(error)) from None


@dataclass
class _Callback:
    """Waits on this machine for the browser that comes back from the login."""

    url: str
    state: str
    _came: threading.Event = field(default_factory=threading.Event)
    _query: dict[str, str] = field(default_factory=dict)

    def __enter__(self) -> _Callback:
        where, callback = urlsplit(self.url), self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(asked.query).items()}
                # Another page cannot end the login: it does not know the state.
                ours = secrets.compare_digest(query.get("state", "").encode(), callback.state.encode())
                if asked.path != where.path or not ours:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(_DONE)
                callback._query.update(query)
                callback._came.set()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        try:
            self._server = ThreadingHTTPServer(("127.0.0.1", where.port or 80), Handler)
        except OSError:
            raise PortInUseError(
                f"Port {where.port} is in use, where the browser comes back to: stop what listens there."
            ) from None
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def wait(self, wait_s: float) -> str:
        """Return the code that the browser brings.

        Raises:
            LoginFailedError: It brings a refusal, or does not come.
        """
        if not self._came.wait(wait_s):
            raise LoginFailedError(f"Nobody logged in within {wait_s:.0f} s: `framesift login` begins anew.")
        if "code" not in self._query:
            raise LoginFailedError(f"The login was refused: {self._query.get('error', 'without a reason')}.")
        return self._query["code"]


def _read_claims(token: str) -> dict[str, Any]:
    """The claims of a token that came from the server itself, over its own connection."""
    payload = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))))


def _path(login: Login) -> Path:
    name = hashlib.sha256(f"{login.url} {login.client_id}".encode()).hexdigest()[:16]
    return DATA_DIR / "sessions" / f"login-{name}.json"


def _keep(login: Login, token: str) -> None:
    path = _path(login)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump({"refresh_token": token}, file)
    part.replace(path)


def _read(login: Login) -> str | None:
    try:
        return str(json.loads(_path(login).read_text(encoding="utf-8"))["refresh_token"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
