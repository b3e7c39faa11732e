"""Collect uploads: what a user put into a collection, and which of it are videos that are still to do.

No video is read here: its name and size, and what S3 knows of its content, show most that need no job.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import PurePosixPath

from framesift import keys
from framesift.contracts import Finding, ItemError, Upload, UploadsInput, UploadsOutput
from framesift.errors import (
    EmptyVideoError,
    MalwareFoundError,
    NotAVideoError,
    NotScannedError,
    NoUploadsError,
    VideoError,
    VideoLimitError,
)
from framesift.log import logger
from framesift.pipeline.stage import run_once
from framesift.pipeline.upload.poses import failed_entry, pose_settings
from framesift.settings import Settings
from framesift.settings.pose import PoseSettings
from framesift.storage import Store, StoredObject, write_manifest
from framesift.table import Records

# GuardDuty's tag on an object that it has scanned, and its value where nothing was found.
SCAN_TAG, CLEAN = "GuardDutyMalwareScanStatus", "NO_THREATS_FOUND"
_REQUESTS_AT_ONCE = 16
_USABLE = {Finding.VIDEO, Finding.KNOWN, Finding.REPLACED}


def collect_uploads(request: UploadsInput, settings: Settings, store: Store, records: Records) -> UploadsOutput:
    """List what is to be done of a collection, or of one object of it, unless an earlier try of the run has.

    Args:
        request: The run, the collection, and the object where one started the run.
        settings: This process's settings.
        store: Where the uploads are, and where the manifest goes.
        records: What became of uploads before.

    Raises:
        NoUploadsError: If there is not one video, known ones included.
    """
    run, collection = request.run, request.scope
    etag = request.object.etag if request.object else ""
    clean = request.object is not None and request.object.scan_result == CLEAN
    # What starts a run by its scan is known to be clean; of anything else the scan's tag tells.
    check_scan = settings.upload.only_scanned and not clean
    inspector = _Inspector(collection, etag, check_scan, pose_settings(settings.upload), store, records)

    def work() -> UploadsOutput:
        with ThreadPoolExecutor(_REQUESTS_AT_ONCE) as pool:
            uploads = list(pool.map(inspector.inspect, _objects(request, store)))
        manifest_key = keys.manifest(run, collection, "collected")
        write_manifest(store, manifest_key, uploads)
        if settings.upload.delete_too_large:
            _delete_too_large(uploads, store)
        counts = Counter(upload.finding for upload in uploads)
        if _has_images(request, uploads, records):
            records.inboxes.announce(collection)  # Whoever ends this run starts another one for them.
        # An object that started a run and was deleted since is nobody's failure; images have runs of their own.
        elif not counts.keys() & _USABLE and (uploads or request.object is None):
            raise NoUploadsError(_nothing(collection, uploads))
        return UploadsOutput(
            scope=collection,
            manifest_key=manifest_key,
            seen=len(uploads),
            items=counts[Finding.VIDEO],
            known=counts[Finding.KNOWN],
            not_videos=counts[Finding.NOT_A_VIDEO],
            failed_items=counts[Finding.UNUSABLE],
        )

    return run_once(records.stages, run, "collect", [collection], UploadsOutput, work)


def _objects(request: UploadsInput, store: Store) -> Iterator[StoredObject]:
    if request.object is None:
        listed = store.objects(keys.uploads_prefix(request.scope))
        yield from (stored for stored in listed if not stored.key.endswith("/"))  # The console makes folders so.
    elif stored := store.describe(request.object.key):
        yield stored


def _has_images(request: UploadsInput, uploads: list[Upload], records: Records) -> bool:
    """Whether something that may be an image waits in a collection that is collected as a whole."""
    others = {upload.name: upload.etag for upload in uploads if upload.finding is Finding.NOT_A_VIDEO}
    if request.object is not None or not others:
        return False
    handled = {entry.name: entry.handled_etag for entry in records.inboxes.entries(request.scope)}
    return any(handled.get(name) != etag for name, etag in others.items())


def _delete_too_large(uploads: list[Upload], store: Store) -> None:
    """Delete what is larger than is taken, unless something else was put in its place meanwhile."""
    for upload in uploads:
        if upload.error and upload.error.error == VideoLimitError.__name__:
            deleted = store.delete_unchanged(upload.key, upload.etag)
            logger.warning(
                "upload too large",
                extra={"object": upload.key, "size_bytes": upload.size_bytes, "deleted": deleted},
            )


def _nothing(collection: str, uploads: list[Upload]) -> str:
    place = keys.uploads_prefix(collection)
    if not uploads:
        return f"There is nothing below {place}: put videos there, or name another collection."
    why = next((upload.error.message for upload in uploads if upload.error), "")
    return f"None of {len(uploads)} objects below {place} is a video that can be analyzed; the first: {why}"


@dataclass(frozen=True)
class _Inspector:
    """Finds out what an upload is.

    Attributes:
        collection: Where it is.
        etag: That of the object that started the run; empty: any.
        check_scan: Whether only what is tagged as clean is taken.
        settings: How its poses are to be found.
        store: The bucket.
        records: What became of uploads before.
    """

    collection: str
    etag: str
    check_scan: bool
    settings: PoseSettings
    store: Store
    records: Records

    def inspect(self, stored: StoredObject) -> Upload:
        """Classify an object, as far as S3 and the records know it."""
        name = stored.key.removeprefix(keys.uploads_prefix(self.collection))
        upload = Upload(**stored.model_dump(exclude={"sha256"}), name=name, finding=Finding.VIDEO)
        if self.etag not in ("", stored.etag):
            return upload.model_copy(update={"finding": Finding.REPLACED})
        if error := self._what_is_wrong(upload):
            return self._refuse(upload, error)
        before = self.records.videos.get(self.collection, name)
        if before and before.is_done(upload, self.settings.recorded()):
            return upload.model_copy(update={"finding": Finding.KNOWN})
        return self._ask_s3(upload)

    def _what_is_wrong(self, upload: Upload) -> VideoError | None:
        limits, name = self.settings.video, upload.name
        if PurePosixPath(name).suffix.lower() not in limits.extensions:
            return NotAVideoError(
                f"{name} is no video by its name ({', '.join(limits.extensions)}): images and zips are taken in by a "
                "run of their own."
            )
        if upload.size_bytes == 0:
            return EmptyVideoError(f"{name} is empty: upload it again.")
        if upload.size_bytes > limits.max_size_bytes:
            return VideoLimitError(
                f"{name} has {upload.size_bytes} bytes, more than the {limits.max_size_bytes} that "
                "FRAMESIFT_UPLOAD__MAX_SIZE_BYTES allows: upload a shorter or smaller one."
            )
        return self._what_the_scan_found(upload) if self.check_scan else None

    def _what_the_scan_found(self, upload: Upload) -> VideoError | None:
        found = self.store.tags(upload.key).get(SCAN_TAG, "")
        if found == CLEAN:
            return None
        if found == "THREATS_FOUND":
            return MalwareFoundError(f"{upload.name} holds malware, as GuardDuty found: it is not opened. Delete it.")
        return NotScannedError(
            f"{upload.name} was not found clean by GuardDuty (its scan's tag: {found or 'none'}): wait for its scan, "
            "or upload it again."
        )

    def _refuse(self, upload: Upload, error: VideoError) -> Upload:
        fault = ItemError.of(error, "collect")
        if isinstance(error, NotAVideoError):
            return upload.model_copy(update={"finding": Finding.NOT_A_VIDEO, "error": fault})
        entry = failed_entry(upload, fault, self.settings.recorded())
        self.records.videos.put(self.collection, upload, entry)
        return upload.model_copy(update={"finding": Finding.UNUSABLE, "error": fault})

    def _ask_s3(self, upload: Upload) -> Upload:
        """Ask S3 for the version, and for the digest: the same bytes may be known under another name."""
        stored = self.store.describe(upload.key)
        if stored is None or stored.etag != upload.etag:
            return upload.model_copy(update={"finding": Finding.REPLACED})
        upload = upload.model_copy(update={"version_id": stored.version_id})
        known = stored.sha256 and self.records.videos.sequence(self.collection, stored.sha256, self.settings.recorded())
        if not known:
            return upload
        self.records.videos.put(self.collection, upload, known.model_copy(update={"source": upload.name}))
        return upload.model_copy(update={"finding": Finding.KNOWN})
