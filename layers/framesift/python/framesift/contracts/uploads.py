"""What travels and lies in manifests where videos are uploaded and their poses found."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from framesift.contracts.base import Contract
from framesift.contracts.items import ItemError
from framesift.contracts.stages import JobSpec


class Finding(StrEnum):
    """What Collect finds an upload to be."""

    VIDEO = "video"
    KNOWN = "known"
    NOT_A_VIDEO = "not_a_video"
    UNUSABLE = "unusable"
    REPLACED = "replaced"


class Upload(Contract):
    """An object that a user put into a collection: a line of the run's manifest."""

    key: str
    name: str = Field(description="Its key below the collection's folder.")
    etag: str
    version_id: str | None = None
    size_bytes: int
    modified_at: datetime
    finding: Finding
    error: ItemError | None = Field(None, description="Why it is no video that can be analyzed.")


class PoseJob(JobSpec):
    """What the vision job is to do with videos."""

    kind: Literal["images", "poses"] = "poses"
    collection: str
    videos: list[Upload] = Field(description="Child `i` of `n` does every `n`-th, from the `i`-th on.")
    settings: dict[str, Any] = Field(description="`framesift.pose.presets.PoseSettings`, all of it.")


class PosesOutput(Contract):
    """What became of a run's videos."""

    collection: str
    manifest_key: str = Field(description="The collection's manifest, which has each video's sequence.")
    done: int = Field(description="Videos with a sequence, from now or from before.")
    failed: int
    replaced: int = Field(0, description="Overwritten while the job ran; what replaced them has runs of its own.")
    frames_kept: int
    first_error: str | None = None
