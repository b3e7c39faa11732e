"""The answers of the routes, without HTTP."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Collection, Iterable
from datetime import date as Date  # noqa: N812 - `date` is an argument's name here
from datetime import datetime
from math import inf
from zoneinfo import ZoneInfo

from framesift import keys
from framesift.api.messages import (
    ClipHistory,
    DayItem,
    DayItems,
    ListDiff,
    Moved,
    Outcome,
    Publication,
    PublicationRequest,
    Restored,
    ReviewList,
    RunList,
    RunReport,
    RunStart,
    SeenItem,
    ServedItem,
    ServedList,
    ServedReview,
    StageProgress,
    StageReport,
    StartedRun,
    Takedown,
    TakedownList,
    TakedownRequest,
)
from framesift.contracts import Clip, Run, StartInput, TopItem, TopList
from framesift.errors import NotFoundError, UnknownCategoryError
from framesift.pipeline import takedowns
from framesift.pipeline.branches import DEFAULT_SOURCE, branch_of
from framesift.pipeline.day_clips import DayClips, find_screenshot
from framesift.pipeline.shown_lists import key_of_day, read_shown
from framesift.settings import Settings
from framesift.storage import Store
from framesift.table import ListPointer, Records, RunRecord, Verdict
from framesift.workflow import Workflow


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


def run_report(
    source: str, date: Date, subject: str | None, *, store: Store, records: Records, link_s: int
) -> RunReport:
    """A run's record, its finished stages, and what its failures looked like.

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
    progress = [
        StageProgress(stage=stage, scope=scope, done=done, total=total)
        for (stage, scope), (done, total) in records.stages.progress(record.run, record.started_at).items()
        if record.status == "RUNNING"
    ]
    return RunReport(
        record=record, stages=stages, progress=progress, screenshots=_link_screenshots(record, store, link_s)
    )


def _link_screenshots(record: RunRecord, store: Store, link_s: int) -> dict[str, str]:
    found = {category: find_screenshot(category, record, store) for category in record.failures}
    return {category: store.link(key, link_s) for category, key in found.items() if key}


def start_run(request: RunStart, *, settings: Settings, workflow: Workflow) -> StartedRun:
    """Start a run, or take up one that failed.

    Raises:
        InputError: A leaf of it says what of the request cannot be run.
    """
    today = datetime.now(ZoneInfo(settings.run.timezone)).date()
    date = request.date or today.isoformat()
    start = StartInput(source=request.source, date=date, categories=request.categories, force=request.force)
    branch_of(start.source).parse(start, settings)
    execution = workflow.start(start, f"{start.source}-{date}-{uuid.uuid4().hex[:8]}")
    return StartedRun(source=start.source, date=date, execution_arn=execution)


def day_items(
    source: str,
    date: Date,
    category: str,
    outcomes: Collection[Outcome],
    *,
    after: int,
    limit: int,
    store: Store,
    records: Records,
    link_s: int,
) -> DayItems:
    """What became of a category's items on a day, and why: those of the list first, then by views.

    Raises:
        NotFoundError: If there was no run, or it has nothing of the category.
    """
    record = records.runs.get(source, date.isoformat())
    if record is None or category not in {*record.wanted, *record.categories, *record.done}:
        raise NotFoundError(f"{source} has nothing of {category!r} on {date}: see /v1/runs?source={source}.")
    days = DayClips(record, store, records.runs)
    clips = [(clip, _outcome(clip)) for clip in days.clips(record.date, category).values()]
    chosen = sorted(
        (clip for clip, outcome in clips if not outcomes or outcome in outcomes),
        key=lambda clip: (clip.decision.rank if clip.decision and clip.decision.rank else inf, -clip.views),
    )
    page = chosen[after : after + limit]

    def show(clip: Clip) -> SeenItem:
        key = days.image_key(clip)
        return SeenItem(item=clip, image_url=store.link(key, link_s) if key else None)

    shown = []
    for clip in page:
        keeper = days.keeper(clip)
        seen = show(clip)
        shown.append(
            DayItem(
                item=clip,
                image_url=seen.image_url,
                outcome=_outcome(clip),
                keeper=show(keeper) if keeper else None,
            )
        )
    return DayItems(
        source=source,
        date=record.date,
        category=category,
        counts=dict(Counter(outcome.value for _, outcome in clips)),
        items=shown,
        next_cursor=after + limit if len(chosen) > after + limit else None,
    )


def _outcome(clip: Clip) -> Outcome:
    if clip.decision is None:
        return Outcome.FAILED if clip.error else Outcome.UNDECIDED
    return Outcome(clip.decision.dropped.value) if clip.decision.dropped else Outcome.LISTED


def publish_again(request: PublicationRequest, *, settings: Settings, store: Store, records: Records) -> Publication:
    """Publish a day's lists again: clips that are taken down leave, and the ranks close up.

    Raises:
        NotFoundError: If there was no run.
        UnknownCategoryError: If the day has no list of a category.
        RunBusyError: If the day is being run.
    """
    from framesift.pipeline.tiktok.republish import republish

    record = (
        records.runs.get(DEFAULT_SOURCE, request.date)
        if request.date
        else next(iter(records.runs.newest(DEFAULT_SOURCE, 1)), None)
    )
    if record is None:
        raise NotFoundError(f"{DEFAULT_SOURCE} has no run of that day: see /v1/runs.")
    lists = republish(record, request.categories, settings, store, records)
    edition = lists[0].edition if lists else ""
    return Publication(date=record.date, edition=edition, lists=lists)


def review_page(
    verdict: Verdict, *, limit: int, after: str, tags: Iterable[str], store: Store, records: Records, link_s: int
) -> ReviewList:
    """A page of predictions with a verdict, and their images."""
    page = records.reviews.page(verdict, limit=limit, after=after)
    reviews = [
        ServedReview(**review.model_dump(), image_url=store.link(review.media_key, link_s)) for review in page.reviews
    ]
    return ReviewList(reviews=reviews, tags=list(tags), next_cursor=page.next)


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
