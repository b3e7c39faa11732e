"""What became of uploaded videos."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from framesift.contracts import Contract, Upload, VideoEntry
from framesift.table.table import Table

_SINGLE_READS = 16  # A query reads 1 MB a request, so of more names it is the cheaper one.


class VideoRecord(Contract):
    """What became of a video."""

    name: str
    etag: str
    modified_at: datetime
    entry: VideoEntry

    def is_of(self, upload: Upload) -> bool:
        """Whether it is about this upload, not about an object before or after under the same name."""
        return (self.name, self.etag) == (upload.name, upload.etag)

    def is_about(self, upload: Upload, recorded: dict[str, Any]) -> bool:
        """Whether it is about this upload with these settings."""
        return self.is_of(upload) and self.entry.settings == recorded

    def is_done(self, upload: Upload, recorded: dict[str, Any]) -> bool:
        """Whether this upload has a sequence with these settings."""
        return self.is_about(upload, recorded) and self.entry.status == "done"


def settings_digest(recorded: dict[str, Any]) -> str:
    """A short name for settings (`PoseSettings.recorded`): other settings make another sequence."""
    return hashlib.sha256(json.dumps(recorded, sort_keys=True).encode()).hexdigest()[:8]


@dataclass(frozen=True)
class Videos:
    """Records of a collection's videos and of their pose sequences."""

    table: Table

    def all(self, collection: str) -> dict[str, VideoRecord]:
        """What became of a collection's videos, by name."""
        found = self.table.query(f"VIDEO#{collection}")
        videos = (VideoRecord.model_validate_json(record["video"]) for record in found)
        return {video.name: video for video in videos}

    def named(self, collection: str, names: Collection[str]) -> dict[str, VideoRecord]:
        """What became of some of a collection's videos, by name; of few, the others are not read."""
        if len(names) > _SINGLE_READS:
            return {name: video for name, video in self.all(collection).items() if name in set(names)}
        found = ((name, self.get(collection, name)) for name in names)
        return {name: video for name, video in found if video}

    def get(self, collection: str, name: str) -> VideoRecord | None:
        """What became of a video; None where nothing is known yet."""
        found = self.table.get(f"VIDEO#{collection}", name)
        return VideoRecord.model_validate_json(found["video"]) if found else None

    def put(self, collection: str, upload: Upload, entry: VideoEntry) -> bool:
        """Record what became of a video; False, and nothing, where that of a newer object is known already."""
        record = VideoRecord(name=upload.name, etag=upload.etag, modified_at=upload.modified_at, entry=entry)
        modified_at = upload.modified_at.astimezone(UTC).isoformat()
        return self.table.put(
            f"VIDEO#{collection}",
            upload.name,
            {"video": record.model_dump_json(), "modified_at": modified_at},
            "attribute_not_exists(pk) OR modified_at <= :modified_at",
            modified_at=modified_at,
        )

    def delete(self, collection: str) -> int:
        """Delete what is recorded of a collection's videos.

        Returns:
            How many there were.
        """
        return self.table.delete_all(f"VIDEO#{collection}")

    def delete_sequences(self, collection: str) -> None:
        """Forget which bytes have a sequence in a collection: each is made again when it is next wanted."""
        self.table.delete_all(f"SEQUENCE#{collection}")

    def sequence(self, collection: str, sha256: str, recorded: dict[str, Any]) -> VideoEntry | None:
        """The entry of a video with these bytes, where its sequence with these settings exists."""
        found = self.table.get(f"SEQUENCE#{collection}", f"{sha256}#{settings_digest(recorded)}")
        return VideoEntry.model_validate_json(found["entry"]) if found else None

    def put_sequence(self, collection: str, entry: VideoEntry) -> None:
        """Record that a sequence exists; writing the same again changes nothing."""
        key = f"{entry.sha256}#{settings_digest(entry.settings)}"
        self.table.put(f"SEQUENCE#{collection}", key, {"entry": entry.model_dump_json()})
