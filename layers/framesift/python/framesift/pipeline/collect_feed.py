"""Collect: list a feed of YouTube, fetch the videos' thumbnails."""

from __future__ import annotations

from framesift.contracts import CategoryInput, CollectOutput
from framesift.errors import NotFoundError
from framesift.pipeline.stage import once
from framesift.pipeline.thumbnails import keep_items, missing, stored_media
from framesift.settings import Settings
from framesift.sources.youtube import KeptAnswers, YoutubeApi, list_videos, most_units, parse_feed
from framesift.storage import Store
from framesift.table import Table


def collect_feed(request: CategoryInput, settings: Settings, store: Store, table: Table) -> CollectOutput:
    """Collect one feed's videos of the day, unless an earlier try of the run has done it.

    Args:
        request: The run, and the feed's name as the category. A dry run asks YouTube nothing: its last answers tell.
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
        seen = CollectOutput(category=category, seen=len(videos), units=api.units)
        return keep_items(videos, seen, run, settings, store)

    if request.dry_run:
        return _foretell(request, settings, store)
    return once(table, run, "collect", [category], CollectOutput, work)


def _foretell(request: CategoryInput, settings: Settings, store: Store) -> CollectOutput:
    """What a collection would give, if YouTube's answers are what they were last."""
    run, category, youtube = request.run, request.category, settings.youtube
    feed, kept = parse_feed(youtube.feeds[category]), KeptAnswers(store)
    try:
        videos = list_videos(kept, feed, category, youtube.max_videos)
    except NotFoundError:
        units = most_units(feed, youtube.max_videos)
        return CollectOutput(
            category=category, units=units, cut_short=f"It was never asked; YouTube's quota pays {units} at most."
        )
    fetched = missing(videos, stored_media(run, category, store))
    return CollectOutput(category=category, seen=len(videos), items=len(videos), units=kept.units, fetched=fetched)
