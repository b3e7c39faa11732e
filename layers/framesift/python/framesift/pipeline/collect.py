"""Collect: crawl a category's page, keep the clips with enough views, fetch their thumbnails."""

from __future__ import annotations

from datetime import UTC, datetime

from framesift import keys
from framesift.contracts import CategoryInput, CollectOutput, Run
from framesift.errors import EmptyPageError
from framesift.pipeline.stage import Progress, once
from framesift.settings import Settings
from framesift.sources.tiktok import crawl
from framesift.storage import Store
from framesift.table import Table


def collect_category(request: CategoryInput, settings: Settings, store: Store, table: Table) -> CollectOutput:
    """Collect one category's clips of the day, unless an earlier try of the run has done it.

    Args:
        request: The run and the category.
        settings: This process's settings.
        store: Where thumbnails, the manifest, and a failed crawl's screenshot go.
        table: Where the stage's output is kept.

    Raises:
        CrawlError: A leaf of it says what the site showed instead of clips.
        EmptyPageError: If not one clip has enough views, too: nothing is never a success.
        TooManyFailedItemsError: If the share of thumbnails that could not be had is not tolerated.
        MachineError: A leaf of it says what Chromium lacks.
    """
    run, category = request.run, request.category
    return once(
        table, run, "collect", [category], CollectOutput, lambda: _collect(run, category, settings, store, table)
    )


def _collect(run: Run, category: str, settings: Settings, store: Store, table: Table) -> CollectOutput:
    from framesift.pipeline.thumbnails import keep_items

    crawled = crawl(
        category,
        settings,
        lambda picture: _keep_screenshot(picture, run, category, store),
        report=Progress(table, run, "collect", category),
    )
    # A clip with a value that could not be read is kept, so that the manifest names it.
    popular = [item for item in crawled.items if item.views >= settings.crawl.min_views or item.error]
    if not popular:
        raise EmptyPageError(
            f"{category}: {len(crawled.items)} clips were seen, none with {settings.crawl.min_views:,} views; "
            "lower FRAMESIFT_CRAWL__MIN_VIEWS if that is right."
        )
    below = len(crawled.items) - len(popular)
    seen = CollectOutput(
        category=category,
        seen=len(crawled.items),
        below_min_views=below,
        repeated=crawled.repeated,
        cut_short=crawled.cut_short,
    )
    return keep_items(popular, seen, run, settings, store)


def _keep_screenshot(picture: bytes, run: Run, category: str, store: Store) -> str:
    key = keys.screenshot(run, category, f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    store.put(key, picture, "image/png")
    return f"s3://{store.bucket}/{key}"
