"""Walls are told apart, and from pages that only mention one."""

from __future__ import annotations

import pytest

from framesift.errors import CaptchaShownError, CrawlBlockedError, CrawlError, LoginRequiredError
from framesift.sources.tiktok.walls import PageState, describe, find_wall

URL = "https://www.tiktok.com/tag/dance"


@pytest.mark.parametrize(
    ("sight", "kind"),
    [
        (PageState(URL, status=403), CrawlBlockedError),
        (PageState(URL, status=429), CrawlBlockedError),
        (PageState(URL, status=200, title="Access Denied"), CrawlBlockedError),
        (PageState(URL, text="We have seen unusual traffic from your network"), CrawlBlockedError),
        (PageState(URL, captcha=True, clips=30), CaptchaShownError),
        (PageState(URL, text="Verify to continue: drag the slider"), CaptchaShownError),
        (PageState(URL, text="로봇이 아닙니다"), CaptchaShownError),
        (PageState(URL, login=True, clips=30), LoginRequiredError),
        (PageState("https://www.tiktok.com/login?redirect_url=x"), LoginRequiredError),
        (PageState("https://www.tiktok.com/ko-KR/login/phone"), LoginRequiredError),
    ],
)
def test_names_the_wall(sight: PageState, kind: type[CrawlError]) -> None:
    wall = find_wall(sight)
    assert wall is not None
    assert wall[0] is kind


@pytest.mark.parametrize(
    "sight",
    [
        PageState(URL, status=200, title="#dance", text="Log in  For You", clips=30),
        PageState(URL, status=200),
        PageState(URL, clips=1, text="my captcha was: access denied 😂"),
        PageState("https://www.tiktok.com/tag/login", clips=0),
        PageState("https://www.tiktok.com/@loginfan/video/7"),
    ],
)
def test_sees_no_wall_where_there_is_none(sight: PageState) -> None:
    assert find_wall(sight) is None


def test_describes_in_one_line_without_secrets() -> None:
    line = describe(PageState(f"{URL}?token=s3cret", title="A\nB", text="first\n\nwords " + "x" * 500))
    assert "\n" not in line
    assert "s3cret" not in line
    assert "A B" in line
    assert "first words" in line
    assert len(line) < 300
