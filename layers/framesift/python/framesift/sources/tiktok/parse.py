"""From what the site sends, in JSON or in its page, to items. Pure functions that never fail on odd input.

A clip with a value that cannot be used becomes an item with an error that names the value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, unquote

from framesift.contracts import Clip, ItemError
from framesift.errors import BadValueError
from framesift.names import safe_id
from framesift.sources.untrusted import (
    read_count,
    read_id,
    read_list,
    read_mapping,
    read_moment,
    read_text,
    read_web_url,
    show,
    split_url,
)

_CLIP_PATH = re.compile(r"/@([^/]+)/video/([^/]+)/?")


@dataclass(frozen=True)
class CrawlContext:
    """The circumstances of a crawl, which its clips share.

    Attributes:
        category: The crawled category.
        site_url: The site's address, without a slash at the end.
        seen_at: When the page was crawled.
    """

    category: str
    site_url: str
    seen_at: datetime


def list_entries(answer: Any) -> list[Any]:
    """The entries of an answer of the site's list requests; none where it has another shape."""
    fields = read_mapping(answer)
    return read_list(fields.get("itemList") or fields.get("item_list"))


def parse_entries(entries: list[Any], crawl_context: CrawlContext) -> Iterator[Clip]:
    """The clips among a list's entries, in order; what is no clip is left out."""
    for entry in entries:
        item = parse_entry(entry, crawl_context) if isinstance(entry, dict) else None
        if item is not None:
            yield item


def parse_entry(entry: dict[str, Any], crawl_context: CrawlContext) -> Clip | None:
    """A clip as the site's JSON describes it; None without an id or an author."""
    clip_id, author = read_id(entry.get("id")), read_mapping(entry.get("author"))
    account = read_text(author.get("uniqueId"))
    if not clip_id or not account:
        return None
    video = read_mapping(entry.get("video"))
    item = Clip(
        source="tiktok",
        category=crawl_context.category,
        id=safe_id(clip_id),
        url=clip_url(crawl_context.site_url, account, clip_id),
        title=read_text(entry.get("desc")),
        author=account,
        author_name=read_text(author.get("nickname")),
        views=0,
        posted_at=read_moment(entry.get("createTime")),
        collected_at=crawl_context.seen_at,
    )
    try:
        cover = read_web_url(video.get("cover"), "cover") or read_web_url(video.get("originCover"), "originCover")
        return item.model_copy(update={"views": _views(entry), "thumbnail_url": cover})
    except BadValueError as error:
        return _with_error(item, error)


def parse_card(card: dict[str, Any], crawl_context: CrawlContext) -> Clip | None:
    """A clip as the page shows it; None where the card's link leads to no clip.

    Args:
        card: `href`, and where the card has them `views`, `title`, `image`, `alt`, `author_name`: text as it is shown.
        crawl_context: The category, the site and the time of the crawl.
    """
    link = read_text(card.get("href"))
    try:
        path = _CLIP_PATH.fullmatch(split_url(link).path)
    except BadValueError as error:
        return _with_error(_item_of_link(link, crawl_context), error)
    if path is None:
        return None
    account, clip_id = (read_text(unquote(part)) for part in path.groups())
    views_text = read_text(card.get("views")) or None
    item = Clip(
        source="tiktok",
        category=crawl_context.category,
        id=safe_id(clip_id),
        url=clip_url(crawl_context.site_url, account, clip_id),
        title=read_text(card.get("title")) or read_text(card.get("alt")),
        author=account,
        author_name=read_text(card.get("author_name")),
        views=0,
        views_text=views_text,
        collected_at=crawl_context.seen_at,
    )
    try:
        views = read_count(views_text, "The number of views") or 0
        return item.model_copy(update={"views": views, "thumbnail_url": read_web_url(card.get("image"), "image")})
    except BadValueError as error:
        return _with_error(item, error)


def merge(known: Clip, other: Clip) -> Clip:
    """What is known of a clip, with what another sighting adds; what is known stays, but for an error."""
    if known.error and not other.error:
        known, other = other, known
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
        count = read_count(read_mapping(entry.get(name)).get("playCount"), f"{name}.playCount")
        if count is not None:
            return count
    return 0


def _item_of_link(link: str, crawl_context: CrawlContext) -> Clip:
    """An item that stands for a link that leads nowhere, so that the run's record names it."""
    return Clip(
        source="tiktok",
        category=crawl_context.category,
        id=safe_id(f"link {link}"),
        url=show(link),
        views=0,
        collected_at=crawl_context.seen_at,
    )


def _with_error(item: Clip, error: BadValueError) -> Clip:
    fault = ItemError.of(error, "collect")
    return item.model_copy(update={"error": fault})
