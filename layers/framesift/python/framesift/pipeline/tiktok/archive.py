"""Archive: what was not published goes to the residual archive, and every clip's day to its history."""

from __future__ import annotations

from framesift import keys
from framesift.contracts import ArchiveOutput, Clip, Run, StageInput
from framesift.pipeline.stage import run_once
from framesift.storage import Store, copy_all, read_lines
from framesift.table import ItemDay, Records


def archive_run(request: StageInput, store: Store, records: Records) -> ArchiveOutput:
    """Move what was not published to `residual/`, which a lifecycle rule empties after 3 days.

    The manifests with every decision stay in `runs/`, and go along to `residual/`.
    """
    run = request.run

    def work() -> ArchiveOutput:
        moved = 0
        for category in request.scopes:
            items = read_lines(store, keys.manifest(run, category, "curated"), Clip)
            records.items.put_days(clip_day(run, category, item) for item in items)
            moved += _move_rest(run, category, items, store)
        return ArchiveOutput(objects=moved, prefix=f"residual/{keys.edition(run)}/")

    return run_once(records.stages, run, "archive", request.scopes, ArchiveOutput, work)


def _move_rest(run: Run, category: str, items: list[Clip], store: Store) -> int:
    archived_manifest = f"{keys.residual_prefix(keys.edition(run), category)}/curated.jsonl"
    store.copy(keys.manifest(run, category, "curated"), archived_manifest)
    rest = [
        item.media.key for item in items if item.media is not None and not (item.decision and item.decision.list_id)
    ]
    # What an earlier try has moved is not there any more.
    waiting = set(store.list(f"{keys.category_prefix(run, category)}/media/"))
    moving = [key for key in rest if key in waiting]
    copy_all(store, [(key, keys.archived_media(run, category, key)) for key in moving])
    store.delete(moving)
    return len(rest)


def clip_day(run: Run, category: str, item: Clip) -> ItemDay:
    """What became of a clip on a day."""
    decision = item.decision
    return ItemDay(
        source=run.source,
        id=item.id,
        date=run.date,
        category=category,
        title=item.title,
        views=item.views,
        list_id=decision.list_id if decision else None,
        dropped=decision.dropped if decision else None,
        why=decision.why if decision else "",
        duplicate_of=item.duplicate.of if item.duplicate else None,
    )
