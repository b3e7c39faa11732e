"""Publish: write everything first, switch last, so that a reader never sees half a list."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

from framesift import keys
from framesift.contracts import Clip, PublishedList, PublishOutput, Run, StageInput, TopItem, TopList
from framesift.errors import NotFoundError
from framesift.log import logger
from framesift.pipeline.shown_lists import copy_newest, describe_shortness
from framesift.pipeline.stage import run_once
from framesift.pipeline.tiktok.rank import rank
from framesift.settings import PublishSettings, Settings
from framesift.storage import Store, read_lines, write_json, write_manifest
from framesift.table import Records
from framesift.vision.images import encode_thumbnail


def publish_lists(request: StageInput, settings: Settings, store: Store, records: Records) -> PublishOutput:
    """Publish the lists of a run's categories.

    A category without a qualified clip is not published: its previous list stays, and the run reports it.
    """
    run = request.run

    def work() -> PublishOutput:
        clips = {category: decide_again(run, category, settings, store, records) for category in request.scopes}
        return PublishOutput(edition=keys.edition(run), lists=publish_clips(run, clips, settings, store, records))

    return run_once(records.stages, run, "publish", request.scopes, PublishOutput, work)


def decide_again(run: Run, category: str, settings: Settings, store: Store, records: Records) -> list[Clip]:
    """A category's clips, ranked by what is taken down by now; the `curated` manifest is kept up with it."""
    key = keys.manifest(run, category, "curated")
    curated = read_lines(store, key, Clip)
    decided = rank(
        curated,
        category=category,
        top=settings.publish.top,
        keep_language=settings.language.keep,
        taken_down=records.items.taken_down(run.source),
    )
    if decided != curated:
        write_manifest(store, key, decided)
    return decided


def publish_clips(
    run: Run, clips: Mapping[str, Sequence[Clip]], settings: Settings, store: Store, records: Records
) -> list[PublishedList]:
    """Write the edition of a run's attempt, a list a category, and switch to it once all of it is written.

    Args:
        run: The attempt whose edition it is.
        clips: The ranked clips of each category.
        settings: How many a list holds, and how thumbnails are encoded.
        store: Where lists are.
        records: Which lists are the newest.

    Returns:
        What was published: no list of a category without a single clip.
    """
    previous = {category: _previous_list(run, category, store, records) for category in clips}
    written = [
        published
        for category, items in clips.items()
        if (published := write_list(run, category, items, previous[category], settings, store))
    ]
    for published in written:
        former = previous[published.category]
        if is_newest := records.lists.switch(run, published, former.key if former else None):
            copy_newest(published.category, store, records)
        _log_published(run, published, is_newest=is_newest)
    return written


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
    run: Run, category: str, clips: Sequence[Clip], previous: _Previous | None, settings: Settings, store: Store
) -> PublishedList | None:
    """Write a category's thumbnails, then its list; None where no clip qualified."""
    items = [item for item in clips if item.decision and item.decision.list_id]
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
        note=describe_shortness(len(tops), wanted),
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
        _read_image(item.media.key, store),
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


def _read_image(key: str, store: Store) -> bytes:
    """A clip's image, also where it was not listed at first and went to the residual archive."""
    try:
        return store.get(key)
    except NotFoundError:
        _, _, edition, category, _, name = key.split("/")
        return store.get(f"{keys.residual_prefix(edition, category)}/media/{name}")
