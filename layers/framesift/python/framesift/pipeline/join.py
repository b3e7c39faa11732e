"""Join: the fingerprints of a day's images become verdicts, across scopes and against earlier runs."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framesift import keys
from framesift.contracts import AnalysisJob, AnalysisSummary, Clip, Duplicate, HistoryManifest, Item, ItemError
from framesift.duplicates.compare import Criteria, find_similar
from framesift.duplicates.fingerprints import Fingerprints
from framesift.duplicates.images import Candidate, Comparison, ImageSet
from framesift.duplicates.keepers import Match, choose_keepers
from framesift.duplicates.pdq import MIN_QUALITY
from framesift.embedding.choose import EmbedderChoice
from framesift.errors import NotFoundError, NothingToAnalyzeError, TooManyFailedItemsError
from framesift.settings import Settings
from framesift.storage import Store, read_lines, write_json, write_manifest

_STAGE = "analyze"
_KEPT_FILE = "kept.npz"
NOT_JUDGED = "none"


def join(
    job: AnalysisJob,
    manifests: Mapping[str, Sequence[Item]],
    fingerprints: Mapping[str, Sequence[Fingerprints]],
    settings: Settings,
    store: Store,
    choice: EmbedderChoice,
    started_s: float,
) -> AnalysisSummary:
    """Find the duplicates and write each scope's `analyzed` manifest, the keepers' features, and the summary.

    The summary comes last: where it is, all is. Everything is written from the same input in the same way, so that
    doing it twice changes nothing.

    Raises:
        NothingToAnalyzeError: Not one image could be read.
        TooManyFailedItemsError: More images could not be read than the settings tolerate.
    """
    today = _Today.of(manifests, fingerprints, choice)
    failed = _check_failures(today.images.fingerprints, settings)
    judged = today.images.where(today.is_judged)
    earlier = _read_history(job.history, store, choice)
    comparison = Comparison(judged, earlier.images)
    matches = _match(comparison, _DayFiles(today, earlier, store), settings, choice)
    for scope, items in manifests.items():
        analyzed = [_analyzed(item, scope, today, matches, earlier, job.run.date, choice) for item in items]
        kept = np.array(
            [candidate.group == scope and not matches[candidate] for candidate in judged.candidates], np.bool_
        )
        kept_key = f"{keys.features_prefix(job.run, scope)}/{_KEPT_FILE}"
        store.put(kept_key, judged.fingerprints.rows(kept).to_bytes())
        write_manifest(store, keys.manifest(job.run, scope, "analyzed"), analyzed)
    methods = [match.method for match in matches.values() if match]
    summary = AnalysisSummary(
        items=sum(len(items) for items in manifests.values()),
        failed_items=failed + sum(1 for items in manifests.values() for item in items if item.error),
        duplicates=len(methods),
        duplicates_by_method=dict(sorted(Counter(methods).items())),
        not_judged=len(today.images) - failed - len(judged),
        embedder=choice.name,
        embedder_why=choice.why,
        device=choice.device,
        history_items=len(earlier.images),
        seconds=round(time.monotonic() - started_s, 3),
        collected_digest=job.collected_digest,
    )
    write_json(store, job.summary_key, summary)
    return summary


@dataclass(frozen=True)
class _Today:
    """The day's items that have an image.

    Attributes:
        images: Them, with their fingerprints.
        items: By candidate.
        rows: Each item's row, by scope and id.
        is_judged: `(N,)` bool: which are not too plain to be compared.
    """

    images: ImageSet
    items: dict[Candidate, Item]
    rows: dict[tuple[str, str], int]
    is_judged: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        manifests: Mapping[str, Sequence[Item]],
        fingerprints: Mapping[str, Sequence[Fingerprints]],
        choice: EmbedderChoice,
    ) -> _Today:
        parts = [part for scope in manifests for part in fingerprints[scope]]
        joined = Fingerprints.concatenate(choice.label, choice.dimension, parts)
        candidates, items = [], {}
        for scope, manifest in manifests.items():
            by_id = {item.id: item for item in manifest}
            for part in fingerprints[scope]:
                for id_, digest in zip(part.ids.tolist(), part.sha256.tolist(), strict=True):
                    candidate = Candidate(id_, digest, rank=by_id[id_].rank, group=scope)
                    candidates.append(candidate)
                    items[candidate] = by_id[id_]
        # Plain images resemble each other, whatever they show.
        is_judged = (joined.errors == "") & ~joined.plain
        if choice.embedder is None:
            is_judged &= joined.quality >= MIN_QUALITY
        rows = {(candidate.group, candidate.id): row for row, candidate in enumerate(candidates)}
        return cls(ImageSet(candidates, joined), items, rows, is_judged)


@dataclass(frozen=True)
class _History:
    """What earlier runs kept.

    Attributes:
        images: The keepers.
        kept_in: The run and scope of each.
    """

    images: ImageSet
    kept_in: dict[Candidate, HistoryManifest]


def _read_history(history: Sequence[HistoryManifest], store: Store, choice: EmbedderChoice) -> _History:
    """Read what earlier runs kept; a run that kept no features (an older release's) is left out."""
    parts: list[Fingerprints] = []
    candidates: list[Candidate] = []
    kept_in: dict[Candidate, HistoryManifest] = {}
    for origin in history:
        key = f"{keys.features_prefix(origin.run, origin.scope)}/{_KEPT_FILE}"
        try:
            part = Fingerprints.from_bytes(store.get(key))
        except NotFoundError:
            continue
        rank = (origin.run.date, keys.edition(origin.run))
        found = [
            Candidate(id_, digest, rank, origin.scope)
            for id_, digest in zip(part.ids.tolist(), part.sha256.tolist(), strict=True)
        ]
        parts.append(part)
        candidates += found
        kept_in |= dict.fromkeys(found, origin)
    return _History(ImageSet(candidates, Fingerprints.concatenate(choice.label, choice.dimension, parts)), kept_in)


class _DayFiles:
    """Reads candidates' files: a day's where they were collected, earlier days' there or in the archive."""

    def __init__(self, today: _Today, earlier: _History, store: Store) -> None:
        self._today, self._earlier, self._store = today, earlier, store
        self._manifests: dict[str, Mapping[str, Item]] = {}

    def read(self, candidate: Candidate) -> bytes:
        """See `ReadImage`."""
        for key in self._keys(candidate):
            try:
                return self._store.get(key)
            except NotFoundError:
                continue
        raise NotFoundError(f"The image of {candidate.group} {candidate.id} is no longer in the bucket.")

    def _keys(self, candidate: Candidate) -> list[str]:
        item, origin = self._today.items.get(candidate), self._earlier.kept_in.get(candidate)
        if origin:
            item = self._kept_items(origin).get(candidate.id)
        if not item or not item.media:
            return []
        archived = [keys.archived_media(origin.run, origin.scope, item.media.key)] if origin else []
        return [item.media.key, *archived]

    def _kept_items(self, origin: HistoryManifest) -> Mapping[str, Item]:
        if origin.manifest_key not in self._manifests:
            items = read_lines(self._store, origin.manifest_key, Item)
            self._manifests[origin.manifest_key] = {item.id: item for item in items}
        return self._manifests[origin.manifest_key]


def _check_failures(fingerprints: Fingerprints, settings: Settings) -> int:
    """Count the images that could not be read, if they are few enough."""
    failed = fingerprints.rows(fingerprints.errors != "")
    first = f"; the first: {failed.errors[0]}: {failed.messages[0]}" if len(failed) else ""
    if len(failed) == len(fingerprints):
        raise NothingToAnalyzeError(f"Not one of {len(fingerprints)} images could be read{first}")
    if len(failed) > settings.run.tolerated_failed_share * len(fingerprints):
        raise TooManyFailedItemsError(
            f"{len(failed)} of {len(fingerprints)} images could not be read, more than the "
            f"{settings.run.tolerated_failed_share:.0%} that are tolerated{first}"
        )
    return len(failed)


def _match(
    comparison: Comparison, files: _DayFiles, settings: Settings, choice: EmbedderChoice
) -> dict[Candidate, Match | None]:
    criteria = Criteria(choice, settings.duplicates.pdq_threshold, settings.download.max_pixels)
    queries = comparison.queries.candidates
    windowed = _highest_ranked(queries, settings.duplicates.windowed_items)
    similar = find_similar(comparison, criteria, files.read, windowed)
    return dict(zip(queries, choose_keepers(comparison, similar), strict=True))


def _highest_ranked(candidates: Sequence[Candidate], count: int) -> list[Candidate]:
    """The first of each scope: its most viewed clips, or its largest images."""
    by_scope: defaultdict[str, list[Candidate]] = defaultdict(list)
    for candidate in sorted(candidates, key=lambda candidate: (candidate.rank, candidate.id)):
        by_scope[candidate.group].append(candidate)
    return [candidate for many in by_scope.values() for candidate in many[:count]]


def _analyzed(
    item: Item,
    scope: str,
    today: _Today,
    matches: Mapping[Candidate, Match | None],
    earlier: _History,
    day: str,
    choice: EmbedderChoice,
) -> Item:
    """The item with its verdict, or with the reason that its image could not be read."""
    row = today.rows.get((scope, item.id))
    if row is None:  # it had failed before
        return item
    fingerprints = today.images.fingerprints
    if error := str(fingerprints.errors[row]):
        failure = ItemError(stage=_STAGE, error=error, message=str(fingerprints.messages[row]))
        return item.model_copy(update={"error": failure})
    match = matches.get(today.images.candidates[row])
    judged_by = choice.name if today.is_judged[row] else NOT_JUDGED
    duplicate = _duplicate(item, match, day, earlier) if match else None
    return item.model_copy(update={"duplicate": duplicate, "judged_by": judged_by})


def _duplicate(item: Item, match: Match, day: str, earlier: _History) -> Duplicate:
    keeper = match.keeper
    origin = earlier.kept_in.get(keeper)
    return Duplicate(
        of=keeper.id,
        of_date=origin.run.date if origin and origin.run.date != day else None,
        of_category=keeper.group if isinstance(item, Clip) else None,
        method=match.method,
        score=round(match.score, 5),
    )
