"""Collect uploads: what a user put into a collection, and what of it is a video that is still to do.

No video is read here: its name and size, and what S3 knows of its content, are enough to tell most that need no job.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import PurePosixPath

from framesift import keys
from framesift.contracts import CategoryInput, CollectOutput, Finding, ItemError, Upload
from framesift.errors import EmptyVideoError, NotAVideoError, NoUploadsError, VideoError, VideoLimitError
from framesift.pipeline.stage import once
from framesift.pipeline.uploads import failed_entry, pose_settings
from framesift.pose.presets import PoseSettings
from framesift.settings import Settings
from framesift.storage import Store, StoredObject, write_manifest
from framesift.upload_records import UploadRecords

_QUESTIONS_AT_ONCE = 16
_USABLE = {Finding.VIDEO, Finding.KNOWN, Finding.REPLACED}


def collect_uploads(request: CategoryInput, settings: Settings, store: Store, records: UploadRecords) -> CollectOutput:
    """List what is to be done of a collection, or of one object of it, unless an earlier try of the run has.

    Args:
        request: The run, the collection, and the object where one started the run.
        settings: This process's settings.
        store: Where the uploads are, and where the manifest goes.
        records: What became of uploads before.

    Raises:
        NoUploadsError: If there is not one video, known ones included.
    """
    run, collection = request.run, request.category
    etag = request.object.etag if request.object else ""
    looker = _Looker(collection, etag, pose_settings(settings.upload), store, records)

    def work() -> CollectOutput:
        with ThreadPoolExecutor(_QUESTIONS_AT_ONCE) as pool:
            uploads = list(pool.map(looker.look, _objects(request, store)))
        manifest_key = keys.manifest(run, collection, "collected")
        write_manifest(store, manifest_key, uploads)
        counts = Counter(upload.finding for upload in uploads)
        # An object that started a run and was deleted since is nobody's failure.
        if not counts.keys() & _USABLE and (uploads or request.object is None):
            raise NoUploadsError(_nothing(collection, uploads))
        return CollectOutput(
            category=collection,
            manifest_key=manifest_key,
            seen=len(uploads),
            items=counts[Finding.VIDEO],
            known=counts[Finding.KNOWN],
            not_videos=counts[Finding.NOT_A_VIDEO],
            failed_items=counts[Finding.UNUSABLE],
        )

    return once(records, run, "collect", [collection], CollectOutput, work)


def _objects(request: CategoryInput, store: Store) -> Iterator[StoredObject]:
    if request.object is None:
        listed = store.objects(keys.uploads_prefix(request.category))
        yield from (stored for stored in listed if not stored.key.endswith("/"))  # The console makes folders so.
    elif stored := store.describe(request.object.key):
        yield stored


def _nothing(collection: str, uploads: list[Upload]) -> str:
    place = keys.uploads_prefix(collection)
    if not uploads:
        return f"There is nothing below {place}: put videos there, or name another collection."
    why = next((upload.error.message for upload in uploads if upload.error), "")
    return f"None of {len(uploads)} objects below {place} is a video that can be looked at; the first: {why}"


@dataclass(frozen=True)
class _Looker:
    """Finds out what an upload is.

    Attributes:
        collection: Where it is.
        etag: That of the object that started the run; empty: any.
        settings: How its poses are to be found.
        store: The bucket.
        records: What became of uploads before.
    """

    collection: str
    etag: str
    settings: PoseSettings
    store: Store
    records: UploadRecords

    def look(self, stored: StoredObject) -> Upload:
        """Say what an object is, as far as S3 and the records tell."""
        name = stored.key.removeprefix(keys.uploads_prefix(self.collection))
        upload = Upload(**stored.model_dump(exclude={"sha256"}), name=name, finding=Finding.VIDEO)
        if self.etag not in ("", stored.etag):
            return upload.model_copy(update={"finding": Finding.REPLACED})
        if error := self._what_is_wrong(upload):
            return self._refuse(upload, error)
        before = self.records.video(self.collection, name)
        if before and before.is_done(upload, self.settings.recorded()):
            return upload.model_copy(update={"finding": Finding.KNOWN})
        return self._look_closer(upload)

    def _what_is_wrong(self, upload: Upload) -> VideoError | None:
        limits, name = self.settings.video, upload.name
        if PurePosixPath(name).suffix.lower() not in limits.extensions:
            return NotAVideoError(
                f"{name} is no video by its name ({', '.join(limits.extensions)}): pictures and zips belong to "
                "collections, which are not built yet."
            )
        if upload.size_bytes == 0:
            return EmptyVideoError(f"{name} is empty: upload it again.")
        if upload.size_bytes > limits.max_size_bytes:
            return VideoLimitError(f"{name} has {upload.size_bytes} bytes, more than upload.max_size_bytes allows.")
        return None

    def _refuse(self, upload: Upload, error: VideoError) -> Upload:
        fault = ItemError(stage="collect", error=type(error).__name__, message=str(error))
        if isinstance(error, NotAVideoError):
            return upload.model_copy(update={"finding": Finding.NOT_A_VIDEO, "error": fault})
        entry = failed_entry(upload, fault, self.settings.recorded())
        self.records.put_video(self.collection, upload, entry)
        return upload.model_copy(update={"finding": Finding.UNUSABLE, "error": fault})

    def _look_closer(self, upload: Upload) -> Upload:
        """Ask S3 for the version, and for the digest: the same bytes may be known under another name."""
        stored = self.store.describe(upload.key)
        if stored is None or stored.etag != upload.etag:
            return upload.model_copy(update={"finding": Finding.REPLACED})
        upload = upload.model_copy(update={"version_id": stored.version_id})
        known = stored.sha256 and self.records.sequence(self.collection, stored.sha256, self.settings.recorded())
        if not known:
            return upload
        self.records.put_video(self.collection, upload, known.model_copy(update={"source": upload.name}))
        return upload.model_copy(update={"finding": Finding.KNOWN})
