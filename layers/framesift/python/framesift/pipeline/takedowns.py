"""Takedowns: a clip that must not be listed is gone from every view at once, and from the next edition's ranks."""

from __future__ import annotations

from framesift.contracts import TopList
from framesift.errors import NotFoundError
from framesift.pipeline.shown_lists import copy_newest
from framesift.storage import Store
from framesift.table import Records


def take_down(source: str, clip_id: str, why: str, store: Store, records: Records) -> list[str]:
    """Record that a clip must not be listed, and remove it from the copies of the newest lists.

    Recording it again changes only the reason.

    Args:
        source: Where the clip is from.
        clip_id: The site's own id.
        why: The reason, which stays in the records.
        store: Where the lists are.
        records: The clips' histories and the newest lists.

    Returns:
        The categories whose newest list was published with the clip.

    Raises:
        NotFoundError: If the clip was never collected.
    """
    listed_in = _listed_in(source, clip_id, store, records)
    if not listed_in and not records.items.days(source, clip_id):
        raise NotFoundError(f"{source} clip {clip_id} was never collected: `framesift top10` shows the ids.")
    records.items.take_down(source, clip_id, why)
    for category in listed_in:
        copy_newest(category, store, records)
    return listed_in


def restore(source: str, clip_id: str, store: Store, records: Records) -> list[str]:
    """Let a clip that was taken down be listed again.

    Returns:
        The categories whose newest list was published with the clip: they show it again.

    Raises:
        NotFoundError: If the clip is not taken down.
    """
    if clip_id not in records.items.taken_down(source):
        raise NotFoundError(f"{source} clip {clip_id} is not taken down: `framesift takedown list` lists those.")
    records.items.restore(source, clip_id)
    listed_in = _listed_in(source, clip_id, store, records)
    for category in listed_in:
        copy_newest(category, store, records)
    return listed_in


def _listed_in(source: str, clip_id: str, store: Store, records: Records) -> list[str]:
    return [
        pointer.category
        for pointer in records.lists.pointers()
        if pointer.source == source
        and any(item.clip_id == clip_id for item in TopList.model_validate_json(store.get(pointer.key)).items)
    ]
