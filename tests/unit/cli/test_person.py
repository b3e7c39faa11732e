"""Logging in from the command line: through the browser's pages, over real sockets."""

from __future__ import annotations

import json
import re
import socket
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from framesift.cli import person
from framesift.cli.connection import Connection, Login
from framesift.errors import LoginFailedError, NotLoggedInError, PortInUseError
from framesift_local.aws.login_pages import LoginPages
from framesift_local.aws.server import HttpServer
from tests.unit.local.aws.logins import PASSWORD, Browser, as_app, make_pages


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def pages(aws_on_moto: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LoginPages:
    """A login with one account, kim@example.com."""
    monkeypatch.chdir(tmp_path)
    made, mailed = make_pages(tmp_path, callback=f"http://localhost:{free_port()}/callback")
    Browser(made, mailed).sign_up("kim@example.com")
    return made


@pytest.fixture
def login(pages: LoginPages) -> Iterator[Login]:
    server = HttpServer(as_app(pages), 0)
    server.start()
    yield Login(server.url, pages.client.id, pages.client.callbacks[0])
    server.stop()


def type_in(address: str, password: str = PASSWORD) -> None:
    """What a person does in the browser."""
    with urllib.request.urlopen(address, timeout=10) as page:
        action = re.search(r'action="([^"]+)"', page.read().decode())
    assert action
    target = urllib.parse.urljoin(address, action[1].replace("&amp;", "&"))
    form = urllib.parse.urlencode({"username": "kim@example.com", "password": password}).encode()
    urllib.request.urlopen(target, form, timeout=10).close()


def in_browser(monkeypatch: pytest.MonkeyPatch, password: str = PASSWORD) -> None:
    def open_page(address: str) -> bool:
        threading.Thread(target=type_in, args=(address, password), daemon=True).start()
        return True

    monkeypatch.setattr("webbrowser.open", open_page)


def test_a_login_is_kept_for_its_owner_alone_and_gives_tokens_until_logout(
    login: Login, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    in_browser(monkeypatch)

    assert person.log_in(login, wait_s=60) == "kim@example.com"

    (kept,) = (tmp_path / ".framesift" / "sessions").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert person.get_access_token(login).count(".") == 2
    assert person.log_out(login)
    assert not kept.exists()
    assert not person.log_out(login)
    with pytest.raises(NotLoggedInError, match="framesift login"):
        person.get_access_token(login)


def test_a_login_that_was_ended_elsewhere_has_expired(login: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    in_browser(monkeypatch)
    person.log_in(login, wait_s=60)
    (kept,) = Path(".framesift/sessions").iterdir()
    copy = kept.read_text()
    person.log_out(login)
    kept.write_text(copy)

    with pytest.raises(NotLoggedInError, match="invalid_grant"):
        person.get_access_token(login)


def test_nobody_who_does_not_know_the_state_ends_a_login(login: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    def forge(address: str) -> bool:
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{login.callback_url}?code=forged&state=forged", timeout=10)
        threading.Thread(target=type_in, args=(address,), daemon=True).start()
        return True

    monkeypatch.setattr("webbrowser.open", forge)
    assert person.log_in(login, wait_s=60) == "kim@example.com"


def test_a_refusal_is_told(login: Login, pages: LoginPages, monkeypatch: pytest.MonkeyPatch) -> None:
    pages.client = replace(pages.client, scopes=["openid"])

    def open_page(address: str) -> bool:
        threading.Thread(target=lambda: urllib.request.urlopen(address, timeout=10).close(), daemon=True).start()
        return True

    monkeypatch.setattr("webbrowser.open", open_page)
    with pytest.raises(LoginFailedError, match="invalid_scope"):
        person.log_in(login, wait_s=60)


def test_nobody_comes(login: Login) -> None:
    with pytest.raises(LoginFailedError, match="framesift login"):
        person.log_in(login, open_browser=False, wait_s=0.1)


def test_the_callbacks_port_is_taken(login: Login) -> None:
    port = urllib.parse.urlsplit(login.callback_url).port
    with socket.create_server(("127.0.0.1", port or 0)), pytest.raises(PortInUseError, match=str(port)):
        person.log_in(login, open_browser=False)


def test_a_stack_without_a_login() -> None:
    connection = Connection(bucket="b", table="t", state_machine_arn="a", api_url="u")
    with pytest.raises(NotLoggedInError, match="no login"):
        person.require_login(connection)


def test_a_call_tells_what_the_api_says(login: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    in_browser(monkeypatch)
    person.log_in(login, wait_s=60)
    connection = Connection(bucket="b", table="t", state_machine_arn="a", api_url=login.url, login=login)
    with pytest.raises(LoginFailedError, match="404"):
        person.call_api(connection, "GET", "/v1/me")
    assert json.loads(next(Path(".framesift/sessions").iterdir()).read_text())
