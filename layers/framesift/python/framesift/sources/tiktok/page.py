"""A crawl of one category: a Chromium opens its page and scrolls like a person until enough clips were seen."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from framesift.contracts import Clip
from framesift.errors import (
    ChromiumFailedError,
    CrawlError,
    EmptyPageError,
    SiteUnreachableError,
    UnknownCategoryError,
)
from framesift.log import logger
from framesift.settings import CrawlSettings, Settings
from framesift.sources import browser as chromium
from framesift.sources.tiktok import session as sessions
from framesift.sources.tiktok.clips import Clips
from framesift.sources.tiktok.lists import ListReader
from framesift.sources.tiktok.parse import CrawlContext, parse_card
from framesift.sources.tiktok.walls import READ_STATE, REFUSALS, PageState, describe, find_wall
from framesift.sources.untrusted import read_list, read_mapping, read_text

if TYPE_CHECKING:
    from playwright.async_api import Page

_LAUNCHES = 3  # How often Chromium is started if it breaks.
_OPENINGS = 3  # How often the page is opened if it does not load.
_VIEWPORT = {"width": 1280, "height": 900}
_NOTCHES = (2, 4)  # Turns of the wheel in one scroll: about one screen.
_NOTCH_PX = (200.0, 500.0)
_LOOK_BACK_SHARE = 0.12  # Share of scrolls that are followed by a short one back, as people do.
_CARDS = """() => [...document.querySelectorAll('a[href*="/video/"]')].map(link => {
  const card = link.closest('[data-e2e*="-item"]') || link;
  const text = selector => card.querySelector(selector)?.textContent;
  const image = card.querySelector('img');
  return {
    href: link.href,
    views: text('[data-e2e="video-views"], [data-e2e$="-views"]'),
    title: text('[data-e2e$="-desc"]'),
    author_name: text('[data-e2e$="-nickname"]'),
    image: image?.currentSrc || image?.src,
    alt: image?.alt,
  };
})"""
# Whether the end is in view; measured at the last clip, since some pages scroll inside an element.
_IS_AT_END = """() => {
  const last = [...document.querySelectorAll('a[href*="/video/"]')].at(-1);
  return !last || last.getBoundingClientRect().bottom <= innerHeight;
}"""

KeepScreenshot = Callable[[bytes], str]
Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Crawl:
    """The result of a crawl.

    Attributes:
        items: Each clip that was shown, once, in the order seen, whatever its views.
        repeated: Entries of the site's lists that repeated a clip.
        cut_short: Why it ended before the target and before the site's own end; None where it did not.
    """

    items: list[Clip]
    repeated: int
    cut_short: str | None = None


def crawl(
    category: str,
    settings: Settings,
    keep_screenshot: KeepScreenshot,
    dice: random.Random | None = None,
    report: Report = lambda done, total: None,
) -> Crawl:
    """Crawl a category's page.

    Args:
        category: One of `settings.crawl.paths`.
        settings: This process's settings.
        keep_screenshot: Stores a PNG of the page of a failed crawl, and returns where.
        dice: The random generator of pauses and distances.
        report: Called with the number of clips with enough views, and the target.

    Raises:
        UnknownCategoryError: If the category has no page.
        CrawlError: A leaf of it names what was shown instead of clips, and where the screenshot is.
        ChromiumMissingError: If there is no Chromium.
        ChromiumFailedError: If Chromium does not start, or breaks before it shows a clip, again and again.
    """
    if category not in settings.crawl.paths:
        raise UnknownCategoryError(f"{category!r} has no page: add it to FRAMESIFT_CRAWL__PATHS.")
    return asyncio.run(_crawl(category, settings, keep_screenshot, dice or random.Random(), report))


async def _crawl(
    category: str, settings: Settings, keep_screenshot: KeepScreenshot, dice: random.Random, report: Report
) -> Crawl:
    from playwright.async_api import Error as PlaywrightError

    clips = Clips(settings.crawl.min_views)
    crawl_context = CrawlContext(category, settings.crawl.site_url.rstrip("/"), datetime.now(UTC))
    session = sessions.open_session(settings.crawl)
    for launch in range(1, _LAUNCHES + 1):
        clips.begin_visit()
        try:
            async with chromium.open_browser(settings.crawl) as browser:
                context = await browser.new_context(
                    locale=settings.crawl.locale,
                    timezone_id=settings.run.timezone,
                    viewport=_VIEWPORT,  # type: ignore[arg-type]
                    storage_state=session.load(),  # type: ignore[arg-type]
                )
                visit = _Visit(await context.new_page(), clips, crawl_context, settings.crawl, dice, report)
                cut_short = await visit.run(keep_screenshot)
                sessions.keep(session, dict(await context.storage_state()))
                return Crawl(clips.items, clips.repeated, cut_short)
        except PlaywrightError as error:
            fault = error.message.strip().partition("\n")[0]
            logger.warning("Chromium broke (%d of %d): %s; %d clips kept", launch, _LAUNCHES, fault, len(clips.items))
    if not clips.wanted:
        raise ChromiumFailedError(
            f"Chromium broke {_LAUNCHES} times at {category}'s page before it showed a clip: {fault}"
        )
    return Crawl(clips.items, clips.repeated, f"Chromium broke {_LAUNCHES} times ({fault})")


class _Visit:
    """One page, from opening to the last scroll."""

    def __init__(
        self,
        page: Page,
        clips: Clips,
        crawl_context: CrawlContext,
        settings: CrawlSettings,
        dice: random.Random,
        report: Report,
    ) -> None:
        self._page = page
        self._clips = clips
        self._context = crawl_context
        self._settings = settings
        self._dice = dice
        self._report = report
        self._lists = ListReader(page, clips, crawl_context)
        self._status: int | None = None
        page.set_default_timeout(settings.page_timeout_s * 1000)

    async def run(self, keep_screenshot: KeepScreenshot) -> str | None:
        """Open and scroll; returns why it was cut short, or None."""
        try:
            await self._open(f"{self._context.site_url}{self._settings.paths[self._context.category]}")
            return await self._scroll_to_end()
        except CrawlError as error:
            place = keep_screenshot(await self._page.screenshot())
            raise type(error)(f"{error}; seen: {describe(await self._state())}; screenshot: {place}") from None

    async def _open(self, url: str) -> None:
        """Load the page, in several tries."""
        from playwright.async_api import Error as PlaywrightError
        from playwright.async_api import TimeoutError as PlaywrightTimeoutError

        fault = ""
        for number in range(1, _OPENINGS + 1):
            try:
                answer = await self._page.goto(url, wait_until="load")
            except PlaywrightTimeoutError:
                fault = f"not loaded after {self._settings.page_timeout_s:g} s"
                if self._clips.shown:
                    return  # Images that hang delay `load`, but the clips are visible.
            except PlaywrightError as error:
                if "net::" not in error.message:
                    raise
                fault = error.message.partition("\n")[0]
            else:
                self._status = answer.status if answer else None
                if self._status is None or self._status < 400 or self._status in REFUSALS:
                    return
                fault = f"HTTP {self._status}"
            if number < _OPENINGS:
                await self._pause(2 * number)
        raise SiteUnreachableError(f"{url} could not be opened in {_OPENINGS} tries ({fault})")

    async def _scroll_to_end(self) -> str | None:
        """Scroll until there are enough clips, or nothing new comes; returns why it ended sooner, if it did."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._settings.time_limit_s
        quiet, shown, cut_short = 0, 0, None
        await self._raise_wall()
        while self._clips.wanted < self._settings.target_clips:
            if quiet >= self._settings.quiet_scrolls or (quiet and self._lists.ended):
                break
            if clock() >= deadline:
                cut_short = f"its time limit of {self._settings.time_limit_s:g} s came first"
                await self._lists.settle(self._settings.page_timeout_s)  # What is on its way is kept.
                break
            await self._scroll()
            self._report(min(self._clips.wanted, self._settings.target_clips), self._settings.target_clips)
            await self._pause(1 + quiet)  # The longer nothing comes, the longer a person waits.
            if self._clips.shown == shown and await self._page.evaluate(_IS_AT_END):
                await self._lists.settle(self._settings.page_timeout_s)
                await self._read_cards()
                await self._raise_wall()
                quiet += 1
            if self._clips.shown > shown:
                quiet, shown = 0, self._clips.shown
        await self._read_cards()
        await self._raise_wall()
        if quiet:
            self._raise_early_end()
        return cut_short

    async def _scroll(self) -> None:
        for _ in range(self._dice.randint(*_NOTCHES)):
            await self._page.mouse.wheel(0, self._dice.uniform(*_NOTCH_PX))
            await self._pause(0.05)
        if self._dice.random() < _LOOK_BACK_SHARE:
            await self._page.mouse.wheel(0, -self._dice.uniform(*_NOTCH_PX))

    async def _pause(self, times: float) -> None:
        await asyncio.sleep(times * self._dice.uniform(*self._settings.scroll_pause_s))

    async def _read_cards(self) -> None:
        # The page's own scripts can change what ours return.
        cards = map(read_mapping, read_list(await self._page.evaluate(_CARDS)))
        items = (parse_card(card, self._context) for card in cards)
        self._clips.add_cards(item for item in items if item is not None)

    async def _state(self) -> PageState:
        found = read_mapping(await self._page.evaluate(READ_STATE))
        return PageState(
            url=self._page.url,
            status=self._status,
            clips=self._clips.shown,
            title=read_text(found.get("title")),
            text=read_text(found.get("text")),
            captcha=found.get("captcha") is True,
            login=found.get("login") is True,
        )

    async def _raise_wall(self) -> None:
        wall = find_wall(await self._state())
        if wall is not None:
            kind, what = wall
            raise kind(what)

    def _raise_early_end(self) -> None:
        """Tell the end of the site's list from a failure, where fewer clips came than the target."""
        shown = self._clips.shown
        if self._lists.fault is not None:
            kind, what = self._lists.fault
            raise kind(f"The page's lists ended in a fault after {shown} clips ({what})")
        if shown == 0:
            raise EmptyPageError("The page loaded and showed no clip")
