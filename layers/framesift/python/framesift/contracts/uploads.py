"""Messages and manifest lines of uploaded videos and their poses."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from framesift.contracts.base import Contract
from framesift.contracts.items import ItemError
from framesift.contracts.stages import JobKind, RunJobSpec


class Finding(StrEnum):
    """How Collect classifies an upload."""

    VIDEO = "video"
    KNOWN = "known"
    NOT_A_VIDEO = "not_a_video"
    UNUSABLE = "unusable"
    REPLACED = "replaced"


class Upload(Contract):
    """An object that a user uploaded to a collection: a line of the run's manifest."""

    key: str
    name: str = Field(description="Its key below the collection's folder.")
    etag: str
    version_id: str | None = None
    size_bytes: int
    modified_at: datetime
    finding: Finding
    error: ItemError | None = Field(None, description="Why it cannot be analyzed.")


class PoseJob(RunJobSpec):
    """A vision job that extracts poses from videos."""

    kind: JobKind = "poses"
    collection: str
    videos: list[Upload] = Field(description="Child `i` of `n` processes every `n`-th, from the `i`-th on.")
    settings: dict[str, Any] = Field(description="`framesift.settings.pose.PoseSettings`, complete.")


class PosesOutput(Contract):
    """The outcome for a run's videos."""

    collection: str
    manifest_key: str = Field(description="The run's manifest, which lists each video's sequence.")
    done: int = Field(description="Videos with a sequence, new or existing.")
    failed: int
    replaced: int = Field(0, description="Overwritten while the job ran; their replacements have separate runs.")
    frames_kept: int
    first_error: str | None = None
