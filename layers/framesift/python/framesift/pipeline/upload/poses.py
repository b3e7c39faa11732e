"""What the stages over uploaded videos share: the settings of their poses, and the entry of a failed one."""

from __future__ import annotations

from typing import Any

from framesift.contracts import ItemError, Upload
from framesift.pose.manifest import VideoEntry
from framesift.pose.presets import PoseSettings, load_settings
from framesift.settings import UploadSettings


def pose_settings(settings: UploadSettings) -> PoseSettings:
    """The preset, with what the settings override."""
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
    """The entry of a video without a sequence in the collection's manifest."""
    return VideoEntry(
        source=upload.name,
        status="failed",
        settings=recorded,
        source_size_bytes=upload.size_bytes,
        error=fault.error,
        message=fault.message,
    )
