"""Uploads a folder's sequences to S3, and then its manifest, so that everything the manifest names exists."""

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
    """Upload a folder's sequences, and then its manifest.

    Args:
        folder: From `extract`.
        settings: See `S3Settings`; the bucket must be set.
        on_bytes: Is called with the bytes as they are sent or skipped.
        on_file: Is called with each file.

    Raises:
        UploadError: One of its leaves. Finished uploads stay; parts of unfinished ones are deleted.
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
