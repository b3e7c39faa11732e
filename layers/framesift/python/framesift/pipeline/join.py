"""Join: what was seen of a day's pictures becomes verdicts, across categories and against the last days."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from framesift import keys
from framesift.contracts import AnalysisJob, AnalysisSummary, Clip, Duplicate, HistoryManifest, ItemError
from framesift.errors import NotFoundError, NothingToAnalyzeError, TooManyFailedItemsError
from framesift.pipeline.pairs import Seen, most_viewed, similar_pictures
from framesift.settings import Settings
from framesift.storage import Store, write_json, write_manifest
from framesift.vision.choose import Choice
from framesift.vision.duplicates import Candidate, Repeat, find_duplicates
from framesift.vision.looks import Looks
from framesift.vision.pdq import MIN_QUALITY

_STAGE = "analyze"
_KEPT_FILE = "kept.npz"
NOT_JUDGED = "none"


def join(
    job: AnalysisJob,
    manifests: Mapping[str, Sequence[Clip]],
    looks: Mapping[str, Sequence[Looks]],
    settings: Settings,
    store: Store,
    choice: Choice,
    started_s: float,
) -> AnalysisSummary:
    """Find the duplicates and write each category's `analyzed` manifest, the keepers' features, and the summary.

    The summary comes last: where it is, all is. Everything is written from the same input in the same way, so that
    doing it twice changes nothing.

    Raises:
        NothingToAnalyzeError: Not one picture could be read.
        TooManyFailedItemsError: More pictures could not be read than the settings tolerate.
    """
    today = _todays(manifests, looks)
    _check_failures(today, settings)
    judged = [seen for seen in today if _is_judged(seen, choice)]
    earlier = _earlier(job.history, store)
    verdicts = _verdicts(job, judged, earlier, settings, choice, store)
    for category, items in manifests.items():
        mine = {seen.id: seen for seen in today if seen.category == category}
        analyzed = [_analyzed(item, mine.get(item.id), verdicts.get((category, item.id)), choice) for item in items]
        kept = [seen for seen in judged if seen.category == category and verdicts[category, seen.id] is None]
        _keep_features(job, category, kept, choice, store)
        write_manifest(store, keys.manifest(job.run, category, "analyzed"), analyzed)
    repeats = [verdict for verdict in verdicts.values() if verdict]
    summary = AnalysisSummary(
        items=sum(len(items) for items in manifests.values()),
        failed_items=sum(1 for seen in today if seen.looks.errors[seen.row])
        + sum(1 for items in manifests.values() for item in items if item.error),
        duplicates=len(repeats),
        duplicates_by_method=dict(sorted(Counter(verdict.method for verdict in repeats).items())),
        not_judged=sum(1 for seen in today if not seen.looks.errors[seen.row]) - len(judged),
        embedder=choice.name,
        embedder_why=choice.why,
        device=choice.device,
        history_items=len(earlier),
        seconds=round(time.monotonic() - started_s, 3),
        collected_digest=job.collected_digest,
    )
    write_json(store, job.summary_key, summary)
    return summary


def _todays(manifests: Mapping[str, Sequence[Clip]], looks: Mapping[str, Sequence[Looks]]) -> list[Seen]:
    seen = []
    for category, items in manifests.items():
        by_id = {item.id: item for item in items}
        for part in looks[category]:
            seen += [Seen(part, row, category, by_id[str(part.ids[row])]) for row in range(len(part))]
    return seen


def _check_failures(today: Sequence[Seen], settings: Settings) -> None:
    errors = [str(seen.looks.errors[seen.row]) for seen in today if seen.looks.errors[seen.row]]
    if len(errors) == len(today):
        why = f"; the first: {errors[0]}" if errors else ""
        raise NothingToAnalyzeError(f"Not one of {len(today)} pictures could be read{why}")
    if len(errors) > settings.run.tolerated_failed_share * len(today):
        raise TooManyFailedItemsError(
            f"{len(errors)} of {len(today)} pictures could not be read, more than the "
            f"{settings.run.tolerated_failed_share:.0%} that are tolerated; the first: {errors[0]}"
        )


def _is_judged(seen: Seen, choice: Choice) -> bool:
    """Whether something can tell this picture from others: plain ones resemble each other, whatever they are of."""
    looks, row = seen.looks, seen.row
    if looks.errors[row] or looks.plain[row]:
        return False
    return choice.embedder is not None or bool(looks.quality[row] >= MIN_QUALITY)


def _earlier(history: Sequence[HistoryManifest], store: Store) -> list[Seen]:
    """What earlier runs kept; a run that kept no features (an older release's) is passed over."""
    found = []
    for part in history:
        try:
            looks = Looks.from_bytes(store.get(_kept_key(part)))
        except NotFoundError:
            continue
        found += [Seen(looks, row, part.category, kept_in=part) for row in range(len(looks))]
    return found


def _kept_key(part: HistoryManifest) -> str:
    return f"{keys.features_prefix(part.run, part.category)}/{_KEPT_FILE}"


def _verdicts(
    job: AnalysisJob,
    judged: Sequence[Seen],
    earlier: Sequence[Seen],
    settings: Settings,
    choice: Choice,
    store: Store,
) -> dict[tuple[str, str], Duplicate | None]:
    """Each judged item's verdict, by category and id."""
    everything = [*judged, *earlier]
    pictures: dict[str, int] = {}
    first_seen: list[Seen] = []
    candidates = []
    for seen in everything:
        picture = pictures.setdefault(seen.sha256, len(pictures))
        if picture == len(first_seen):
            first_seen.append(seen)
        views = seen.item.views if seen.item else 0
        candidates.append(Candidate(seen.id, views, picture, seen.category, seen.kept_on))
    todays = len({seen.sha256 for seen in judged})  # today's pictures come first
    windowed = most_viewed(judged, settings.duplicates.windowed_items)
    pairs = similar_pictures(first_seen, todays, windowed, settings, choice, store)
    repeats = find_duplicates(candidates, pairs)
    return {
        (seen.category, seen.id): _duplicate(repeat, everything, job) if repeat else None
        for seen, repeat in zip(judged, repeats, strict=False)  # repeats has the earlier ones too
    }


def _duplicate(repeat: Repeat, everything: Sequence[Seen], job: AnalysisJob) -> Duplicate:
    keeper = everything[repeat.keeper]
    other_day = keeper.kept_on if keeper.kept_on != job.run.date else None
    return Duplicate(
        of=keeper.id, of_date=other_day, of_category=keeper.category, method=repeat.method, score=round(repeat.score, 5)
    )


def _analyzed(item: Clip, seen: Seen | None, duplicate: Duplicate | None, choice: Choice) -> Clip:
    if seen is None:  # it had failed before
        return item
    if error := str(seen.looks.errors[seen.row]):
        name, _, message = error.partition(": ")
        return item.model_copy(update={"error": ItemError(stage=_STAGE, error=name, message=message)})
    judged_by = choice.name if _is_judged(seen, choice) else NOT_JUDGED
    return item.model_copy(update={"duplicate": duplicate, "judged_by": judged_by})


def _keep_features(job: AnalysisJob, category: str, kept: Sequence[Seen], choice: Choice, store: Store) -> None:
    """Write the rows of a category's keepers: the history of the days to come."""
    parts = [seen.looks.rows(np.array([seen.row])) for seen in kept]
    blank = Looks.blank(choice.label, [], [], choice.embedder.dimension if choice.embedder else 0)
    arrays = {
        name: np.concatenate([values, *(getattr(part, name) for part in parts)])
        for name, values in vars(blank).items()
        if name != "embedder"
    }
    looks = Looks(embedder=choice.label, **arrays)
    store.put(f"{keys.features_prefix(job.run, category)}/{_KEPT_FILE}", looks.to_bytes())
