"""Uploads many files in parallel, verified, and none of them twice.

Each object carries its SHA-256 as metadata and is verified by S3 on arrival, part by part. A file whose object has the
same digest is skipped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from framesift.errors import UploadMismatchError
from framesift.storage.s3 import S3Store, upload_errors


@dataclass(frozen=True)
class Sent:
    """The outcome of one file.

    Attributes:
        path: The file.
        key: Its object.
        status: `sent`, or `there` if the same object existed already.
        size_bytes: The file's size.
    """

    path: Path
    key: str
    status: Literal["sent", "there"]
    size_bytes: int


@dataclass(frozen=True)
class Sender:
    """Uploads files to a bucket.

    Attributes:
        bucket: Its name.
        max_workers: Concurrent transfers.
        part_size_bytes: Larger files are sent in parts of this size.
        overwrite: Send files that exist already, too.
        on_bytes: Called with numbers of bytes as they are sent or skipped.
        on_file: Called with each file's outcome.
    """

    bucket: str
    max_workers: int = 4
    part_size_bytes: int = 8 << 20
    overwrite: bool = False
    on_bytes: Callable[[int], None] = lambda _: None
    on_file: Callable[[Sent], None] = lambda _: None

    def check_bucket(self) -> None:
        """Check that the bucket exists and can be reached.

        Raises:
            UploadError: One of its leaves.
        """
        with upload_errors(self.bucket):
            S3Store(self.bucket).check()

    def send_all(self, files: Iterable[tuple[Path, str]]) -> list[Sent]:
        """Send files to keys, several at a time; the first error stops those that have not begun.

        Raises:
            UploadError: One of its leaves. Files that were sent stay; the parts of unfinished objects are deleted.
        """
        with ThreadPoolExecutor(self.max_workers) as pool:
            try:
                return list(pool.map(lambda file: self.send(*file), files))
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def is_there(self, path: Path, key: str) -> bool:
        """Whether a file would not be sent, as its object has the same digest.

        Raises:
            UploadError: One of its leaves.
        """
        return self._is_there(key, _digest(path))

    def _is_there(self, key: str, digest: str) -> bool:
        if self.overwrite:
            return False
        with upload_errors(self.bucket):
            existing = S3Store(self.bucket).describe(key)
        return existing is not None and existing.declared_sha256 == digest

    def send(self, path: Path, key: str) -> Sent:
        """Send a file, unless its object has the same digest.

        Raises:
            UploadError: One of its leaves.
        """
        digest = _digest(path)
        size_bytes = path.stat().st_size
        store = S3Store(self.bucket)
        with upload_errors(self.bucket):
            if self._is_there(key, digest):
                self.on_bytes(size_bytes)
                return self._report(Sent(path, key, "there", size_bytes))
            store.upload_verified(
                path,
                key,
                digest,
                part_size_bytes=self.part_size_bytes,
                max_workers=self.max_workers,
                on_bytes=self.on_bytes,
            )
            arrived = store.describe(key)
        if arrived is None or (arrived.size_bytes, arrived.declared_sha256) != (size_bytes, digest):
            raise UploadMismatchError(
                f"s3://{self.bucket}/{key} is not what was sent: another writer changed it; send it again."
            )
        return self._report(Sent(path, key, "sent", size_bytes))

    def _report(self, sent: Sent) -> Sent:
        self.on_file(sent)
        return sent


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
