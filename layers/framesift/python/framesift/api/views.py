"""The answers of the routes, without HTTP."""

from __future__ import annotations

from datetime import date as Date  # noqa: N812 - `date` is an argument's name here

from framesift import keys
from framesift.api.messages import (
    ClipHistory,
    ListDiff,
    Moved,
    Restored,
    RunList,
    RunReport,
    ServedItem,
    ServedList,
    StageReport,
    Takedown,
    TakedownList,
    TakedownRequest,
)
from framesift.contracts import Run, TopItem, TopList
from framesift.errors import NotFoundError, UnknownCategoryError
from framesift.pipeline import takedowns
from framesift.pipeline.shown_lists import key_of_day, read_shown
from framesift.storage import Store
from framesift.table import ListPointer, Records


def top_list(category: str, date: Date | None, *, store: Store, records: Records, categories: list[str]) -> ServedList:
    """A category's newest list, or a day's.

    Args:
        category: The list's category.
        date: The day; None: the newest.
        store: Where lists are.
        records: Which list is the newest.
        categories: The categories that the pipeline publishes.

    Raises:
        UnknownCategoryError: If there is no such category.
        NotFoundError: If no list was published, or none on that day.
    """
    pointer = _pointer(category, records, categories)
    key = pointer.key if date is None else key_of_day(pointer, date.isoformat(), store)
    published = read_shown(key, store, records)
    items = [
        ServedItem(
            **item.model_dump(),
            thumbnail_url=f"/v1/top10/{category}/thumbnails/{item.id}.jpg?edition={published.edition}",
        )
        for item in published.items
    ]
    return ServedList.model_validate(published.model_dump() | {"items": items})


def _pointer(category: str, records: Records, categories: list[str]) -> ListPointer:
    if pointer := records.lists.pointer(category):
        return pointer
    if category in categories:
        raise NotFoundError(f"No list of {category!r} is published yet: it comes with the day's first run.")
    raise UnknownCategoryError(f"There is no category {category!r}: choose one of {', '.join(categories)}.")


def thumbnail_link(category: str, name: str, edition: str, *, store: Store, records: Records, link_s: int) -> str:
    """A link to a thumbnail that works for `link_s` seconds.

    Raises:
        NotFoundError: If there is none, or its clip was taken down.
    """
    list_id = name.removesuffix(".jpg")
    try:
        shown = read_shown(keys.top_list(edition, category), store, records).items
    except NotFoundError:
        shown = []
    if not any(item.id == list_id for item in shown):
        raise NotFoundError(f"There is no thumbnail {name} in the list of {category!r} of {edition}.")
    return store.link(keys.top_thumbnail(edition, category, list_id), link_s)


def newest_edition(category: str, *, records: Records, categories: list[str]) -> str:
    """The edition of a category's newest list.

    Raises:
        UnknownCategoryError: If there is no such category.
        NotFoundError: If no list was published.
    """
    return _pointer(category, records, categories).edition


def list_diff(category: str, *, store: Store, records: Records, categories: list[str]) -> ListDiff:
    """What a category's newest list changed from the one before.

    Raises:
        UnknownCategoryError: If there is no such category.
        NotFoundError: If no list was published.
    """
    pointer = _pointer(category, records, categories)
    current = read_shown(pointer.key, store, records)
    previous = read_shown(pointer.previous_key, store, records) if pointer.previous_key else None
    before = _by_clip(previous)
    now = _by_clip(current)
    return ListDiff(
        category=category,
        edition=current.edition,
        previous_edition=previous.edition if previous else None,
        new=[item for clip, item in now.items() if clip not in before],
        gone=[item for clip, item in before.items() if clip not in now],
        moved=[
            Moved(clip_id=clip, title=item.title, from_rank=before[clip].rank, to_rank=item.rank)
            for clip, item in now.items()
            if clip in before and before[clip].rank != item.rank
        ],
    )


def _by_clip(published: TopList | None) -> dict[str, TopItem]:
    return {item.clip_id: item for item in published.items} if published else {}


def runs(source: str, limit: int, *, records: Records) -> RunList:
    """The newest runs of a source, newest first."""
    return RunList(runs=records.runs.newest(source, limit))


def run_report(source: str, date: Date, subject: str | None, *, records: Records) -> RunReport:
    """A run's record and its finished stages.

    Raises:
        NotFoundError: If there was no run.
    """
    run = Run(source=source, date=date.isoformat(), attempt=1, subject=subject)
    record = records.runs.get(source, run.id)
    if record is None:
        raise NotFoundError(f"{source} has no run of {run.id}: see /v1/runs?source={source}.")
    attempts = sorted({record.run_of(scope).attempt for scope in record.done} | {record.attempt})
    stages = [
        StageReport(stage=stage, scope=scope, output=output)
        for attempt in attempts
        for (stage, scope), output in records.stages.outputs(record.run_of_attempt(attempt)).items()
    ]
    return RunReport(record=record, stages=stages)


def clip_history(source: str, clip_id: str, *, records: Records) -> ClipHistory:
    """A clip's outcome on each day that it was collected.

    Raises:
        NotFoundError: If it was never collected, or too long ago, and is not taken down.
    """
    days = records.items.days(source, clip_id)
    taken_down = records.items.taken_down(source).get(clip_id)
    if not days and taken_down is None:
        raise NotFoundError(f"{source} has no clip {clip_id!r} in its history.")
    return ClipHistory(source=source, id=clip_id, taken_down=taken_down, days=days)


def list_takedowns(source: str, *, records: Records) -> TakedownList:
    """The clips of a source that must not be listed, the latest takedown first."""
    return TakedownList(takedowns=records.items.takedowns(source))


def take_down(request: TakedownRequest, *, store: Store, records: Records) -> Takedown:
    """Record that a clip must not be listed; recording it again changes only the reason.

    Raises:
        NotFoundError: If the clip was never collected.
    """
    listed_in = takedowns.take_down(request.source, request.id, request.why, store, records)
    return Takedown(source=request.source, id=request.id, why=request.why, listed_in=listed_in)


def restore(source: str, clip_id: str, *, store: Store, records: Records) -> Restored:
    """Let a clip that was taken down be listed again.

    Raises:
        NotFoundError: If the clip is not taken down.
    """
    return Restored(source=source, id=clip_id, listed_in=takedowns.restore(source, clip_id, store, records))
