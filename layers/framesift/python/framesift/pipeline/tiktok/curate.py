"""Curate: a category's languages and ranks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from framesift import keys
from framesift.contracts import Clip, CurateOutput, ScopeInput
from framesift.pipeline.stage import run_once
from framesift.pipeline.tiktok.rank import rank
from framesift.settings import Settings
from framesift.storage import Store, read_lines, write_manifest
from framesift.table import Records

# Returns the clips with their languages, and why the provider's answers are not all its own (None if they are).
DecideLanguages = Callable[[Sequence[Clip]], tuple[list[Clip], str | None]]


def curate_category(
    request: ScopeInput, settings: Settings, store: Store, records: Records, decide_languages: DecideLanguages
) -> CurateOutput:
    """Decide about every clip of a category; the decisions, with their reasons, go to the `curated` manifest."""
    run, category = request.run, request.scope

    def work() -> CurateOutput:
        items = read_lines(store, keys.manifest(run, category, "analyzed"), Clip)
        candidates = [item for item in items if item.error is None and item.duplicate is None]
        others = [item for item in items if item.error is not None or item.duplicate is not None]
        candidates, degraded = decide_languages(candidates)
        decided = rank(
            [*candidates, *others],
            category=category,
            top=settings.publish.top,
            keep_language=settings.language.keep,
            taken_down=records.items.taken_down(run.source),
        )
        key = keys.manifest(run, category, "curated")
        write_manifest(store, key, decided)
        dropped = Counter(item.decision.dropped for item in decided if item.decision and item.decision.dropped)
        return CurateOutput(
            category=category,
            manifest_key=key,
            items=len(decided),
            ranked=sum(1 for item in decided if item.decision and item.decision.list_id),
            dropped={reason.value: count for reason, count in sorted(dropped.items())},
            degraded=degraded,
        )

    return run_once(records.stages, run, "curate", [category], CurateOutput, work)
