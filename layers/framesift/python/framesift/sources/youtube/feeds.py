"""Feeds, as settings write them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from framesift.errors import FeedError

Kind = Literal["chart", "channel", "playlist", "search"]

_FORMS: dict[Kind, re.Pattern[str]] = {
    "chart": re.compile(r"(?P<value>[A-Z]{2})(?::(?P<video_category>\d{1,3}))?"),
    "channel": re.compile(r"(?P<value>UC[A-Za-z0-9_-]{22}|@[^\s:]{1,60})"),
    "playlist": re.compile(r"(?P<value>[A-Za-z0-9_-]{2,64})"),
    "search": re.compile(r"(?P<value>\S.{0,199})", re.DOTALL),
}


@dataclass(frozen=True)
class Feed:
    """A list of videos.

    Attributes:
        kind: Its kind.
        value: A chart's region (ISO 3166-1), a channel's id or @handle, a playlist's id, or a search query.
        video_category: YouTube's number of a chart's category, such as 10 for music.
    """

    kind: Kind
    value: str
    video_category: str | None = None


def parse_feed(text: str) -> Feed:
    """Read a feed such as `chart:KR:10` or `search:먹방`.

    Raises:
        FeedError: If it has another form.
    """
    kind, _, rest = text.partition(":")
    for known, form in _FORMS.items():
        if kind == known and (match := form.fullmatch(rest.strip())):
            return Feed(known, **match.groupdict())
    raise FeedError(
        f"{text!r} is no feed of YouTube: write chart:REGION, chart:REGION:CATEGORY, channel:ID, playlist:ID "
        "or search:WORDS."
    )
