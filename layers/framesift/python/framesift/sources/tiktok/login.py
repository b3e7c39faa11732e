"""A person signs in to the site in a browser, and the session is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from framesift.errors import LoginRequiredError, SiteUnreachableError
from framesift.settings import CrawlSettings
from framesift.sources.browser import open_browser
from framesift.sources.tiktok.session import Session, State


async def sign_in(
    settings: CrawlSettings, session: Session, wait_for_person: Callable[[], None], *, headless: bool
) -> int:
    """Open the site in a browser, wait until a person has signed in, and keep the session.

    Args:
        settings: Where the site is, and which browser to use.
        session: Where the session is kept; one that is kept already is continued.
        wait_for_person: Returns when the person is done; it runs in a thread.
        headless: Without a window, which only a test needs.

    Returns:
        How many cookies the session has.

    Raises:
        SiteUnreachableError: The site does not answer.
        LoginRequiredError: The site has set no cookie: nobody signed in.
    """
    from playwright.async_api import Error as PlaywrightError

    async with open_browser(settings.model_copy(update={"headless": headless})) as browser:
        context = await browser.new_context(locale=settings.locale, storage_state=cast("None", session.load()))
        page = await context.new_page()
        try:
            await page.goto(f"{settings.site_url}/login", timeout=settings.page_timeout_s * 1000)
        except PlaywrightError as error:
            reason = error.message.splitlines()[0]
            raise SiteUnreachableError(f"{settings.site_url} does not answer: {reason}") from None
        await asyncio.to_thread(wait_for_person)
        state = cast("State", await context.storage_state())
    if not state["cookies"]:
        raise LoginRequiredError(f"{settings.site_url} has set no cookie: sign in before you press Enter.")
    session.save(state)
    return len(state["cookies"])
