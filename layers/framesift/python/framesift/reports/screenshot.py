"""A report as an image."""

from __future__ import annotations

import asyncio
from pathlib import Path

from framesift.settings import load_settings
from framesift.sources.browser import open_browser


def write_screenshot(page: Path, to: Path, *, width: int = 1280, height: int = 1360) -> None:
    """Write what a browser shows of a page's beginning, as the name's ending says: JPEG, else PNG.

    Args:
        page: An HTML file.
        to: The image.
        width: CSS pixels of the window.
        height: CSS pixels of the window; 0 for the whole page.

    Raises:
        ChromiumMissingError: If none is installed.
        ChromiumFailedError: If one is there and does not start.
    """
    asyncio.run(_write(page, to, width, height))


async def _write(page: Path, to: Path, width: int, height: int) -> None:
    async with open_browser(load_settings().crawl) as browser:
        shown = await browser.new_page(viewport={"width": width, "height": height or 800})
        await shown.goto(page.resolve().as_uri())
        is_jpeg = to.suffix.lower() in (".jpg", ".jpeg")
        to.parent.mkdir(parents=True, exist_ok=True)
        await shown.screenshot(
            path=to, type="jpeg" if is_jpeg else "png", quality=80 if is_jpeg else None, full_page=not height
        )
