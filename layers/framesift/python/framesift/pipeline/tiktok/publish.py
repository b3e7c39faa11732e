"""Publish: write everything first, switch last, so that a reader never sees half a list."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

from framesift import keys
from framesift.contracts import Clip, PublishedList, PublishOutput, Run, StageInput, TopItem, TopList
from framesift.log import logger
from framesift.pipeline.stage import run_once
from framesift.settings import PublishSettings, Settings
from framesift.sources.images import encode_thumbnail
from framesift.storage import Store, read_lines, write_json
from framesift.table import Records


def publish_lists(request: StageInput, settings: Settings, store: Store, records: Records) -> PublishOutput:
    """Publish the lists of a run's categories.

    A category without a single clip is not published: the list that is up stays up, and the run's end says so.
    """
    run = request.run

    def work() -> PublishOutput:
        previous = {category: _previous_list(run, category, store, records) for category in request.scopes}
        written = [
            published
            for category in request.scopes
            if (published := write_list(run, category, previous[category], settings, store))
        ]
        for published in written:
            former = previous[published.category]
            if is_newest := records.lists.switch(run, published, former.key if former else None):
                store.copy(published.key, keys.latest_list(published.category))
            _log_published(run, published, is_newest=is_newest)
        return PublishOutput(edition=keys.edition(run), lists=written)

    return run_once(records.stages, run, "publish", request.scopes, PublishOutput, work)


def _log_published(run: Run, published: PublishedList, *, is_newest: bool) -> None:
    where = {"category": published.category, "edition": published.edition, "key": published.key}
    logger.info(
        "list published",
        extra={"source": run.source, "run": run.id, "count": published.count, "is_newest": is_newest, **where},
    )


@dataclass(frozen=True)
class _Previous:
    key: str
    ranks: dict[str, int]


def _previous_list(run: Run, category: str, store: Store, records: Records) -> _Previous | None:
    """The newest list of an earlier day: what ranks are compared with."""
    pointer = records.lists.pointer(category)
    if pointer is None or pointer.date > run.date:
        return None
    # An earlier edition of this day, or this very one after a switch that was cut short, is not what came before.
    key = pointer.previous_key if pointer.date == run.date else pointer.key
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
        for item in read_lines(store, keys.manifest(run, category, "curated"), Clip)
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
    item: Clip, category: str, edition: str, previous: _Previous | None, settings: PublishSettings, store: Store
) -> TopItem:
    if item.decision is None or item.decision.list_id is None or item.decision.rank is None or item.media is None:
        raise ValueError(f"{item.id} is in no list.")  # Only listed items come here.
    list_id = item.decision.list_id
    thumbnail = encode_thumbnail(
        store.get(item.media.key),
        max_width=settings.thumbnail_width,
        max_height=settings.thumbnail_height,
        quality=settings.thumbnail_quality,
    )
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
        thumbnail_sha256=hashlib.sha256(thumbnail.body).hexdigest(),
        clip_id=item.id,
        language_confidence=item.language.confidence if item.language else 0.0,
        previous_rank=previous.ranks.get(item.id) if previous else None,
    )
