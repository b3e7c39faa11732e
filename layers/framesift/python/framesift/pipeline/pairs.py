"""Which of a day's pictures resemble each other, or what earlier days kept, and how that is seen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from framesift import keys
from framesift.contracts import Clip, HistoryManifest
from framesift.pipeline.aligned import aligned_pairs
from framesift.pipeline.windows import similar_windows
from framesift.settings import Settings
from framesift.storage import Store, read_lines
from framesift.vision.choose import Choice
from framesift.vision.embed import Embedder
from framesift.vision.looks import Looks
from framesift.vision.pdq import MIN_QUALITY, VARIANTS, similar_hashes, similar_hashes_between
from framesift.vision.similarity import Pairs, similar_pairs, similar_to_index

_ALIGNED = "aligned"


@dataclass(frozen=True)
class Seen:
    """One item with its row of what was seen: today's, or one that an earlier run kept."""

    looks: Looks
    row: int
    category: str
    item: Clip | None = None  # today's
    kept_in: HistoryManifest | None = None  # an earlier run's

    @property
    def kept_on(self) -> str | None:
        """The day of that earlier run."""
        return self.kept_in.run.date if self.kept_in else None

    @property
    def id(self) -> str:
        """The item's id."""
        return str(self.looks.ids[self.row])

    @property
    def sha256(self) -> str:
        """The digest of its picture's file."""
        return str(self.looks.sha256[self.row])


def most_viewed(judged: Sequence[Seen], count: int) -> set[str]:
    """The digests of each category's most viewed pictures."""
    by_category: defaultdict[str, list[Seen]] = defaultdict(list)
    for seen in sorted(judged, key=lambda seen: (-(seen.item.views if seen.item else 0), seen.id)):
        by_category[seen.category].append(seen)
    return {seen.sha256 for many in by_category.values() for seen in many[:count]}


def similar_pictures(
    pictures: Sequence[Seen], todays: int, windowed: set[str], settings: Settings, choice: Choice, store: Store
) -> dict[str, Pairs]:
    """Similar pictures by method; pictures before `todays` are today's, and `windowed` ones are also seen in parts."""
    pairs = {}
    hashed = [number for number, seen in enumerate(pictures) if seen.looks.quality[seen.row] >= MIN_QUALITY]
    words = np.array([pictures[number].looks.pdq[pictures[number].row] for number in hashed], np.uint64)
    words, new = words.reshape(-1, len(VARIANTS), 4), sum(number < todays for number in hashed)
    bits = settings.duplicates.pdq_threshold
    within, between = similar_hashes(words[:new], bits), similar_hashes_between(words[:new], words[new:], bits)
    pairs["pdq"] = _numbered(within, between, hashed, new)
    if choice.embedder:
        alike = _alike(pictures, todays, windowed, settings, choice, store)
        is_sure = alike.scores >= choice.threshold
        doubtful = alike.where(~is_sure)
        places = _places(pictures, {*doubtful.first.tolist(), *doubtful.second.tolist()}, store)
        pairs[choice.name] = alike.where(is_sure)
        pairs[_ALIGNED] = aligned_pairs(doubtful, places, store, max_pixels=settings.download.max_pixels)
    return pairs


def _alike(
    pictures: Sequence[Seen], todays: int, windowed: set[str], settings: Settings, choice: Choice, store: Store
) -> Pairs:
    """Pictures whose features are near, or those of a window."""
    embedder, at_least = cast("Embedder", choice.embedder), choice.candidate_threshold
    same = [number for number, seen in enumerate(pictures) if seen.looks.embedder == choice.label]
    rows = np.array([pictures[number].looks.features[pictures[number].row] for number in same], np.float16)
    rows, new = rows.reshape(-1, embedder.dimension), sum(number < todays for number in same)
    within, between = similar_pairs(rows[:new], at_least), similar_to_index(rows[:new], rows[new:], at_least)
    whole = _numbered(within, between, same, new)
    queries = {
        row: seen.item.media
        for row, seen in enumerate(pictures[number] for number in same)
        if seen.sha256 in windowed and seen.item and seen.item.media
    }
    parts = similar_windows(queries, rows, at_least, embedder, store, max_pixels=settings.download.max_pixels)
    return Pairs.concatenate([whole, _numbered(parts, Pairs.empty(), same, new)]).best_of_each()


def _places(pictures: Sequence[Seen], numbers: set[int], store: Store) -> dict[int, list[str]]:
    """The keys under which pictures may lie: those of earlier days are in the archive, if they are still anywhere."""
    manifests: dict[str, dict[str, Clip]] = {}
    places = {}
    for number in numbers:
        seen = pictures[number]
        item, part = seen.item, seen.kept_in
        if part:
            if part.manifest_key not in manifests:
                manifests[part.manifest_key] = {item.id: item for item in read_lines(store, part.manifest_key, Clip)}
            item = manifests[part.manifest_key].get(seen.id)
        key = [item.media.key] if item and item.media else []
        places[number] = key + [keys.archived_media(part.run, part.category, one) for one in key if part]
    return places


def _numbered(within: Pairs, between: Pairs, numbers: Sequence[int], new: int) -> Pairs:
    """Pairs among rows as pairs of pictures: row `r` is picture `numbers[r]`, and `between` counts from `new` on."""
    rows = Pairs.concatenate([within, Pairs(between.first, between.second + new, between.scores)])
    number = np.array(numbers, np.int64)
    return Pairs(number[rows.first], number[rows.second], rows.scores)
