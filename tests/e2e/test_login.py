"""A person signs in in a real Chromium, and the session is kept where only they can read it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

from framesift.errors import LoginRequiredError, SiteUnreachableError
from framesift.settings import CrawlSettings
from framesift.sources.tiktok.login import sign_in
from framesift.sources.tiktok.session import FileSession
from framesift_local.standins.service import Answer, Loopback, Request


class SignInSite(Loopback):
    """A site whose sign-in page sets a cookie."""

    def __init__(self, cookie: str) -> None:
        super().__init__()
        self._cookie = cookie
        self.cookies_sent: list[str] = []

    def respond(self, request: Request) -> Answer:
        self.cookies_sent.append(request.headers.get("cookie", ""))
        headers = {"Set-Cookie": self._cookie} if self._cookie else {}
        return Answer(HTTPStatus.OK, b"<title>Log in</title>", "text/html", headers)


@pytest.fixture
def site() -> Iterator[SignInSite]:
    with SignInSite("sessionid=abc; Max-Age=3600") as started:
        yield started


def test_the_session_is_kept_privately_and_continued(site: SignInSite, tmp_path: Path) -> None:
    session = FileSession(tmp_path / "tiktok.json")
    settings = CrawlSettings(site_url=site.url)
    assert asyncio.run(sign_in(settings, session, lambda: None, headless=True)) == 1
    kept = json.loads(session.path.read_text())
    assert [(cookie["name"], cookie["value"]) for cookie in kept["cookies"]] == [("sessionid", "abc")]
    assert session.path.stat().st_mode & 0o777 == 0o600
    asyncio.run(sign_in(settings, session, lambda: None, headless=True))
    assert "sessionid=abc" in site.cookies_sent


def test_nobody_signed_in(tmp_path: Path) -> None:
    session = FileSession(tmp_path / "tiktok.json")
    with SignInSite("") as site, pytest.raises(LoginRequiredError, match="no cookie"):
        asyncio.run(sign_in(CrawlSettings(site_url=site.url), session, lambda: None, headless=True))
    assert not session.path.exists()


def test_a_site_that_does_not_answer_is_named(tmp_path: Path) -> None:
    settings = CrawlSettings(site_url="http://127.0.0.1:9")
    with pytest.raises(SiteUnreachableError, match="does not answer"):
        asyncio.run(sign_in(settings, FileSession(tmp_path / "s.json"), lambda: None, headless=True))
