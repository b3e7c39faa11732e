"""Deleting for good: items, collections, accounts.

What is deleted is out of sight at once. Then everything that is kept of it goes: objects with all their versions,
vectors, exports, records, and every mention in the log, in snapshots and in named versions. That takes a while and may
be killed at any moment; whoever goes on finds what is left to do, and doing a part again changes nothing.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import compress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic_core import from_json, to_json

from framesift import keys
from framesift.catalog.columns import make_batch, read_item
from framesift.catalog.compact import compact, delete_retired
from framesift.catalog.directory import UserPool
from framesift.catalog.log import CatalogLog, payload_key
from framesift.catalog.pairs import read_pairs, replace_pairs
from framesift.catalog.payloads import pack_lines, put_lines, read_lines, unpack_lines
from framesift.catalog.scrub import FORGOTTEN, Scrub
from framesift.catalog.segments import drop_segments
from framesift.catalog.snapshot import read_batches, write_snapshot
from framesift.catalog.versions import version_key
from framesift.contracts import AddItems, Change, RemoveItems
from framesift.errors import CollectionMissingError, FramesiftError, NotFoundError
from framesift.log import logger
from framesift.storage import Store, StoredObject, StoredVersion, delete_folder, delete_for_good
from framesift.storage.multipart import MultipartUploads
from framesift.table import CatalogVersion, Deletion, PurgeProgress, Records

_THREADS: Final = 16
_ORPHAN_AGE: Final = timedelta(days=1)
"""A younger payload that no change names may be somebody's who is about to append the change."""
_SINGLE_LISTINGS: Final = 300
"""Of more items, it is quicker to list whole folders than to look each one up."""
_SAVE_EVERY: Final = 50
"""Changes after which a purge records how far it is."""

MayGoOn = Callable[[], bool]


def _always() -> bool:
    return True


def purge(collection: str, store: Store, records: Records, *, may_go_on: MayGoOn = _always) -> bool:
    """Delete all that is kept of the items that were removed from a collection.

    Items that came again after they were removed stay; what is older than their removal goes. What is removed
    meanwhile is deleted, too.

    Args:
        collection: The collection.
        store: The bucket.
        records: The table.
        may_go_on: Asked from time to time; False: stop, and let the next call go on.

    Returns:
        Whether all is deleted.

    Raises:
        CollectionMissingError: There is no such collection.
        ObjectNotDeletedError: S3 refuses to delete something.
    """
    log = CatalogLog(collection, store, records)
    while _purge_once(log, may_go_on):
        # Whoever removes something notes the deletion first: what is not seen here is noted anew.
        records.deletions.finish("items", collection)
        purged = records.collections.pointer(collection).purged
        if not any(isinstance(change.body, RemoveItems) for change in log.after(purged)):
            return True
        records.deletions.request("items", collection, "")
    return False


def _purge_once(log: CatalogLog, may_go_on: MayGoOn) -> bool:
    """Delete what is kept of the items that were removed up to now; return whether all is."""
    collection, store, records = log.collection, log.store, log.records
    pointer = records.collections.pointer(collection)
    progress = records.collections.purge_progress(collection)
    through = progress.through if progress else log.head()
    mentions = _find_mentions(log, pointer.purged, through)
    if mentions.last:
        compact(collection, store, records)
    gone = _find_gone(mentions, _living_ids(log) if mentions.last else set(), through)
    if gone.before:
        progress = progress or PurgeProgress(through=through)
        records.collections.put_purge_progress(collection, progress)
        if not (may_go_on() and _purge_items(log, gone, progress, pointer.purged, may_go_on)):
            return False
    if progress:  # Also of a purge that was stopped here, when nothing named any more what it had deleted.
        _delete_old_versions(store, keys.changes_prefix(collection))
        _delete_orphans(log)
    _record_purged(log, through)
    return True


def delete_collection(
    collection: str, by: str, store: Store, records: Records, *, may_go_on: MayGoOn = _always
) -> bool:
    """Delete a collection with all that is kept of it, what was uploaded to it and its runs included.

    Returns:
        Whether all is deleted. False: a run still works on it, or there was no more time; call it again.
    """
    records.deletions.request("collection", collection, by)
    about = records.collections.find(collection)
    if about and not about.deleting:
        records.collections.put(about.model_copy(update={"deleting": True}))
    try:
        log = records.collections.pointer(collection).log
    except CollectionMissingError:
        log = ""
    if log:
        records.changes.close(log)
    is_running = _delete_runs(collection, store, records)
    folders = (
        keys.uploads_prefix,
        keys.incoming_of_collection,
        keys.collection_prefix,
        keys.exports_prefix,
        keys.imports_prefix,
    )
    for prefix in (folder(collection) for folder in folders):
        delete_folder(store, prefix)
    records.inboxes.forget_all(collection)
    records.videos.delete_sequences(collection)
    records.videos.delete(collection)
    if log:
        records.changes.delete(log)
    if is_running or not may_go_on():
        return False
    if about:
        records.members.hide(about)
    records.collections.delete_records(collection)
    records.deletions.finish("items", collection)
    records.deletions.finish("collection", collection)
    return True


def _delete_runs(collection: str, store: Store, records: Records) -> bool:
    """Delete what is kept of a collection's runs; return whether one is still at work, which stays."""
    is_running = False
    for run in list(records.runs.of_collection(collection)):
        if run.status == "RUNNING":
            is_running = True
            continue
        for attempt in range(1, max(run.attempt, run.editions) + 1):
            store.delete_versions(store.versions(f"{keys.run_prefix(run.run_of_attempt(attempt))}/"))
        records.stages.forget_run(run.run)
        records.runs.forget(run)
    return is_running


def delete_account(
    user: str, store: Store, records: Records, pool: UserPool | None = None, *, may_go_on: MayGoOn = _always
) -> bool:
    """Delete a user's collections, and every mention of the user in those of others.

    Args:
        user: The user's id.
        store: The bucket.
        records: The table.
        pool: Where the user is deleted; None: nowhere.
        may_go_on: As for `purge`.

    Returns:
        Whether all is deleted; else call it again.
    """
    records.deletions.request("account", user, user)
    if pool:
        pool.delete(user)
    begun = [each.id for each in records.deletions.all() if each.kind == "collection" and each.by == user]
    for collection in dict.fromkeys([*begun, *records.collections.owned_by(user)]):
        if not (may_go_on() and delete_collection(collection, user, store, records, may_go_on=may_go_on)):
            return False
    for collection in {*records.collections.changed_by(user), *records.members.collections_of(user)}:
        if not may_go_on():
            return False
        forget_user(collection, user, store, records)
    records.people.forget_approver(user, FORGOTTEN)
    if profile := records.people.get(user):
        records.people.delete(profile)
    records.people.forget_answers(user)
    records.collections.delete_user(user)
    records.deletions.finish("account", user)
    return True


def forget_user(collection: str, user: str, store: Store, records: Records) -> None:
    """Let nothing in a collection name a user any more; what the user has made stays, as a deleted user's."""
    scrub = Scrub(users=frozenset({user}))
    log = CatalogLog(collection, store, records)
    try:
        for change in log.after(0):
            _rewrite_change(log, change, scrub)
    except CollectionMissingError:
        return
    compact(collection, store, records, from_log=True)
    _sweep_snapshots(log)
    for version in records.collections.versions(collection):
        _rewrite_version(log, version, scrub)
    _delete_old_versions(store, keys.changes_prefix(collection))
    records.collections.rename_user(collection, user, FORGOTTEN)


def continue_deletions(
    store: Store,
    records: Records,
    pool: UserPool | None = None,
    *,
    hold_s: float = 0,
    may_go_on: MayGoOn = _always,
) -> bool:
    """Go on with what is being deleted: items, collections and accounts.

    Args:
        store: The bucket.
        records: The table.
        pool: Where users are deleted; None: nowhere.
        hold_s: For how long nobody else goes on with the same deletion, seconds: as long as this process may live.
        may_go_on: As for `purge`.

    Returns:
        Whether nothing is left to delete.
    """
    for deletion in records.deletions.all():
        if not may_go_on():
            break
        # Somebody else is at it; or it is finished, as those of an account's collections are with the account's.
        if not records.deletions.hold(deletion, hold_s):
            continue
        try:
            _continue_deletion(deletion, store, records, pool, may_go_on)
        except FramesiftError as error:  # One that cannot be done must not keep the others waiting.
            logger.error("deletion failed", extra={"kind": deletion.kind, "deleted": deletion.id}, exc_info=error)
        finally:
            records.deletions.release(deletion)
    return not records.deletions.all()


def _continue_deletion(
    deletion: Deletion, store: Store, records: Records, pool: UserPool | None, may_go_on: MayGoOn
) -> None:
    match deletion.kind:
        case "items":
            about = records.collections.find(deletion.id)
            if about and not about.deleting:
                purge(deletion.id, store, records, may_go_on=may_go_on)
            else:  # The collection's own deletion deletes them.
                records.deletions.finish("items", deletion.id)
        case "collection":
            delete_collection(deletion.id, deletion.by, store, records, may_go_on=may_go_on)
        case "account":
            delete_account(deletion.id, store, records, pool, may_go_on=may_go_on)


class _Place(NamedTuple):
    """A change: its number, and when it was made."""

    number: int
    at: datetime


@dataclass(frozen=True)
class _Mentions:
    """What the log says of items that may be gone.

    Attributes:
        removals: The last change that removed an item, by the item's id.
        last: The last change that names an item, by the item's id.
    """

    removals: dict[str, _Place] = field(default_factory=dict)
    last: dict[str, _Place] = field(default_factory=dict)


@dataclass(frozen=True)
class _Gone:
    """What is to be deleted.

    Attributes:
        before: By an item's id: until when what was made of it goes.
        scrub: What goes from the log and from versions.
        living: Those of the items that came again after they were removed.
    """

    before: dict[str, datetime]
    scrub: Scrub
    living: frozenset[str]

    def covers(self, item_id: str, modified_at: datetime) -> bool:
        """Whether what was made of an item at that time is to be deleted; S3 tells whole seconds."""
        before = self.before.get(item_id)
        return before is not None and modified_at.replace(microsecond=0) <= before


def _find_mentions(log: CatalogLog, number: int, through: int) -> _Mentions:
    """The items that changes remove, or speak of although they add them not."""
    mentions, added = _Mentions(), set[str]()
    for change in log.after(number, until=through):
        place = _Place(change.number, change.at)
        for row in log.rows(change):
            if isinstance(change.body, AddItems):
                added.add(row.id)
            else:
                mentions.last[row.id] = place
            if isinstance(change.body, RemoveItems):
                mentions.removals[row.id] = place
    for item_id in added - mentions.removals.keys():
        mentions.last.pop(item_id, None)
    return mentions


def _find_gone(mentions: _Mentions, living: set[str], through: int) -> _Gone:
    places = {
        item_id: mentions.removals.get(item_id) if item_id in living else place
        for item_id, place in mentions.last.items()
    }
    found = {item_id: place for item_id, place in places.items() if place}
    again = frozenset(found.keys() & living)
    numbers = {item_id: place.number if item_id in again else through for item_id, place in found.items()}
    return _Gone({item_id: place.at for item_id, place in found.items()}, Scrub(items=numbers), again)


def _living_ids(log: CatalogLog) -> set[str]:
    """The ids of the items in the newest snapshot."""
    snapshot = log.records.collections.pointer(log.collection).snapshot
    if snapshot is None:
        return set()
    with TemporaryDirectory() as scratch:
        path = Path(scratch) / "snapshot.parquet"
        log.store.download(snapshot.key, path)
        return set(pq.read_table(path, columns=["id"])["id"].to_pylist())


def _purge_items(log: CatalogLog, gone: _Gone, progress: PurgeProgress, purged: int, may_go_on: MayGoOn) -> bool:
    """Delete what is kept of items; return whether all is."""
    if not progress.done:  # Else a purge that was stopped has done all this.
        _sweep_snapshots(log)
        for version in log.records.collections.versions(log.collection):
            _rewrite_version(log, version, gone.scrub)
        _delete_old_versions(log.store, keys.versions_prefix(log.collection))
        _delete_objects(log, gone)
        _rewrite_vectors(log, gone)
        _rewrite_maps(log, gone)
        drop_segments(log.collection, list(gone.before), log.store, log.records)
        _rewrite_pairs(log, gone)
        names = _find_names(log, gone, progress.through)
        log.records.inboxes.forget(log.collection, names)
        _rewrite_ledgers(log, gone, names)
    for count, change in enumerate(log.after(progress.done, until=progress.through)):
        if count % _SAVE_EVERY == _SAVE_EVERY - 1:
            done = progress.model_copy(update={"done": change.number - 1})
            log.records.collections.put_purge_progress(log.collection, done)
            if not may_go_on():
                return False
        if not (isinstance(change.body, RemoveItems) and change.number > purged):
            _rewrite_change(log, change, gone.scrub)
    # What was removed is read from these changes: they go last.
    for change in log.after(purged, until=progress.through):
        _rewrite_change(log, change, gone.scrub)
    return True


def _record_purged(log: CatalogLog, through: int) -> None:
    collections = log.records.collections
    while True:
        pointer = collections.pointer(log.collection)
        if pointer.purged >= through or collections.switch(
            log.collection, pointer.model_copy(update={"purged": through}), pointer
        ):
            break
    collections.put_purge_progress(log.collection, None)


def _sweep_snapshots(log: CatalogLog) -> None:
    """Delete all snapshots but the newest; who was about to fetch one of them looks up the newest again."""
    delete_retired(log.collection, log.store, log.records, datetime.now(UTC) + timedelta(minutes=1))


def _rewrite_version(log: CatalogLog, version: CatalogVersion, scrub: Scrub) -> None:
    """Take what is deleted out of a named version, which is then another object."""
    version = _drop_former(log, version)
    old = version.snapshot
    with TemporaryDirectory() as scratch:
        path = Path(scratch) / "version.parquet"
        log.store.download(old.key, path)
        if not any(_is_named(batch, scrub) for batch in read_batches(path)):
            return
        batches = (_scrub_batch(batch, scrub, old.number) for batch in read_batches(path))
        new = write_snapshot(log.store, batches, old.number, version_key(log.collection, old.number))
    # The record names the old object until that is gone: whoever goes on after a kill deletes it.
    rewritten = version.model_copy(update={"snapshot": new, "former_key": old.key})
    if log.records.collections.put_version(log.collection, rewritten, replaces=version):
        _drop_former(log, rewritten)
    else:  # It was deleted meanwhile.
        delete_for_good(log.store, [new.key])


def _drop_former(log: CatalogLog, version: CatalogVersion) -> CatalogVersion:
    """Delete the object that a version was before it was rewritten."""
    if not version.former_key:
        return version
    delete_for_good(log.store, [version.former_key])
    done = version.model_copy(update={"former_key": ""})
    log.records.collections.put_version(log.collection, done, replaces=version)
    return done


def _is_named(batch: pa.RecordBatch, scrub: Scrub) -> bool:
    """Whether some rows name what is deleted."""
    if any(json.dumps(user) in text for user in scrub.users for text in batch.column("json").to_pylist()):
        return True
    ids = pa.array(list(scrub.items), pa.string())
    named = pc.or_(pc.is_in(batch.column("id"), ids), pc.is_in(batch.column("duplicate_of"), ids))
    return bool(pc.any(named).as_py())


def _scrub_batch(batch: pa.RecordBatch, scrub: Scrub, number: int) -> pa.RecordBatch:
    if not _is_named(batch, scrub):
        return batch
    scrubbed = (scrub.scrub_item(read_item(text), number) for text in batch.column("json").to_pylist())
    return make_batch(item for item in scrubbed if item)


def _rewrite_change(log: CatalogLog, change: Change, scrub: Scrub) -> None:
    """Take what is deleted out of a change and its payload."""
    key = payload_key(change.body)
    scrubbed = scrub.scrub_change(change)
    if key and not _rewrite_payload(log.store, key, scrub, change.number):
        scrubbed = scrubbed.model_copy(update={"body": RemoveItems()})
    if scrubbed != change:
        log.records.changes.replace(log.records.collections.pointer(log.collection).log, scrubbed)
    if key and key != payload_key(scrubbed.body):
        delete_for_good(log.store, [key])


def _rewrite_payload(store: Store, key: str, scrub: Scrub, number: int) -> bool:
    """Take what is deleted out of a payload; return whether anything is left in it."""

    def scrub_lines() -> Iterator[tuple[dict[str, Any], dict[str, Any] | None]]:
        for line in read_lines(store, key):
            row = from_json(line)
            yield row, scrub.scrub_line(row, number)

    kept = changed = False
    for row, scrubbed in scrub_lines():
        kept, changed = kept or scrubbed is not None, changed or scrubbed != row
    if changed:
        # Under the same key, so that the log can be read all the time; the version before goes in the end.
        put_lines(store, key, (to_json(scrubbed) for _, scrubbed in scrub_lines() if scrubbed is not None))
    return kept


def _delete_objects(log: CatalogLog, gone: _Gone) -> None:
    """Delete the originals and thumbnails of items, and the exports, which may hold some of them."""
    folders = [keys.original(log.collection, "", "")]
    folders += [keys.collection_thumbnail(log.collection, "", size) for size in keys.THUMBNAIL_SIZES]
    for folder in (name.removesuffix(name.rpartition("/")[2]) for name in folders):
        # Of few items each is looked up, of many the folder is read.
        few = len(gone.before) <= _SINGLE_LISTINGS
        prefixes = [f"{folder}{item_id}." for item_id in gone.before] if few else [folder]
        log.store.delete_versions(
            version
            for prefix in prefixes
            for version in log.store.versions(prefix)
            if _is_gone(gone, version.key.removeprefix(folder).partition(".")[0], version)
        )
    _delete_exports(log, max(gone.before.values()))


def _delete_exports(log: CatalogLog, newest: datetime) -> None:
    """Delete the exports from before a time; jobs that are making some begin anew without the items."""
    prefix = keys.exports_prefix(log.collection)
    MultipartUploads(log.store.bucket).abort_all(prefix)
    log.store.delete_versions(
        version for version in log.store.versions(prefix) if version.modified_at.replace(microsecond=0) <= newest
    )
    for export in log.records.exports.of_collection(log.collection):
        if export.state != "running" and export.created_at.replace(microsecond=0) <= newest:
            log.records.exports.delete(log.collection, export.id)


def _is_gone(gone: _Gone, item_id: str, version: StoredVersion) -> bool:
    return gone.covers(item_id, version.modified_at) and not (version.is_latest and item_id in gone.living)


def _rewrite_vectors(log: CatalogLog, gone: _Gone) -> None:
    """Take the items' rows out of the parts that hold vectors."""

    def read(part: StoredObject) -> tuple[str, dict[str, list[Any]], list[bool]] | None:
        try:
            facts: dict[str, list[Any]] = json.loads(log.store.get(part.key))
        except NotFoundError:  # Another purge was quicker.
            return None
        kept = [not gone.covers(item_id, part.modified_at) for item_id in facts["ids"]]
        return None if all(kept) else (part.key.removesuffix(".json"), facts, kept)

    prefix = keys.features_of_collection(log.collection)
    parts = (part for part in log.store.objects(prefix) if part.key.endswith(".json"))
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="purge") as pool:
        found = [part for part in pool.map(read, parts) if part]
    for name, facts, kept in found:
        if any(kept):
            # Under another name: who has read the old ids does not meet the new rows.
            chosen = {fact: list(compress(values, kept)) for fact, values in facts.items()}
            _write_vectors(log.store, name, chosen, kept)
        delete_for_good(log.store, [f"{name}.json", f"{name}.npy"])
    _delete_old_versions(log.store, prefix)


def _rewrite_maps(log: CatalogLog, gone: _Gone) -> None:
    """Take the items' points out of maps. The pictures go; the next update of a map draws its own anew."""
    prefix = keys.maps_prefix(log.collection)
    for part in log.store.objects(prefix):
        if not part.key.endswith(".parquet"):
            continue
        table = pq.read_table(io.BytesIO(log.store.get(part.key)))
        kept = table.filter(pa.array([not gone.covers(each, part.modified_at) for each in table["id"].to_pylist()]))
        if len(kept) < len(table):
            buffer = io.BytesIO()
            pq.write_table(kept, buffer, compression="zstd")
            log.store.put(part.key, buffer.getvalue(), replaces=part.etag)
            delete_for_good(log.store, [f"{part.key.removesuffix('.parquet')}.png"])
    _delete_old_versions(log.store, prefix)
    for record in log.records.maps.of_collection(log.collection):
        drawn = record.finished_at
        if record.summary and drawn:
            outliers = {
                method: [each for each in ids if not gone.covers(each, drawn)]
                for method, ids in record.summary.outliers.items()
            }
            if outliers != record.summary.outliers:
                log.records.maps.change(record, summary=record.summary.model_copy(update={"outliers": outliers}))


def _write_vectors(store: Store, name: str, facts: dict[str, list[Any]], kept: list[bool]) -> None:
    rows = np.load(io.BytesIO(store.get(f"{name}.npy")), allow_pickle=False)
    new = f"{name.partition('~')[0]}~{sha256(''.join(facts['ids']).encode()).hexdigest()[:12]}"
    buffer = io.BytesIO()
    np.save(buffer, rows[np.array(kept)], allow_pickle=False)
    store.put(f"{new}.npy", buffer.getvalue())
    store.put(f"{new}.json", json.dumps(facts).encode(), "application/json")


def _rewrite_pairs(log: CatalogLog, gone: _Gone) -> None:
    """Take the items out of the pairs of similar images."""
    for part in read_pairs(log.store, log.collection):
        kept = {
            method: [pair for pair in pairs if not any(gone.covers(item, part.stored.modified_at) for item in pair[:2])]
            for method, pairs in part.pairs.items()
        }
        compared = [item for item in part.compared if not gone.covers(item, part.stored.modified_at)]
        if (kept, compared) != (part.pairs, part.compared):
            replace_pairs(log.store, part, kept, compared)
    _delete_old_versions(log.store, keys.collection_duplicates(log.collection))


def _find_names(log: CatalogLog, gone: _Gone, through: int) -> dict[str, datetime]:
    """The names that the items came under, and until when what has only a name goes."""
    names: dict[str, datetime] = {}
    for change in log.after(0, until=through):
        if isinstance(change.body, AddItems):
            for row in log.rows(change):
                if row.value and gone.scrub.covers(row.id, change.number):
                    for name in row.value["names"]:
                        names[name] = max(gone.before[row.id], names.get(name, gone.before[row.id]))
    return names


def _rewrite_ledgers(log: CatalogLog, gone: _Gone, names: Mapping[str, datetime]) -> None:
    """Take the lines about items out of what is kept of upload batches."""

    def is_about(line: Any, modified_at: datetime) -> bool:
        texts = set(_find_texts(line))
        if any(gone.covers(text, modified_at) for text in texts):
            return True
        before = names.get(line.get("name", "")) if "item" not in line else None
        return before is not None and modified_at.replace(microsecond=0) <= before

    prefix = keys.batches_prefix(log.collection)
    for ledger in log.store.objects(prefix):
        if not ledger.key.endswith((".jsonl", ".jsonl.gz")):
            continue
        is_packed = ledger.key.endswith(".gz")
        body = log.store.get(ledger.key)
        lines = list(unpack_lines(body)) if is_packed else [line for line in body.splitlines() if line.strip()]
        kept = [line for line in lines if not is_about(from_json(line), ledger.modified_at)]
        if len(kept) < len(lines):
            buffer = io.BytesIO()
            if is_packed:
                pack_lines(kept, buffer)
            else:
                buffer.writelines(line + b"\n" for line in kept)
            log.store.put(ledger.key, buffer.getvalue(), replaces=ledger.etag)
    _delete_old_versions(log.store, prefix)


def _find_texts(value: Any) -> Iterator[str]:
    """All texts in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _find_texts(each)


def _delete_old_versions(store: Store, prefix: str) -> None:
    """Delete what objects were before they were written anew or deleted."""
    versions = list(store.versions(prefix))
    living = {version.key for version in versions if version.is_latest and not version.is_mark}
    store.delete_versions(version for version in versions if version.key not in living or not version.is_latest)


def _delete_orphans(log: CatalogLog) -> None:
    """Delete payloads that no change names: of processes that died."""
    named = {key for change in log.after(0) if (key := payload_key(change.body))}
    before = datetime.now(UTC) - _ORPHAN_AGE
    log.store.delete_versions(
        version
        for version in log.store.versions(keys.changes_prefix(log.collection))
        if version.key not in named and version.modified_at < before
    )
