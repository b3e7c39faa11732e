"""Reads the responses to a page's own list requests, which hold more than the page shows, and exact counts."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from framesift.errors import BadValueError, CrawlBlockedError, CrawlError, SiteUnreachableError
from framesift.sources.tiktok.clips import Clips
from framesift.sources.tiktok.parse import CrawlContext, list_entries, parse_entries
from framesift.sources.untrusted import read_json, show, split_url

if TYPE_CHECKING:
    from playwright.async_api import Page, Request, Response


class ListReader:
    """Listens to a page's requests for lists of clips.

    Args:
        page: The page, before it is opened.
        clips: Where clips go.
        crawl_context: The category, the site and the time of the crawl.

    Attributes:
        ended: Whether the site reported that there are no more.
        fault: The error class and message for the last response; None if it was good.
    """

    def __init__(self, page: Page, clips: Clips, crawl_context: CrawlContext) -> None:
        self.ended = False
        self.fault: tuple[type[CrawlError], str] | None = None
        self._clips = clips
        self._context = crawl_context
        self._waiting: set[Request] = set()
        self._settled = asyncio.Event()
        self._settled.set()
        page.on("request", self._on_request)
        page.on("requestfailed", self._on_failure)
        page.on("response", self._on_response)

    async def settle(self, timeout_s: float) -> None:
        """Wait until no list request is pending."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._settled.wait()

    def _on_request(self, request: Request) -> None:
        if _is_list(request.url):
            self._waiting.add(request)
            self._settled.clear()

    def _on_failure(self, request: Request) -> None:
        if request in self._waiting:
            self.fault = SiteUnreachableError, f"the connection broke: {request.failure}"
            self._done(request)

    async def _on_response(self, response: Response) -> None:
        from playwright.async_api import Error as PlaywrightError

        if not _is_list(response.url):
            return
        try:
            body = await response.body()
        except PlaywrightError:  # Chromium has none of an empty answer, nor of a page that broke.
            body = b""
        try:
            self._read(response.status, body)
        finally:
            self._done(response.request)

    def _done(self, request: Request) -> None:
        self._waiting.discard(request)
        if not self._waiting:
            self._settled.set()

    def _read(self, status: int, body: bytes) -> None:
        try:
            answer = read_json(body)
        except BadValueError:
            answer = None
        code = answer.get("statusCode", 0) if isinstance(answer, dict) else None
        if status >= 400 or code != 0:
            content = "no JSON" if code is None else f"status code {show(code)}"
            self.fault = CrawlBlockedError, f"HTTP {status}, {content}, {len(body)} bytes"
            return
        self.fault = None
        self.ended = not answer.get("hasMore", True)
        self._clips.add_listed(parse_entries(list_entries(answer), self._context))


def _is_list(url: str) -> bool:
    try:
        return "/item_list" in split_url(url).path
    except BadValueError:
        return False
