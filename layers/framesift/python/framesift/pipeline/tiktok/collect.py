"""Collect: crawl a category's page, keep the clips with enough views, download their thumbnails."""

from __future__ import annotations

from datetime import UTC, datetime

from framesift import keys
from framesift.contracts import CrawlOutput, Run, ScopeInput
from framesift.errors import EmptyPageError
from framesift.pipeline.stage import Progress, run_once
from framesift.pipeline.thumbnails import collect_items
from framesift.settings import Settings
from framesift.sources.tiktok import crawl
from framesift.storage import Store
from framesift.table import Records


def collect_category(request: ScopeInput, settings: Settings, store: Store, records: Records) -> CrawlOutput:
    """Collect one category's clips of the day, unless an earlier try of the run has done it.

    Args:
        request: The run and the category.
        settings: This process's settings.
        store: Where thumbnails, the manifest, and a failed crawl's screenshot go.
        records: Where the stage's output is kept.

    Raises:
        CrawlError: A leaf of it names what the site showed instead of clips.
        EmptyPageError: Also if not one clip has enough views: nothing is never a success.
        TooManyFailedItemsError: If the share of thumbnails that could not be downloaded is not tolerated.
        MachineError: A leaf of it names what Chromium lacks.
    """
    run, category = request.run, request.scope

    def work() -> CrawlOutput:
        return _collect(run, category, settings, store, records)

    return run_once(records.stages, run, "collect", [category], CrawlOutput, work)


def _collect(run: Run, category: str, settings: Settings, store: Store, records: Records) -> CrawlOutput:
    crawled = crawl(
        category,
        settings,
        lambda image: _keep_screenshot(image, run, category, store),
        report=Progress(records.stages, run, "collect", category),
    )
    # A clip with a value that could not be read is kept, so that the manifest names it.
    popular = [clip for clip in crawled.items if clip.views >= settings.crawl.min_views or clip.error]
    if not popular:
        raise EmptyPageError(
            f"{category}: {len(crawled.items)} clips were seen, none with {settings.crawl.min_views:,} views; "
            "lower FRAMESIFT_CRAWL__MIN_VIEWS if that is right."
        )
    collected = collect_items(popular, run, category, settings, store)
    return CrawlOutput(
        scope=category,
        seen=len(crawled.items),
        below_min_views=len(crawled.items) - len(popular),
        repeated=crawled.repeated,
        cut_short=crawled.cut_short,
        manifest_key=collected.manifest_key,
        items=collected.items,
        failed_items=collected.failed_items,
        fetched=collected.fetched,
    )


def _keep_screenshot(image: bytes, run: Run, category: str, store: Store) -> str:
    key = keys.screenshot(run, category, f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    store.put(key, image, "image/png")
    return f"s3://{store.bucket}/{key}"
