"""What uploads keep in the table (`table/`).

| pk | sk | what |
| --- | --- | --- |
| `VIDEO#{collection}` | `{name}` | what became of a video: of the newest object under that name |
| `SEQUENCE#{collection}` | `{sha256}#{settings}` | that a video's sequence is there, whatever the video is called |
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from framesift.contracts import Contract, Upload
from framesift.pose.manifest import VideoEntry
from framesift.table import Table


class VideoRecord(Contract):
    """What became of a video."""

    name: str
    etag: str
    modified_at: datetime
    entry: VideoEntry

    def is_of(self, upload: Upload) -> bool:
        """Whether it is about what was uploaded, not about something before or after."""
        return (self.name, self.etag) == (upload.name, upload.etag)

    def is_about(self, upload: Upload, recorded: dict[str, Any]) -> bool:
        """Whether it is about that very upload with those very settings."""
        return self.is_of(upload) and self.entry.settings == recorded

    def is_done(self, upload: Upload, recorded: dict[str, Any]) -> bool:
        """Whether that very upload has a sequence with those very settings."""
        return self.is_about(upload, recorded) and self.entry.status == "done"


def settings_digest(recorded: dict[str, Any]) -> str:
    """A short name for settings (`PoseSettings.recorded`): other settings make another sequence."""
    return hashlib.sha256(json.dumps(recorded, sort_keys=True).encode()).hexdigest()[:8]


class UploadRecords(Table):
    """The table, with what uploads keep in it."""

    def videos(self, collection: str) -> dict[str, VideoRecord]:
        """What became of a collection's videos, by name."""
        found = (VideoRecord.model_validate_json(record["video"]) for record in self._read(f"VIDEO#{collection}"))
        return {video.name: video for video in found}

    def video(self, collection: str, name: str) -> VideoRecord | None:
        """What became of a video; None where nothing is known yet."""
        found = self._get(f"VIDEO#{collection}", name)
        return VideoRecord.model_validate_json(found["video"]) if found else None

    def put_video(self, collection: str, upload: Upload, entry: VideoEntry) -> bool:
        """Say what became of a video; False, and nothing, where that of a newer object is known already."""
        record = VideoRecord(name=upload.name, etag=upload.etag, modified_at=upload.modified_at, entry=entry)
        modified_at = upload.modified_at.astimezone(UTC).isoformat()
        return self._put(
            f"VIDEO#{collection}",
            upload.name,
            {"video": record.model_dump_json(), "modified_at": modified_at},
            "attribute_not_exists(pk) OR modified_at <= :modified_at",
            modified_at=modified_at,
        )

    def sequence(self, collection: str, sha256: str, recorded: dict[str, Any]) -> VideoEntry | None:
        """The entry of a video with that content, where its sequence with those settings is there."""
        found = self._get(f"SEQUENCE#{collection}", f"{sha256}#{settings_digest(recorded)}")
        return VideoEntry.model_validate_json(found["entry"]) if found else None

    def put_sequence(self, collection: str, entry: VideoEntry) -> None:
        """Say that a sequence is there; writing the same again changes nothing."""
        key = f"{entry.sha256}#{settings_digest(entry.settings)}"
        self._put(f"SEQUENCE#{collection}", key, {"entry": entry.model_dump_json()})
