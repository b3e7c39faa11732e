"""How a view looks: a picture to keep, what axe finds, and whether it is too wide."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from framesift_local.page_build import WEB

AXE = WEB / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LOOKS = [
    ("en", "light", 1440, 900),
    ("en", "dark", 390, 844),
    ("ko", "dark", 1440, 900),
    ("ko", "light", 390, 844),
]
"""Language, colour scheme, width and height."""


def check_look(page: Page, name: str, folder: Path, *, accessible: bool) -> list[str]:
    """Keep a view's picture; return what is wrong with how it looks, a line each.

    Args:
        page: The view.
        name: The picture's name.
        folder: Where pictures are kept.
        accessible: Whether axe looks, too. The colours are the scheme's, the layout the width's: the language changes
            neither, so one language is enough.
    """
    # Not by a text of JavaScript: the page forbids those.
    expect(page.locator(".skeleton")).to_have_count(0)
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png")
    faults = [f"{name}: {fault}" for fault in check_accessibility(page)] if accessible else []
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [*faults, f"{name}: {overflow} pixels too wide"] if overflow > 0 else faults


def check_accessibility(page: Page) -> list[str]:
    """What axe finds, a line each."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("rules => axe.run({runOnly: rules})", RULES)
    return [f"{each['id']}: {each['nodes'][0]['target']}" for each in found["violations"]]
