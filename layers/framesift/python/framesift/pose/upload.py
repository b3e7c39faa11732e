"""Sends a folder's sequences to S3, and then its manifest: who reads the manifest finds what it names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from framesift.errors import BucketMissingError, NoVideosError
from framesift.pose.manifest import MANIFEST_NAME
from framesift.pose.sequence import SUFFIX
from framesift.settings.pose import S3Settings
from framesift.storage.transfer import Sender, Sent


def files_to_upload(folder: Path) -> list[Path]:
    """The sequences below a folder and, last, its manifest.

    Raises:
        NoVideosError: There is no sequence.
    """
    sequences = sorted(folder.rglob(f"*{SUFFIX}"))
    if not sequences:
        raise NoVideosError(f"{folder} holds no pose sequence: run `framesift pose extract` first.")
    manifest = folder / MANIFEST_NAME
    return sequences + ([manifest] if manifest.is_file() else [])


def upload(
    folder: Path,
    settings: S3Settings,
    on_bytes: Callable[[int], None] = lambda _: None,
    on_file: Callable[[Sent], None] = lambda _: None,
) -> list[Sent]:
    """Send a folder's sequences, and then its manifest.

    Args:
        folder: From `extract`.
        settings: See `S3Settings`; the bucket must be set.
        on_bytes: Hears of bytes as they are sent or passed over.
        on_file: Hears of each file.

    Raises:
        UploadError: One of its leaves. What was sent stays, parts of unfinished objects are gone.
    """
    if settings.bucket is None:
        raise BucketMissingError("No bucket is named: give --s3-bucket.")
    options = settings.model_dump(include={"bucket", "max_workers", "part_size_bytes", "overwrite"})
    sender = Sender(**options, on_bytes=on_bytes, on_file=on_file)
    sender.check_bucket()
    *sequences, last = [
        (path, f"{settings.prefix.strip('/')}/{path.relative_to(folder).as_posix()}")
        for path in files_to_upload(folder)
    ]
    return [*sender.send_all(sequences), sender.send(*last)]
