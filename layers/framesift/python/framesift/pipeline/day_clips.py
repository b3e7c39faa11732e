"""The clips of a day with what was decided about them, the clips that they repeat, and where their images are."""

from __future__ import annotations

from framesift import keys
from framesift.contracts import Clip
from framesift.errors import NotFoundError
from framesift.storage import Store, read_lines
from framesift.table import RunRecord, Runs

_STAGES = ("curated", "predicted", "analyzed", "collected")
"""The stages that write a manifest, the last one first."""


class DayClips:
    """The clips of a day and of the days that its duplicates were found on.

    Args:
        record: The day's record.
        store: Where manifests and images are.
        runs: The records of other days.
    """

    def __init__(self, record: RunRecord, store: Store, runs: Runs) -> None:
        self._record, self._store, self._runs = record, store, runs
        self._records: dict[str, RunRecord | None] = {record.date: record}
        self._clips: dict[tuple[str, str], dict[str, Clip]] = {}
        self._stored: dict[str, frozenset[str]] = {}

    def clips(self, date: str, category: str) -> dict[str, Clip]:
        """A category's clips by id; empty where that day's manifest is gone."""
        if (date, category) not in self._clips:
            if date not in self._records:
                self._records[date] = self._runs.get(self._record.source, date)
            record = self._records[date]
            self._clips[date, category] = {clip.id: clip for clip in _read_clips(record, category, self._store)}
        return self._clips[date, category]

    def keeper(self, clip: Clip) -> Clip | None:
        """The clip that another one repeats."""
        if clip.duplicate is None:
            return None
        date, category = clip.duplicate.of_date or self._record.date, clip.duplicate.of_category or clip.category
        return self.clips(date, category).get(clip.duplicate.of)

    def image_key(self, clip: Clip) -> str | None:
        """Where a clip's image is: in its run, in the archive, or in a published list; None: it is not stored."""
        if clip.media is None:
            return None
        places = [clip.media.key, archived_key(clip.media.key)]
        if clip.decision and clip.decision.list_id:
            edition, category = clip.media.key.split("/")[2:4]
            places.append(keys.top_thumbnail(edition, category, clip.decision.list_id))
        return next((key for key in places if self._is_stored(key)), None)

    def _is_stored(self, key: str) -> bool:
        # A category's images are listed once: a request for each would cost more than the page.
        folder = key.rpartition("/")[0] + "/"
        if folder not in self._stored:
            self._stored[folder] = frozenset(self._store.list(folder))
        return key in self._stored[folder]


def archived_key(media_key: str) -> str:
    """Where an image goes at the end of its run, unless it is in the list."""
    _, _, edition, category, _, name = media_key.split("/")
    return f"{keys.residual_prefix(edition, category)}/media/{name}"


def find_screenshot(category: str, record: RunRecord, store: Store) -> str | None:
    """The key of what the last failed crawl of a category saw; None: there is none."""
    for attempt in range(record.attempt, 0, -1):
        folder = keys.screenshot(record.run_of_attempt(attempt), category, "").removesuffix(".png")
        if found := list(store.list(folder)):
            return found[-1]
    return None


def _read_clips(record: RunRecord | None, category: str, store: Store) -> list[Clip]:
    if record is None:
        return []
    for stage in _STAGES:
        try:
            return read_lines(store, keys.manifest(record.run_of(category), category, stage), Clip)
        except NotFoundError:
            continue
    return []
