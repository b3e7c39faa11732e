"""The outcome of pose extraction for one video: a public format, in manifests and in the table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

from framesift.contracts.base import Contract


@dataclass(frozen=True)
class FrameCounts:
    """How many of a video's frames were read, kept and dropped.

    Attributes:
        read: Frames that were processed, after sampling.
        kept: Of those, in the file.
        no_person: Of those, dropped because no person was found.
        low_confidence: Of those, dropped because no person was certain enough.
        filled: Kept frames that gap filling interpolated.
        stored: Frames in the video, before sampling.
        undecoded: Of those, missing because they could not be decoded; 0 if only a part was read.
    """

    read: int
    kept: int
    no_person: int
    low_confidence: int
    filled: int
    stored: int = 0
    undecoded: int = 0


class VideoEntry(Contract):
    """The outcome for one video.

    Attributes:
        source: Its path, relative to the input folder.
        sha256: The file's digest; `None` if it could not be read.
        status: `done` or `failed`.
        output: The sequence's path, relative to the manifest.
        output_sha256: The sequence's digest.
        settings: As requested; other settings make a finished video pending again.
        frames: Counts of its frames.
        duration_s: From its first frame to the last one that was processed.
        seconds: Processing time, summed over its segments.
        source_size_bytes: The video's size.
        output_size_bytes: The sequence's size.
        ratio: `output_size_bytes / source_size_bytes`.
        error: The name of the error's class.
        message: The error's message.
    """

    source: str
    sha256: str | None = None
    status: Literal["done", "failed"]
    output: str | None = None
    output_sha256: str | None = None
    settings: dict[str, Any] = Field({})
    frames: FrameCounts | None = None
    duration_s: float | None = None
    seconds: float = 0.0
    source_size_bytes: int = 0
    output_size_bytes: int = 0
    ratio: float | None = None
    error: str | None = None
    message: str | None = None
