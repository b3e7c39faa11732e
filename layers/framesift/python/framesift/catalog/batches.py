"""Uploads in batches: announced, sent straight to the bucket, resumed, completed by one run, tried again.

A batch's files arrive below `incoming/`, where no object starts a run; completing the batch does, once. Videos go below
`uploads/` like any other video, and have runs of their own.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import PurePosixPath
from secrets import token_hex
from zoneinfo import ZoneInfo

from pydantic import Field

from framesift import keys
from framesift.catalog.ledger import read_ledger
from framesift.contracts import Contract, StartInput
from framesift.errors import (
    BatchBusyError,
    BatchIncompleteError,
    BatchMissingError,
    BatchStateError,
    BatchTooLargeError,
    BucketNotAllowedError,
    FileNameError,
    NothingToRetryError,
    UnsafeEntryError,
)
from framesift.names import check_collection
from framesift.settings import Settings
from framesift.settings.pose import is_video, load_pose_settings
from framesift.storage import Store, parse_uri, read_lines, write_manifest
from framesift.storage.direct import DirectUploads, PartLink, UploadForm
from framesift.storage.multipart import MultipartUploads
from framesift.storage.zips import clean_path
from framesift.table import BatchRecord, PartUpload, Records
from framesift.table.batches import BatchKind, is_expired, new_batch_id
from framesift.workflow import Workflow

_TRIES = 20
_MAX_PARTS = 10_000  # Of an object in S3.
_SHOWN = 3  # Files that a message names.
ZIP_EXTENSIONS = frozenset({".zip"})
# What a browser or an archiver may not know.
_TYPES = {".heic": "image/heic", ".heif": "image/heif", ".avif": "image/avif", ".webp": "image/webp"}


class NewFile(Contract):
    """A file that is going to be uploaded."""

    name: str = Field(description="Its path in what is uploaded.")
    size_bytes: int = Field(ge=0)
    sha256: str | None = Field(
        None,
        pattern=r"^[0-9a-f]{64}$",
        description="Checked: by S3 where the file is sent in one part, else when it is read; a zip's entries have "
        "checksums of their own.",
    )


class BatchFile(NewFile):
    """A file of a batch: a line of one of the batch's lists."""

    number: int
    key: str = Field(description="Where it arrives.")
    content_type: str


class FileLinks(Contract):
    """How a file, or what is missing of it, is sent."""

    number: int
    form: UploadForm | None = Field(None, description="Of a file of one part.")
    parts: list[PartLink] = Field([], description="Of a larger one: the parts that have not arrived.")


@dataclass(frozen=True)
class BatchUploads:
    """What can be done with the batches of collections.

    Attributes:
        settings: Limits, and how long links work.
        store: The bucket.
        records: The table.
        workflow: Where the runs start.
    """

    settings: Settings
    store: Store
    records: Records
    workflow: Workflow

    def open(self, collection: str, by: str, digest: str = "", models: Sequence[str] = ()) -> BatchRecord:
        """Open a batch, or the open one of the same user with the same digest.

        Args:
            collection: Its id; a collection that is not there is made.
            by: The user's id; empty: an operator.
            digest: Of what is going to be uploaded; empty: always a new batch.
            models: What looks at the images; none: the collection's models.

        Raises:
            InvalidCollectionError: If no collection can have that id.
            CollectionDeletedError: If the collection is being deleted.
        """
        if digest:
            for batch in self.records.batches.of_collection(collection):
                if (batch.digest, batch.by, batch.state) == (digest, by, "open") and not self._is_expired(batch):
                    return batch
        return self._create(collection, "upload", by, digest=digest, models=list(models))

    def add_files(self, collection: str, batch_id: str, files: Sequence[NewFile]) -> list[BatchFile]:
        """Announce files; each gets its number and the key where it arrives.

        Raises:
            BatchMissingError: If there is no such batch.
            BatchStateError: If it is not open.
            BatchTooLargeError: If a file, or all files together, exceed the limits.
            FileNameError: If a name cannot be used.
        """
        for _ in range(_TRIES):
            batch = self._get_open(collection, batch_id)
            if batch.files + len(files) > self.settings.intake.max_batch_files:
                raise BatchTooLargeError(
                    f"A batch has at most {self.settings.intake.max_batch_files} files: make several."
                )
            announced = [self._announce(batch, batch.files + place, file) for place, file in enumerate(files)]
            key = keys.batch_files(collection, batch_id, f"{batch.files:07d}-{token_hex(4)}")
            write_manifest(self.store, key, announced)
            changed = self.records.batches.change(
                batch,
                files=batch.files + len(files),
                size_bytes=batch.size_bytes + sum(file.size_bytes for file in files),
                lists=[*batch.lists, key],
            )
            if changed:
                return announced
            self.store.delete([key])
        raise BatchBusyError(f"Others change batch {batch_id} faster than this one can; try again.")

    def files(self, batch: BatchRecord) -> Iterator[BatchFile]:
        """A batch's announced files."""
        return batch_files(batch, self.store)

    def links(self, collection: str, batch_id: str, files: Sequence[BatchFile]) -> list[FileLinks]:
        """How files are sent, without the parts that have arrived; call it again when links have expired.

        Raises:
            BatchMissingError: If there is no such batch.
            BatchStateError: If it is not open.
        """
        batch = self._get_open(collection, batch_id)
        return [self._links(batch, file) for file in files]

    def arrived(self, batch: BatchRecord) -> set[int]:
        """The numbers of the files that have arrived whole, with the size that was announced."""
        arrived = self._sizes(keys.incoming_prefix(batch.collection, batch.id))
        found = set()
        for file in self.files(batch):
            if file.key not in arrived and file.key.startswith(keys.UPLOADS):
                described = self.store.describe(file.key)
                arrived |= {file.key: described.size_bytes} if described else {}
            if arrived.get(file.key) == file.size_bytes:
                found.add(file.number)
        return found

    def complete_file(self, collection: str, batch_id: str, file: BatchFile) -> None:
        """Make a file of its parts; nothing is done for one of a single part, or one that is complete.

        Raises:
            BatchMissingError: If there is no such batch.
            BatchStateError: If it is not open.
            BatchIncompleteError: If parts are missing.
        """
        batch = self._get_open(collection, batch_id)
        upload = self.records.batches.part_upload(collection, batch_id, file.number)
        if upload is None:
            return
        uploads = self._uploads
        parts = uploads.parts(upload.key, upload.upload_id)
        if parts is not None:
            missing = [part for part in _divide(file.size_bytes, self._part_bytes(file)) if not _has(parts, *part)]
            if missing:
                raise BatchIncompleteError(f"{file.name}: {len(missing)} parts have not arrived; send them.")
            uploads.complete(upload.key, upload.upload_id, parts)
        self.records.batches.end_part_upload(batch.collection, batch.id, file.number)

    def complete(self, collection: str, batch_id: str) -> BatchRecord:
        """Check that all files have arrived, and start the batch's run; doing it twice starts one run.

        Raises:
            BatchMissingError: If there is no such batch.
            BatchStateError: If it was aborted, has expired, or has no files.
            BatchIncompleteError: If files are missing, or have another size than announced.
        """
        batch = self.get(collection, batch_id)
        if batch.state == "running":
            return self._start(batch)
        batch = self._get_open(collection, batch_id)
        if not batch.files:
            raise BatchStateError(f"Batch {batch_id} has no files: announce some, or abort it.")
        waiting = self.records.batches.part_uploads(collection, batch_id)
        arrived = set() if waiting else self.arrived(batch)
        for file in self.files(batch):
            if file.number in waiting:
                self.complete_file(collection, batch_id, file)
        arrived = arrived or self.arrived(batch)
        missing = [file.name for file in self.files(batch) if file.number not in arrived]
        if missing:
            raise BatchIncompleteError(
                f"{len(missing)} of {batch.files} files have not arrived as announced: {', '.join(missing[:_SHOWN])}"
                f"{', …' if len(missing) > _SHOWN else ''}. Send them, and complete the batch again."
            )
        return self._start(self._change(batch, "running"))

    def abort(self, collection: str, batch_id: str) -> BatchRecord:
        """Give a batch up, and delete what has arrived of it; videos that are complete stay.

        Raises:
            BatchMissingError: If there is no such batch.
            BatchStateError: If its run was started.
        """
        batch = self.get(collection, batch_id)
        if batch.state not in ("open", "aborted"):
            raise BatchStateError(f"Batch {batch_id} is {batch.state}: only an open one can be aborted.")
        if batch.state == "open":
            batch = self._change(batch, "aborted")
        for upload in self.records.batches.part_uploads(collection, batch_id).values():
            self._uploads.abort(upload.key, upload.upload_id)
            self.records.batches.end_part_upload(collection, batch_id, upload.file)
        self.store.delete(self.store.list(keys.incoming_prefix(collection, batch_id)))
        return batch

    def add_references(
        self, collection: str, by: str, references: Sequence[str], models: Sequence[str] = ()
    ) -> BatchRecord:
        """Start a batch of images that stay where they are.

        Args:
            collection: Its id; a collection that is not there is made.
            by: The user's id; empty: an operator.
            references: `s3://bucket/prefix`, each an image or a folder of images.
            models: What looks at the images; none: the collection's models.

        Raises:
            BucketNotAllowedError: If the settings do not list a bucket.
            InputError: If a reference is no S3 URI.
        """
        allowed = self.settings.intake.buckets
        for reference in references:
            bucket, _ = parse_uri(reference)
            if bucket not in allowed:
                raise BucketNotAllowedError(
                    f"Images are read in place from {', '.join(allowed) or 'listed buckets'} only, not from {bucket}: "
                    "list it in FRAMESIFT_INTAKE__BUCKETS, or for a deployed stack in `read_in_place` of its stage."
                )
        batch = self._create(
            collection, "references", by, references=list(references), models=list(models), state="running"
        )
        return self._start(batch)

    def look_again(self, collection: str, by: str, models: Sequence[str]) -> BatchRecord:
        """Start a batch that lets models look at all images that are in a collection.

        Raises:
            CollectionMissingError: If there is no such collection.
            CollectionDeletedError: If it is being deleted.
        """
        self.records.collections.get(collection)
        return self._start(self._create(collection, "relook", by, models=list(models), state="running"))

    def retry(self, collection: str, batch_id: str) -> BatchRecord:
        """Start a run over what failed of a batch.

        Raises:
            BatchMissingError: If there is no such batch.
            BatchStateError: If it is not done yet.
            NothingToRetryError: If nothing failed.
        """
        batch = self.get(collection, batch_id)
        if batch.state not in ("done", "failed"):
            raise BatchStateError(f"Batch {batch_id} is {batch.state}: wait until it is done.")
        ledger = read_ledger(self.store, collection, batch_id)
        if batch.published and not any(line.file and line.status == "refused" for line in ledger):
            raise NothingToRetryError(f"Nothing of batch {batch_id} can be tried again: `framesift collection ledger`.")
        return self._start(self._change(batch, "running"), force=True)

    def get(self, collection: str, batch_id: str) -> BatchRecord:
        """A batch.

        Raises:
            BatchMissingError: If there is none.
        """
        batch = self.records.batches.get(collection, batch_id)
        if batch is None:
            raise BatchMissingError(f"Collection {collection!r} has no batch {batch_id!r}.")
        return batch

    def execution(self, batch: BatchRecord) -> str:
        """The ARN of the execution that was started for a batch, as the batch was returned."""
        return self.workflow.execution(_execution_name(batch))

    @property
    def _direct(self) -> DirectUploads:
        return DirectUploads(self.store.bucket, self.settings.intake.link_s)

    @property
    def _uploads(self) -> MultipartUploads:
        return MultipartUploads(self.store.bucket)

    def _create(self, collection: str, kind: BatchKind, by: str, **fields: object) -> BatchRecord:
        self.records.collections.ensure(check_collection(collection))
        now = datetime.now(UTC)
        batch = BatchRecord.model_validate(
            {
                "collection": collection,
                "id": new_batch_id(now),
                "kind": kind,
                "state": "open",
                "by": by,
                "date": now.astimezone(ZoneInfo(self.settings.run.timezone)).date().isoformat(),
                "created_at": now,
                "completed_at": None if kind == "upload" else now,
                **fields,
            }
        )
        self.records.batches.create(batch)
        return batch

    def _get_open(self, collection: str, batch_id: str) -> BatchRecord:
        batch = self.get(collection, batch_id)
        if batch.state != "open" or self._is_expired(batch):
            state = "expired" if batch.state == "open" else batch.state
            raise BatchStateError(f"Batch {batch_id} is {state}: open another one.")
        return batch

    def _is_expired(self, batch: BatchRecord) -> bool:
        return is_expired(batch, datetime.now(UTC), self.settings.intake.open_days)

    def _change(self, batch: BatchRecord, state: str) -> BatchRecord:
        completed_at = batch.completed_at or datetime.now(UTC)
        changed = self.records.batches.change(batch, state=state, completed_at=completed_at, error=None)
        if changed is None:
            raise BatchBusyError(f"Somebody else changed batch {batch.id} at the same moment; try again.")
        return changed

    def _start(self, batch: BatchRecord, *, force: bool = False) -> BatchRecord:
        start = StartInput(source="upload", collection=batch.collection, batch=batch.id, force=force)
        # The same name starts one execution, however often this is called.
        self.workflow.start(start, _execution_name(batch))
        return batch

    def _announce(self, batch: BatchRecord, number: int, file: NewFile) -> BatchFile:
        try:
            name = clean_path(file.name)
        except UnsafeEntryError as error:
            raise FileNameError(str(error)) from None
        extension = PurePosixPath(name).suffix.lower()
        intake = self.settings.intake
        limit = intake.max_zip_bytes if extension in ZIP_EXTENSIONS else self.settings.collections.max_bytes
        if is_video(name):
            upload = self.settings.upload
            own = upload.model_dump()["max_size_bytes"]
            limit = own if own is not None else load_pose_settings(upload.preset).video.max_size_bytes
        if file.size_bytes > limit:
            raise BatchTooLargeError(f"{name} has {file.size_bytes} bytes; at most {limit} are taken.")
        safe = extension if extension in {*intake.extensions, *ZIP_EXTENSIONS} else ""
        return BatchFile(
            name=name,
            size_bytes=file.size_bytes,
            sha256=file.sha256,
            number=number,
            key=f"{keys.uploads_prefix(batch.collection)}{name}"
            if is_video(name)
            else keys.incoming(batch.collection, batch.id, number, safe),
            content_type=_TYPES.get(extension) or mimetypes.guess_type(name)[0] or "application/octet-stream",
        )

    def _links(self, batch: BatchRecord, file: BatchFile) -> FileLinks:
        direct, part_bytes = self._direct, self._part_bytes(file)
        if file.size_bytes <= part_bytes:
            form = direct.form(file.key, file.size_bytes, file.content_type, file.sha256)
            return FileLinks(number=file.number, form=form)
        upload, arrived = self._part_upload(batch, file)
        missing = [part for part in _divide(file.size_bytes, part_bytes) if not _has(arrived, *part)]
        return FileLinks(
            number=file.number,
            parts=[
                direct.part_link(file.key, upload.upload_id, number, (number - 1) * part_bytes, size_bytes)
                for number, size_bytes in missing
            ],
        )

    def _part_upload(self, batch: BatchRecord, file: BatchFile) -> tuple[PartUpload, Mapping[int, tuple[str, int]]]:
        """The file's upload in parts, begun if there is none, and what has arrived of it."""
        batches = self.records.batches
        upload = batches.part_upload(batch.collection, batch.id, file.number)
        if upload:
            parts = self._uploads.parts(upload.key, upload.upload_id)
            if parts is not None:
                return upload, parts
            batches.end_part_upload(batch.collection, batch.id, file.number)
        upload_id = self._uploads.begin(file.key, file.content_type)
        made = PartUpload(file=file.number, key=file.key, upload_id=upload_id)
        expires_at = int((batch.created_at + timedelta(days=self.settings.intake.open_days + 1)).timestamp())
        if batches.put_part_upload(batch.collection, batch.id, made, expires_at):
            return made, {}
        self._uploads.abort(file.key, upload_id)
        raise BatchBusyError(f"Somebody else began to send {file.name} at the same moment; try again.")

    def _part_bytes(self, file: BatchFile) -> int:
        """The size of the file's parts."""
        return max(self.settings.intake.part_bytes, -(-file.size_bytes // _MAX_PARTS))

    def _sizes(self, prefix: str) -> dict[str, int]:
        return {stored.key: stored.size_bytes for stored in self.store.objects(prefix)}


def _execution_name(batch: BatchRecord) -> str:
    return f"{batch.id}-{len(batch.runs)}-{sha256(batch.collection.encode()).hexdigest()[:16]}"


def batch_files(batch: BatchRecord, store: Store) -> Iterator[BatchFile]:
    """The files that were announced of a batch."""
    for key in batch.lists:
        yield from read_lines(store, key, BatchFile)


def digest_files(files: Iterable[NewFile]) -> str:
    """What tells a batch of these files from others: names and sizes."""
    lines = sorted(f"{file.size_bytes} {file.name}" for file in files)
    return sha256("\n".join(lines).encode(errors="surrogatepass")).hexdigest()


def _divide(size_bytes: int, part_bytes: int) -> Iterator[tuple[int, int]]:
    """Number and size of each part."""
    for place, start in enumerate(range(0, size_bytes, part_bytes)):
        yield place + 1, min(part_bytes, size_bytes - start)


def _has(parts: Mapping[int, tuple[str, int]], number: int, size_bytes: int) -> bool:
    return number in parts and parts[number][1] == size_bytes
