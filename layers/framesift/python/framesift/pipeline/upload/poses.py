"""What the stages over uploaded videos share: the settings of their poses, and the entry of a failed one."""

from __future__ import annotations

from typing import Any

from framesift.contracts import ItemError, Upload, VideoEntry
from framesift.settings import UPLOAD_OVERRIDES, UploadSettings
from framesift.settings.pose import PoseSettings, load_pose_settings


def pose_settings(settings: UploadSettings) -> PoseSettings:
    """The preset, with what the settings override."""
    values = settings.model_dump()
    return load_pose_settings(settings.preset, options={name: values[name.split(".")[1]] for name in UPLOAD_OVERRIDES})


def failed_entry(upload: Upload, fault: ItemError, recorded: dict[str, Any]) -> VideoEntry:
    """The entry of a video without a sequence in the collection's manifest."""
    return VideoEntry(
        source=upload.name,
        status="failed",
        settings=recorded,
        source_size_bytes=upload.size_bytes,
        error=fault.error,
        message=fault.message,
    )
