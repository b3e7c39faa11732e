"""The videos of a feed, as items."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from framesift.contracts import Clip
from framesift.errors import EmptyFeedError, FeedError
from framesift.names import safe_id
from framesift.sources.youtube.api import PAGE_SIZE, Listing, units_of
from framesift.sources.youtube.feeds import Feed

_PARTS = "snippet,statistics"


def list_videos(api: Listing, feed: Feed, category: str, limit: int) -> list[Clip]:
    """List a feed's videos, in its order, each once.

    Args:
        api: The API.
        feed: Where to look.
        category: The name that the feed has here.
        limit: How many at most.

    Raises:
        EmptyFeedError: The feed holds no video: nothing is never a success.
        FeedError: YouTube knows no such channel, playlist or chart.
    """
    now = datetime.now(UTC)
    videos = list(_chart(api, feed, limit) if feed.kind == "chart" else _by_id(api, _video_ids(api, feed, limit)))
    items = {item.id: item for item in (_item(video, category, now) for video in videos)}
    if not items:
        raise EmptyFeedError(f"{category}: YouTube gives no video for {feed.kind}:{feed.value}.")
    return list(items.values())


def most_units(feed: Feed, limit: int) -> int:
    """What listing a feed costs at most, in units of the quota: where it holds as many videos as are wanted."""
    pages = -(-limit // PAGE_SIZE)
    videos = pages * units_of("videos")
    match feed.kind:
        case "chart":
            return videos
        case "search":
            return pages * units_of("search") + videos
        case "playlist":
            return pages * units_of("playlistItems") + videos
        case "channel":
            return units_of("channels") + pages * units_of("playlistItems") + videos


def _chart(api: Listing, feed: Feed, limit: int) -> Iterator[dict[str, Any]]:
    which = {"videoCategoryId": feed.video_category} if feed.video_category else {}
    return api.items("videos", limit, part=_PARTS, chart="mostPopular", regionCode=feed.value, **which)


def _video_ids(api: Listing, feed: Feed, limit: int) -> list[str]:
    if feed.kind == "search":
        found = api.items("search", limit, part="id", type="video", order="viewCount", q=feed.value)
        return [result["id"]["videoId"] for result in found]
    playlist = _uploads(api, feed.value) if feed.kind == "channel" else feed.value
    entries = api.items("playlistItems", limit, part="contentDetails", playlistId=playlist)
    return [entry["contentDetails"]["videoId"] for entry in entries]


def _uploads(api: Listing, channel: str) -> str:
    """The playlist of all that a channel uploaded: it costs a unit a page where a search costs 100."""
    which = {"forHandle": channel} if channel.startswith("@") else {"id": channel}
    found = api.get("channels", {"part": "contentDetails", **which}).get("items", [])
    if not found:
        raise FeedError(f"YouTube knows no channel {channel}.")
    return str(found[0]["contentDetails"]["relatedPlaylists"]["uploads"])


def _by_id(api: Listing, ids: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Views and all thumbnails, 50 videos to a unit."""
    distinct = list(dict.fromkeys(ids))
    for start in range(0, len(distinct), PAGE_SIZE):
        page = {"part": _PARTS, "id": ",".join(distinct[start : start + PAGE_SIZE])}
        yield from api.get("videos", page).get("items", [])


def _item(video: dict[str, Any], category: str, now: datetime) -> Clip:
    snippet = video.get("snippet", {})
    thumbnails = sorted(
        snippet.get("thumbnails", {}).values(),
        key=lambda picture: -int(picture.get("width", 0)) * int(picture.get("height", 0)),
    )
    urls = [str(picture["url"]) for picture in thumbnails]
    return Clip(
        source="youtube",
        category=category,
        id=safe_id(video["id"]),
        url=f"https://www.youtube.com/watch?v={video['id']}",
        title=snippet.get("title", ""),
        author=snippet.get("channelId", ""),
        author_name=snippet.get("channelTitle", ""),
        views=int(video.get("statistics", {}).get("viewCount", 0)),
        posted_at=snippet.get("publishedAt"),
        thumbnail_url=urls[0] if urls else None,
        smaller_thumbnail_urls=urls[1:],
        collected_at=now,
    )
