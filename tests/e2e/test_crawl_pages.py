"""A real Chromium reads pages that the clip site has not: clips in the page alone, lists that are refused."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

from framesift.errors import (
    ChromiumFailedError,
    ChromiumMissingError,
    CrawlBlockedError,
    LoginRequiredError,
    SiteUnreachableError,
    UnknownCategoryError,
)
from framesift.settings import CrawlSettings, Settings
from framesift.sources import browser
from framesift.sources.tiktok import Crawl, crawl
from framesift_local.standins.service import Answer, Loopback, Request

CARD = """<div data-e2e="challenge-item"><a href="/@{name}/video/{id}?lang=ko"><img alt="제목 {id}"
  src="data:,"><strong data-e2e="video-views">{views}</strong></a></div>"""
LIST = """<p id=more>…</p><script>fetch("/api/challenge/item_list/?cursor=0").then(() => more.remove())</script>"""


class Pages(Loopback):
    """Answers with what a test puts there: by path, a status and a body."""

    def __init__(self) -> None:
        super().__init__()
        self.pages: dict[str, tuple[int, str]] = {}
        self.languages: list[str | None] = []
        self.cookies: list[str | None] = []

    def respond(self, request: Request) -> Answer:
        status, body = self.pages.get(request.path, (404, "not here"))
        self.languages.append(request.headers.get("accept-language"))
        self.cookies.append(request.headers.get("cookie"))
        headers = {"Set-Cookie": "sid=42; Max-Age=9999"} | ({"Location": body} if status == 302 else {})
        return Answer(HTTPStatus(status), body.encode(), "text/html; charset=utf-8", headers)


@pytest.fixture
def site() -> Iterator[Pages]:
    with Pages() as started:
        yield started


def crawl_page(url: str, **changes: object) -> Crawl:
    settings = {"site_url": url, "paths": {"dance": "/dance"}, "scroll_pause_s": (0.02, 0.05), "quiet_scrolls": 2}
    return crawl(
        "dance",
        Settings(crawl=CrawlSettings.model_validate({**settings, **changes})),
        lambda _: "kept",
        random.Random(1),
    )


def test_reads_clips_that_only_the_page_has(site: Pages) -> None:
    cards = [("kim", "1", "12만"), ("lee", "2", "98.7K"), ("kim", "1", "12만"), ("park", "3", "?")]
    site.pages["/dance"] = (200, "".join(CARD.format(name=name, id=id_, views=views) for name, id_, views in cards))
    items = crawl_page(site.url).items
    assert [(item.url.removeprefix(site.url), item.views, item.views_text, item.title) for item in items] == [
        ("/@kim/video/1", 120_000, "12만", "제목 1"),
        ("/@lee/video/2", 98_700, "98.7K", "제목 2"),
        ("/@park/video/3", 0, "?", "제목 3"),
    ]
    assert (site.languages[0] or "").startswith("ko-KR")


def test_lists_and_page_are_merged(site: Pages) -> None:
    entry = {"id": "1", "author": {"uniqueId": "kim", "nickname": "김"}, "statsV2": {"playCount": "123456"}}
    site.pages["/dance"] = (200, CARD.format(name="kim", id="1", views="12.3만") + LIST)
    site.pages["/api/challenge/item_list/"] = (
        200,
        json.dumps({"statusCode": 0, "itemList": [entry], "hasMore": False}),
    )
    [item] = crawl_page(site.url).items
    assert (item.views, item.views_text, item.author_name, item.title) == (123_456, "12.3만", "김", "제목 1")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((403, "{}"), "HTTP 403"),
        ((429, ""), "HTTP 429"),
        ((200, ""), "no JSON, 0 bytes"),
        ((200, '{"statusCode": 10201}'), "status code 10201"),
    ],
)
def test_lists_that_are_refused_are_no_quiet_day(site: Pages, answer: tuple[int, str], words: str) -> None:
    site.pages = {"/dance": (200, LIST), "/api/challenge/item_list/": answer}
    with pytest.raises(CrawlBlockedError, match=rf"after 0 clips .*{words}"):
        crawl_page(site.url)


def test_lists_that_are_refused_later_are_no_short_day(site: Pages) -> None:
    site.pages = {"/dance": (200, CARD.format(name="kim", id="1", views="12만") + LIST)}
    site.pages["/api/challenge/item_list/"] = (429, "{}")
    with pytest.raises(CrawlBlockedError, match="after 1 clips"):
        crawl_page(site.url)


def test_a_redirect_to_the_login_page_is_named(site: Pages) -> None:
    site.pages = {"/dance": (302, "/login?redirect_url=/dance"), "/login": (200, "<title>Log in</title>Log in")}
    with pytest.raises(LoginRequiredError, match="screenshot: kept"):
        crawl_page(site.url)


def test_a_page_that_is_not_there_is_unreachable(site: Pages) -> None:
    with pytest.raises(SiteUnreachableError, match="HTTP 404"):
        crawl_page(site.url)


def test_the_session_is_used_and_kept(site: Pages, tmp_path: Path) -> None:
    site.pages["/dance"] = (200, CARD.format(name="kim", id="1", views="12만"))
    session = tmp_path / "session.json"
    crawl_page(site.url, session_file=str(session))
    site.cookies.clear()
    crawl_page(site.url, session_file=str(session))
    assert site.cookies[0] == "sid=42"


# --- finding and starting Chromium ---


def test_an_unknown_category_is_named() -> None:
    with pytest.raises(UnknownCategoryError, match="'cats'"):
        crawl("cats", Settings(), lambda _: "")


def test_a_chromium_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ChromiumMissingError, match="CHROMIUM_PATH"):
        crawl_page("http://127.0.0.1:1", chromium_path=str(tmp_path / "chromium"))


def test_no_chromium_at_all_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    monkeypatch.setattr(browser, "system_chromiums", list)
    with pytest.raises(ChromiumMissingError, match="playwright install chromium"):
        crawl_page("http://127.0.0.1:1")


def test_a_chromium_that_does_not_start_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "chromium"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    with pytest.raises(ChromiumFailedError, match="does not start"):
        crawl_page("http://127.0.0.1:1", chromium_path=str(broken))


@pytest.mark.parametrize(
    ("user", "in_lambda", "possible"), [(0, False, False), (1000, True, False), (1000, False, True)]
)
def test_the_sandbox_is_off_only_where_it_cannot_work(
    monkeypatch: pytest.MonkeyPatch, user: int, in_lambda: bool, possible: bool
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: user)
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME", raising=False)
    if in_lambda:
        monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "crawler")
    assert browser.sandbox_is_possible() is possible
