"""The site's pages and its JSON, without a socket."""

from __future__ import annotations

import html
from functools import cache
from pathlib import Path
from typing import Any

from framesift_local.standins.clipsite.catalogue import Catalogue, Clip

DENIED_PAGE = """<!doctype html><title>Access Denied</title><h1>Access Denied</h1>
<p>You don't have permission to access this page on this server.</p><p>Reference #18.5f3c1602.1763625600</p>"""
_CLIP = """<!doctype html><meta charset="utf-8"><title>{title}</title>
<body style="font-family:system-ui;text-align:center"><img src="/media/{media}" alt="" style="height:80vh">
<h1 data-e2e="browse-video-desc" style="font-size:18px">{title}</h1><p>{nickname} · {views:,}</p>"""


def category_page(category: str, wall: str | None) -> str:
    """The page of a category: HTML that loads its clips as JSON, or shows a wall."""
    return _template().replace("{{category}}", category).replace("{{wall}}", wall or "")


def clip_page(clip: Clip) -> str:
    """The page of one clip."""
    return _CLIP.format(
        title=html.escape(clip.title),
        media=clip.media_name,
        nickname=html.escape(clip.nickname),
        views=clip.views,
    )


def item_list(catalogue: Catalogue, category: str, cursor: int, count: int, url: str) -> dict[str, Any]:
    """A page of a category's feed in the shape that the site's own client gets.

    Args:
        catalogue: The day.
        category: One of `catalogue.CATEGORIES`.
        cursor: How many entries of the feed to skip.
        count: How many entries to return at most.
        url: Where the site is, for the covers' URLs.
    """
    feed = catalogue.feeds[category]
    end = cursor + count
    return {
        "statusCode": 0,
        "itemList": [_item(catalogue.clips[id_], url) for id_ in feed[cursor:end]],
        "cursor": str(min(end, len(feed))),
        "hasMore": end < len(feed),
    }


def blocked_list(wall: str) -> dict[str, Any] | None:
    """The same for a client that is shown a wall; None stands for an empty body."""
    if wall == "empty":
        return {"statusCode": 0, "itemList": [], "cursor": "0", "hasMore": False}
    if wall == "denied":
        return None
    return {"statusCode": 10000, "statusMsg": "verify" if wall == "captcha" else "login required"}


def truth(clip: Clip) -> dict[str, Any]:
    """What is true about a clip, as `GET /control/truth` returns it."""
    return {
        "original_id": clip.original_id,
        "edit": clip.edit,
        "language": clip.language,
        "views": clip.views,
        "category": clip.category,
        "born": clip.born.isoformat(),
    }


def _item(clip: Clip, url: str) -> dict[str, Any]:
    item: dict[str, Any] = {
        "id": clip.id,
        "desc": clip.title,
        "createTime": clip.created_at_s,
        "author": {"uniqueId": clip.author_id, "nickname": clip.nickname},
        "stats": {
            "playCount": clip.views,
            "diggCount": clip.views // 11,
            "commentCount": clip.views // 420,
            "shareCount": clip.views // 270,
        },
        "video": {
            "cover": f"{url}/media/{clip.media_name}",
            "duration": clip.duration_s,
            "width": clip.width,
            "height": clip.height,
        },
    }
    if not clip.title and clip.slot % 2:
        del item["desc"]  # The real site does both: an empty one, and none.
    return item


@cache
def _template() -> str:
    return (Path(__file__).parent / "page.html").read_text(encoding="utf-8")
