"""YouTube through its Data API v3: the videos of a feed, with their thumbnails' addresses."""

from framesift.sources.youtube.api import KeptAnswers, YoutubeApi
from framesift.sources.youtube.feeds import Feed, parse_feed
from framesift.sources.youtube.videos import list_videos, most_units

__all__ = ["Feed", "KeptAnswers", "YoutubeApi", "list_videos", "most_units", "parse_feed"]
