"""A day's report: its lists, what was dropped and why, what failed and what was seen there, and figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from framesift import keys
from framesift.contracts import Clip, DropReason, TopItem, TopList
from framesift.errors import NotFoundError
from framesift.pipeline.day_clips import DayClips, archived_key, find_screenshot
from framesift.pipeline.shown_lists import key_of_day, read_shown
from framesift.reports.figures import Figure, run_figures
from framesift.reports.images import embed_images
from framesift.reports.page import render
from framesift.storage import Store
from framesift.table import Failure, Records, RunRecord

MAX_PAIRS = 20
"""Dropped clips that are shown beside their keepers, of each category."""
_MAX_ROWS = 40
_LIST_SIDE, _PAIR_SIDE, _SCREENSHOT_SIDE = 260, 180, 900


@dataclass(frozen=True)
class Listed:
    """A clip of a list."""

    item: TopItem
    image: str

    @property
    def moved(self) -> str:
        """How it moved since the list before: `up`, `down`, `same` or `new`."""
        if self.item.previous_rank is None:
            return "new"
        places = self.item.previous_rank - self.item.rank
        return "up" if places > 0 else "down" if places < 0 else "same"

    @property
    def places(self) -> int:
        """How many places it moved."""
        return abs((self.item.previous_rank or self.item.rank) - self.item.rank)


@dataclass(frozen=True)
class Pair:
    """A dropped clip and its keeper."""

    clip: Clip
    image: str
    keeper_id: str
    keeper_title: str
    keeper_image: str


@dataclass(frozen=True)
class Part:
    """A category of the day."""

    name: str
    counts: Mapping[str, Any]
    top: TopList | None
    listed: Sequence[Listed]
    pairs: Sequence[Pair]
    more_pairs: int
    dropped: Mapping[str, Sequence[Clip]]
    more_dropped: int
    failure: Failure | None
    screenshot: str


def day_report(record: RunRecord, store: Store, records: Records) -> str:
    """A day as one HTML page.

    Args:
        record: The day's record.
        store: Its manifests, images and lists.
        records: The newest lists, takedowns, and records of the days before.

    Returns:
        The page, with everything in it.
    """
    days = DayClips(record, store, records.runs)
    names = dict.fromkeys([*record.done, *record.failures, *record.wanted])
    parts = [_read_part(name, record, days, store, records) for name in names]
    figures: list[Figure] = [
        Figure("clips seen", sum(part.counts.get("seen", 0) for part in parts)),
        Figure("collected", sum(part.counts.get("items", 0) for part in parts)),
        Figure("re-uploads", sum(part.counts.get("dropped", {}).get("duplicate", 0) for part in parts)),
        Figure("other languages", sum(part.counts.get("dropped", {}).get("language", 0) for part in parts)),
        Figure("listed", sum(len(part.listed) for part in parts)),
        *run_figures(record),
    ]
    return render("day.html", record=record, parts=parts, figures=figures, reasons=_REASONS)


_REASONS = {
    DropReason.LANGUAGE.value: "Another language",
    DropReason.BELOW_TOP.value: "Below the list",
    DropReason.FAILED.value: "Failed",
    DropReason.REPEATED.value: "Repeated address",
    DropReason.TAKEN_DOWN.value: "Taken down",
}


def _read_part(name: str, record: RunRecord, days: DayClips, store: Store, records: Records) -> Part:
    clips = list(days.clips(record.date, name).values()) if name in record.done else []
    duplicates = [clip for clip in clips if clip.decision and clip.decision.dropped is DropReason.DUPLICATE]
    duplicates.sort(key=lambda clip: clip.duplicate.score if clip.duplicate else 0.0)
    shown = duplicates[:MAX_PAIRS]
    keepers = {clip.id: days.keeper(clip) for clip in shown}
    images = embed_images(_keys([*shown, *(keeper for keeper in keepers.values() if keeper)]), store, _PAIR_SIDE)
    dropped = {
        reason: [clip for clip in clips if clip.decision and clip.decision.dropped == reason] for reason in _REASONS
    }
    top = _read_list(name, record, store, records)
    failure = record.failures.get(name)
    return Part(
        name=name,
        counts=record.counts.get(name, {}),
        top=top,
        listed=_embed_list(top, store) if top else [],
        pairs=[_pair(clip, keepers[clip.id], images) for clip in shown],
        more_pairs=len(duplicates) - len(shown),
        dropped={reason: found[:_MAX_ROWS] for reason, found in dropped.items() if found},
        more_dropped=sum(max(0, len(found) - _MAX_ROWS) for found in dropped.values()),
        failure=failure,
        screenshot=_embed_screenshot(name, record, store) if failure else "",
    )


def _read_list(category: str, record: RunRecord, store: Store, records: Records) -> TopList | None:
    pointer = records.lists.pointer(category)
    if pointer is None or category not in record.done:
        return None
    try:
        return read_shown(key_of_day(pointer, record.date, store), store, records)
    except NotFoundError:
        return None


def _embed_list(top: TopList, store: Store) -> list[Listed]:
    wanted = {item.id: keys.top_thumbnail(top.edition, top.category, item.id) for item in top.items}
    images = embed_images([(key,) for key in wanted.values()], store, _LIST_SIDE)
    return [Listed(item, images[wanted[item.id]]) for item in top.items]


def _keys(clips: Iterable[Clip]) -> list[tuple[str, ...]]:
    return [(clip.media.key, archived_key(clip.media.key)) for clip in clips if clip.media]


def _pair(clip: Clip, keeper: Clip | None, images: Mapping[str, str]) -> Pair:
    return Pair(
        clip=clip,
        image=images.get(clip.media.key, "") if clip.media else "",
        keeper_id=clip.duplicate.of if clip.duplicate else "",
        keeper_title=keeper.title if keeper else "",
        keeper_image=images.get(keeper.media.key, "") if keeper and keeper.media else "",
    )


def _embed_screenshot(category: str, record: RunRecord, store: Store) -> str:
    """What the last failed crawl saw."""
    key = find_screenshot(category, record, store)
    return embed_images([(key,)], store, _SCREENSHOT_SIDE)[key] if key else ""
