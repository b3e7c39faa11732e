"""YouTube through its Data API v3: the videos of a feed, with their thumbnails' addresses."""

from framesift.sources.youtube.api import YoutubeApi
from framesift.sources.youtube.feeds import Feed, parse_feed
from framesift.sources.youtube.videos import list_videos

__all__ = ["Feed", "YoutubeApi", "list_videos", "parse_feed"]
