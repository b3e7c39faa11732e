"""The videos of a feed, as items."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from framesift.contracts import Clip, ItemError
from framesift.errors import BadValueError, EmptyFeedError, FeedError
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
)
from framesift.sources.youtube.api import PAGE_SIZE, Listing, units_of
from framesift.sources.youtube.feeds import Feed

_PARTS = "snippet,statistics"
_VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MAX_THUMBNAILS = 10


def list_videos(api: Listing, feed: Feed, category: str, limit: int) -> list[Clip]:
    """List a feed's videos, in its order, each once.

    Args:
        api: The API.
        feed: The feed.
        category: The name that the feed has here.
        limit: The most videos to list.

    Raises:
        EmptyFeedError: The feed has no video.
        FeedError: YouTube knows no such channel, playlist or chart.
    """
    now = datetime.now(UTC)
    videos = list(_chart(api, feed, limit) if feed.kind == "chart" else _by_id(api, _video_ids(api, feed, limit)))
    items = {item.id: item for item in (parse_video(video, category, now) for video in videos)}
    if not items:
        raise EmptyFeedError(f"{category}: YouTube gives no video for {feed.kind}:{feed.value}.")
    return list(items.values())


def most_units(feed: Feed, limit: int) -> int:
    """The most that listing a feed can cost, in units of the quota."""
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
        return [_video_id(read_mapping(result).get("id"), "videoId") for result in found]
    playlist = _uploads(api, feed.value) if feed.kind == "channel" else feed.value
    entries = api.items("playlistItems", limit, part="contentDetails", playlistId=playlist)
    return [_video_id(read_mapping(entry).get("contentDetails"), "videoId") for entry in entries]


def _uploads(api: Listing, channel: str) -> str:
    """The playlist of a channel's uploads: a page costs one unit, where a search costs 100."""
    which = {"forHandle": channel} if channel.startswith("@") else {"id": channel}
    found = read_list(api.get("channels", {"part": "contentDetails", **which}).get("items"))
    details = read_mapping(read_mapping(found[0]).get("contentDetails")) if found else {}
    playlist = read_id(read_mapping(details.get("relatedPlaylists")).get("uploads"))
    if not playlist:
        raise FeedError(f"YouTube knows no channel {channel}, or no list of its uploads.")
    return playlist


def _video_id(value: Any, name: str) -> str:
    """A video's id where an answer has one, else an empty text: a search can find what is no video."""
    text = read_id(read_mapping(value).get(name))
    return text if _VIDEO_ID.fullmatch(text) else ""


def _by_id(api: Listing, ids: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Views and all thumbnails, 50 videos to a unit."""
    distinct = [video_id for video_id in dict.fromkeys(ids) if video_id]
    for start in range(0, len(distinct), PAGE_SIZE):
        page = {"part": _PARTS, "id": ",".join(distinct[start : start + PAGE_SIZE])}
        yield from read_list(api.get("videos", page).get("items"))


def parse_video(video: Any, category: str, now: datetime) -> Clip:
    """A video as the API describes it; with an error that names the value where one cannot be used.

    Args:
        video: An entry of the answer of `videos.list`.
        category: The name that the feed has here.
        now: When it was requested.
    """
    fields = read_mapping(video)
    snippet = read_mapping(fields.get("snippet"))
    video_id = _video_id(fields, "id")
    item = Clip(
        source="youtube",
        category=category,
        id=safe_id(video_id or show(video)),
        url=f"https://www.youtube.com/watch?v={video_id}",
        title=read_text(snippet.get("title")),
        author=read_text(snippet.get("channelId")),
        author_name=read_text(snippet.get("channelTitle")),
        views=0,
        posted_at=read_moment(snippet.get("publishedAt")),
        collected_at=now,
    )
    try:
        if not video_id:
            raise BadValueError(f"The video's id {show(fields.get('id'))} is no id of YouTube.")
        urls = _thumbnail_urls(snippet)
        views = read_count(read_mapping(fields.get("statistics")).get("viewCount"), "viewCount") or 0
    except BadValueError as error:
        fault = ItemError.of(error, "collect")
        return item.model_copy(update={"error": fault})
    thumbnails = {"thumbnail_url": urls[0], "smaller_thumbnail_urls": urls[1:]} if urls else {}
    return item.model_copy(update={"views": views, **thumbnails})


def _thumbnail_urls(snippet: dict[str, Any]) -> list[str]:
    """The largest first."""
    found = [read_mapping(value) for value in list(read_mapping(snippet.get("thumbnails")).values())[:_MAX_THUMBNAILS]]
    found.sort(key=_pixels, reverse=True)
    return [url for image in found if (url := read_web_url(image.get("url"), "A thumbnail's url"))]


def _pixels(thumbnail: dict[str, Any]) -> int:
    width, height = (read_count(thumbnail.get(side), side) or 0 for side in ("width", "height"))
    return width * height
