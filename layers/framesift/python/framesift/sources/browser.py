"""A real Chromium, driven by Playwright: found, started in a clean environment, and never left over."""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from framesift.errors import ChromiumFailedError, ChromiumMissingError
from framesift.settings import CrawlSettings

if TYPE_CHECKING:
    from playwright.async_api import Browser, Playwright

_PR_SET_DUMPABLE = 4
_SYSTEM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_MAC_PATHS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
# Containers have a small /dev/shm and no GPU; Chromium's own updates and reports are not wanted.
_FLAGS = ("--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking")
# All that Chromium and its driver need of our environment: a page that breaks out finds no credentials in theirs.
_ENVIRONMENT = (
    *("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH"),
    *("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "FONTCONFIG_PATH", "FONTCONFIG_FILE"),
    *("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY"),  # With a window.
)
_MISSING = (
    "No Chromium was found: run `playwright install chromium`, install your system's chromium package, "
    "or set FRAMESIFT_CRAWL__CHROMIUM_PATH."
)


@asynccontextmanager
async def open_browser(settings: CrawlSettings) -> AsyncIterator[Browser]:
    """Start a Chromium, and end it with all its processes, whatever happens.

    Playwright is connected to its driver, and the driver to Chromium, by pipes: if this process is killed, both read
    the end of theirs and exit.

    Raises:
        ChromiumMissingError: If none is installed in a known place.
        ChromiumFailedError: If one is there and does not start.
    """
    from playwright.async_api import async_playwright

    _hide_this_process()
    with _clean_environment():  # Playwright's driver inherits it when it starts, and Chromium the driver's.
        driver = async_playwright()
        playwright = await driver.start()
    try:
        browser = await _launch(playwright, settings)
        try:
            yield browser
        finally:
            await browser.close()
    finally:
        await playwright.stop()


def system_chromiums() -> list[str]:
    """The paths of the Chromium and Chrome that are installed on this machine, the preferred one first."""
    found = (shutil.which(name) for name in _SYSTEM_NAMES)
    on_mac = (path for path in _MAC_PATHS if Path(path).exists())
    return [path for path in (*found, *on_mac) if path]


def sandbox_is_possible() -> bool:
    """Whether Chromium's sandbox can work: it cannot for root, nor inside Lambda."""
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    return not is_root and "AWS_LAMBDA_FUNCTION_NAME" not in os.environ


def _needed_environment() -> dict[str, str]:
    return {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}


@contextmanager
def _clean_environment() -> Iterator[None]:
    """Show this process's children only what Chromium needs, for as long as it takes to start one."""
    whole = dict(os.environ)
    needed = _needed_environment()
    os.environ.clear()
    os.environ.update(needed)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(whole)


def _hide_this_process() -> None:
    """Let no process of the same user read this one's environment and memory below /proc (Linux, prctl(2))."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


async def _launch(playwright: Playwright, settings: CrawlSettings) -> Browser:
    from playwright.async_api import Error as PlaywrightError

    if settings.chromium_path and not Path(settings.chromium_path).exists():
        raise ChromiumMissingError(
            f"There is no {settings.chromium_path}: correct FRAMESIFT_CRAWL__CHROMIUM_PATH, or leave it empty."
        )
    # None stands for Playwright's own, which it reports as missing where it is not installed.
    places = [settings.chromium_path] if settings.chromium_path else [None, *system_chromiums()]
    for path in places:
        try:
            return await playwright.chromium.launch(
                executable_path=path,
                headless=settings.headless,
                args=list(_FLAGS),
                env={**_needed_environment()},
                chromium_sandbox=settings.chromium_sandbox and sandbox_is_possible(),
            )
        except PlaywrightError as error:
            if path is None and "Executable doesn't exist" in error.message:
                continue
            raise ChromiumFailedError(_why(error.message)) from error
    raise ChromiumMissingError(_MISSING)


def _why(message: str) -> str:
    if "No usable sandbox" in message:
        return (
            "Chromium's sandbox does not work here: allow unprivileged user namespaces, "
            "or set FRAMESIFT_CRAWL__CHROMIUM_SANDBOX=false on a machine that you trust the site with."
        )
    return f"Chromium does not start: {message.strip().splitlines()[0]}"
