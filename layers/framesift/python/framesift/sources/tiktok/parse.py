"""From what the site says, in JSON or in its page, to items. Pure functions that never fail on odd input."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from framesift.contracts import Clip
from framesift.names import safe_id
from framesift.sources.counts import parse_count

_CLIP_PATH = re.compile(r"/@([^/]+)/video/([^/]+)/?")


@dataclass(frozen=True)
class Origin:
    """Where and when clips were seen.

    Attributes:
        category: The category whose page it was.
        site_url: The site's address, without a slash at the end.
        seen_at: The moment.
    """

    category: str
    site_url: str
    seen_at: datetime


def list_entries(answer: Any) -> list[Any]:
    """The entries of an answer of the site's list requests; none where it has another shape."""
    if not isinstance(answer, dict):
        return []
    entries = answer.get("itemList") or answer.get("item_list")
    return entries if isinstance(entries, list) else []


def parse_entries(entries: list[Any], origin: Origin) -> Iterator[Clip]:
    """The clips among a list's entries, in order; what is no clip is left out."""
    for entry in entries:
        item = parse_entry(entry, origin) if isinstance(entry, dict) else None
        if item is not None:
            yield item


def parse_entry(entry: dict[str, Any], origin: Origin) -> Clip | None:
    """A clip as the site's JSON describes it; None without an id or an author."""
    clip_id, author = _id(entry.get("id")), _dict(entry.get("author"))
    account = _text(author.get("uniqueId"))
    if not clip_id or not account:
        return None
    video = _dict(entry.get("video"))
    return Clip(
        source="tiktok",
        category=origin.category,
        id=safe_id(clip_id),
        url=clip_url(origin.site_url, account, clip_id),
        title=_text(entry.get("desc")),
        author=account,
        author_name=_text(author.get("nickname")),
        views=_views(entry),
        posted_at=_moment(entry.get("createTime")),
        thumbnail_url=_web_url(video.get("cover")) or _web_url(video.get("originCover")),
        collected_at=origin.seen_at,
    )


def parse_card(card: dict[str, Any], origin: Origin) -> Clip | None:
    """A clip as the page shows it; None where the card's link leads to no clip.

    Args:
        card: `href`, and where the card has them `views`, `title`, `image`, `alt`, `author_name`: text as it is shown.
        origin: Where and when.
    """
    path = _CLIP_PATH.fullmatch(urlsplit(_text(card.get("href"))).path)
    if path is None:
        return None
    account, clip_id = map(unquote, path.groups())
    views_text = _text(card.get("views")) or None
    return Clip(
        source="tiktok",
        category=origin.category,
        id=safe_id(clip_id),
        url=clip_url(origin.site_url, account, clip_id),
        title=_text(card.get("title")) or _text(card.get("alt")),
        author=account,
        author_name=_text(card.get("author_name")),
        views=parse_count(views_text or "") or 0,
        views_text=views_text,
        thumbnail_url=_web_url(card.get("image")),
        collected_at=origin.seen_at,
    )


def merge(known: Clip, other: Clip) -> Clip:
    """What is known of a clip, with what another sighting adds; what is known stays."""
    added = {
        name: value
        for name in ("title", "author_name", "views", "views_text", "posted_at", "thumbnail_url")
        if not getattr(known, name) and (value := getattr(other, name))
    }
    return known.model_copy(update=added) if added else known


def clip_url(site_url: str, account: str, clip_id: str) -> str:
    """The one URL of a clip: without a query, the same wherever it was seen."""
    return f"{site_url}/@{quote(account, safe='')}/video/{quote(clip_id, safe='')}"


def _views(entry: dict[str, Any]) -> int:
    # statsV2 holds exact counts as text; stats is what older pages have.
    for name in ("statsV2", "stats"):
        count = _dict(entry.get(name)).get("playCount")
        number = parse_count(count) if isinstance(count, str) else count
        if isinstance(number, int) and not isinstance(number, bool) and number >= 0:
            return number
    return 0


def _moment(value: Any) -> datetime | None:
    try:
        seconds = int(value)
        return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _id(value: Any) -> str:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else _text(value)


def _text(value: Any) -> str:
    # A page can hold halves of surrogate pairs, which no UTF-8 file can.
    return value.encode(errors="replace").decode().strip() if isinstance(value, str) else ""


def _web_url(value: Any) -> str | None:
    text = _text(value)
    return text if text.startswith(("https://", "http://")) else None
