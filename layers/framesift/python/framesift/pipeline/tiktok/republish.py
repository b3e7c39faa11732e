"""Publish again: a day's lists as a new edition, without a crawl, from the decisions of its finished categories."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from framesift.contracts import Clip, PublishedList, Run
from framesift.errors import ObjectMissingError, RunBusyError, UnknownCategoryError
from framesift.pipeline.tiktok.archive import clip_day
from framesift.pipeline.tiktok.publish import decide_again, publish_clips
from framesift.settings import Settings
from framesift.storage import Store
from framesift.table import Execution, Records, RunRecord


def republish(
    record: RunRecord, categories: Sequence[str] | None, settings: Settings, store: Store, records: Records
) -> list[PublishedList]:
    """Publish a day's lists again: clips that are taken down by now leave, and the others close up.

    The edition takes the next number, as an attempt would. What is recorded of the run stays, but for the counts: a
    category that failed is resumed as before. The log of executions has an entry.

    Args:
        record: The day's record.
        categories: Which lists; all that the day has by default.
        settings: How many a list holds, and how thumbnails are encoded.
        store: Where manifests, images and lists are.
        records: Takedowns, clips' histories and the newest lists.

    Returns:
        The lists of the new edition.

    Raises:
        UnknownCategoryError: If the day has no list of a category.
        RunBusyError: If the day is being run.
        ObjectMissingError: If a clip's image has expired.
    """
    named = list(categories or record.done)
    if unknown := [name for name in named if name not in record.done]:
        raise UnknownCategoryError(
            f"{record.source} of {record.run.id} has no list of {', '.join(unknown)}; it has: {', '.join(record.done)}."
        )
    claimed = _claim_edition(record, records)
    run = claimed.run_of_attempt(claimed.editions)
    with _logged(run, named, records):
        clips = {name: decide_again(record.run_of(name), name, settings, store, records) for name in named}
        try:
            published = publish_clips(run, clips, settings, store, records)
        except ObjectMissingError as error:
            raise ObjectMissingError(
                f"A clip that moved up has no image any more ({error}); `framesift run {record.source} --force` "
                "makes the day's lists anew."
            ) from error
        for name, items in clips.items():
            records.items.put_days(clip_day(record.run_of(name), name, item) for item in items)
        records.runs.update(claimed.model_copy(update={"counts": claimed.counts | _counts(claimed, clips)}), claimed)
    return published


def _claim_edition(record: RunRecord, records: Records) -> RunRecord:
    """Take the next edition's number; the run's attempt, and what it has still to do, stay."""
    claimed = record.model_copy(update={"editions": record.next_edition})
    if record.status == "RUNNING" or not records.runs.update(claimed, record):
        raise RunBusyError(f"{record.source} of {record.run.id} is being run: publish again when it has ended.")
    return claimed


@contextmanager
def _logged(run: Run, categories: list[str], records: Records) -> Iterator[None]:
    """Keep in the log of executions how the publication ended."""
    started_at = datetime.now(UTC)
    fault: BaseException | None = None
    try:
        yield
    except BaseException as error:
        fault = error
        raise
    finally:
        records.runs.log(
            Execution(
                action="publish",
                source=run.source,
                run_id=run.id,
                attempt=run.attempt,
                trigger="person",
                scopes=categories,
                status="FAILED" if fault else "SUCCEEDED",
                started_at=started_at,
                finished_at=datetime.now(UTC),
                error=type(fault).__name__ if fault else None,
                cause=str(fault) if fault else None,
            )
        )


def _counts(record: RunRecord, clips: dict[str, list[Clip]]) -> dict[str, Any]:
    counts = {}
    for name, items in clips.items():
        decisions = [item.decision for item in items if item.decision]
        dropped = Counter(decision.dropped.value for decision in decisions if decision.dropped)
        ranked = sum(1 for decision in decisions if decision.list_id)
        counts[name] = {**record.counts.get(name, {}), "ranked": ranked, "dropped": dict(sorted(dropped.items()))}
    return counts
