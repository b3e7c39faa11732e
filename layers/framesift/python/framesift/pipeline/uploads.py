"""What the steps of an upload share: its names, and the settings of its poses."""

from __future__ import annotations

import hashlib
from typing import Any

from framesift import keys
from framesift.contracts import ItemError, StartInput, Upload
from framesift.errors import InvalidCollectionError, InvalidStartError
from framesift.names import safe_name
from framesift.pose.manifest import VideoEntry
from framesift.pose.presets import PoseSettings, load_settings
from framesift.settings import UploadSettings

_MAX_NAME_BYTES = 100  # Of S3's 1,024 for a whole key.


def subject_of(start: StartInput) -> tuple[str, str]:
    """The collection of an upload's start, and the subject of its run.

    The subject is the collection where all of it is meant, and one object's own where that is: the same for an event
    that comes twice, another one for each write of the key.

    Raises:
        InvalidStartError: If the start has neither or both, or asks for categories.
        InvalidCollectionError: If the object lies in no collection, or the name cannot be used.
    """
    if start.categories or (start.collection is None) == (start.object is None):
        raise InvalidStartError("This start cannot be used: `upload` takes a `collection` or an `object`, one of them.")
    if start.object is None:
        collection = check_collection(start.collection or "")
        return collection, collection
    found = keys.upload_name(start.object.key)
    if found is None:
        raise InvalidCollectionError(
            f"{start.object.key!r} lies in no collection: put it below {keys.uploads_prefix('NAME')}."
        )
    collection, written = check_collection(found[0]), f"{start.object.key}\n{start.object.sequencer}"
    digest = hashlib.sha256(written.encode(errors="surrogatepass")).hexdigest()
    return collection, f"{collection}.{digest[:12]}"


def check_collection(name: str) -> str:
    """Return a collection's name if it can be used.

    It is part of keys, of file names and of runs' names, which put dots and `#` after it.

    Raises:
        InvalidCollectionError: If it cannot.
    """
    if safe_name(name, max_bytes=_MAX_NAME_BYTES) != name or set(name) & set(".#"):
        raise InvalidCollectionError(
            f"A collection cannot be called {name!r}: take letters, digits, spaces, - and _, at most "
            f"{_MAX_NAME_BYTES} bytes."
        )
    return name


def pose_settings(settings: UploadSettings) -> PoseSettings:
    """The preset, with what the settings say otherwise."""
    return load_settings(
        settings.preset,
        options={
            "video.target_fps": settings.target_fps,
            "video.max_frames": settings.max_frames,
            "video.max_size_bytes": settings.max_size_bytes,
            "video.max_duration_s": settings.max_duration_s,
            "landmarks.engine": settings.engine,
            "landmarks.model": settings.model,
            "landmarks.people": settings.people,
            "landmarks.min_confidence": settings.min_confidence,
        },
    )


def failed_entry(upload: Upload, fault: ItemError, recorded: dict[str, Any]) -> VideoEntry:
    """What the collection's manifest says of a video that has no sequence."""
    return VideoEntry(
        source=upload.name,
        status="failed",
        settings=recorded,
        source_size_bytes=upload.size_bytes,
        error=fault.error,
        message=fault.message,
    )
