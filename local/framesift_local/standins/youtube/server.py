"""The stand-in's server: `videos`, `channels`, `playlistItems`, `search` below `/youtube/v3`; thumbnails below `/vi`.

Answers have ETags, and 304 where nothing has changed. Faults: `PUT /faults {"fault": "quota"}`. The day of the chart:
`POST /control {"date": "2026-11-20"}`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import date as Date  # noqa: N812 - `date` is a parameter's name here
from functools import lru_cache
from http import HTTPStatus
from typing import Any, ClassVar

from framesift_local.standins.service import Answer, Fault, Request, StandIn
from framesift_local.standins.youtube.catalogue import Video, channel_ids, video
from framesift_local.standins.youtube.images import draw, encode

API_KEY = "stand-in-key"
# Name, file, width, height (developers.google.com/youtube/v3/docs/thumbnails).
SIZES = {
    "default": ("default", 120, 90),
    "medium": ("mqdefault", 320, 180),
    "high": ("hqdefault", 480, 360),
    "standard": ("sddefault", 640, 480),
    "maxres": ("maxresdefault", 1280, 720),
}
_THUMBNAIL = re.compile(r"/vi/(?P<id>[\w-]{11})/(?P<file>\w+)\.jpg")
_UPLOADS = re.compile(r"UU([\w-]{22})")


def _refuse(status: HTTPStatus, reason: str, message: str) -> Answer:
    fault = {"message": message, "domain": "youtube", "reason": reason}
    return Answer.of({"error": {"code": status.value, "message": message, "errors": [fault]}}, status)


class YoutubeStandIn(StandIn):
    """The YouTube Data API, on this machine.

    Args:
        day: Whose chart is shown.
        videos: How many there are.
        key: The API's key.
        port: To listen on; 0 takes a free one.
    """

    faults: ClassVar[Mapping[Fault, Answer]] = {
        Fault.QUOTA: _refuse(HTTPStatus.FORBIDDEN, "quotaExceeded", "You have exceeded your quota."),
        Fault.TOO_MANY: _refuse(
            HTTPStatus.FORBIDDEN, "rateLimitExceeded", "Too many requests have recently been sent."
        ),
        Fault.DOWN: _refuse(HTTPStatus.SERVICE_UNAVAILABLE, "backendError", "Backend Error"),
    }

    def __init__(self, day: Date, *, videos: int = 200, key: str = API_KEY, port: int = 0) -> None:
        super().__init__(port)
        self._key = key
        self._count = videos
        self.show_day(day)

    @property
    def api_url(self) -> str:
        """What `FRAMESIFT_YOUTUBE__API_URL` should be."""
        return f"{self.url}/youtube/v3"

    def show_day(self, day: Date) -> None:
        """Show a day's chart."""
        videos = [video(day, number) for number in range(self._count)]
        with self.lock:
            self._videos = {each.id: each for each in videos}

    def answer(self, request: Request) -> Answer:
        """See `StandIn.answer`."""
        if request.path == "/control":
            self.show_day(Date.fromisoformat(request.json()["date"]))
            return Answer.of({})
        if match := _THUMBNAIL.fullmatch(request.path):
            return self._thumbnail(match["id"], match["file"])
        if request.headers.get("x-goog-api-key", request.query.get("key")) != self._key:
            return _refuse(HTTPStatus.BAD_REQUEST, "keyInvalid", "API key not valid. Please pass a valid API key.")
        methods = {"videos": self._list_videos, "channels": self._channels, "search": self._search}
        methods["playlistItems"] = self._playlist
        method = methods.get(request.path.removeprefix("/youtube/v3/"))
        if method is None:
            return _refuse(HTTPStatus.NOT_FOUND, "notFound", "Not Found")
        answer = method(request)
        etag = f'"{hashlib.sha256(answer.body).hexdigest()[:20]}"'
        if answer.status is HTTPStatus.OK and request.headers.get("if-none-match") == etag:
            return Answer(HTTPStatus.NOT_MODIFIED, headers={"ETag": etag})
        return Answer(answer.status, answer.body, headers={"ETag": etag})

    def _list_videos(self, request: Request) -> Answer:
        if "id" in request.query:
            ids = request.query["id"].split(",")
            if len(ids) > 50:
                return _refuse(HTTPStatus.BAD_REQUEST, "invalidFilters", "At most 50 ids.")
            return Answer.of({"items": [self._resource(self._videos[id_]) for id_ in ids if id_ in self._videos]})
        if request.query.get("chart") != "mostPopular":
            return _refuse(HTTPStatus.BAD_REQUEST, "missingRequiredParameter", "No filter selected.")
        if not re.fullmatch("[A-Z]{2}", request.query.get("regionCode", "")) or request.query["regionCode"] == "ZZ":
            return _refuse(HTTPStatus.BAD_REQUEST, "invalidRegionCode", "The region code is invalid.")
        return self._page([self._resource(each) for each in self._videos.values()], request)

    def _channels(self, request: Request) -> Answer:
        handles = {f"@{channel_id}": channel_id for channel_id in channel_ids()}
        wanted = handles.get(request.query.get("forHandle", ""), request.query.get("id", ""))
        known = wanted in channel_ids()
        uploads = {"contentDetails": {"relatedPlaylists": {"uploads": f"UU{wanted[2:]}"}}}
        return Answer.of({"items": [{"id": wanted, **uploads}] if known else []})

    def _playlist(self, request: Request) -> Answer:
        match = _UPLOADS.fullmatch(request.query.get("playlistId", ""))
        if match is None or f"UC{match[1]}" not in channel_ids():
            return _refuse(HTTPStatus.NOT_FOUND, "playlistNotFound", "The playlist cannot be found.")
        videos = [each for each in self._videos.values() if each.channel_id == f"UC{match[1]}"]
        return self._page([{"contentDetails": {"videoId": each.id}} for each in videos], request)

    def _search(self, request: Request) -> Answer:
        found = [each for each in self._videos.values() if request.query.get("q", "") in each.title]
        return self._page([{"id": {"kind": "youtube#video", "videoId": each.id}} for each in found], request)

    def _page(self, items: Sequence[dict[str, Any]], request: Request) -> Answer:
        size = min(int(request.query.get("maxResults", "5")), 50)
        start = int(request.query.get("pageToken", "0"))
        page: dict[str, Any] = {"pageInfo": {"totalResults": len(items)}, "items": items[start : start + size]}
        if start + size < len(items):
            page["nextPageToken"] = str(start + size)
        return Answer.of(page)

    def _resource(self, each: Video) -> dict[str, Any]:
        names = [name for name in SIZES if name != "maxres" or each.names_maxres]
        thumbnails = {
            name: {"url": f"{self.url}/vi/{each.id}/{file}.jpg", "width": width, "height": height}
            for name, (file, width, height) in SIZES.items()
            if name in names
        }
        return {
            "kind": "youtube#video",
            "id": each.id,
            "snippet": {
                "publishedAt": each.published_at.isoformat(),
                "channelId": each.channel_id,
                "channelTitle": each.channel,
                "title": each.title,
                "thumbnails": thumbnails,
            },
            "statistics": {"viewCount": str(each.views)},
        }

    def _thumbnail(self, video_id: str, file: str) -> Answer:
        known = self._videos.get(video_id)
        size = next(((width, height) for name, width, height in SIZES.values() if name == file), None)
        if known is None or size is None or (file == "maxresdefault" and not known.has_maxres):
            return Answer(HTTPStatus.NOT_FOUND, b"", "text/plain")
        return Answer(HTTPStatus.OK, _draw_thumbnail(video_id, *size), "image/jpeg")


@lru_cache(maxsize=512)
def _draw_thumbnail(video_id: str, width: int, height: int) -> bytes:
    image, _ = draw(int.from_bytes(video_id.encode(), "big"))
    return encode(image, width, height)
