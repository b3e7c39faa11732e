"""Items' pictures: fetched, checked, stored. What an earlier try of the run stored is not fetched again."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath

from framesift import keys
from framesift.contracts import Item, ItemError, Media, Run
from framesift.errors import DownloadFailedError, MediaError
from framesift.settings import DownloadSettings
from framesift.sources.download import DownloadedImage, ImageDownloader
from framesift.storage import Store


def collect_thumbnails(
    items: list[Item], run: Run, category: str, settings: DownloadSettings, store: Store
) -> list[Item]:
    """Give each item its picture, many at a time.

    Returns:
        The items in the same order, each with `media`, or with `error` where its picture could not be had.
    """
    return asyncio.run(_collect_all(items, run, category, settings, store))


async def _collect_all(
    items: list[Item], run: Run, category: str, settings: DownloadSettings, store: Store
) -> list[Item]:
    stored = {PurePosixPath(key).stem: key for key in store.list(keys.media_prefix(run, category))}
    loop = asyncio.get_running_loop()

    async def collect(item: Item) -> Item:
        try:
            key = stored.get(item.id)
            if key is not None:
                data = await loop.run_in_executor(threads, store.get, key)
                image = DownloadedImage.check(data, settings.max_pixels)
            else:
                if item.thumbnail_url is None:
                    raise DownloadFailedError("The site names no thumbnail for this clip.")
                image = await downloader.fetch(item.thumbnail_url)
                key = keys.media(run, category, item.id, image.facts.extension)
                await loop.run_in_executor(threads, store.put, key, image.data, image.facts.content_type)
        except MediaError as error:
            fault = ItemError(stage="collect", error=type(error).__name__, message=str(error))
            return item.model_copy(update={"error": fault})
        return item.model_copy(update={"media": _media(key, image)})

    with ThreadPoolExecutor(settings.concurrency, thread_name_prefix="store") as threads:
        async with ImageDownloader(settings) as downloader:
            return await asyncio.gather(*map(collect, items))


def _media(key: str, image: DownloadedImage) -> Media:
    return Media(
        key=key,
        sha256=image.sha256,
        content_type=image.facts.content_type,
        size_bytes=len(image.data),
        width=image.facts.width,
        height=image.facts.height,
    )
