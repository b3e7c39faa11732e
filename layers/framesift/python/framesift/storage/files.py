"""Reads the files that a look job names: objects, and entries of zips, in our bucket or where the user keeps them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from framesift.contracts import FileRef
from framesift.errors import DigestMismatchError, FileReplacedError, MediaTooLargeError, ObjectMissingError
from framesift.storage.ranges import RangeReader
from framesift.storage.s3 import S3Store
from framesift.storage.store import Store, parse_uri
from framesift.storage.zips import read_entry

_ANY_SIZE = 1 << 62


class FileReader:
    """Reads files one after the other; entries of a zip in the order of their offsets share requests.

    Args:
        store: Our bucket.
        max_bytes: The largest file that is read.
        open_bucket: Gives another bucket, by its name.
    """

    def __init__(self, store: Store, max_bytes: int, open_bucket: Callable[[str], Store] = S3Store) -> None:
        self._store, self._max_bytes, self._open_bucket = store, max_bytes, open_bucket
        self._zip: tuple[tuple[str | None, ...], RangeReader] | None = None

    def read(self, file: FileRef) -> bytes:
        """Read a file as a whole.

        Raises:
            FileReplacedError: If the object was overwritten or deleted since it was listed.
            MediaTooLargeError: If it is larger than the limit.
            DigestMismatchError: If it has not the digest that its uploader announced.
            ZipError: If an entry is not as the zip's directory says.
        """
        if file.size_bytes > self._max_bytes:
            raise MediaTooLargeError(
                f"{file.name} has {file.size_bytes} bytes; at most {self._max_bytes} are taken "
                "(FRAMESIFT_COLLECTIONS__MAX_BYTES)."
            )
        try:
            if file.entry is None:
                store, key = self._place(file)
                return _check(file, store.get_range(key, 0, file.size_bytes, file.etag, file.version_id))
            return b"".join(read_entry(self._open_zip(file), file.entry))
        except (FileReplacedError, ObjectMissingError) as error:
            raise FileReplacedError(f"{file.name} was overwritten or deleted since it was listed.") from error

    def _place(self, file: FileRef) -> tuple[Store, str]:
        if file.uri is None:
            return self._store, str(file.key)
        bucket, key = parse_uri(file.uri)
        return self._open_bucket(bucket), key

    def _open_zip(self, file: FileRef) -> RangeReader:
        identity = (file.key, file.uri, file.etag, file.version_id)
        if self._zip is None or self._zip[0] != identity:
            store, key = self._place(file)
            # Its size is not known here, and not needed: what lies beyond its end comes back empty.
            self._zip = identity, RangeReader(store, key, _ANY_SIZE, file.etag, file.version_id)
        return self._zip[1]


def _check(file: FileRef, data: bytes) -> bytes:
    if file.sha256 and hashlib.sha256(data).hexdigest() != file.sha256:
        raise DigestMismatchError(
            f"{file.name} arrived with other bytes than were announced (SHA-256 {file.sha256[:12]}…): upload it again."
        )
    return data
