"""Clips' thumbnails: downloaded, checked, stored. What an earlier try of the run stored is not downloaded again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import PurePosixPath

from framesift import keys
from framesift.contracts import Clip, ItemError, Media, Run
from framesift.errors import DownloadFailedError, MediaError, TooManyFailedItemsError
from framesift.settings import DownloadSettings, Settings
from framesift.sources.download import DownloadedImage, ImageDownloader
from framesift.storage import Store, write_manifest


@dataclass(frozen=True)
class Collected:
    """A manifest of clips with their thumbnails.

    Attributes:
        manifest_key: Its key.
        items: Clips in it.
        failed_items: Of these, clips whose thumbnail could not be downloaded.
        fetched: Thumbnails that were requested: those not in the bucket before.
    """

    manifest_key: str
    items: int
    failed_items: int
    fetched: int


def collect_items(clips: Sequence[Clip], run: Run, category: str, settings: Settings, store: Store) -> Collected:
    """Download clips' thumbnails, and write the manifest.

    Raises:
        TooManyFailedItemsError: If the share of thumbnails that could not be downloaded is not tolerated.
    """
    stored = stored_media(run, category, store)
    items = collect_thumbnails(clips, stored, run, category, settings.download, store)
    failed = [item.error for item in items if item.error]
    if len(failed) > settings.run.tolerated_failed_share * len(items):
        raise TooManyFailedItemsError(
            f"{category}: {len(failed)} of {len(items)} thumbnails could not be downloaded, more than the "
            f"{settings.run.tolerated_failed_share:.0%} that are tolerated; the first: {failed[0].message}"
        )
    manifest_key = keys.manifest(run, category, "collected")
    write_manifest(store, manifest_key, items)
    return Collected(manifest_key, len(items), len(failed), count_missing(clips, stored))


def stored_media(run: Run, category: str, store: Store) -> dict[str, str]:
    """Keys of the images that an earlier try of the run has stored, by their items' ids."""
    return {PurePosixPath(key).stem: key for key in store.list(keys.media_prefix(run, category))}


def count_missing(clips: Sequence[Clip], stored: Mapping[str, str]) -> int:
    """How many clips' thumbnails are to be downloaded."""
    return sum(clip.id not in stored and clip.error is None for clip in clips)


def collect_thumbnails(
    clips: Sequence[Clip], stored: Mapping[str, str], run: Run, category: str, settings: DownloadSettings, store: Store
) -> list[Clip]:
    """Give each clip its thumbnail, many at a time.

    Returns:
        The clips in the same order, each with `media`, or with `error` where its thumbnail could not be downloaded.
    """
    return asyncio.run(_collect_all(clips, stored, run, category, settings, store))


async def _collect_all(
    clips: Sequence[Clip], stored: Mapping[str, str], run: Run, category: str, settings: DownloadSettings, store: Store
) -> list[Clip]:
    loop = asyncio.get_running_loop()

    async def collect(clip: Clip) -> Clip:
        if clip.error:
            return clip
        try:
            key = stored.get(clip.id)
            if key is not None:
                data = await loop.run_in_executor(threads, store.get, key)
                image = DownloadedImage.check(data, settings.max_pixels)
            else:
                image = await _fetch_best(clip, downloader)
                key = keys.media(run, category, clip.id, image.facts.extension)
                await loop.run_in_executor(threads, store.put, key, image.data, image.facts.content_type)
        except MediaError as error:
            fault = ItemError.of(error, "collect")
            return clip.model_copy(update={"error": fault})
        return clip.model_copy(update={"media": _media(key, image)})

    with ThreadPoolExecutor(settings.concurrency, thread_name_prefix="store") as threads:
        async with ImageDownloader(settings) as downloader:
            return await asyncio.gather(*map(collect, clips))


async def _fetch_best(clip: Clip, downloader: ImageDownloader) -> DownloadedImage:
    """The largest thumbnail that can be downloaded: sites name sizes that they do not have."""
    urls = [clip.thumbnail_url, *clip.smaller_thumbnail_urls] if clip.thumbnail_url else []
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
