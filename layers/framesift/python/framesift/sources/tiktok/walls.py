"""Recognizes what a page shows instead of clips: a captcha, a request to log in, a refusal."""

from __future__ import annotations

import re
from dataclasses import dataclass

from framesift.errors import BadValueError, CaptchaShownError, CrawlBlockedError, CrawlError, LoginRequiredError
from framesift.sources.untrusted import split_url

REFUSALS = frozenset({401, 403, 429, 451})
_DENIED = re.compile(
    r"access denied|forbidden|request blocked|unusual traffic|too many requests|접근이 (?:거부|차단)|비정상적인 트래픽",
    re.I,
)
_CAPTCHA = re.compile(
    r"verify (?:to continue|you are human)|are you a (?:robot|human)|captcha|보안 ?문자|로봇이 아닙니다", re.I
)
_LOGIN_PATH = re.compile(r"/(?:[a-z]{2}(?:-[A-Z]{2})?/)?login(?:/|$)")
_WORDS = 120

# Only what is visible counts: sites keep empty containers for later. A log-in button in a header is no wall.
READ_STATE = """() => {
  const seen = selector => [...document.querySelectorAll(selector)].some(element => {
    const box = element.getBoundingClientRect();
    const shown = element.checkVisibility({opacityProperty: true, visibilityProperty: true});
    return shown && box.width > 1 && box.height > 1;
  });
  return {
    title: document.title,
    text: (document.body?.innerText || '').slice(0, 600),
    captcha: seen('[id*="captcha" i], [class*="captcha" i], iframe[src*="captcha" i]'),
    login: seen('[data-e2e="login-modal"], [id*="login-modal" i], #loginContainer'),
  };
}"""


@dataclass(frozen=True)
class PageState:
    """What the page shows at one moment.

    Attributes:
        url: Where the browser is.
        status: The page's HTTP status; None where it is not known.
        title: The page's title.
        text: Its first words.
        captcha: Whether a captcha can be seen.
        login: Whether a request to log in covers the page.
        clips: How many clips were shown.
    """

    url: str
    status: int | None = None
    title: str = ""
    text: str = ""
    captcha: bool = False
    login: bool = False
    clips: int = 0


def find_wall(state: PageState) -> tuple[type[CrawlError], str] | None:
    """The error for the wall that the page shows, with a message; None if there is none."""
    if state.status in REFUSALS:
        return CrawlBlockedError, f"The site refuses with HTTP {state.status}"
    if state.captcha:
        return CaptchaShownError, "The site shows a captcha"
    if state.login or _asks_to_log_in(state.url):
        return LoginRequiredError, "The site asks to log in, and no session was used, or an expired one"
    if state.clips:  # Words below may be a clip's title.
        return None
    words = f"{state.title} {state.text}"
    if _CAPTCHA.search(words):
        return CaptchaShownError, "The site asks for proof of a human"
    if _DENIED.search(words):
        return CrawlBlockedError, "The site denies access"
    return None


def _asks_to_log_in(url: str) -> bool:
    try:
        return _LOGIN_PATH.match(split_url(url).path) is not None
    except BadValueError:
        return False


def describe(state: PageState) -> str:
    """The page in one line: title, URL without its query, first words."""
    words = " ".join(state.text.split())
    shown = f"{words[:_WORDS]}…" if len(words) > _WORDS else words
    return f"“{' '.join(state.title.split())}” at {state.url.partition('?')[0]}, which begins “{shown}”"
