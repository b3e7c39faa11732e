"""Collect: list a feed of YouTube, download the videos' thumbnails."""

from __future__ import annotations

from framesift.contracts import FeedOutput, ScopeInput
from framesift.errors import NotFoundError
from framesift.pipeline.stage import run_once
from framesift.pipeline.thumbnails import collect_items, count_missing, stored_media
from framesift.settings import Settings
from framesift.sources.youtube import KeptAnswers, YoutubeApi, list_videos, most_units, parse_feed
from framesift.storage import Store
from framesift.table import Records


def collect_feed(request: ScopeInput, settings: Settings, store: Store, records: Records) -> FeedOutput:
    """Collect one feed's videos of the day, unless an earlier try of the run has done it.

    Args:
        request: The run and the feed's name. A dry run requests nothing from YouTube: it reads its last answers.
        settings: This process's settings.
        store: Where thumbnails, the manifest and the API's answers go.
        records: Where the stage's output is kept, and the quota counted.

    Raises:
        FeedError: YouTube does not know the feed.
        EmptyFeedError: The feed holds no video.
        YoutubeKeyError: The key is refused.
        YoutubeQuotaError: The day's quota is used up.
        YoutubeUnavailableError: YouTube cannot be reached.
        TooManyFailedItemsError: If the share of thumbnails that could not be downloaded is not tolerated.
    """
    run, feed, youtube = request.run, request.scope, settings.youtube

    def work() -> FeedOutput:
        with YoutubeApi(youtube, store, records.quotas) as api:
            videos = list_videos(api, parse_feed(youtube.feeds[feed]), feed, youtube.max_videos)
        collected = collect_items(videos, run, feed, settings, store)
        return FeedOutput(
            scope=feed,
            seen=len(videos),
            units=api.units,
            manifest_key=collected.manifest_key,
            items=collected.items,
            failed_items=collected.failed_items,
            fetched=collected.fetched,
        )

    if request.dry_run:
        return _preview(request, settings, store)
    return run_once(records.stages, run, "collect", [feed], FeedOutput, work)


def _preview(request: ScopeInput, settings: Settings, store: Store) -> FeedOutput:
    """What a collection would give, if YouTube's answers are what they were last."""
    run, name, youtube = request.run, request.scope, settings.youtube
    feed, kept = parse_feed(youtube.feeds[name]), KeptAnswers(store)
    try:
        videos = list_videos(kept, feed, name, youtube.max_videos)
    except NotFoundError:
        units = most_units(feed, youtube.max_videos)
        return FeedOutput(
            scope=name, units=units, cut_short=f"It was never requested; it costs {units} units of quota at most."
        )
    fetched = count_missing(videos, stored_media(run, name, store))
    return FeedOutput(scope=name, seen=len(videos), items=len(videos), units=kept.units, fetched=fetched)
