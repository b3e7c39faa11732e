"""Items' pictures: fetched, checked, stored. What an earlier try of the run stored is not fetched again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath

from framesift import keys
from framesift.contracts import CollectOutput, Item, ItemError, Media, Run
from framesift.errors import DownloadFailedError, MediaError, TooManyFailedItemsError
from framesift.settings import DownloadSettings, Settings
from framesift.sources.download import DownloadedImage, ImageDownloader
from framesift.storage import Store, write_manifest


def keep_items(wanted: list[Item], seen: CollectOutput, run: Run, settings: Settings, store: Store) -> CollectOutput:
    """Fetch the items' thumbnails, and write the manifest.

    Args:
        wanted: The items.
        seen: What is known of the collection so far.
        run: The run.
        settings: This process's settings.
        store: Where thumbnails and the manifest go.

    Raises:
        TooManyFailedItemsError: If the share of thumbnails that could not be had is not tolerated.
    """
    category = seen.category
    stored = stored_media(run, category, store)
    items = collect_thumbnails(wanted, stored, run, category, settings.download, store)
    failed = [item.error for item in items if item.error]
    if len(failed) > settings.run.tolerated_failed_share * len(items):
        raise TooManyFailedItemsError(
            f"{category}: {len(failed)} of {len(items)} thumbnails could not be had, more than the "
            f"{settings.run.tolerated_failed_share:.0%} that are tolerated; the first: {failed[0].message}"
        )
    manifest_key = keys.manifest(run, category, "collected")
    write_manifest(store, manifest_key, items)
    counts = {"items": len(items), "failed_items": len(failed), "fetched": missing(wanted, stored)}
    return seen.model_copy(update={"manifest_key": manifest_key, **counts})


def stored_media(run: Run, category: str, store: Store) -> dict[str, str]:
    """Keys of the pictures that an earlier try of the run has stored, by their items' ids."""
    return {PurePosixPath(key).stem: key for key in store.list(keys.media_prefix(run, category))}


def missing(items: list[Item], stored: Mapping[str, str]) -> int:
    """How many items' pictures are to be fetched."""
    return sum(item.id not in stored and item.error is None for item in items)


def collect_thumbnails(
    items: list[Item], stored: Mapping[str, str], run: Run, category: str, settings: DownloadSettings, store: Store
) -> list[Item]:
    """Give each item its picture, many at a time.

    Returns:
        The items in the same order, each with `media`, or with `error` where its picture could not be had.
    """
    return asyncio.run(_collect_all(items, stored, run, category, settings, store))


async def _collect_all(
    items: list[Item], stored: Mapping[str, str], run: Run, category: str, settings: DownloadSettings, store: Store
) -> list[Item]:
    loop = asyncio.get_running_loop()

    async def collect(item: Item) -> Item:
        if item.error:
            return item
        try:
            key = stored.get(item.id)
            if key is not None:
                data = await loop.run_in_executor(threads, store.get, key)
                image = DownloadedImage.check(data, settings.max_pixels)
            else:
                image = await _fetch_best(item, downloader)
                key = keys.media(run, category, item.id, image.facts.extension)
                await loop.run_in_executor(threads, store.put, key, image.data, image.facts.content_type)
        except MediaError as error:
            fault = ItemError(stage="collect", error=type(error).__name__, message=str(error))
            return item.model_copy(update={"error": fault})
        return item.model_copy(update={"media": _media(key, image)})

    with ThreadPoolExecutor(settings.concurrency, thread_name_prefix="store") as threads:
        async with ImageDownloader(settings) as downloader:
            return await asyncio.gather(*map(collect, items))


async def _fetch_best(item: Item, downloader: ImageDownloader) -> DownloadedImage:
    """The largest thumbnail that can be had: sites name sizes that they do not have."""
    urls = [item.thumbnail_url, *item.smaller_thumbnail_urls] if item.thumbnail_url else []
    fault: MediaError = DownloadFailedError("The site names no thumbnail for this clip.")
    for url in urls:
        try:
            return await downloader.fetch(url)
        except MediaError as error:
            fault = error
    raise fault


def _media(key: str, image: DownloadedImage) -> Media:
    return Media(
        key=key,
        sha256=image.sha256,
        content_type=image.facts.content_type,
        size_bytes=len(image.data),
        width=image.facts.width,
        height=image.facts.height,
    )
