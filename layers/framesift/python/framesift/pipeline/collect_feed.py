"""Collect: list a feed of YouTube, fetch the videos' thumbnails."""

from __future__ import annotations

from framesift.contracts import CategoryInput, CollectOutput
from framesift.pipeline.stage import once
from framesift.pipeline.thumbnails import keep_items
from framesift.settings import Settings
from framesift.sources.youtube import YoutubeApi, list_videos, parse_feed
from framesift.storage import Store
from framesift.table import Table


def collect_feed(request: CategoryInput, settings: Settings, store: Store, table: Table) -> CollectOutput:
    """Collect one feed's videos of the day, unless an earlier try of the run has done it.

    Args:
        request: The run, and the feed's name as the category.
        settings: This process's settings.
        store: Where thumbnails, the manifest and the API's answers go.
        table: Where the stage's output is kept, and the quota counted.

    Raises:
        FeedError: YouTube does not know the feed.
        EmptyFeedError: The feed holds no video.
        YoutubeKeyError: The key is refused.
        YoutubeQuotaError: The day's quota is used up.
        YoutubeUnavailableError: YouTube cannot be reached.
        TooManyFailedItemsError: If the share of thumbnails that could not be had is not tolerated.
    """
    run, category = request.run, request.category

    def work() -> CollectOutput:
        youtube = settings.youtube
        with YoutubeApi(youtube, store, table) as api:
            videos = list_videos(api, parse_feed(youtube.feeds[category]), category, youtube.max_videos)
        return keep_items(videos, CollectOutput(category=category, seen=len(videos)), run, settings, store)

    return once(table, run, "collect", [category], CollectOutput, work)
