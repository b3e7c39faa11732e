"""List a batch's files: what is to be looked at goes into shards, everything else into the ledger with its reason.

No image is read here; of a zip, its directory is, and of a data set, what says which labels its images have.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import PurePosixPath
from secrets import token_hex

from framesift import keys
from framesift.catalog.batches import ZIP_EXTENSIONS, batch_files
from framesift.catalog.ledger import LedgerLine, LedgerWriter, read_ledger
from framesift.contracts import FileRef, ItemError, UploadsInput, UploadsOutput
from framesift.errors import (
    BucketNotAllowedError,
    CollectionDeletedError,
    FileReplacedError,
    FramesiftError,
    MalwareFoundError,
    MediaError,
    MediaTooLargeError,
    NotAnImageError,
    NotFoundError,
    NotScannedError,
    ScanPendingError,
    UnsafeEntryError,
    ZipLimitError,
)
from framesift.pipeline.stage import run_once
from framesift.pipeline.upload.collect import CLEAN, SCAN_TAG
from framesift.pipeline.upload.labels import may_describe, take_labels
from framesift.settings import Settings
from framesift.settings.pose import is_video
from framesift.storage import S3Store, Store, StoredObject, parse_uri, write_manifest
from framesift.storage.ranges import RangeReader
from framesift.storage.zips import clean_path, is_litter, read_zip_directory
from framesift.table import BatchRecord, Inbox, Records

_REQUESTS_AT_ONCE = 16
_SCANS_AT_ONCE = 512
_THREAT = "THREATS_FOUND"
_TOO_MANY = "A batch has at most {} files, those in zips included: make several."

Found = FileRef | LedgerLine
"""A file to look at, or what became of it already."""


def collect_batch(request: UploadsInput, settings: Settings, store: Store, records: Records) -> UploadsOutput:
    """List what is to be looked at of a batch, unless an earlier try of the run has.

    Raises:
        ScanPendingError: If the malware scan has not come to all files yet.
    """
    run, collection = request.run, request.scope

    def work() -> UploadsOutput:
        inbox = records.inboxes.get(collection)  # Before the listing: what arrives after this is another run's.
        batch = records.batches.get(collection, request.batch)
        found = records.collections.find(collection)
        if (batch and found is None) or (found and found.deleting):
            return UploadsOutput(scope=collection, batch=request.batch, ended="the collection was deleted meanwhile")
        if batch is None and inbox.batch != request.batch:
            return UploadsOutput(scope=collection, batch=request.batch, ended="the batch was deleted meanwhile")
        lister = _Lister(collection, settings, store, records)
        prefix = keys.look_prefix(collection, request.batch, token_hex(8))
        if batch is None:
            batch = _begin_inbox_batch(collection, inbox, lister, records)
        if batch is None:
            records.inboxes.take(collection, request.batch, inbox.arrivals)
            return UploadsOutput(scope=collection, batch=request.batch, ended="nothing was left in its inbox")
        edition = keys.edition(run)
        if edition not in batch.runs:
            batch = records.batches.change(batch, runs=[*batch.runs, edition], state="running") or batch
        output = _write_shards(lister.list(batch), prefix, batch, settings, store)
        records.inboxes.take(collection, batch.id, inbox.arrivals)
        return output

    return run_once(records.stages, run, "collect", [collection], UploadsOutput, work)


def _begin_inbox_batch(collection: str, inbox: Inbox, lister: _Lister, records: Records) -> BatchRecord | None:
    """Make the batch of what lies in the inbox; None, and none is made, where nothing does."""
    if next(lister.inbox_objects(), None) is None:
        return None
    now = datetime.now(UTC)
    try:
        records.collections.ensure(collection)
    except CollectionDeletedError:
        return None
    batch = BatchRecord(
        collection=collection,
        id=inbox.batch,
        kind="inbox",
        state="running",
        date=inbox.date,
        created_at=now,
        completed_at=now,
    )
    return batch if records.batches.create(batch) else records.batches.get(collection, inbox.batch)


def _write_shards(
    found: Iterable[Found], prefix: str, batch: BatchRecord, settings: Settings, store: Store
) -> UploadsOutput:
    shards = items = 0
    images: list[str] = []
    others: dict[str, FileRef] = {}
    with LedgerWriter(store, keys.look_refused(prefix)) as refused:

        def keep_files() -> Iterator[FileRef]:
            for each in found:
                if isinstance(each, LedgerLine):
                    refused.add(each)
                elif _may_describe(each, settings):
                    others[each.name] = each
                else:
                    images.append(each.name)
                    yield each

        files = keep_files()
        while shard := list(islice(files, settings.intake.shard_files)):
            write_manifest(store, keys.look_shard(prefix, shards), shard)
            shards, items = shards + 1, items + len(shard)
        for line in take_labels(batch, images, others, store):
            refused.add(line)
    counts = refused.counts
    return UploadsOutput(
        scope=batch.collection,
        batch=batch.id,
        shards_prefix=prefix,
        shards=shards,
        seen=items + sum(counts.values()),
        items=items,
        failed_items=counts["refused"],
        skipped=counts["skipped"],
    )


def _may_describe(file: FileRef, settings: Settings) -> bool:
    """Whether a file is taken for labels of images, by its name."""
    return may_describe(file.name) and PurePosixPath(file.name).suffix.lower() not in settings.intake.extensions


@dataclass(frozen=True)
class _Lister:
    """Lists the files of batches.

    Attributes:
        collection: The collection.
        settings: Limits, and which buckets may be read.
        store: The bucket.
        records: What is known of the inbox's files.
    """

    collection: str
    settings: Settings
    store: Store
    records: Records

    def list(self, batch: BatchRecord) -> Iterator[Found]:
        """Everything that a batch holds, entries of zips one by one; of one that was published, what failed."""
        if batch.published:
            ledger = read_ledger(self.store, self.collection, batch.id)
            failed = [line.file for line in ledger if line.file and line.status == "refused"]
            yield from self._expand_all(failed, batch)
            return
        match batch.kind:
            case "inbox":
                yield from self._expand_all(map(self._dropped, self.inbox_objects()), batch)
            case "upload":
                yield from self._expand_all(self._uploaded(batch), batch)
            case "references":
                yield from self._expand_all(self._referenced(batch), batch)
            case "relook":
                yield from self._originals()

    def inbox_objects(self) -> Iterator[StoredObject]:
        """What lies in the inbox and was neither taken in nor refused before; videos are taken elsewhere."""
        handled: dict[str, str] | None = None
        for stored in self.store.objects(keys.uploads_prefix(self.collection)):
            if stored.key.endswith("/") or is_video(stored.key):
                continue
            if handled is None:  # Not read where nothing is there.
                entries = self.records.inboxes.entries(self.collection)
                handled = {entry.name: entry.handled_etag for entry in entries if entry.handled_etag}
            if handled.get(self._name_of(stored.key)) != stored.etag:
                yield stored

    def _name_of(self, key: str) -> str:
        return key.removeprefix(keys.uploads_prefix(self.collection))

    def _dropped(self, stored: StoredObject) -> FileRef:
        return FileRef(name=self._name_of(stored.key), key=stored.key, etag=stored.etag, size_bytes=stored.size_bytes)

    def _uploaded(self, batch: BatchRecord) -> Iterator[Found]:
        arrived = {each.key: each for each in self.store.objects(keys.incoming_prefix(self.collection, batch.id))}
        for file in batch_files(batch, self.store):
            stored = arrived.get(file.key)
            if is_video(file.name):
                yield LedgerLine(name=file.name, status="video", at=datetime.now(UTC))
            elif stored is None or stored.size_bytes != file.size_bytes:
                yield _refused(file.name, FileReplacedError(f"{file.name} is not what was announced: upload it again."))
            else:
                yield FileRef(
                    name=file.name,
                    key=file.key,
                    etag=stored.etag,
                    size_bytes=stored.size_bytes,
                    sha256=file.sha256,
                )

    def _referenced(self, batch: BatchRecord) -> Iterator[Found]:
        for reference in batch.references:
            bucket, prefix = parse_uri(reference)
            if bucket not in self.settings.intake.buckets:
                yield _refused(reference, BucketNotAllowedError(f"{bucket} may not be read by the settings."))
                continue
            root = prefix[: prefix.rfind("/") + 1]
            for stored in S3Store(bucket).objects(prefix):
                if not stored.key.endswith("/"):
                    yield FileRef(
                        name=stored.key.removeprefix(root),
                        uri=f"s3://{bucket}/{stored.key}",
                        etag=stored.etag,
                        size_bytes=stored.size_bytes,
                    )

    def _originals(self) -> Iterator[FileRef]:
        """The images that the collection has, and those that it reads in place, by the names that they came with."""
        names: dict[str, str] = {}
        for batch in self.records.batches.of_collection(self.collection):
            for line in read_ledger(self.store, self.collection, batch.id):
                if line.item and line.status == "added":
                    names[line.item] = line.name
                    if line.file:
                        yield line.file.model_copy(update={"item_id": line.item})
        for stored in self.store.objects(keys.originals_prefix(self.collection)):
            file_name = stored.key.rpartition("/")[2]
            item_id = file_name.partition(".")[0]
            yield FileRef(
                name=names.get(item_id, file_name),
                key=stored.key,
                etag=stored.etag,
                size_bytes=stored.size_bytes,
                item_id=item_id,
            )

    def _expand_all(self, found: Iterable[Found], batch: BatchRecord) -> Iterator[Found]:
        """Judge each file by its name and size, and open zips; of too many files, the rest is refused."""
        left = self.settings.intake.max_batch_files
        for each in self._check_scans(found, batch):
            if isinstance(each, LedgerLine):
                yield each
                continue
            if left <= 0:
                yield _refused(each.name, ZipLimitError(_TOO_MANY.format(self.settings.intake.max_batch_files)), each)
                continue
            for file in self._expand(each, left):
                left -= isinstance(file, FileRef)
                yield file

    def _expand(self, file: FileRef, left: int) -> Iterator[Found]:
        if is_litter(file.name):
            yield LedgerLine(name=file.name, status="skipped", at=datetime.now(UTC), key=file.key, etag=file.etag)
            return
        try:
            name = clean_path(file.name)
        except UnsafeEntryError as error:
            yield _refused(file.name, error, held_by=file)
            return
        named = file.model_copy(update={"name": name})
        if file.entry is None and PurePosixPath(name).suffix.lower() in ZIP_EXTENSIONS:
            yield from self._open(named, left)
        else:
            yield self._judge(named)

    def _judge(self, file: FileRef) -> Found:
        intake, extension = self.settings.intake, PurePosixPath(file.name).suffix.lower()
        if is_video(file.name):
            error: MediaError = NotAnImageError(f"{file.name} is a video: upload it by itself.")
        elif extension and extension not in intake.extensions and not may_describe(file.name):
            error = NotAnImageError(f"{file.name} is no image by its name ({', '.join(intake.extensions)}).")
        elif file.size_bytes == 0 and not may_describe(file.name):  # YOLO has empty files of images without a box.
            error = NotAnImageError(f"{file.name} is empty: upload it again.")
        elif file.size_bytes > self.settings.collections.max_bytes and not may_describe(file.name):
            error = MediaTooLargeError(
                f"{file.name} has {file.size_bytes} bytes; at most {self.settings.collections.max_bytes} are taken "
                "(FRAMESIFT_COLLECTIONS__MAX_BYTES)."
            )
        else:
            return file
        return _refused(file.name, error, file)

    def _open(self, file: FileRef, left: int) -> Iterator[Found]:
        """The entries of a zip; one line for all of it where it cannot be opened."""
        store, key = (self.store, str(file.key)) if file.uri is None else _place(file.uri)
        try:
            reader = RangeReader(store, key, file.size_bytes, file.etag, file.version_id)
            directory = read_zip_directory(reader, self.settings.intake)
            if len(directory.entries) > left:
                raise ZipLimitError(_TOO_MANY.format(self.settings.intake.max_batch_files))
        except NotFoundError:
            yield _refused(file.name, FileReplacedError(f"{file.name} was deleted since it was listed."), file)
            return
        except MediaError as error:
            yield _refused(file.name, error, file)
            return
        for name in directory.skipped:
            yield LedgerLine(name=f"{file.name}/{name}", status="skipped", at=datetime.now(UTC))
        for entry in directory.refused:
            yield _refused(f"{file.name}/{entry.name}", entry.error, held_by=file)
        for each in directory.entries:
            # The zip's own digest says nothing of an entry, which has a checksum in the zip.
            inner = {"name": f"{file.name}/{each.name}", "size_bytes": each.size_bytes, "entry": each, "sha256": None}
            yield self._judge(file.model_copy(update=inner))

    def _check_scans(self, found: Iterable[Found], batch: BatchRecord) -> Iterator[Found]:
        """Pass only what the malware scan has found clean, where the settings ask for that."""
        if not self.settings.upload.only_scanned:
            yield from found
            return
        files = iter(found)
        with ThreadPoolExecutor(_REQUESTS_AT_ONCE) as pool:
            while some := list(islice(files, _SCANS_AT_ONCE)):
                yield from pool.map(lambda each: self._check_scan(each, batch), some)

    def _check_scan(self, found: Found, batch: BatchRecord) -> Found:
        if isinstance(found, LedgerLine) or found.key is None:  # What lies elsewhere is not scanned.
            return found
        scanned = self.store.tags(found.key).get(SCAN_TAG, "")
        if scanned == CLEAN:
            return found
        if scanned == _THREAT:
            error = MalwareFoundError(f"{found.name} holds malware, as GuardDuty found: it is not opened. Delete it.")
            return _refused(found.name, error, held_by=found)
        waited = datetime.now(UTC) - (batch.completed_at or batch.created_at)
        if not scanned and waited < timedelta(seconds=self.settings.intake.scan_wait_s):
            raise ScanPendingError(f"GuardDuty has not scanned {found.name} yet.")
        return _refused(
            found.name,
            NotScannedError(f"{found.name} was not found clean by GuardDuty (its scan's tag: {scanned or 'none'})."),
            found,
        )


def _place(uri: str) -> tuple[Store, str]:
    bucket, key = parse_uri(uri)
    return S3Store(bucket), key


def _refused(
    name: str, error: FramesiftError, file: FileRef | None = None, held_by: FileRef | None = None
) -> LedgerLine:
    """The line of a file that is not looked at; one that is given as `file` can be tried again."""
    fault = ItemError.of(error, "collect")
    held = file or held_by
    return LedgerLine(
        name=name,
        status="refused",
        error=fault,
        at=datetime.now(UTC),
        key=held.key if held else None,
        etag=held.etag if held else None,
        file=file,
    )
