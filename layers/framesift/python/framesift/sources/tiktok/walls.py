"""What a page shows instead of clips: told apart, and said in words for a person."""

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

# Only what a person would see counts: sites keep empty containers for later. A log-in button in a header is no wall.
LOOK = """() => {
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
class Sight:
    """What a look at the page shows.

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


def find_wall(sight: Sight) -> tuple[type[CrawlError], str] | None:
    """The wall that is shown, with what is wrong in a few words; None where there is none."""
    if sight.status in REFUSALS:
        return CrawlBlockedError, f"The site refuses with HTTP {sight.status}"
    if sight.captcha:
        return CaptchaShownError, "The site shows a captcha"
    if sight.login or _asks_to_log_in(sight.url):
        return LoginRequiredError, "The site asks to log in, and no session or an ended one was used"
    if sight.clips:  # Words below may be a clip's title.
        return None
    words = f"{sight.title} {sight.text}"
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


def describe(sight: Sight) -> str:
    """What was seen, in one line: title, URL without its query, first words."""
    words = " ".join(sight.text.split())
    shown = f"{words[:_WORDS]}…" if len(words) > _WORDS else words
    return f"“{' '.join(sight.title.split())}” at {sight.url.partition('?')[0]}, which begins “{shown}”"
