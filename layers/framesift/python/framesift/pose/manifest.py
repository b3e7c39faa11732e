"""The manifest of an output folder: what became of each video. One JSON file, written whole after each video."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from framesift.errors import PoseConfigError
from framesift.pose.files import atomic_path

MANIFEST_NAME = "manifest.json"
FORMAT = 1


@dataclass(frozen=True)
class FrameCounts:
    """What became of a video's frames.

    Attributes:
        read: Frames that were processed, after sampling.
        kept: Of those, in the file.
        no_person: Of those, dropped because nobody was found.
        low_confidence: Of those, dropped because everybody was too uncertain.
        filled: Kept frames that gap filling interpolated.
        stored: Frames in the video, before sampling.
        undecoded: Of those, missing because they could not be decoded; 0 where only a part was read.
    """

    read: int
    kept: int
    no_person: int
    low_confidence: int
    filled: int
    stored: int = 0
    undecoded: int = 0


class VideoEntry(BaseModel):
    """One video.

    Attributes:
        source: Its path, relative to the folder that was given.
        sha256: The file's digest; `None` where it could not be read.
        status: `done` or `failed`.
        output: The sequence's path, relative to the manifest.
        output_sha256: The sequence's digest.
        settings: As requested; other settings make a finished video pending again.
        frames: What became of its frames.
        duration_s: From its first frame to the last one that was processed.
        seconds: Processing time, summed over its segments.
        source_size_bytes: The video's size.
        output_size_bytes: The sequence's size.
        ratio: `output_size_bytes / source_size_bytes`.
        error: The error's class.
        message: Its sentence.
    """

    model_config = ConfigDict(frozen=True)

    source: str
    sha256: str | None = None
    status: Literal["done", "failed"]
    output: str | None = None
    output_sha256: str | None = None
    settings: dict[str, Any] = {}
    frames: FrameCounts | None = None
    duration_s: float | None = None
    seconds: float = 0.0
    source_size_bytes: int = 0
    output_size_bytes: int = 0
    ratio: float | None = None
    error: str | None = None
    message: str | None = None


class Totals(BaseModel):
    """Sums over the videos."""

    videos: int
    done: int
    failed: int
    frames_kept: int
    seconds: float
    source_size_bytes: int
    output_size_bytes: int
    ratio: float | None


class Manifest(BaseModel):
    """All videos of an output folder, by source."""

    format: int = FORMAT
    videos: dict[str, VideoEntry] = {}

    def totals(self) -> Totals:
        """Sums over the videos."""
        done = [entry for entry in self.videos.values() if entry.status == "done"]
        source, output = sum(e.source_size_bytes for e in done), sum(e.output_size_bytes for e in done)
        return Totals(
            videos=len(self.videos),
            done=len(done),
            failed=len(self.videos) - len(done),
            frames_kept=sum(entry.frames.kept for entry in done if entry.frames),
            seconds=round(sum(entry.seconds for entry in self.videos.values()), 3),
            source_size_bytes=source,
            output_size_bytes=output,
            ratio=round(output / source, 6) if source else None,
        )

    def is_done(self, source: str, sha256: str, settings: dict[str, Any], folder: Path) -> bool:
        """Whether that very video was done with those very settings, and its sequence is still there."""
        entry = self.videos.get(source)
        if entry is None or entry.status != "done" or entry.output is None:
            return False
        return entry.sha256 == sha256 and entry.settings == settings and (folder / entry.output).is_file()


def json_schema() -> dict[str, Any]:
    """The manifest's JSON Schema."""
    schema = Manifest.model_json_schema(mode="serialization")
    schema["$defs"]["Totals"] = Totals.model_json_schema()
    schema["properties"]["totals"] = {"$ref": "#/$defs/Totals"}
    return schema


def read_manifest(folder: Path) -> Manifest:
    """Read a folder's manifest; an empty one where there is none.

    Raises:
        PoseConfigError: The file there is not a manifest.
    """
    path = folder / MANIFEST_NAME
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return Manifest()
    except ValidationError as error:
        raise PoseConfigError(f"{path} is not a manifest of pose sequences: move it away.") from error


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write a folder's manifest whole or not at all."""
    with atomic_path(folder / MANIFEST_NAME) as scratch:
        scratch.write_text(manifest_json(manifest), "utf-8")


def manifest_json(manifest: Manifest) -> str:
    """The manifest's file, with its totals."""
    content = manifest.model_dump(mode="json") | {"totals": manifest.totals().model_dump(mode="json")}
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
