"""The maintenance of collections: what a schedule does, and what a request leaves to the background."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from framesift.catalog.compact import compact_if_long
from framesift.catalog.deletion import continue_deletions, purge
from framesift.catalog.directory import UserPool
from framesift.catalog.exports import delete_expired
from framesift.contracts import MaintenanceInput, MaintenanceOutput
from framesift.errors import CollectionDeletedError, CollectionMissingError, FramesiftError
from framesift.log import logger
from framesift.settings import CatalogSettings, Settings
from framesift.storage import S3Store, Store
from framesift.table import Records

_RESERVE_MS: Final = 120_000
"""The longest step that cannot be stopped; with less time left, none is begun."""


def maintain_collections(
    request: MaintenanceInput,
    settings: CatalogSettings,
    store: Store,
    records: Records,
    pool: UserPool | None,
    *,
    hold_s: float,
    may_go_on: Callable[[], bool],
) -> MaintenanceOutput:
    """Go on with deletions; then purge and compact every catalog that needs it, and delete exports that have expired.

    Args:
        request: What is to be done.
        settings: When a catalog is compacted.
        store: The bucket.
        records: The table.
        pool: Where users are deleted; None: nowhere.
        hold_s: For how long this process may live, seconds: nobody else goes on with the same deletions meanwhile.
        may_go_on: Asked from time to time; False: stop, and leave the rest to the next call.
    """
    continue_deletions(store, records, pool, hold_s=hold_s, may_go_on=may_go_on)
    output = MaintenanceOutput(deletions_left=len(records.deletions.all()))
    if request.only_deletions:
        return output
    # In another order each time: where the time is too short for all, none is always the last.
    collections = list(records.collections.ids())
    random.shuffle(collections)
    compacted = expired = unseen = 0
    for collection in collections:
        if not may_go_on():
            unseen += 1
            continue
        try:
            is_compacted, count = _maintain(collection, settings, store, records, may_go_on)
        except (CollectionMissingError, CollectionDeletedError):
            continue
        except FramesiftError as error:  # The others do not wait for it.
            logger.error("maintenance failed", extra={"collection": collection}, exc_info=error)
            continue
        compacted, expired = compacted + is_compacted, expired + count
    return output.model_copy(update={"compacted": compacted, "expired_exports": expired, "unseen": unseen})


def _maintain(
    collection: str, settings: CatalogSettings, store: Store, records: Records, may_go_on: Callable[[], bool]
) -> tuple[bool, int]:
    """Maintain one collection; return whether it was compacted, and how many exports were deleted."""
    records.collections.get(collection)
    pointer = records.collections.pointer(collection)
    # What jobs and others say of an item after it was removed is found here, too.
    if records.changes.head(pointer.log) > pointer.purged:
        purge(collection, store, records, may_go_on=may_go_on)
    expired = delete_expired(collection, store, records)
    return compact_if_long(collection, store, records, settings), expired


def run_maintenance(
    request: MaintenanceInput, settings: Settings, remaining_ms: Callable[[], int]
) -> MaintenanceOutput:
    """Maintain the collections of the settings' table, for as long as the process may live.

    Args:
        request: What is to be done.
        settings: Where everything is.
        remaining_ms: How long the process may live from now on, milliseconds.
    """
    platform = settings.platform
    return maintain_collections(
        request,
        settings.catalog,
        S3Store(platform.bucket),
        Records(platform.table),
        UserPool(platform.user_pool) if platform.user_pool else None,
        hold_s=remaining_ms() / 1000,
        may_go_on=lambda: remaining_ms() > _RESERVE_MS,
    )
