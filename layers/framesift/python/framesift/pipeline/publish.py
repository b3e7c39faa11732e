"""Publish: write everything first, switch last, so that a reader never sees half a list."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO

from PIL import Image, ImageOps

from framesift import keys
from framesift.contracts import Item, PublishedList, PublishOutput, Run, StageInput, TopItem, TopList
from framesift.errors import NotAnImageError
from framesift.pipeline.stage import once
from framesift.settings import PublishSettings, Settings
from framesift.storage import Store, read_manifest, write_json
from framesift.table import Table


@dataclass(frozen=True)
class Thumbnail:
    """A picture as an app wants it.

    Attributes:
        body: The JPEG's bytes.
        width: Pixels.
        height: Pixels.
    """

    body: bytes
    width: int
    height: int

    @property
    def sha256(self) -> str:
        """The body's digest, in hexadecimal."""
        return hashlib.sha256(self.body).hexdigest()


def publish_lists(request: StageInput, settings: Settings, store: Store, table: Table) -> PublishOutput:
    """Publish the lists of a run's categories.

    A category without a single clip is not published: the list that is up stays up, and the run's end says so.
    """
    run = request.run

    def work() -> PublishOutput:
        previous = {category: _previous_list(run, category, store, table) for category in request.categories}
        written = [
            published
            for category in request.categories
            if (published := write_list(run, category, previous[category], settings, store))
        ]
        for published in written:
            former = previous[published.category]
            if table.switch_list(run, published, former.key if former else None):
                store.copy(published.key, keys.latest_list(published.category))
        return PublishOutput(edition=keys.edition(run), lists=written)

    return once(table, run, "publish", request.categories, PublishOutput, work)


@dataclass(frozen=True)
class _Previous:
    key: str
    ranks: dict[str, int]


def _previous_list(run: Run, category: str, store: Store, table: Table) -> _Previous | None:
    """The list before this run's: what ranks are compared with."""
    pointer = table.list_pointer(category)
    if pointer is None:
        return None
    # After a switch that was cut short, the pointer names this very edition already.
    key = pointer.previous_key if pointer.edition == keys.edition(run) else pointer.key
    if key is None:
        return None
    former = TopList.model_validate_json(store.get(key))
    return _Previous(key, {item.clip_id: item.rank for item in former.items})


def write_list(
    run: Run, category: str, previous: _Previous | None, settings: Settings, store: Store
) -> PublishedList | None:
    """Write a category's thumbnails, then its list; None where no clip qualified."""
    items = [
        item
        for item in read_manifest(store, keys.manifest(run, category, "curated"))
        if item.decision and item.decision.list_id
    ]
    if not items:
        return None
    edition = keys.edition(run)
    with ThreadPoolExecutor(8) as pool:
        tops = list(
            pool.map(lambda item: _publish_item(item, category, edition, previous, settings.publish, store), items)
        )
    wanted = settings.publish.top
    top_list = TopList(
        source=run.source,
        category=category,
        date=run.date,
        edition=edition,
        generated_at=datetime.now(UTC),
        count=len(tops),
        wanted=wanted,
        note=None if len(tops) == wanted else f"Only {len(tops)} of {wanted}: no more clips qualified.",
        items=sorted(tops, key=lambda top: top.rank),
    )
    key = keys.top_list(edition, category)
    write_json(store, key, top_list)
    return PublishedList(category=category, edition=edition, key=key, count=len(tops))


def _publish_item(
    item: Item, category: str, edition: str, previous: _Previous | None, settings: PublishSettings, store: Store
) -> TopItem:
    if item.decision is None or item.decision.list_id is None or item.decision.rank is None or item.media is None:
        raise ValueError(f"{item.id} is in no list.")  # Only listed items come here.
    list_id = item.decision.list_id
    thumbnail = encode_thumbnail(store.get(item.media.key), settings)
    store.put(keys.top_thumbnail(edition, category, list_id), thumbnail.body, "image/jpeg")
    return TopItem(
        id=list_id,
        rank=item.decision.rank,
        url=item.url,
        title=item.title,
        author=item.author,
        author_name=item.author_name,
        views=item.views,
        thumbnail=f"thumbnails/{list_id}.jpg",
        thumbnail_width=thumbnail.width,
        thumbnail_height=thumbnail.height,
        thumbnail_sha256=thumbnail.sha256,
        clip_id=item.id,
        language_confidence=item.language.confidence if item.language else 0.0,
        previous_rank=previous.ranks.get(item.id) if previous else None,
    )


def encode_thumbnail(body: bytes, settings: PublishSettings) -> Thumbnail:
    """Re-encode a picture as an app wants it: upright, RGB, progressive JPEG without metadata, no larger than set.

    Args:
        body: JPEG, PNG, WebP or GIF bytes that were checked when they were collected.
        settings: The largest width and height (pixels), and the quality.

    Raises:
        NotAnImageError: If the bytes cannot be decoded after all.
    """
    try:
        with Image.open(BytesIO(body), formats=["JPEG", "PNG", "WEBP", "GIF"]) as opened:
            opened.draft("RGB", (settings.thumbnail_width, settings.thumbnail_height))
            picture = ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise NotAnImageError(f"A collected picture cannot be decoded: {error}.") from None
    picture.thumbnail((settings.thumbnail_width, settings.thumbnail_height), Image.Resampling.LANCZOS)
    encoded = BytesIO()
    picture.save(encoded, "JPEG", quality=settings.thumbnail_quality, optimize=True, progressive=True)
    return Thumbnail(encoded.getvalue(), picture.width, picture.height)
